//! LIVE STATE: what each source shows now, one line for a source and another only where it decides.
//!
//! What was examined and cleared stands in RULED OUT and not here; what is as usual is not mentioned.

use incident::{Evidence, Fact, Finding, Series, Source, State, Status};

use crate::content::{Line, Mark, Section};
use crate::{aws, datadog, edge, kubernetes, metric, time};

/// Lines of one kind that are shown.
pub const LINES: usize = 2;
/// Characters of a log line that are shown.
pub const LOG_CHARS: usize = 160;
/// What is said of a source whose answers are empty.
const NOTHING_HELD: &str = "answered, and holds nothing for this incident";

/// One figure or remark of a bullet, and what it rests on.
pub struct Part {
    /// As printed.
    pub text: String,
    /// Evidence ids.
    pub cites: Vec<String>,
}

impl Part {
    /// A part that rests on one finding.
    pub fn new(text: impl Into<String>, finding: &Finding) -> Self {
        Self { text: text.into(), cites: vec![finding.id.clone()] }
    }
}

/// A bulleted line of parts under a title.
pub fn bullet(title: &str, parts: &[Part]) -> Line {
    let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
    let mut ids: Vec<&String> = parts.iter().flat_map(|part| &part.cites).collect();
    ids.dedup();
    Line::new(Mark::Bullet, format!("{title}: {}", texts.join(" | "))).citing(ids)
}

/// The section: every source has a line, also those that were not read.
pub fn section(state: &State) -> Section {
    let mut lines = Vec::new();
    for source in Source::COLLECTED {
        match state.evidence.iter().find(|evidence| evidence.source == source) {
            Some(evidence) => lines.extend(read(state, evidence)),
            None => lines.push(Line::new(Mark::Bullet, format!("{source}: not asked"))),
        }
    }
    let changes = state.knowledge.iter().flat_map(|knowledge| &knowledge.findings);
    lines.extend(changes.filter_map(|finding| code_change(state, finding)));
    Section { heading: "📊 LIVE STATE".to_owned(), lines, detail: false }
}

/// The lines of one source; how much could not be read is said at the end of the last.
fn read(state: &State, evidence: &Evidence) -> Vec<Line> {
    let source = evidence.source;
    if evidence.findings.is_empty() {
        let text = match evidence.status {
            Status::Ok | Status::Empty => format!("{source}: {NOTHING_HELD}"),
            Status::Partial => format!("{source}: {NOTHING_HELD}{}", unread(evidence).unwrap_or_default()),
            Status::NotConfigured => format!("{source}: not configured"),
            status => format!("{source}: not read ({})", status.word()),
        };
        return vec![Line::new(Mark::Bullet, text)];
    }
    let mut lines = match source {
        Source::Aws => aws::lines(state, evidence),
        Source::Kubernetes => kubernetes::lines(state, evidence),
        Source::Datadog => datadog::lines(state, evidence),
        Source::Cloudflare => edge::lines(state, evidence),
        Source::Github => Vec::new(),
    };
    if lines.is_empty() {
        let text = format!("{source}: nothing stands out beyond what is ruled out below");
        lines.push(Line::new(Mark::Bullet, text));
    }
    if let (Some(last), Some(unread)) = (lines.last_mut(), unread(evidence)) {
        last.text.push_str(&unread);
    }
    lines
}

/// How many calls gave nothing, as the end of a line.
fn unread(evidence: &Evidence) -> Option<String> {
    let unread = evidence.calls.iter().filter(|call| call.status.is_gap()).count();
    (unread > 0).then(|| format!(" | {unread} of {} calls not read", evidence.calls.len()))
}

/// A series as one figure: `CPU 95 % (baseline 41.1 %) ▁▁▆█`; against `limit`, where it has one: `connections 487/500`.
pub fn figure(series: &Series, limit: Option<f64>) -> String {
    let (label, unit, _) = metric::describe(&series.metric, &series.unit);
    let percentile = series.stat.strip_prefix('p').filter(|rest| rest.parse::<f64>().is_ok());
    let stat = percentile.map(|rest| format!("p{rest} ")).unwrap_or_default();
    let mut text = format!("{stat}{label} {}", metric::value(series.last, unit));
    let moved = metric::moved(series);
    match limit {
        Some(limit) => text.push_str(&format!("/{}", metric::number(limit))),
        None if moved => text.push_str(&format!(" (baseline {})", metric::value(series.baseline, unit))),
        None => {}
    }
    if moved {
        text.push_str(&format!(" {}", metric::sparkline(series)));
    }
    text
}

/// The findings whose series moved, the best-known metrics first.
pub fn moved<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<(&'a Finding, &'a Series)> {
    let mut moved: Vec<_> = findings.filter_map(series).filter(|(_, series)| metric::moved(series)).collect();
    moved.sort_by_key(|(_, series)| metric::describe(&series.metric, &series.unit).2);
    moved
}

/// The finding with its series, where it is one.
pub fn series(finding: &Finding) -> Option<(&Finding, &Series)> {
    if let Fact::Series(series) = &finding.fact { Some((finding, series)) } else { None }
}

/// True for what the diagnosis examined and cleared: it is told in RULED OUT.
pub fn is_cleared(state: &State, finding: &Finding) -> bool {
    let ruled_out = state.best_diagnosis().into_iter().flat_map(|diagnosis| &diagnosis.ruled_out);
    ruled_out.into_iter().any(|out| out.object == finding.object && out.evidence.contains(&finding.id))
}

/// True where a sentence of the root cause rests on it.
pub fn is_cited(state: &State, finding: &Finding) -> bool {
    let mut claims = state.best_diagnosis().into_iter().flat_map(|diagnosis| &diagnosis.root_cause);
    claims.any(|claim| claim.evidence.contains(&finding.id))
}

fn code_change(state: &State, finding: &Finding) -> Option<Line> {
    let Fact::CodeChange(change) = &finding.fact else { return None };
    let mut text = format!(
        "Code: {} {}…{}: {}, {}",
        change.repository,
        change.from,
        change.to,
        time::count(change.commit_count() as i64, "commit"),
        time::count(change.file_count() as i64, "file"),
    );
    if change.is_cut {
        text.push_str(" and more that GitHub does not list");
    }
    // A compare does not say which commit matters: only one that the diagnosis names is told.
    let claims = || state.best_diagnosis().into_iter().flat_map(|d| &d.root_cause);
    let named = change.commits.iter().find(|c| claims().any(|claim| claim.text.contains(&c.sha)));
    if let Some(commit) = named {
        let by = commit.author.as_deref().map(|author| format!(" by {author}")).unwrap_or_default();
        text.push_str(&format!(" | {} “{}”{by}", commit.sha, commit.subject));
    }
    Some(Line::new(Mark::Bullet, text).citing([&finding.id]))
}
