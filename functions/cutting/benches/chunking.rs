//! Megabytes of documents cut in a second, with exact token counts, beside LangChain's splitter on the same files:
//! `cargo bench -p cutting -- FOLDER… [--python PATH]`.
//!
//! Prints one line of JSON for each number of threads: the files that belong to a corpus are read first, then cut once to fill
//! the memory of words, then cut as often as fits the time. LangChain runs where the Python at PATH has it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cutting::Document;

const TIME: Duration = Duration::from_secs(5);
const LANGCHAIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/langchain.py");

fn main() {
    let mut folders: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let python = folders.iter().position(|it| it == "--python").map(|at| folders.split_off(at));
    let mut files = Vec::new();
    folders.iter().map(Path::new).for_each(|folder| read(folder, folder, &mut files));
    let documents: Vec<Document> = files.iter().map(|(_, document)| document.clone()).collect();
    if documents.is_empty() {
        return say("name folders with files to cut");
    }
    let cold = Instant::now();
    let chunks = documents.iter().map(chunk).sum();
    report("first pass, 1 thread", &documents, chunks, cold.elapsed(), 1.0);
    for threads in [1, 2] {
        let begun = Instant::now();
        let passes = passes(&documents, threads);
        report(&format!("{threads} thread(s)"), &documents, chunks, begun.elapsed(), passes);
    }
    let begun = Instant::now();
    let tokens = documents.iter().map(|document| cutting::tokens(&document.text)).sum();
    report("counting alone, 1 thread", &documents, tokens, begun.elapsed(), 1.0);
    if let Some([_, python]) = python.as_deref() {
        langchain(python, &files);
    }
}

/// Passes over the documents until the time is over: threads that share the work, and each remembers its words.
fn passes(documents: &[Document], threads: usize) -> f64 {
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while begun.elapsed() < TIME {
                    chunk(&documents[next.fetch_add(1, Ordering::Relaxed) % documents.len()]);
                }
            });
        }
    });
    next.into_inner() as f64 / documents.len() as f64
}

/// Cuts and counts, as the indexer does; the number of chunks.
fn chunk(document: &Document) -> usize {
    let cut = cutting::cut(document);
    let tokens: usize = cut.chunks.iter().map(|chunk| cutting::tokens(&chunk.text)).sum();
    std::hint::black_box(tokens);
    cut.chunks.len()
}

fn langchain(python: &str, files: &[(PathBuf, Document)]) {
    let run = Command::new(python).arg(LANGCHAIN).stdin(Stdio::piped()).spawn().and_then(|mut child| {
        let names: String = files.iter().map(|(path, _)| format!("{}\n", path.display())).collect();
        child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(names.as_bytes()))?;
        child.wait()
    });
    if let Err(error) = run {
        say(&format!("{python} did not run: {error}"));
    }
}

fn report(what: &str, documents: &[Document], chunks: usize, time: Duration, passes: f64) {
    let bytes: usize = documents.iter().map(|document| document.text.len()).sum();
    let speed = bytes as f64 * passes / time.as_secs_f64() / 1e6;
    say(&format!(
        "{{\"what\": \"{what}\", \"documents\": {}, \"bytes\": {bytes}, \"chunks\": {chunks}, \"MB/s\": {speed:.2}}}",
        documents.len()
    ));
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn read(root: &Path, folder: &Path, files: &mut Vec<(PathBuf, Document)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| !path.is_symlink()) {
        if path.is_dir() {
            read(root, &path, files);
            continue;
        }
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if cutting::corpus_of(&name, "").is_none() {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if let Some(corpus) = cutting::corpus_of(&name, &text) {
            files.push((path, Document::new(corpus, name, text)));
        }
    }
}
