//! Files and folders on this machine to documents.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use cutting::Document;
use incident::Timestamp;

use crate::reading::{MAX_BYTES, is_skipped, share_literals, text_of};

/// Whether a file's modification time says when its text was last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// It does: a folder that people write in.
    OfFiles,
    /// It does not: a fresh checkout. Only front matter is believed.
    FrontMatterOnly,
}

/// The identity of a folder or file as an origin: `folder:` and its absolute path.
pub fn folder_origin(root: &Path) -> String {
    // A folder that is gone can still be named, to forget it.
    let absolute = root.canonicalize().or_else(|_| std::path::absolute(root));
    let absolute = absolute.unwrap_or_else(|_| root.to_owned());
    format!("folder:{}", absolute.display())
}

/// Reads a file, or the files of a folder that belong to a corpus. A document's path is relative to the folder. Problems name
/// the file.
pub fn read_folder(root: &Path, times: Times) -> (Vec<Document>, Vec<String>) {
    let mut reader = Reader { times, documents: Vec::new(), problems: Vec::new() };
    if root.is_dir() {
        reader.folder(root, root);
    } else {
        reader.file(root.parent().unwrap_or(Path::new("")), root);
    }
    share_literals(&mut reader.documents);
    (reader.documents, reader.problems)
}

struct Reader {
    times: Times,
    documents: Vec<Document>,
    problems: Vec<String>,
}

impl Reader {
    fn folder(&mut self, root: &Path, folder: &Path) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.problem(folder, &error),
        };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // A link may lead in circles or out of the folder that was meant.
            if path.is_symlink() || is_skipped(&name, path.is_dir()) {
                continue;
            }
            if path.is_dir() {
                self.folder(root, &path);
            } else {
                self.file(root, &path);
            }
        }
    }

    fn file(&mut self, root: &Path, path: &Path) {
        let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        if cutting::corpus_of(&relative, "").is_none() {
            return;
        }
        let (bytes, modified) = match beginning(path) {
            Ok(read) => read,
            Err(error) => return self.problem(path, &error),
        };
        let (text, problems) = text_of(bytes);
        problems.iter().for_each(|problem| self.problem(path, problem));
        let Some(text) = text else { return };
        let Some(corpus) = cutting::corpus_of(&relative, &text) else { return };
        let modified = modified.filter(|_| self.times == Times::OfFiles);
        self.documents.push(Document { modified, ..Document::new(corpus, relative, text) });
    }

    fn problem(&mut self, path: &Path, why: &dyn std::fmt::Display) {
        self.problems.push(format!("{}: {why}", path.display()));
    }
}

/// The first bytes of a file, one more than are indexed, and when it was written.
fn beginning(path: &Path) -> std::io::Result<(Vec<u8>, Option<Timestamp>)> {
    let file = std::fs::File::open(path)?;
    let modified = file.metadata()?.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes, modified))
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::Corpus;

    #[test]
    fn a_folder_is_read_by_corpus_and_what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        write("wiki/a.md", b"# A\nwords\n");
        write("infra/db.tf", b"locals {}\n");
        write("src/a.go", b"package a\n");
        write("incidents/1.md", b"# One\nwords\n");
        write("logo.png", b"\x89PNG\0");
        write("wiki/binary.md", b"a\0b");
        write("wiki/latin.md", b"caf\xe9 closes\n");
        write("wiki/empty.md", b" \n");
        write("wiki/huge.md", &b"one more line\n".repeat(3 * 1024 * 1024));
        write("web/node_modules/x/index.ts", b"export {}\n");
        write(".git/notes.md", b"no\n");
        let (documents, problems) = read_folder(folder.path(), Times::FrontMatterOnly);
        let told: Vec<_> = documents.iter().map(|d| (d.path.as_str(), d.corpus)).collect();
        assert_eq!(
            told,
            [
                ("incidents/1.md", Corpus::Incidents),
                ("infra/db.tf", Corpus::Terraform),
                ("src/a.go", Corpus::SourceCode),
                ("wiki/a.md", Corpus::Runbooks),
                ("wiki/huge.md", Corpus::Runbooks),
                ("wiki/latin.md", Corpus::Runbooks),
            ]
        );
        assert!(documents.iter().all(|document| document.modified.is_none()));
        for (name, why) in
            [("binary.md", "binary"), ("latin", "UTF-8"), ("empty", "empty"), ("huge", "larger")]
        {
            assert!(problems.iter().any(|p| p.contains(name) && p.contains(why)), "{name}: {problems:?}");
        }
        let (dated, _) = read_folder(&folder.path().join("src/a.go"), Times::OfFiles);
        assert!(dated[0].modified.is_some() && dated[0].path == "a.go");
    }

    #[test]
    fn a_missing_path_is_named() {
        let (documents, problems) = read_folder(Path::new("/nowhere/at/all.md"), Times::OfFiles);
        assert!(documents.is_empty() && problems[0].contains("/nowhere/at/all.md"));
    }
}
