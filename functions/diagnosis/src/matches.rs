//! Knowledge that fits the diagnosis: the runbook, the past incident, the Terraform resource, the place in the source.

use std::sync::LazyLock;

use incident::diagnosis::{Match, MatchKind};
use incident::fact::Hunk;
use incident::{Corpus, Fact, Passage, size};
use regex::Regex;

use crate::calendar;
use crate::drift;
use crate::mechanism;
use crate::overlap::{hits, identifiers, names, of, speaks_of, text};
use crate::ranking::explains;
use crate::recommend::{cap_in, index_in};
use crate::scene::Scene;
use crate::suspect::Suspect;
use crate::words::{count, line, number};

/// The best match of each kind, in the order a brief prints them.
pub(crate) fn matches(scene: &Scene<'_>, lead: &Suspect, suspects: &[Suspect]) -> Vec<Match> {
    let runbook = runbook(scene, lead, suspects);
    let incident = past_incident(scene, lead, suspects);
    let mut found = Vec::new();
    found.extend(runbook.map(|p| most_concrete(scene, p)).map(|p| Match {
        kind: MatchKind::Runbook,
        passage: p.id.clone(),
        reference: p.section.clone(),
        place: None,
        says: line(measures(scene, lead, p).unwrap_or_else(|| advice(p))),
    }));
    found.extend(incident.map(|p| most_concrete(scene, p)).map(|p| Match {
        kind: MatchKind::PastIncident,
        passage: p.id.clone(),
        reference: incident_id(p),
        place: None,
        says: line(advice(p)),
    }));
    found.extend(drift::terraform(scene, lead, runbook));
    found.extend(source(scene, lead));
    found.extend(calendar::hit(scene).map(|hit| Match {
        kind: MatchKind::Calendar,
        passage: hit.passage.id.clone(),
        reference: None,
        place: None,
        says: line(hit.says()),
    }));
    found
}

/// The runbook about this object and this cause; failing the object, one whose very title names the cause.
fn runbook<'a>(scene: &Scene<'a>, lead: &Suspect, suspects: &[Suspect]) -> Option<&'a Passage> {
    let terms = names(scene, lead);
    let scored = of(scene, Corpus::Runbooks).filter(|p| !calendar::is_calendar(p)).filter_map(|p| {
        let (all, title) = (text(p), p.title.to_lowercase());
        let spoken = |t: &str| shapes(lead, suspects).filter(|cause| speaks_of(t, *cause)).count();
        let named = hits(&all, &terms);
        let fits = (named > 0 && spoken(&all) > 0) || spoken(&title) > 0;
        let kind = f64::from(u8::from(title.contains("runbook") || title.contains("playbook")));
        let score = 2.0 * f64::from(u8::from(hits(&title, &terms) > 0))
            + f64::from(u8::from(named > 0))
            + spoken(&title) as f64
            + 0.5 * kind
            + p.relevance;
        fits.then_some((score, p))
    });
    best(scored)
}

/// The past incident of the same shape: the same object, the same cause, the same symptoms.
pub(crate) fn past_incident<'a>(
    scene: &Scene<'a>,
    lead: &Suspect,
    suspects: &[Suspect],
) -> Option<&'a Passage> {
    let terms = names(scene, lead);
    let code = identifiers(scene);
    let scored = of(scene, Corpus::Incidents).filter_map(|p| {
        let all = text(p);
        let spoken = shapes(lead, suspects).filter(|cause| speaks_of(&all, *cause)).count();
        let named = hits(&all, &terms) + hits(&all, &code);
        let fits =
            named > 0 && speaks_of(&all, lead.cause) && spoken >= shapes(lead, suspects).count().min(2);
        fits.then_some((spoken as f64 + named.min(4) as f64 + 2.0 * p.relevance, p))
    });
    best(scored)
}

/// The lead's cause and the symptoms it explains.
fn shapes<'b>(lead: &'b Suspect, suspects: &'b [Suspect]) -> impl Iterator<Item = incident::Cause> + 'b {
    let symptoms = suspects.iter().map(|s| s.cause).filter(|cause| explains(lead.cause, *cause));
    std::iter::once(lead.cause).chain(symptoms)
}

