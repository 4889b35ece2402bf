//! Drift three ways: what Terraform declares, what is live, what the runbook recommends.

use std::sync::LazyLock;

use incident::diagnosis::{Match, MatchKind};
use incident::fact::DatabaseParameter;
use incident::{Corpus, Fact, Finding, Passage};
use regex::Regex;

use crate::overlap::{hits, names, of, text};
use crate::scene::Scene;
use crate::suspect::Suspect;
use crate::words::{line, number};

/// The Terraform resource that defines the affected database or its parameters, compared with live and runbook.
pub(crate) fn terraform(scene: &Scene<'_>, lead: &Suspect, runbook: Option<&Passage>) -> Option<Match> {
    let terms = names(scene, lead);
    let live = parameters(scene);
    let about = |p: &&Passage| hits(&text(p), &terms) > 0;
    for (_, parameter) in &live {
        let Some((passage, declared)) = of(scene, Corpus::Terraform)
            .filter(about)
            .find_map(|p| declaration(p, &parameter.name).map(|d| (p, d)))
        else {
            continue;
        };
        return Some(Match {
            kind: MatchKind::Terraform,
            passage: passage.id.clone(),
            reference: passage.section.clone(),
            place: declared.line.map(|n| format!("{}:{n}", passage.source)),
            says: line(compared(scene, parameter, &declared, runbook)),
        });
    }
    let passage = of(scene, Corpus::Terraform).find(about)?;
    let what = passage.section.clone().unwrap_or_else(|| passage.title.clone());
    Some(Match {
        kind: MatchKind::Terraform,
        passage: passage.id.clone(),
        reference: passage.section.clone(),
        place: None,
        says: line(format!("defines {what}")),
    })
}

/// A limit that Terraform declares otherwise than it is live: the passage, the parameter's finding, what is declared and what is live.
pub(crate) fn of_limit<'a>(
    scene: &Scene<'a>,
    suspect: &Suspect,
    parameter: &str,
) -> Option<(&'a Passage, &'a Finding, f64, f64)> {
    let terms = names(scene, suspect);
    let (finding, live) = parameters(scene)
        .into_iter()
        .filter(|(_, p)| p.name == parameter)
        .find_map(|(f, p)| Some((f, p.resolved.or_else(|| p.value.parse().ok())?)))?;
    let (passage, declared) = of(scene, Corpus::Terraform)
        .filter(|p| hits(&text(p), &terms) > 0)
        .find_map(|p| Some((p, declaration(p, parameter)?.value.parse::<f64>().ok()?)))?;
    ((declared - live).abs() > f64::EPSILON).then_some((passage, finding, declared, live))
}

/// A declared value and where it stands.
struct Declared {
    value: String,
    line: Option<u32>,
}

fn compared(
    scene: &Scene<'_>,
    parameter: &DatabaseParameter,
    declared: &Declared,
    runbook: Option<&Passage>,
) -> String {
    let live = parameter.resolved.map_or_else(|| parameter.value.clone(), number);
    let agreement = match (declared.value.parse::<f64>(), parameter.resolved) {
        (Ok(declared), Some(live)) if (declared - live).abs() > f64::EPSILON => {
            ": live differs from what is declared"
        }
        _ => "",
    };
    let advice = runbook
        .and_then(|book| recommended(scene, book, &parameter.name, parameter.resolved))
        .map(|value| format!("; the runbook recommends {}", number(value)))
        .unwrap_or_default();
    format!("{} = {}, live {live}{agreement}{advice}", parameter.name, declared.value)
}

fn parameters<'a>(scene: &Scene<'a>) -> Vec<(&'a Finding, &'a DatabaseParameter)> {
    scene
        .findings
        .iter()
        .filter_map(|(f, _)| match &f.fact {
            Fact::DatabaseParameter(parameter) => Some((*f, parameter)),
            _ => None,
        })
        .collect()
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static VALUE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"value\s*=\s*"?([A-Za-z0-9_{}/*(),.]+)"?"#).expect("a valid pattern"));

/// The value a Terraform block declares for a parameter: on the line of its name, or within the three that follow.
fn declaration(passage: &Passage, parameter: &str) -> Option<Declared> {
    let lines: Vec<&str> = passage.excerpt.lines().collect();
    let name = lines.iter().position(|l| crate::change::mentions(l, parameter) && l.contains("name"))?;
    let value =
        (name..lines.len().min(name + 4)).find_map(|i| VALUE.captures(lines[i]))?.get(1)?.as_str().to_owned();
    let number =
        passage.start_line.zip(u32::try_from(name).ok()).map(|(start, offset)| start.saturating_add(offset));
    Some(Declared { value, line: number })
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static BOUND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:cap(?:ped|s)?|at most|limit(?:ed)?|maximum|max|no more than)\b[^\d\n]{0,60}?\b(\d{2,6})\b([^\n]{0,16})")
        .expect("a valid pattern")
});
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static ASSIGNMENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[A-Za-z_]{4,}\s*=\s*\S+").expect("a valid pattern"));

/// The bound a runbook sets in all: not one per pod, and not the live value itself.
pub(crate) fn recommended(
    scene: &Scene<'_>,
    book: &Passage,
    parameter: &str,
    live: Option<f64>,
) -> Option<f64> {
    let topic = if parameter.contains("connection") { "connection" } else { parameter };
    let same = of(scene, Corpus::Runbooks).filter(|p| p.source == book.source);
    same.flat_map(|p| p.excerpt.lines())
        .filter(|l| {
            let lower = l.to_lowercase();
            lower.contains(topic) || (topic == "connection" && lower.contains("pool"))
        })
        .map(|l| ASSIGNMENT.replace_all(l, " ").into_owned())
        .find_map(|l| {
            BOUND.captures_iter(&l).find_map(|c| {
                let value: f64 = c.get(1)?.as_str().parse().ok()?;
                let each = c.get(2).is_some_and(|rest| {
                    let rest = rest.as_str().trim_start().to_lowercase();
                    rest.starts_with("per ") || rest.starts_with("each")
                });
                let other = live.is_none_or(|live| value < live && value * 5.0 > live);
                (!each && other).then_some(value)
            })
        })
}
