//! What one source told: findings, how each call was read, and what could not be seen.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, Object, size};

/// The version of the evidence format; it rises when a field changes its meaning.
pub const VERSION: u32 = 1;

/// Where a finding was read. The name is the prefix of the finding's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Datadog's APIs.
    Datadog,
    /// The Kubernetes API server.
    Kubernetes,
    /// AWS: CloudWatch, RDS, EC2, load balancers.
    Aws,
    /// Cloudflare's GraphQL analytics and rulesets.
    Cloudflare,
    /// GitHub compare, read while retrieving.
    Github,
}

impl Source {
    /// The four sources of the Collect state, in the order a brief prints them.
    pub const COLLECTED: [Source; 4] = [Source::Aws, Source::Kubernetes, Source::Datadog, Source::Cloudflare];

    /// The lower-case name used in ids.
    pub fn name(self) -> &'static str {
        match self {
            Source::Datadog => "datadog",
            Source::Kubernetes => "kubernetes",
            Source::Aws => "aws",
            Source::Cloudflare => "cloudflare",
            Source::Github => "github",
        }
    }

    /// The name as people write it.
    pub fn title(self) -> &'static str {
        match self {
            Source::Datadog => "Datadog",
            Source::Kubernetes => "Kubernetes",
            Source::Aws => "AWS",
            Source::Cloudflare => "Cloudflare",
            Source::Github => "GitHub",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// How a source, or one call within it, was read. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything asked for was read.
    Ok,
    /// Part of it was read.
    Partial,
    /// It answered, and holds nothing for this question. Not the same as zero.
    Empty,
    /// It refused: credentials or a permission are missing.
    Denied,
    /// It did not answer in time.
    Timeout,
    /// It failed: throttled, an error, an answer that could not be read.
    Unavailable,
    /// No credentials were given, so it was not asked.
    NotConfigured,
}

impl Status {
    /// True when something could not be seen.
    pub fn is_gap(self) -> bool {
        !matches!(self, Status::Ok | Status::Empty)
    }

    /// The word printed to people.
    pub fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Partial => "partial",
            Status::Empty => "empty",
            Status::Denied => "denied",
            Status::Timeout => "timed out",
            Status::Unavailable => "unavailable",
            Status::NotConfigured => "not configured",
        }
    }
}

/// The span of time that was asked about; `to` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
}

/// One call and how it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Call {
    /// The vendor's name for it: `GetMetricData`, `list pods`, `logs search`.
    pub name: String,
    /// How it went.
    pub status: Status,
    /// Milliseconds it took.
    pub took_ms: u64,
}

/// What could not be seen, as a sentence for a tired person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The call, or the whole source, that is missing.
    pub what: String,
    /// Why.
    pub status: Status,
    /// What is therefore unknown, and what would mend it.
    pub sentence: String,
    /// The name of the error that a Catch kept, when the function itself failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One observed thing: when, about what, in one line and as typed data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Unique in the incident: `aws-3`.
    pub id: String,
    /// When it happened or, for a state, when it was observed; the start of a window.
    pub at: Timestamp,
    /// The end of the window it covers, when it covers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What it is about.
    pub object: Object,
    /// One line, at most [`size::SUMMARY_CHARS`] characters.
    pub summary: String,
    /// The typed payload.
    pub fact: Fact,
}

/// Everything one source told about the incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// [`VERSION`].
    pub version: u32,
    /// Who told it.
    pub source: Source,
    /// How the source as a whole was read.
    pub status: Status,
    /// Each call and how it was read.
    #[serde(default)]
    pub calls: Vec<Call>,
    /// Milliseconds from the first request to the last answer used.
    #[serde(default)]
    pub took_ms: u64,
    /// The span asked about; absent when nothing was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What was seen.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What could not be seen.
    #[serde(default)]
    pub gaps: Vec<Gap>,
}

