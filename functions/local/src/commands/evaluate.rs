//! `sitrep evaluate`: retrieval measured on questions whose answers are known.
//!
//! Each question is searched as an incident would, over every corpus. A hit stands for its document, and for its symbol as
//! `path#symbol`; several hits of one document count once, at the first one's rank.

mod figures;
mod precision;

use std::collections::BTreeMap;
use std::io::Write as _;

use host::Settings;
use knowledge::{Answers, Corpora, Hit, Question, fuse};
use serde::{Deserialize, Serialize};

use super::index::open;
use super::{print, print_json, read, search};
use crate::Stop;
use crate::cli::{Evaluate, Method};
use figures::Figures;
use precision::Precision;

/// A question whose answers are known.
#[derive(Debug, Deserialize)]
struct Label {
    id: String,
    query: String,
    gold: Vec<String>,
    /// What the figures are given by.
    #[serde(default)]
    corpus: Option<String>,
}

/// What was found for a label.
#[derive(Debug, Serialize)]
struct Found {
    id: String,
    hits: Vec<String>,
}

/// Searches for every label and prints the figures.
pub async fn run(options: &Evaluate) -> Result<(), Stop> {
    let labels = labels(options)?;
    let settings = Settings::from_process();
    let corpora = Corpora::of(&settings).map_err(|error| Stop::Usage(error.to_string()))?;
    let store = open(&settings)?;
    let mut by_corpus: BTreeMap<String, Figures> = BTreeMap::new();
    let mut all = Figures::default();
    let mut precision = Precision::default();
    let mut runs = Vec::new();
    for (n, label) in labels.iter().enumerate() {
        let question = Question::new(&label.query);
        let answers = store.ask(std::slice::from_ref(&question), &corpora.asked(), 1).await;
        if n == 0 {
            answers.gaps.iter().for_each(|gap| eprintln!("  ! {}", gap.sentence));
            search::say_what_is_missing(&answers);
        }
        let hits = fuse(&[question], &only(answers, options.method).rankings, &corpora);
        precision.add(hits.iter().map(|hit| (hit.chunk.corpus, answers_to(hit, &label.gold).is_some())));
        let hits = distinct(&hits, &label.gold);
        let ranks = figures::ranks(&hits, &label.gold);
        all.add(&ranks, label.gold.len());
        if let Some(corpus) = &label.corpus {
            by_corpus.entry(corpus.clone()).or_default().add(&ranks, label.gold.len());
        }
        runs.push(Found { id: label.id.clone(), hits });
    }
    if let Some(path) = &options.run {
        let lines = runs.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let lines = lines.map_err(|error| Stop::Failed(error.to_string()))?;
        std::fs::File::create(path)
            .and_then(|mut file| writeln!(file, "{}", lines.join("\n")))
            .map_err(|error| Stop::Failed(format!("{} cannot be written: {error}", path.display())))?;
    }
    if by_corpus.len() != 1 {
        by_corpus.insert("all".to_owned(), all);
    }
    if options.json {
        return print_json(&by_corpus.iter().map(|(name, f)| (name, f.means())).collect::<BTreeMap<_, _>>());
    }
    let lines: Vec<String> = by_corpus.iter().map(|(name, figures)| format!("{figures}  {name}")).collect();
    print(&format!("{}\n{}\n{precision}", figures::HEADING, lines.join("\n")))
}

fn labels(options: &Evaluate) -> Result<Vec<Label>, Stop> {
    let text = read(&options.labels)?;
    let place = options.labels.display();
    let mut labels = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let label: Label = serde_json::from_str(line)
            .map_err(|error| Stop::Usage(format!("{place}, line {}: {error}", n + 1)))?;
        if label.gold.is_empty() {
            return Err(Stop::Usage(format!("{place}, line {}: gold is empty", n + 1)));
        }
        labels.push(label);
    }
    if labels.is_empty() {
        return Err(Stop::Usage(format!("{place} holds no question")));
    }
    Ok(labels)
}

/// The answers that the method gave.
fn only(mut answers: Answers, method: Method) -> Answers {
    answers.rankings.retain(|ranking| match method {
        Method::Fused => true,
        Method::Lexical => ranking.method != knowledge::Method::Dense,
        Method::Dense => ranking.method == knowledge::Method::Dense,
    });
    answers
}

/// What the hits stand for, each once: the gold name that a hit answers to, else its path.
fn distinct(hits: &[Hit], gold: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    for hit in hits {
        let name = answers_to(hit, gold).cloned();
        let name = name.unwrap_or_else(|| symbol(hit).unwrap_or_else(|| hit.chunk.source.clone()));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn answers_to<'a>(hit: &Hit, gold: &'a [String]) -> Option<&'a String> {
    let symbol = symbol(hit);
    gold.iter().find(|known| {
        figures::same(known, &hit.chunk.source)
            || symbol.as_ref().is_some_and(|symbol| figures::same(known, symbol))
    })
}

fn symbol(hit: &Hit) -> Option<String> {
    hit.chunk.symbol.as_ref().map(|symbol| format!("{}#{symbol}", hit.chunk.source))
}
