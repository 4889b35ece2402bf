//! Megabytes of documents cut in a second, with exact token counts: `cargo bench -p cutting -- FOLDER…`.
//!
//! Prints one line of JSON for each number of threads: the files that belong to a corpus are read first, then cut once to fill
//! the memory of words, then cut as often as fits the time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cutting::Document;

const TIME: Duration = Duration::from_secs(5);

fn main() {
    let folders: Vec<PathBuf> =
        std::env::args().skip(1).filter(|it| !it.starts_with("--")).map(Into::into).collect();
    let mut documents = Vec::new();
    folders.iter().for_each(|folder| read(folder, folder, &mut documents));
    let bytes: usize = documents.iter().map(|document| document.text.len()).sum();
    if bytes == 0 {
        return eprintln!("name folders with files to cut");
    }
    let cold = Instant::now();
    let chunks: usize = documents.iter().map(chunk).sum();
    report("first pass, 1 thread", bytes, chunks, documents.len(), cold.elapsed(), 1);
    for threads in [1, 2] {
        let begun = Instant::now();
        let mut passes = 0;
        while begun.elapsed() < TIME {
            let next = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        while let Some(document) = documents.get(next.fetch_add(1, Ordering::Relaxed)) {
                            chunk(document);
                        }
                    });
                }
            });
            passes += 1;
        }
        report(&format!("{threads} thread(s)"), bytes, chunks, documents.len(), begun.elapsed(), passes);
    }
    let begun = Instant::now();
    let tokens: usize = documents.iter().map(|document| cutting::tokens(&document.text)).sum();
    report("counting alone, 1 thread", bytes, tokens, documents.len(), begun.elapsed(), 1);
}

/// Cuts and counts, as the indexer does; the number of chunks.
fn chunk(document: &Document) -> usize {
    let cut = cutting::cut(document);
    let tokens: usize = cut.chunks.iter().map(|chunk| cutting::tokens(&chunk.text)).sum();
    std::hint::black_box(tokens);
    cut.chunks.len()
}

fn report(what: &str, bytes: usize, chunks: usize, documents: usize, time: Duration, passes: usize) {
    let speed = (bytes * passes) as f64 / time.as_secs_f64() / 1e6;
    let mut out = std::io::stdout().lock();
    let _ = std::io::Write::write_fmt(
        &mut out,
        format_args!(
            "{{\"what\": \"{what}\", \"documents\": {documents}, \"bytes\": {bytes}, \"chunks\": {chunks}, \"MB/s\": {speed:.1}}}\n"
        ),
    );
}

fn read(root: &Path, folder: &Path, documents: &mut Vec<Document>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| !path.is_symlink()) {
        if path.is_dir() {
            read(root, &path, documents);
            continue;
        }
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if cutting::corpus_of(&name, "").is_none() {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if let Some(corpus) = cutting::corpus_of(&name, &text) {
            documents.push(Document::new(corpus, name, text));
        }
    }
}
