//! The investigation as one self-contained page: the brief, the timeline over the decisive series, the evidence.

mod chart;

use incident::{Finding, Gap, State};
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Serialize;

const TEMPLATE: &str = include_str!("html/page.html");

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    at: String,
    object: String,
    summary: &'a str,
    cited: bool,
}

#[derive(Serialize)]
struct SourceTable<'a> {
    title: &'static str,
    status: &'static str,
    took_ms: u64,
    calls: String,
    rows: Vec<Row<'a>>,
    gaps: Vec<&'a str>,
}

/// Renders the page. Everything from outside is escaped by the template engine; the page loads nothing.
pub fn page(state: &State) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.add_template("page.html", TEMPLATE)?;
    let brief = state.brief.as_ref();
    let cited = cited(state);
    let sources: Vec<SourceTable<'_>> = state
        .evidence
        .iter()
        .map(|evidence| SourceTable {
            title: evidence.source.title(),
            status: evidence.status.word(),
            took_ms: evidence.took_ms,
            calls: evidence
                .calls
                .iter()
                .map(|call| format!("{} {} {} ms", call.name, call.status.word(), call.took_ms))
                .collect::<Vec<_>>()
                .join(" · "),
            rows: evidence.findings.iter().map(|finding| row(finding, &cited)).collect(),
            gaps: evidence.gaps.iter().map(|gap: &Gap| gap.sentence.as_str()).collect(),
        })
        .collect();
    environment.get_template("page.html")?.render(context! {
        headline => brief.map_or(state.alert.title.as_str(), |brief| brief.headline.as_str()),
        as_of => state.as_of.to_string(),
        brief => brief.map_or("", |brief| brief.text.as_str()),
        chart => minijinja::Value::from_safe_string(chart::timeline(state)),
        sources => Serde(&sources),
        passages => Serde(state.knowledge.as_ref().map(|knowledge| &knowledge.passages)),
    })
}

fn row<'a>(finding: &'a Finding, cited: &[&str]) -> Row<'a> {
    Row {
        id: &finding.id,
        at: finding.at.strftime("%H:%M:%S").to_string(),
        object: finding.object.to_string(),
        summary: &finding.summary,
        cited: cited.contains(&finding.id.as_str()),
    }
}

/// Ids that the root cause rests on.
fn cited(state: &State) -> Vec<&str> {
    let analysis = state.analysis.iter().flat_map(|analysis| &analysis.root_cause);
    let diagnosis = state.best_diagnosis().into_iter().flat_map(|diagnosis| &diagnosis.root_cause);
    analysis.chain(diagnosis).flat_map(|claim| &claim.evidence).map(String::as_str).collect()
}