fn best<'a>(scored: impl Iterator<Item = (f64, &'a Passage)>) -> Option<&'a Passage> {
    scored.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.id.cmp(&a.1.id))).map(|(_, p)| p)
}

/// The place in the source that the change touched; without a read change, a query in the source, said to be unconfirmed.
fn source(scene: &Scene<'_>, lead: &Suspect) -> Option<Match> {
    let code = scene.findings.iter().find_map(|(f, _)| match &f.fact {
        Fact::CodeChange(code) => Some(code),
        _ => None,
    });
    let hunks = || code.into_iter().flat_map(|c| &c.hunks);
    let same_file =
        |p: &Passage, hunk: &Hunk| p.source.ends_with(&hunk.path) || hunk.path.ends_with(&p.source);
    let covering = hunks().find_map(|hunk| {
        let found = of(scene, Corpus::SourceCode)
            .find(|p| same_file(p, hunk) && covers(p, mechanism::query_line(hunk).unwrap_or(hunk.line)))?;
        Some((hunk, found))
    });
    let near =
        || hunks().find_map(|hunk| Some((hunk, of(scene, Corpus::SourceCode).find(|p| same_file(p, hunk))?)));
    if let Some((hunk, passage)) = covering.or_else(near) {
        let query = mechanism::query_line(hunk);
        let says = if query.is_some() { "the change adds a query here" } else { "the change touches it" };
        return Some(Match {
            kind: MatchKind::Source,
            passage: passage.id.clone(),
            // The symbol of a passage that does not hold the line is not where the line stands.
            reference: passage.section.clone().filter(|_| covering.is_some()),
            place: Some(format!("{}:{}", hunk.path, query.unwrap_or(hunk.line))),
            says: says.to_owned(),
        });
    }
    let words = identifiers(scene);
    let same_words = |p: &&Passage| !words.is_empty() && hits(&text(p), &words) * 2 >= words.len();
    if let Some(passage) = of(scene, Corpus::SourceCode).find(|p| code.is_some() && same_words(p)) {
        return Some(Match {
            kind: MatchKind::Source,
            passage: passage.id.clone(),
            reference: passage.section.clone(),
            place: None,
            says: "names what the change touches; the changed file itself was not retrieved".to_owned(),
        });
    }
    let terms = names(scene, lead);
    let query = of(scene, Corpus::SourceCode)
        .find(|p| hits(&text(p), &terms) > 0 && code.is_none() && mechanism::is_query(&p.excerpt))?;
    Some(Match {
        kind: MatchKind::Source,
        passage: query.id.clone(),
        reference: query.section.clone(),
        place: None,
        says: "holds a database query; whether the change touched it was not read".to_owned(),
    })
}