/// A finding before it has an id: what a parser returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// See [`Finding::at`].
    pub at: Timestamp,
    /// See [`Finding::until`].
    pub until: Option<Timestamp>,
    /// See [`Finding::object`].
    pub object: Object,
    /// See [`Finding::summary`].
    pub summary: String,
    /// See [`Finding::fact`].
    pub fact: Fact,
}

impl Observation {
    /// An observation at one moment.
    pub fn new(at: Timestamp, object: Object, summary: impl Into<String>, fact: Fact) -> Self {
        Self { at, until: None, object, summary: summary.into(), fact }
    }

    /// The same, covering a window that ends at `until`.
    pub fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }
}

impl Evidence {
    /// Builds the evidence of one source within its byte budget ([`size::EVIDENCE`]).
    ///
    /// Give the observations most telling first: what does not fit is left out from the end, and a gap says how many.
    /// The overall status follows from the calls: the worst of them, `partial` when some were read and some were not.
    pub fn new(
        source: Source,
        window: Window,
        took_ms: u64,
        calls: Vec<Call>,
        observations: Vec<Observation>,
        gaps: Vec<Gap>,
    ) -> Self {
        let status = overall(&calls, !observations.is_empty());
        let findings = observations
            .into_iter()
            .enumerate()
            .map(|(i, o)| Finding {
                id: format!("{}-{}", source.name(), i + 1),
                at: o.at,
                until: o.until,
                object: o.object,
                summary: size::cut(&crate::redact::redact(&o.summary), size::SUMMARY_CHARS),
                fact: masked(o.fact),
            })
            .collect();
        let mut evidence =
            Self { version: VERSION, source, status, calls, took_ms, window: Some(window), findings, gaps };
        evidence.fit();
        evidence
    }

    /// The evidence of a source that was not asked, because it has no credentials.
    pub fn not_configured(source: Source, sentence: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            source,
            status: Status::NotConfigured,
            calls: Vec::new(),
            took_ms: 0,
            window: None,
            findings: Vec::new(),
            gaps: vec![Gap {
                what: source.title().to_owned(),
                status: Status::NotConfigured,
                sentence: sentence.into(),
                error: None,
            }],
        }
    }

    fn fit(&mut self) {
        self.shorten_gaps();
        let mut dropped = 0;
        while size::of(self) > size::EVIDENCE - size::GAP_RESERVE && self.findings.pop().is_some() {
            dropped += 1;
        }
        if dropped > 0 {
            self.gaps.push(Gap {
                what: format!("{} findings", self.source.title()),
                status: Status::Partial,
                sentence: format!(
                    "{dropped} less telling findings from {} were left out to stay within {} KiB.",
                    self.source.title(),
                    size::EVIDENCE / 1024
                ),
                error: None,
            });
            self.status = self.status.max(Status::Partial);
        }
    }
}

impl Evidence {
    /// At most [`MAX_GAPS`] gaps and [`MAX_CALLS`] calls: a missing permission on a hundred objects is one thing to know, and must not
    /// push out what was seen. The calls that went worst stay.
    fn shorten_gaps(&mut self) {
        self.calls.sort_by_key(|call| std::cmp::Reverse(call.status));
        self.calls.truncate(MAX_CALLS);
        self.gaps.iter_mut().for_each(|gap| gap.what = size::cut(&gap.what, 80));
        let more = self.gaps.len().saturating_sub(MAX_GAPS);
        if more > 0 {
            self.gaps.truncate(MAX_GAPS);
            self.gaps.push(Gap {
                what: self.source.title().to_owned(),
                status: Status::Partial,
                sentence: format!("{more} more gaps of the same source are not listed."),
                error: None,
            });
        }
    }
}

/// The fact with the secrets of each of its texts masked: whatever a collector forgot to look at is looked at here.
fn masked(fact: Fact) -> Fact {
    let Ok(mut value) = serde_json::to_value(&fact) else { return fact };
    if mask(&mut value) { serde_json::from_value(value).unwrap_or(fact) } else { fact }
}

