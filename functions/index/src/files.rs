//! Files and folders to documents.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use cutting::Document;
use incident::Timestamp;

/// Larger files are named, not read: no page or source file of use is that long.
const MAX_BYTES: u64 = 2 * 1024 * 1024;
/// Folders that hold what others wrote or what a machine made.
const SKIPPED: &[&str] =
    &["node_modules", "vendor", "target", "dist", "build", "coverage", "__pycache__", "testdata"];

/// Whether a file's modification time says when its text was last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// It does: a folder that people write in.
    OfFiles,
    /// It does not: a fresh checkout. Only front matter is believed.
    FrontMatterOnly,
}

/// Reads the files, and those in the folders, that belong to a corpus. A document's path is relative to the folder it was found
/// in, with the folder's name in front where two folders hold the same path. Problems name the file.
pub fn read_paths(paths: &[PathBuf], times: Times) -> (Vec<Document>, Vec<String>) {
    let mut reader = Reader { times, documents: Vec::new(), problems: Vec::new(), names: HashSet::new() };
    for root in paths {
        if root.is_dir() {
            reader.folder(root, root);
        } else {
            let parent = root.parent().unwrap_or(Path::new("")).to_owned();
            reader.file(&parent, root);
        }
    }
    (reader.documents, reader.problems)
}

struct Reader {
    times: Times,
    documents: Vec<Document>,
    problems: Vec<String>,
    names: HashSet<String>,
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
            if name.starts_with('.') || path.is_symlink() {
                continue;
            }
            if !path.is_dir() {
                self.file(root, &path);
            } else if !SKIPPED.contains(&name.as_str()) {
                self.folder(root, &path);
            }
        }
    }

    fn file(&mut self, root: &Path, path: &Path) {
        let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        if cutting::corpus_of(&relative, "").is_none() {
            return;
        }
        let about = match std::fs::metadata(path) {
            Ok(about) => about,
            Err(error) => return self.problem(path, &error),
        };
        if about.len() > MAX_BYTES {
            return self.problem(path, &format!("it is larger than {} MiB", MAX_BYTES / 1024 / 1024));
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.problem(path, &error),
        };
        if bytes.contains(&0) {
            return self.problem(path, &"it is binary");
        }
        let text = String::from_utf8(bytes).unwrap_or_else(|error| {
            self.problem(path, &"it is not UTF-8; what could not be read was replaced");
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        if text.trim().is_empty() {
            return self.problem(path, &"it is empty");
        }
        let Some(corpus) = cutting::corpus_of(&relative, &text) else { return };
        let modified = match self.times {
            Times::OfFiles => about.modified().ok().and_then(|time| Timestamp::try_from(time).ok()),
            Times::FrontMatterOnly => None,
        };
        let path = self.name(root, relative);
        self.documents.push(Document { modified, ..Document::new(corpus, path, text) });
    }

    fn name(&mut self, root: &Path, relative: String) -> String {
        let folder = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = if self.names.contains(&relative) { format!("{folder}/{relative}") } else { relative };
        self.names.insert(name.clone());
        name
    }

    fn problem(&mut self, path: &Path, why: &dyn std::fmt::Display) {
        self.problems.push(format!("{}: {why}", path.display()));
    }
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
        write("wiki/huge.md", &vec![b'x'; 3 * 1024 * 1024]);
        write("web/node_modules/x/index.ts", b"export {}\n");
        write(".git/notes.md", b"no\n");
        let (documents, problems) = read_paths(&[folder.path().to_owned()], Times::FrontMatterOnly);
        let told: Vec<_> = documents.iter().map(|d| (d.path.as_str(), d.corpus)).collect();
        assert_eq!(
            told,
            [
                ("incidents/1.md", Corpus::Incidents),
                ("infra/db.tf", Corpus::Terraform),
                ("src/a.go", Corpus::SourceCode),
                ("wiki/a.md", Corpus::Runbooks),
                ("wiki/latin.md", Corpus::Runbooks),
            ]
        );
        assert!(documents.iter().all(|document| document.modified.is_none()));
        for (name, why) in
            [("binary.md", "binary"), ("latin", "UTF-8"), ("empty", "empty"), ("huge", "larger")]
        {
            assert!(problems.iter().any(|p| p.contains(name) && p.contains(why)), "{name}: {problems:?}");
        }
        let (dated, _) = read_paths(&[folder.path().join("src/a.go")], Times::OfFiles);
        assert!(dated[0].modified.is_some() && dated[0].path == "a.go");
    }

    #[test]
    fn a_missing_path_is_named() {
        let (documents, problems) = read_paths(&[PathBuf::from("/nowhere/at/all.md")], Times::OfFiles);
        assert!(documents.is_empty() && problems[0].contains("/nowhere/at/all.md"));
    }

    #[test]
    fn two_folders_with_the_same_path_give_two_documents() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("a.go"), "package a\n").unwrap();
        }
        let roots = [folder.path().join("one"), folder.path().join("two")];
        let (documents, _) = read_paths(&roots, Times::OfFiles);
        let paths: Vec<_> = documents.iter().map(|d| d.path.as_str()).collect();
        assert_eq!(paths, ["a.go", "two/a.go"]);
    }
}