fn covers(passage: &Passage, number: u32) -> bool {
    passage.start_line.is_some_and(|start| start <= number)
        && passage.end_line.is_some_and(|end| number <= end)
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static INCIDENT_ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[A-Z]{2,12}-\d{1,6}(?:-\d{1,6})?\b").expect("a valid pattern"));

/// The id an incident goes by: in its title, its front matter, its path.
pub(crate) fn incident_id(passage: &Passage) -> Option<String> {
    let path = passage.source.to_uppercase();
    [
        passage.title.as_str(),
        passage.section.as_deref().unwrap_or_default(),
        path.as_str(),
        passage.excerpt.as_str(),
    ]
    .iter()
    .find_map(|text| INCIDENT_ID.find(text).map(|m| m.as_str().to_owned()))
}

/// Words of advice, the most concrete first.
const ADVICE: [&str; 8] =
    ["index", "cap", "rolled back", "roll back", "resol", "mitigat", "recommend", "fix"];

/// The passage of the same document whose advice is the most concrete; a document is retrieved in several.
fn most_concrete<'a>(scene: &Scene<'a>, matched: &'a Passage) -> &'a Passage {
    let rank = |p: &Passage| told(p).first().map_or(ADVICE.len(), |(rank, _)| *rank);
    of(scene, matched.corpus)
        .filter(|p| p.source == matched.source)
        .min_by_key(|p| (!is_remedy(p), rank(p), p.id != matched.id))
        .unwrap_or(matched)
}

/// True for the section that says what to do.
fn is_remedy(passage: &Passage) -> bool {
    let section = passage.section.as_deref().unwrap_or_default().to_lowercase();
    ["mitigat", "resol", "remed", "recover", "fix"].iter().any(|word| section.contains(word))
}

/// What a runbook recommends, where it can be read strictly: the index, the cap of the pools, the bound in all.
fn measures(scene: &Scene<'_>, lead: &Suspect, book: &Passage) -> Option<String> {
    let pages = || of(scene, book.corpus).filter(|p| p.source == book.source);
    let index = pages().find_map(|p| index_in(&p.excerpt)).map(|(_, table, columns)| {
        let columns: Vec<String> = columns
            .iter()
            .map(|c| format!("{}{}", c.name, if c.descending { " DESC" } else { "" }))
            .collect();
        format!("an index on {table} ({})", columns.join(", "))
    });
    let bound = scene.findings.iter().find_map(|(f, _)| match &f.fact {
        Fact::DatabaseParameter(p) if p.name == "max_connections" => {
            drift::recommended(scene, book, &p.name, p.resolved)
        }
        _ => None,
    });
    let cap = pages().find_map(|p| cap_in(&p.excerpt)).map(|(key, value)| {
        let sum = in_all(scene, lead, &value).map(|sum| format!("; {sum}")).unwrap_or_default();
        format!("{key}={value}{sum}")
    });
    let pools = match (bound, cap) {
        (Some(bound), Some(cap)) => Some(format!("at most {} connections in all ({cap})", number(bound))),
        (Some(bound), None) => Some(format!("at most {} connections in all", number(bound))),
        (None, cap) => cap,
    };
    let all: Vec<String> = index.into_iter().chain(pools).collect();
    (!all.is_empty()).then(|| format!("recommends {}", all.join(" and ")))
}

/// What a cap per pod comes to with the pods that run now: `80 × 6 pods = 480`.
fn in_all(scene: &Scene<'_>, lead: &Suspect, cap: &str) -> Option<String> {
    let subject = &scene.state.subject.workloads;
    let (_, workload) = scene.workloads().find(|(f, _)| f.object == lead.culprit).or_else(|| {
        let [only] = subject.as_slice() else { return None };
        scene.workloads().find(|(f, _)| f.object == *only)
    })?;
    let all = cap.parse::<u64>().ok()? * u64::from(workload.ready);
    (workload.ready > 1).then(|| format!("{cap} × {} = {all}", count(workload.ready as usize, "pod")))
}

/// The two lines that most concretely tell what to do or what was done, else the first line of prose. Commands are no advice:
/// what can be done stands among the actions.
fn advice(passage: &Passage) -> String {
    let found: Vec<String> = told(passage).iter().take(2).map(|(_, l)| sentence_of(l)).collect();
    match (found.as_slice(), prose(passage).first()) {
        ([], Some(first)) => first.clone(),
        ([], None) => passage.title.clone(),
        (found, _) => found.join(" "),
    }
}

/// The line's first sentence, closed by a full stop.
fn sentence_of(text: &str) -> String {
    let first = text.split_once(". ").map_or(text, |(first, _)| first);
    let first = first.trim_end_matches([':', '.', ';', ' ']);
    format!("{}.", size::cut(first, 110))
}

/// The lines that hold a word of advice, with the word's rank, the most concrete first.
fn told(passage: &Passage) -> Vec<(usize, String)> {
    let rank = |l: &String| {
        let lower = l.to_lowercase();
        ADVICE.iter().position(|word| lower.contains(word))
    };
    let mut told: Vec<(usize, String)> =
        prose(passage).into_iter().filter_map(|l| Some((rank(&l)?, l))).collect();
    told.sort_by_key(|(rank, _)| *rank);
    told
}

/// Lines of some length, without markup; headings and front matter are no advice.
fn prose(passage: &Passage) -> Vec<String> {
    let plain =
        |l: &str| l.replace(['*', '`', '>', '|'], "").trim().trim_start_matches(['-', ' ']).to_owned();
    let front =
        |l: &str| ["title:", "author:", "services:", "modified:", "#"].iter().any(|key| l.starts_with(key));
    let command = |l: &str| index_in(l).is_some();
    let prose = passage.excerpt.lines().map(plain).filter(|l| l.len() > 24 && l.contains(' '));
    prose.filter(|l| !front(l) && !command(l)).collect()
}
