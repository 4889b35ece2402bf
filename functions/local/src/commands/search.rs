//! `sitrep search`: what retrieval returns for a question.

use host::Settings;
use incident::{Passage, Status};
use knowledge::{Answers, Corpora, Question};
use serde::Serialize;

use super::index::open;
use super::{print, print_json};
use crate::Stop;
use crate::cli::Search;

/// A hit as `--json` prints it: the passage, and the bytes of its chunk in the source.
#[derive(Serialize)]
struct Shown {
    path: String,
    start: usize,
    end: usize,
    #[serde(flatten)]
    passage: Passage,
}

/// Searches the corpora that the settings name.
pub async fn run(options: &Search) -> Result<(), Stop> {
    if options.question.trim().is_empty() {
        return Err(Stop::Usage("the question is empty".to_owned()));
    }
    let settings = Settings::from_process();
    let corpora = Corpora::of(&settings).map_err(|error| Stop::Usage(error.to_string()))?;
    let (hits, answers) = open(&settings)?.search(&[Question::new(&options.question)], &corpora).await;
    answers.gaps.iter().for_each(|gap| eprintln!("  ! {}", gap.sentence));
    say_what_is_missing(&answers);
    let shown: Vec<Shown> = hits
        .into_iter()
        .enumerate()
        .map(|(rank, hit)| Shown {
            path: hit.chunk.source.clone(),
            start: hit.chunk.start_byte,
            end: hit.chunk.end_byte,
            passage: hit.into_passage(rank + 1),
        })
        .collect();
    if options.json {
        return print_json(&shown);
    }
    if shown.is_empty() {
        return print("Nothing found. `sitrep index PATH…` fills the knowledge base.");
    }
    let lines: Vec<String> = shown.iter().map(line).collect();
    print(&lines.join("\n"))
}

/// A search by words alone is no failure, but who reads its hits should know.
pub fn say_what_is_missing(answers: &Answers) {
    if answers.calls.iter().any(|call| call.status == Status::NotConfigured) {
        eprintln!("  searched by words alone: `sitrep model` fetches what finds by meaning");
    }
}

fn line(shown: &Shown) -> String {
    let passage = &shown.passage;
    let section = passage.section.as_deref().map(|section| format!(" › {section}")).unwrap_or_default();
    let first = passage.excerpt.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    format!(
        "{:.2}  {:<12} {}:{}  {}{section}\n      {}",
        passage.relevance,
        passage.corpus.name(),
        passage.source,
        passage.start_line.unwrap_or(1),
        passage.title,
        incident::size::cut(first.trim(), 100)
    )
}
