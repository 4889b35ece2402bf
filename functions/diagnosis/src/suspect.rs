//! A suspect: one possible cause with the features that speak for and against it.
//!
//! Its strength is the logistic of a prior and the weights of the features (log-odds), capped by what was not seen. The prior is the
//! same for all causes: before anything is seen, each is unlikely. Its confidence is what `calibration` makes of the strength.

use std::collections::BTreeSet;

use incident::analysis::Claim;
use incident::diagnosis::{Feature, RuledOut};
use incident::{Cause, Level, Object};

use crate::calibration::{self, hundredths};
use crate::scene::Scene;
use crate::words::line;

/// Log-odds of any one cause before anything is seen.
const PRIOR: f64 = -2.0;
/// Nothing is certain.
const MOST: f64 = 0.97;
/// From here a cause is MEDIUM.
pub(crate) const MEDIUM: f64 = 0.50;
/// From here a cause is HIGH, given two independent features.
pub(crate) const HIGH: f64 = 0.75;
/// The most a cause can reach that lacks what HIGH needs.
pub(crate) const BELOW_HIGH: f64 = 0.74;

/// A possible cause.
#[derive(Debug, Clone)]
pub(crate) struct Suspect {
    pub(crate) cause: Cause,
    pub(crate) culprit: Object,
    pub(crate) features: Vec<Feature>,
    /// What it can reach at most, and why, the lowest counts.
    pub(crate) caps: Vec<(f64, String)>,
    /// The sentences that state it, once it leads.
    pub(crate) claims: Vec<Claim>,
}

/// What the detectors found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) suspects: Vec<Suspect>,
    pub(crate) cleared: Vec<RuledOut>,
}

impl Suspect {
    pub(crate) fn new(cause: Cause, culprit: Object) -> Self {
        Self { cause, culprit, features: Vec::new(), caps: Vec::new(), claims: Vec::new() }
    }

    /// Adds an observation; its weight's sign tells whether it supports.
    pub(crate) fn with(mut self, name: &str, weight: f64, text: impl AsRef<str>, evidence: &[&str]) -> Self {
        self.add(name, weight, text, evidence, &[]);
        self
    }

    /// The same where a condition holds.
    pub(crate) fn with_if(
        self,
        holds: bool,
        name: &str,
        weight: f64,
        text: impl AsRef<str>,
        evidence: &[&str],
    ) -> Self {
        if holds { self.with(name, weight, text, evidence) } else { self }
    }

    pub(crate) fn add(
        &mut self,
        name: &str,
        weight: f64,
        text: impl AsRef<str>,
        evidence: &[&str],
        passages: &[&str],
    ) {
        self.features.push(Feature {
            name: name.to_owned(),
            supports: weight > 0.0,
            weight,
            text: line(text),
            evidence: evidence.iter().map(|id| (*id).to_owned()).collect(),
            passages: passages.iter().map(|id| (*id).to_owned()).collect(),
        });
    }

    /// Limits the confidence, with the reason.
    pub(crate) fn capped(mut self, most: f64, reason: impl AsRef<str>) -> Self {
        self.caps.push((most, line(reason)));
        self
    }

    /// Adds a sentence of the root cause.
    pub(crate) fn claim(mut self, text: impl AsRef<str>, evidence: &[&str]) -> Self {
        self.claims.push(claim(text, evidence, &[]));
        self
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.features.iter().any(|f| f.name == name)
    }

    /// How strongly the features speak for it, capped by what was not seen: what ranks go by. Two decimals.
    pub(crate) fn strength(&self, scene: &Scene<'_>) -> f64 {
        let log_odds = PRIOR + self.features.iter().map(|f| f.weight).sum::<f64>();
        let raw = 1.0 / (1.0 + (-log_odds).exp());
        let cap = self.caps.iter().map(|(most, _)| *most).fold(MOST, f64::min);
        let cap = if self.independent_features(scene) < 2 { cap.min(BELOW_HIGH) } else { cap };
        hundredths(raw.min(cap))
    }

    /// How likely it is right, told to people: what labelled cases of that strength vouch for. Two decimals, never above the strength.
    pub(crate) fn confidence(&self, scene: &Scene<'_>) -> f64 {
        hundredths(calibration::number(self.strength(scene)))
    }

    /// How many independent features support it: resting, first of all, on different sources or on different kinds of fact of one
    /// source. One feature is one observation, however much it cites.
    fn independent_features(&self, scene: &Scene<'_>) -> usize {
        let mut kinds = BTreeSet::new();
        for feature in self.features.iter().filter(|f| f.supports) {
            let first = feature.evidence.first();
            let seen = first.and_then(|id| scene.findings.iter().find(|(f, _)| f.id == *id));
            kinds.extend(seen.map(|(finding, source)| (source.name(), kind(&finding.fact))));
            if seen.is_none() && !feature.passages.is_empty() {
                kinds.insert(("knowledge", "passage"));
            }
        }
        kinds.len()
    }
}

/// A sentence and what it rests on.
pub(crate) fn claim(text: impl AsRef<str>, evidence: &[&str], passages: &[&str]) -> Claim {
    let mut text = line(text);
    if !text.ends_with(['.', '…', '!', '?']) {
        text.push('.');
    }
    Claim {
        text,
        evidence: evidence.iter().map(|id| (*id).to_owned()).collect(),
        passages: passages.iter().map(|id| (*id).to_owned()).collect(),
    }
}

/// The level of a confidence.
pub(crate) fn level(confidence: f64) -> Level {
    match confidence {
        c if c >= HIGH => Level::High,
        c if c >= MEDIUM => Level::Medium,
        _ => Level::Low,
    }
}

impl Report {
    /// Notes a suspect that was examined and is not the cause.
    pub(crate) fn clear(
        &mut self,
        cause: Option<Cause>,
        object: Object,
        reason: impl AsRef<str>,
        evidence: &[&str],
    ) {
        self.cleared.push(RuledOut {
            cause,
            object,
            reason: line(reason),
            evidence: evidence.iter().map(|id| (*id).to_owned()).collect(),
        });
    }
}

/// The kind of a fact, for telling independent observations apart.
fn kind(fact: &incident::Fact) -> &'static str {
    use incident::Fact::*;
    match fact {
        Series(_) => "series",
        Rollout(_) | TemplateDiff(_) => "rollout",
        Workload(_) => "workload",
        Pod(_) => "pod",
        Node(_) => "node",
        EventGroup(_) => "event",
        DatabaseInstance(_) | DatabaseParameter(_) => "database configuration",
        DatabaseEvent(_) => "database event",
        DatabaseLoad(_) => "database load",
        LogPattern(_) => "logs",
        DeployEvent(_) => "deploy event",
        TargetHealth(_) => "targets",
        EdgeTraffic(_) => "traffic",
        WafActivity(_) => "firewall",
        CodeChange(_) => "code",
        _ => "other",
    }
}
