//! What every source has in common: which files are read, and how bytes become text.

use std::collections::BTreeMap;

use cutting::Document;
use incident::Corpus;

/// Bytes of a file that are read. The rest of a longer one is named, not indexed: no page or source file of use is that long.
pub(crate) const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Folders that hold what others wrote or what a machine made.
const SKIPPED: &[&str] =
    &["node_modules", "vendor", "target", "dist", "build", "coverage", "__pycache__", "testdata"];

/// True for a folder or file that is never read: hidden ones, and folders of foreign or generated files.
pub(crate) fn is_skipped(name: &str, is_folder: bool) -> bool {
    name.starts_with('.') || is_folder && SKIPPED.contains(&name)
}

/// The corpus that a file of a repository would belong to, judged by its path alone; `None`: it is not read.
pub(crate) fn corpus_of_path(path: &str) -> Option<Corpus> {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    if is_skipped(name, false) || parts.iter().any(|part| is_skipped(part, true)) {
        return None;
    }
    cutting::corpus_of(path, "")
}

/// The corpora that may hold a document beside the one it is in now: a page becomes a post-mortem, and back, by its text.
pub(crate) fn other_corpora(corpus: Corpus) -> &'static [Corpus] {
    match corpus {
        Corpus::Runbooks => &[Corpus::Incidents],
        Corpus::Incidents => &[Corpus::Runbooks],
        Corpus::Metrics | Corpus::Terraform | Corpus::SourceCode => &[],
    }
}

/// The text of a file's first bytes, as far as it can be read, and what is wrong with it. Give one byte more than
/// [`MAX_BYTES`] where there are more.
pub(crate) fn text_of(mut bytes: Vec<u8>) -> (Option<String>, Vec<String>) {
    let mut problems = Vec::new();
    if bytes.len() > MAX_BYTES {
        bytes.truncate(MAX_BYTES);
        // To a line's end, so that the last line is whole.
        if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
            bytes.truncate(end + 1);
        }
        problems.push(format!("it is larger than {} MiB; the rest was not indexed", MAX_BYTES / 1024 / 1024));
    }
    if bytes.contains(&0) {
        return (None, vec!["it is binary".to_owned()]);
    }
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        problems.push("it is not UTF-8; what could not be read was replaced".to_owned());
        String::from_utf8_lossy(error.as_bytes()).into_owned()
    });
    if text.trim().is_empty() {
        return (None, vec!["it is empty".to_owned()]);
    }
    (Some(text), problems)
}

/// Tells each Terraform file the literal values of its folder, which is a module: variables seldom stand beside the resources that
/// use them. Only where all files are read at once, or a file would read otherwise each time it comes with others.
pub(crate) fn share_literals(documents: &mut [Document]) {
    let folder = |path: &str| path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned());
    let mut by_folder: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let is_terraform = |document: &&mut Document| document.corpus == Corpus::Terraform;
    for document in documents.iter_mut().filter(is_terraform) {
        by_folder.entry(folder(&document.path)).or_default().extend(cutting::literals(&document.text));
    }
    for document in documents.iter_mut().filter(is_terraform) {
        document.literals = by_folder.get(&folder(&document.path)).cloned().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terraform_file_knows_the_values_of_its_folder_and_of_no_other() {
        let file = |path: &str, text: &str| Document::new(Corpus::Terraform, path, text);
        let mut documents = [
            file("shop/db.tf", "resource \"aws_db_instance\" \"a\" {\n  instance_class = var.size\n}\n"),
            file("shop/variables.tf", "variable \"size\" {\n  default = \"db.r6g.large\"\n}\n"),
            file("other/variables.tf", "variable \"size\" {\n  default = \"db.t4g.micro\"\n}\n"),
        ];
        share_literals(&mut documents);
        let header = &cutting::cut(&documents[0]).chunks[0].header;
        assert!(header.contains("db.r6g.large") && !header.contains("micro"), "{header}");
    }

    #[test]
    fn foreign_and_hidden_files_are_not_read() {
        assert_eq!(corpus_of_path("internal/a.go"), Some(Corpus::SourceCode));
        for path in
            ["vendor/x/a.go", "web/node_modules/y/i.ts", ".github/README.md", "docs/.hidden.md", "a.png"]
        {
            assert_eq!(corpus_of_path(path), None, "{path}");
        }
    }

    #[test]
    fn bytes_become_text_as_far_as_possible() {
        assert_eq!(text_of(b"a\0b".to_vec()).0, None);
        assert_eq!(text_of(b" \n".to_vec()), (None, vec!["it is empty".to_owned()]));
        let (text, problems) = text_of(b"caf\xe9\n".to_vec());
        assert!(text.unwrap().starts_with("caf") && problems[0].contains("UTF-8"));
        let (text, problems) = text_of(b"line of text\n".repeat(MAX_BYTES / 12));
        assert!(text.unwrap().ends_with("text\n") && problems[0].contains("larger than 2 MiB"));
    }
}
