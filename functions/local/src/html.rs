//! The investigation as one self-contained page: the brief, the timeline over the decisive series, the evidence.

mod chart;
mod plots;

use std::collections::BTreeSet;

use incident::{Evidence, Finding, Gap, State, Timestamp};
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Serialize;

use crate::commands::report::duration;
use crate::report::Figures;

const TEMPLATE: &str = include_str!("html/page.html");
const REPORT: &str = include_str!("html/report.html");

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

/// Renders the page. Everything from outside is escaped; the page loads nothing.
pub fn page(state: &State) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.add_template("page.html", TEMPLATE)?;
    let brief = state.brief.as_ref();
    let cited = cited(state);
    let sources: Vec<SourceTable<'_>> =
        state.evidence.iter().map(|source| table(source, state, &cited)).collect();
    environment.get_template("page.html")?.render(context! {
        headline => brief.map_or(state.alert.title.as_str(), |brief| brief.headline.as_str()),
        as_of => state.as_of.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        brief => safe(linked(brief.map_or("", |brief| brief.text.as_str()), state)),
        chart => safe(chart::timeline(state)),
        sources => Serde(&sources),
        struck => Serde(state.analysis.as_ref().map(|analysis| &analysis.struck)),
        passages => Serde(state.knowledge.as_ref().map(|knowledge| &knowledge.passages)),
    })
}

/// Renders the report of a stretch of time.
pub fn report(figures: &Figures) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.add_template("report.html", REPORT)?;
    let minute = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
    let rows = [
        ("to the brief", &figures.to_brief, "none"),
        ("to resolve, HIGH", &figures.with_high, "high"),
        ("to resolve, others", &figures.without_high, "low"),
    ];
    environment.get_template("report.html")?.render(context! {
        from => minute(figures.from),
        until => minute(figures.until),
        cards => Serde(cards(figures)),
        comparison => figures.comparison.as_ref().map(|compared| safe(plots::comparison(compared))),
        days => safe(plots::days(figures)),
        durations => safe(plots::durations(&rows)),
        causes => Serde(&figures.causes),
    })
}

/// What is read first: name, figure, remark.
fn cards(figures: &Figures) -> Vec<[String; 3]> {
    let shown = |seconds: Option<f64>| seconds.map_or_else(|| "–".to_owned(), duration);
    let [high, medium, low] = figures.levels;
    let briefs = high + medium + low;
    let share =
        if briefs == 0 { "–".to_owned() } else { format!("{:.0} %", 100.0 * high as f64 / briefs as f64) };
    let card = |name: &str, figure: String, remark: String| [name.to_owned(), figure, remark];
    vec![
        card(
            "incidents",
            figures.incidents.to_string(),
            format!("{} alerts folded, {} open", figures.folded, figures.open),
        ),
        card("to the brief", shown(figures.to_brief.median), "median".to_owned()),
        card(
            "to resolve",
            shown(figures.to_resolve.median),
            format!("median; mean {}", shown(figures.to_resolve.mean)),
        ),
        card(
            "with HIGH",
            shown(figures.with_high.median),
            format!("without {}", shown(figures.without_high.median)),
        ),
        card("diagnosed HIGH", share, format!("of {briefs} briefs")),
        card("said to be wrong", figures.wrong.to_string(), format!("{} said to be right", figures.correct)),
        card("escalations", figures.escalations.to_string(), "taken over or repeated".to_owned()),
        card(
            "not posted",
            figures.not_posted.to_string(),
            format!("{} without a brief", figures.without_brief),
        ),
        card("cost", format!("${:.2}", figures.dollars), format!("{} tokens", figures.tokens)),
    ]
}

fn safe(html: String) -> minijinja::Value {
    minijinja::Value::from_safe_string(html)
}

fn table<'a>(evidence: &'a Evidence, state: &State, cited: &[&str]) -> SourceTable<'a> {
    let calls =
        evidence.calls.iter().map(|call| format!("{} {} {} ms", call.name, call.status.word(), call.took_ms));
    SourceTable {
        title: evidence.source.title(),
        status: evidence.status.word(),
        took_ms: evidence.took_ms,
        calls: calls.collect::<Vec<_>>().join(" · "),
        rows: evidence.findings.iter().map(|finding| row(finding, state, cited)).collect(),
        gaps: evidence.gaps.iter().map(|gap: &Gap| gap.sentence.as_str()).collect(),
    }
}

fn row<'a>(finding: &'a Finding, state: &State, cited: &[&str]) -> Row<'a> {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let format = if day(finding.at) == day(state.as_of) { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
    Row {
        id: &finding.id,
        at: finding.at.strftime(format).to_string(),
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

/// The text as HTML, each id of a finding or passage in it a link to where the page shows it.
fn linked(text: &str, state: &State) -> String {
    let passages =
        state.knowledge.iter().flat_map(|knowledge| &knowledge.passages).map(|passage| &passage.id);
    let ids: BTreeSet<&str> =
        state.findings().map(|finding| &finding.id).chain(passages).map(String::as_str).collect();
    let link = |word: &str| {
        let word = escape(word);
        if ids.contains(word.as_str()) { format!("<a href=\"#{word}\">{word}</a>") } else { word }
    };
    text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '-')
        .map(|piece| {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '-');
            link(word) + &escape(&piece[word.len()..])
        })
        .collect()
}

/// Text inside markup: everything here comes from outside.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state: State = serde_json::from_str(include_str!("../../../events/diagnose/evidence.json"))
            .expect("a state document");
        let (source, status) = (&mut state.evidence[0], &mut state.alert);
        source.findings[0].summary = "<script>alert(1)</script>".to_owned();
        status.title = "\"><img src=x>".to_owned();
        state
    }

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let page = page(&state()).unwrap();
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn what_was_struck_out_is_listed_with_its_reason() {
        let mut state = state();
        assert!(!page(&state).unwrap().contains("Struck out"));
        let turned_down = Gap {
            what: "model".to_owned(),
            status: incident::Status::Ok,
            sentence: "Its answer was turned down.".to_owned(),
            error: None,
        };
        let mut analysis = incident::Analysis::absent(incident::analysis::Outcome::Rejected, turned_down);
        analysis.struck = vec![incident::analysis::Struck {
            text: "CPU is <b>3 %</b>.".to_owned(),
            reason: "3 % is not in the cited evidence.".to_owned(),
        }];
        state.analysis = Some(analysis);
        let page = page(&state).unwrap();
        assert!(
            page.contains("CPU is &lt;b&gt;3 %&lt;") && page.contains("3 % is not in the cited evidence."),
            "{page}"
        );
    }

    #[test]
    fn ids_in_the_text_lead_to_their_rows_and_other_words_stay_text() {
        let state = state();
        let id = &state.evidence[0].findings[0].id;
        let expected = format!("up <a href=\"#{id}\">{id}</a>, &lt;b-1&gt; … 10–20 é]");
        assert_eq!(linked(&format!("up {id}, <b-1> … 10–20 é]"), &state), expected);
        assert!(page(&state).unwrap().contains(&format!("id=\"{id}\"")));
    }

    #[test]
    fn without_a_series_the_page_says_so_and_stands() {
        let mut state = state();
        state.evidence.clear();
        assert!(page(&state).unwrap().contains("No series was read"));
    }
}
