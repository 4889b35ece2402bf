//! What code can prove: the timeline, ranked causes, causes ruled out, and what is missing.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Category, Cause, Object, ProposedAction, analysis::Claim};

/// The version of the diagnosis format.
pub const VERSION: u32 = 1;

/// How sure.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Below 0.50.
    #[default]
    Low,
    /// From 0.50.
    Medium,
    /// From 0.75, with two independent features.
    High,
}

impl Level {
    /// `HIGH`, `MEDIUM`, `LOW`.
    pub fn word(self) -> &'static str {
        match self {
            Level::Low => "LOW",
            Level::Medium => "MEDIUM",
            Level::High => "HIGH",
        }
    }
}

/// A confidence with its reasons.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confidence {
    /// The level.
    pub level: Level,
    /// 0–1, two decimals.
    pub number: f64,
    /// One line each, for (`✓`) and against or missing (`✗`), in the order of weight.
    #[serde(default)]
    pub reasons: Vec<Reason>,
}

/// One reason of a confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// True where it raises the confidence.
    pub supports: bool,
    /// One line.
    pub text: String,
    /// Evidence ids.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Passage ids.
    #[serde(default)]
    pub passages: Vec<String>,
}

/// One observation that speaks for or against a hypothesis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Feature {
    /// Its stable name: `change_precedes_onset`.
    pub name: String,
    /// True for, false against.
    pub supports: bool,
    /// Its weight in log-odds, as applied.
    pub weight: f64,
    /// One line.
    pub text: String,
    /// Evidence ids it rests on.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Passage ids it rests on, once weighed.
    #[serde(default)]
    pub passages: Vec<String>,
}

/// A possible cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hypothesis {
    /// `h1`, unique in the diagnosis.
    pub id: String,
    /// What happened.
    pub cause: Cause,
    /// The family of the cause.
    #[serde(default)]
    pub category: Category,
    /// To or by what.
    pub culprit: Object,
    /// The level.
    pub level: Level,
    /// 0–1.
    pub confidence: f64,
    /// For and against.
    #[serde(default)]
    pub features: Vec<Feature>,
}

/// A hypothesis or a change that was examined and is not the cause, with the reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuledOut {
    /// The cause, absent for a change that was cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The suspect.
    pub object: Object,
    /// Why not, in one sentence.
    pub reason: String,
    /// Evidence ids.
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// What could not be seen, and what it would have told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// What is missing.
    pub what: String,
    /// What it would tell.
    pub would_tell: String,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Seconds relative to the onset: negative before it. Absent when no onset was seen, and for a change too close to it to tell
    /// which came first.
    #[serde(default)]
    pub offset_s: Option<i64>,
    /// How far off the time may be, seconds either way.
    #[serde(default)]
    pub uncertainty_s: u32,
    /// Change, symptom, alert or onset.
    pub kind: MomentKind,
    /// What it is about.
    pub object: Object,
    /// One line.
    pub text: String,
    /// The finding's id.
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// What a moment of the timeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MomentKind {
    /// Something was changed by somebody.
    Change,
    /// Something began to go wrong.
    Symptom,
    /// The decisive series left its level.
    Onset,
    /// The monitor fired.
    Alert,
    /// A scheduled event from the calendar.
    Calendar,
}

/// When it began, and how that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Onset {
    /// The first point beyond the old level.
    pub at: Timestamp,
    /// Seconds either way: the series' period.
    pub uncertainty_s: u32,
    /// The finding it was read from.
    pub evidence: String,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Verdict {
    /// These hypotheses lead; more than one where faults are independent.
    Causes {
        /// Ids, the leading one first.
        leading: Vec<String>,
    },
    /// Nothing is wrong now.
    Healthy {
        /// Why we say so.
        reason: String,
    },
    /// Nothing could be shown.
    Inconclusive {
        /// Why.
        reason: String,
    },
}

/// A piece of knowledge that fits the diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Match {
    /// What it is.
    pub kind: MatchKind,
    /// The passage's id.
    pub passage: String,
    /// The incident's id, the Terraform address or the symbol, where it has one.
    #[serde(default)]
    pub reference: Option<String>,
    /// `file:line` of the very line that matters, where it is known better than the passage's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What it says about this incident, quoted or computed: one line.
    pub says: String,
}

/// Kinds of matches, in the order a brief prints them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// A runbook.
    Runbook,
    /// A past incident.
    PastIncident,
    /// A Terraform resource.
    Terraform,
    /// A place in the source.
    Source,
    /// An entry of the event calendar.
    Calendar,
    /// A metric's or a service's meaning.
    Schema,
}

/// The diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// [`VERSION`].
    pub version: u32,
    /// The outcome.
    pub verdict: Verdict,
    /// When it began.
    #[serde(default)]
    pub onset: Option<Onset>,
    /// Changes and symptoms on one axis, oldest first.
    #[serde(default)]
    pub timeline: Vec<Moment>,
    /// Ranked, the leading ones first.
    #[serde(default)]
    pub hypotheses: Vec<Hypothesis>,
    /// Losers and cleared changes, with the reason.
    #[serde(default)]
    pub ruled_out: Vec<RuledOut>,
    /// What could not be seen.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// The cause in sentences, rendered by code, each with its evidence.
    #[serde(default)]
    pub root_cause: Vec<Claim>,
    /// In safety order.
    #[serde(default)]
    pub actions: Vec<ProposedAction>,
    /// Knowledge that fits; empty before retrieval.
    #[serde(default)]
    pub matches: Vec<Match>,
    /// Of the leading cause.
    #[serde(default)]
    pub confidence: Confidence,
    /// True where one monitor fired and one cause leads clearly: triage suffices. See the diagnosis crate for the rule.
    #[serde(default)]
    pub simple: bool,
    /// Milliseconds the engine took, filled in by the function around it.
    #[serde(default)]
    pub took_ms: u64,
}

impl Diagnosis {
    /// A diagnosis that says only why there is none.
    pub fn inconclusive(reason: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            verdict: Verdict::Inconclusive { reason: reason.into() },
            onset: None,
            timeline: Vec::new(),
            hypotheses: Vec::new(),
            ruled_out: Vec::new(),
            missing: Vec::new(),
            root_cause: Vec::new(),
            actions: Vec::new(),
            matches: Vec::new(),
            confidence: Confidence::default(),
            simple: false,
            took_ms: 0,
        }
    }

    /// The leading hypotheses, best first; empty when healthy or inconclusive.
    pub fn leading(&self) -> impl Iterator<Item = &Hypothesis> {
        let ids: &[String] = match &self.verdict {
            Verdict::Causes { leading } => leading,
            _ => &[],
        };
        ids.iter().filter_map(|id| self.hypotheses.iter().find(|h| h.id == *id))
    }
}
