//! `sitrep index`: folders, repositories and wikis into the knowledge base.

mod cost;
mod source;

use std::io::IsTerminal as _;
use std::path::Path;

use ::index::{Origin, Run, Times, Totals, Want, chunks, prune};
use host::{Settings, aws::of_machine};
use incident::Chunk;
use knowledge::{Store, StoreError};
use serde::Serialize;
use serde_json::json;

use super::{print, print_json};
use crate::Stop;
use crate::asl::Event;
use crate::cli::Index;
use crate::indexing::bring_up_to_date;
use source::{Read, Source};

/// Indexes, or shows what would be indexed, or forgets.
pub async fn run(options: &Index) -> Result<(), Stop> {
    let sources: Vec<Source> =
        options.sources.iter().map(|text| Source::parse(text, !options.forget)).collect::<Result<_, _>>()?;
    let settings = of_machine(Settings::from_process()).await;
    if options.forget {
        return forget(&settings, &sources).await;
    }
    let mut read = Vec::new();
    let mut kept = Vec::new();
    for source in sources {
        match (source.read(Times::OfFiles)?, source) {
            (Some(found), _) => read.push(found),
            (None, Source::Kept(origin)) => kept.push(origin),
            (None, _) => {}
        }
    }
    if options.dry_run {
        if let Some(origin) = kept.first() {
            return Err(Stop::Usage(format!(
                "{origin} is read a batch at a time; --dry-run is for what lies here"
            )));
        }
        return dry_run(options, &settings, &read);
    }
    if let Some(model) = cost::paid_model(&settings) {
        eprintln!("  · {}", cost::sentence(cost::tokens(&read), Some(model)));
    }
    let mut totals = Totals::default();
    for read in read {
        totals += store(&settings, read, &mut show_progress).await?;
    }
    for origin in kept {
        totals += keep(&settings, origin, options.everything).await?;
    }
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

/// Indexes a folder into the store that the settings name; what it no longer holds leaves it, and nothing else does.
pub async fn index_folder(settings: &Settings, folder: &Path, times: Times) -> Result<Totals, Stop> {
    match Source::Folder(folder.to_owned()).read(times)? {
        Some(read) => store(settings, read, &mut |_, _| ()).await,
        None => Ok(Totals::default()),
    }
}

async fn store(
    settings: &Settings,
    read: Read,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Totals, Stop> {
    let Read { origin, documents, problems } = read;
    let store = open(settings)?;
    let listed: Vec<String> = documents.iter().map(|document| document.path.clone()).collect();
    let all = listed.len();
    let mut totals =
        ::index::index(&store, &origin, documents, |done| progress(done, all)).await.map_err(unusable)?;
    totals.removed += prune(&store, &origin, &listed).await?;
    totals.problems.extend(problems);
    Ok(totals)
}

/// Runs the deployed index machine for a wiki, or a repository behind an API.
async fn keep(settings: &Settings, origin: Origin, everything: bool) -> Result<Totals, Stop> {
    let want = if everything { Want::Everything } else { Want::Reconcile };
    let name = format!("local-{}", std::process::id());
    let observe = |event: Event| {
        let done = &event.result["totals"]["documents"];
        if std::io::stderr().is_terminal() && done.is_u64() {
            eprint!("\r  {done} documents of {}", event.result["source"].as_str().unwrap_or_default());
        }
    };
    let input = json!({ "source": origin, "want": want });
    let run: Run = bring_up_to_date(settings, &name, input, &observe).await?;
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    if let Some(other) = run.left_to {
        return Err(Stop::Failed(format!(
            "{origin} is being indexed by {other}, which will do this too; if it was killed, try again in 15 minutes"
        )));
    }
    let mut totals = run.totals;
    if run.more_problems > 0 {
        totals.problems.push(format!("{origin}: {} more problems", run.more_problems));
    }
    Ok(totals)
}

async fn forget(settings: &Settings, sources: &[Source]) -> Result<(), Stop> {
    let store = open(settings)?;
    let mut removed = 0;
    for origin in sources.iter().flat_map(Source::origins) {
        removed += prune(&store, &origin, &[]).await?;
    }
    print(&format!("{removed} chunks removed"))
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

/// Cells of the bar.
const BAR: usize = 24;

/// A bar on a terminal; nothing elsewhere, where it would only fill a log.
fn show_progress(done: usize, all: usize) {
    if std::io::stderr().is_terminal() {
        let filled = BAR * done / all.max(1);
        let (full, rest) = ("█".repeat(filled), "░".repeat(BAR - filled));
        eprint!("\r  {full}{rest} {done} of {all} documents{}", if done == all { "\n" } else { "" });
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

fn dry_run(options: &Index, settings: &Settings, read: &[Read]) -> Result<(), Stop> {
    let (mut cut, mut problems) = (Vec::new(), Vec::new());
    for read in read {
        problems.extend(read.problems.iter().cloned());
        for document in &read.documents {
            let (chunks, found) = chunks(&read.origin, document);
            cut.extend(chunks);
            problems.extend(found);
        }
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
        "{}\n{} documents, {} chunks; {}; nothing was stored",
        lines.join("\n"),
        read.iter().map(|read| read.documents.len()).sum::<usize>(),
        shown.len(),
        cost::sentence(cost::tokens(read), cost::paid_model(settings)),
    ))
}
