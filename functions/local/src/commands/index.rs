//! `sitrep index`: folders into the knowledge base.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use ::index::{Times, Totals, chunks, prune, read_paths};
use host::Settings;
use incident::Chunk;
use knowledge::{Store, StoreError};
use serde::Serialize;

use super::{print, print_json};
use crate::Stop;
use crate::cli::Index;

/// Indexes, or shows what would be indexed.
pub async fn run(options: &Index) -> Result<(), Stop> {
    for path in &options.paths {
        if !path.exists() {
            return Err(Stop::Usage(format!("{} does not exist", path.display())));
        }
    }
    if options.dry_run {
        return dry_run(options);
    }
    let settings = Settings::from_process();
    let totals = index(&settings, &options.paths, Times::OfFiles, &mut show_progress).await?;
    if options.json {
        return print_json(&totals);
    }
    totals.problems.iter().for_each(|problem| eprintln!("  ! {problem}"));
    print(&format!(
        "{} documents, {} chunks: {} new, {} unchanged, {} removed, {} problems",
        totals.documents,
        totals.chunks,
        totals.added,
        totals.unchanged,
        totals.removed,
        totals.problems.len()
    ))
}

/// Indexes folders into the store that the settings name; what they no longer hold leaves it. `progress` hears how many
/// documents of how many are done.
pub async fn index(
    settings: &Settings,
    paths: &[PathBuf],
    times: Times,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Totals, Stop> {
    let store = open(settings)?;
    let (documents, problems) = read_paths(paths, times);
    let listed: Vec<_> = documents.iter().map(|document| (document.corpus, document.path.clone())).collect();
    let all = listed.len();
    let mut totals = ::index::index(&store, documents, |done| progress(done, all)).await.map_err(unusable)?;
    totals.removed += prune(&store, &listed).await.map_err(unusable)?.removed;
    totals.problems.extend(problems);
    Ok(totals)
}

/// The store that the settings name.
pub fn open(settings: &Settings) -> Result<Store, Stop> {
    Store::open(settings).map_err(unusable)?.ok_or_else(|| {
        Stop::Usage("there is no knowledge base: set SITREP_HOME or PINECONE_API_KEY".to_owned())
    })
}

/// A store that cannot be used, as the end of the command.
pub fn unusable(error: StoreError) -> Stop {
    match error {
        StoreError::Mixed { .. } | StoreError::Setting(_) => Stop::Usage(error.to_string()),
        _ => Stop::Failed(error.to_string()),
    }
}

fn show_progress(done: usize, all: usize) {
    if std::io::stderr().is_terminal() {
        eprint!("\r  {done} of {all} documents{}", if done == all { "\n" } else { "" });
    }
}

/// What `--dry-run --json` prints of a chunk.
#[derive(Serialize)]
struct Shown<'a> {
    corpus: &'static str,
    path: &'a str,
    start: usize,
    end: usize,
    start_line: u32,
    end_line: u32,
    symbol: Option<&'a str>,
    tokens: usize,
}

impl<'a> Shown<'a> {
    fn new(chunk: &'a Chunk) -> Self {
        Self {
            corpus: chunk.corpus.name(),
            path: &chunk.source,
            start: chunk.start_byte,
            end: chunk.end_byte,
            start_line: chunk.start_line,
            end_line: chunk.end_line,
            symbol: chunk.symbol.as_deref().or(chunk.section.as_deref()),
            tokens: cutting::tokens(&chunk.text),
        }
    }
}

fn dry_run(options: &Index) -> Result<(), Stop> {
    let (documents, mut problems) = read_paths(&options.paths, Times::OfFiles);
    let mut cut = Vec::new();
    for document in &documents {
        let (chunks, found) = chunks(document);
        cut.extend(chunks);
        problems.extend(found);
    }
    problems.iter().for_each(|problem| eprintln!("  ! {problem}"));
    let shown: Vec<Shown<'_>> = cut.iter().map(Shown::new).collect();
    if options.json {
        return print_json(&shown);
    }
    let lines: Vec<String> = shown
        .iter()
        .map(|c| {
            format!(
                "{:<12} {}:{}-{} {}",
                c.corpus,
                c.path,
                c.start_line,
                c.end_line,
                c.symbol.unwrap_or_default()
            )
        })
        .collect();
    print(&format!(
        "{}\n{} documents, {} chunks; nothing was stored",
        lines.join("\n"),
        documents.len(),
        shown.len()
    ))
}