/// Masks every text in a value; true where one was.
fn mask(value: &mut serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => {
            let Cow::Owned(clean) = crate::redact::redact(text) else { return false };
            let changed = clean != *text;
            *text = clean;
            changed
        }
        // Each one is looked at, also after one that was changed.
        Value::Array(values) => values.iter_mut().map(mask).filter(|changed| *changed).count() > 0,
        Value::Object(fields) => fields.values_mut().map(mask).filter(|changed| *changed).count() > 0,
        _ => false,
    }
}

/// Gaps kept per source.
const MAX_GAPS: usize = 20;
/// Calls kept per source.
const MAX_CALLS: usize = 40;

fn overall(calls: &[Call], any_observation: bool) -> Status {
    let read = calls.iter().any(|c| matches!(c.status, Status::Ok | Status::Partial | Status::Empty));
    let worst = calls.iter().map(|c| c.status).filter(|s| s.is_gap()).max();
    match (worst, read) {
        (None, _) if any_observation => Status::Ok,
        (None, _) => Status::Empty,
        (Some(_), true) => Status::Partial,
        (Some(worst), false) => worst,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ObjectKind, fact};

    fn window() -> Window {
        Window { from: "2026-01-01T00:00:00Z".parse().unwrap(), to: "2026-01-01T01:00:00Z".parse().unwrap() }
    }

    fn call(status: Status) -> Call {
        Call { name: "c".into(), status, took_ms: 1 }
    }

    #[test]
    fn one_denied_call_among_read_ones_makes_the_source_partial() {
        assert_eq!(overall(&[call(Status::Ok), call(Status::Denied)], true), Status::Partial);
        assert_eq!(overall(&[call(Status::Denied), call(Status::Denied)], false), Status::Denied);
        assert_eq!(overall(&[call(Status::Empty)], false), Status::Empty);
    }

    #[test]
    fn a_hundred_gaps_do_not_push_out_what_was_seen() {
        let gap = |i: usize| Gap {
            what: format!("call {i}"),
            status: Status::Denied,
            sentence: "x".repeat(240),
            error: None,
        };
        let seen = Observation::new(
            window().from,
            Object::new(ObjectKind::Node, "n"),
            "seen",
            Fact::DatabaseEvent(fact::DatabaseEvent { message: String::new(), categories: vec![] }),
        );
        let calls = vec![call(Status::Denied); 200];
        let evidence =
            Evidence::new(Source::Aws, window(), 1, calls, vec![seen], (0..100).map(gap).collect());
        assert_eq!(evidence.findings.len(), 1);
        assert!(size::of(&evidence) <= size::EVIDENCE);
        assert!(evidence.gaps.iter().any(|gap| gap.sentence.contains("80 more gaps")));
    }

    #[test]
    fn a_secret_that_a_collector_forgot_is_masked_in_the_fact_too() {
        let fact = Fact::DatabaseEvent(fact::DatabaseEvent {
            message: "password=hunter22".into(),
            categories: vec![],
        });
        let seen = Observation::new(window().from, Object::new(ObjectKind::Node, "n"), "seen", fact);
        let evidence = Evidence::new(Source::Aws, window(), 1, vec![call(Status::Ok)], vec![seen], vec![]);
        assert!(!serde_json::to_string(&evidence).unwrap().contains("hunter22"));
    }

    #[test]
    fn too_much_is_cut_with_a_visible_gap() {
        let event = |i: usize| {
            Observation::new(
                window().from,
                Object::new(ObjectKind::DatabaseInstance, format!("db-{i}")),
                "x".repeat(400),
                Fact::DatabaseEvent(fact::DatabaseEvent { message: "y".repeat(200), categories: vec![] }),
            )
        };
        let evidence = Evidence::new(
            Source::Aws,
            window(),
            1,
            vec![call(Status::Ok)],
            (0..200).map(event).collect(),
            vec![],
        );
        assert!(size::of(&evidence) <= size::EVIDENCE);
        assert_eq!(evidence.status, Status::Partial);
        assert!(evidence.gaps[0].sentence.contains("left out"));
        assert_eq!(evidence.findings[0].object.name, "db-0");
    }
}
