//! What no parser likes, through all of indexing: it is indexed as far as possible, named, and never the end of the run.

use knowledge::{Embedded, Question, Store};

use crate::{Times, index, read_folder};

/// A file of the folder, a word of what can be found of it all the same, and a word of what is said of it.
const FILES: &[(&str, &[u8], Option<&str>, &str)] = &[
    ("broken.tf", b"resource \"aws_db_instance\" \"ledgerdb\" {\n  engine = \n", Some("ledgerdb"), "not HCL"),
    ("broken.go", b"package a\n\nfunc Settle( {\n\treturn )\n}\n", Some("settle"), "syntax errors"),
    ("latin.md", b"# Closing\nThe caf\xe9 closes: restart nightshift.\n", Some("nightshift"), "UTF-8"),
    ("binary.md", b"# Picture\n\0\x01", None, "binary"),
    ("empty.md", b" \n", None, "empty"),
    ("huge.md", b"# Huge\nThe beginning tells of overflowing.\n", Some("overflowing"), "larger than 2 MiB"),
    ("fine.md", b"# Fine\nNothing is wrong with zebras.\n", Some("zebra"), ""),
];

/// Forty megabytes, nearly all of them one line, of which nothing is read since it has no end.
fn huge(beginning: &[u8]) -> Vec<u8> {
    let mut text = beginning.to_vec();
    text.resize(40_000_000, b'x');
    text
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_the_rest_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, ..) in FILES {
        let bytes = if *name == "huge.md" { huge(bytes) } else { bytes.to_vec() };
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let (documents, mut problems) = read_folder(folder.path(), Times::OfFiles);
    let home = tempfile::tempdir().unwrap();
    let store = Store::Embedded(Embedded::open(&home.path().join("knowledge.sqlite"), None).unwrap());
    let totals = index(&store, "folder:/it", documents, |_| ()).await.unwrap();
    problems.extend(totals.problems);
    for (name, _, word, told) in FILES {
        let named = problems.iter().any(|problem| problem.contains(name) && problem.contains(told));
        assert!(named != told.is_empty(), "{name}: {problems:?}");
        let Some(word) = word else { continue };
        let (hits, _) = store.search(&[Question::new(*word)], &knowledge::Corpora::default()).await;
        assert_eq!(hits.first().map(|hit| hit.chunk.source.as_str()), Some(*name), "{word}");
    }
}
