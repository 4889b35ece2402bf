//! Rules of the firewall that were changed lately: the rulesets of the zone, by REST.

use collecting::{Answer, CallError, Run};
use host::http::HttpError;
use incident::evidence::Observation;
use incident::fact::WafRuleChange;
use incident::{Fact, Object, ObjectKind, Timestamp, redact, size};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::client::Client;

/// The phases whose rules stop requests.
pub const PHASES: [&str; 4] =
    ["http_request_firewall_custom", "http_request_firewall_managed", "http_ratelimit", "ddos_l7"];
/// How far back a change is told: a rule may stop somebody for days before anyone complains.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Changes kept, the newest.
const MAX_CHANGES: usize = 6;
/// Characters of a description and of an expression.
const DESCRIPTION: usize = 100;
const EXPRESSION: usize = 200;

#[derive(Debug, Deserialize)]
pub struct Ruleset {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    rules: Option<Vec<Rule>>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    id: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    expression: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    last_updated: Option<Timestamp>,
}

/// Reads the rules of every phase, and tells the changed ones, the newest first. A rule that was removed is no longer there to tell
/// of: its ruleset's version alone would show it.
pub async fn collect(run: &Run, client: &Client, as_of: Timestamp) -> Vec<Observation> {
    let read = PHASES.map(|phase| async move {
        let name = format!("rules of {phase}");
        let ruleset =
            run.call(&name, "which firewall rules were changed lately", entrypoint(client, phase)).await;
        ruleset.flatten().map(|ruleset| changes(phase, ruleset, as_of)).unwrap_or_default()
    });
    let mut found = futures::future::join_all(read).await.concat();
    found.sort_by_key(|found| std::cmp::Reverse(found.at));
    found.truncate(MAX_CHANGES);
    found
}

/// A phase without an entrypoint has no rules.
pub async fn entrypoint(client: &Client, phase: &str) -> Result<Answer<Option<Ruleset>>, CallError> {
    match client.zone_get::<Ruleset>(&format!("/rulesets/phases/{phase}/entrypoint")).await {
        Ok(ruleset) => Ok(Answer::full(Some(ruleset))),
        Err(HttpError::Status { status: 404, .. }) => Ok(Answer::empty(None)),
        Err(error) => Err(crate::client::explain(error, crate::client::Scope::ZoneWaf)),
    }
}

fn changes(phase: &str, ruleset: Ruleset, as_of: Timestamp) -> Vec<Observation> {
    let lately = |at: &Timestamp| *at <= as_of && as_of.duration_since(*at) <= LATELY;
    let version = ruleset.version;
    let told = |rule: Rule| {
        let at = rule.last_updated.filter(lately)?;
        let text =
            |text: Option<String>, most: usize| text.map(|text| size::cut(&redact::redact(&text), most));
        let fact = WafRuleChange {
            phase: phase.to_owned(),
            description: text(rule.description, DESCRIPTION).unwrap_or_default(),
            action: rule.action,
            expression: text(rule.expression, EXPRESSION),
            enabled: rule.enabled,
            version: version.clone(),
        };
        let summary = summary(&rule.id, &fact, at);
        Some(Observation::new(
            at,
            Object::new(ObjectKind::WafRule, rule.id),
            summary,
            Fact::WafRuleChange(fact),
        ))
    };
    ruleset.rules.into_iter().flatten().filter_map(told).collect()
}

fn summary(id: &str, rule: &WafRuleChange, at: Timestamp) -> String {
    let name = if rule.description.is_empty() { id } else { &rule.description };
    let action = rule.action.as_deref().map(|action| format!(" ({action})")).unwrap_or_default();
    let off = if rule.enabled == Some(false) { ", it is off now" } else { "" };
    format!(
        "Rule \"{name}\"{action} of {} was changed {}{off}",
        rule.phase,
        at.strftime("%Y-%m-%d %H:%M:%S UTC")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_within_a_week_is_told_and_older_rules_are_not() {
        let ruleset: Ruleset = serde_json::from_str(
            r#"{"id":"s","name":"default","phase":"p","version":"15","last_updated":"2026-01-01T01:00:00Z","rules":[
            {"id":"r1","ref":"x","description":"Block bots","expression":"(cf.bot)","action":"block","enabled":true,
             "last_updated":"2026-01-01T01:58:00Z"},
            {"id":"r2","action":"log","enabled":false,"last_updated":"2025-12-30T00:00:00Z"},
            {"id":"r3","last_updated":"2025-11-01T00:00:00Z"},{"id":"r4"},
            {"id":"r5","last_updated":"2026-01-02T00:00:00Z"}]}"#,
        )
        .unwrap();
        let found = changes("http_ratelimit", ruleset, "2026-01-01T02:00:00Z".parse().unwrap());
        let told: Vec<&str> = found.iter().map(|found| found.summary.as_str()).collect();
        assert_eq!(
            told,
            [
                "Rule \"Block bots\" (block) of http_ratelimit was changed 2026-01-01 01:58:00 UTC",
                "Rule \"r2\" (log) of http_ratelimit was changed 2025-12-30 00:00:00 UTC, it is off now"
            ]
        );
        let Fact::WafRuleChange(rule) = &found[0].fact else { panic!() };
        assert_eq!((rule.version.as_deref(), rule.expression.as_deref()), (Some("15"), Some("(cf.bot)")));
    }
}
