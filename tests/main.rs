//! One test binary: the workflows end to end, and the repository's invariants.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and tells what it saw or skipped"
)]

mod channel;
mod indexing;
mod invariants;
mod recorded;
mod workflows;

use std::path::PathBuf;

/// A path in the repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A file's text.
fn text(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names in a folder, sorted.
fn names_in(path: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(repository(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// The Lambda functions: the crates whose main serves one.
fn lambdas() -> Vec<String> {
    names_in("functions")
        .into_iter()
        .filter(|name| {
            let main = repository("functions").join(name).join("src/main.rs");
            std::fs::read_to_string(main).is_ok_and(|text| text.contains("host::serve::<"))
        })
        .collect()
}
