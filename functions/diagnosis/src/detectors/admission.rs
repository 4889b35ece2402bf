//! Pods that are never made: the API server refuses them for a quota, a limit, a permission or a policy. The controller says why,
//! on the workload or in an event.

use std::sync::LazyLock;

use incident::{Cause, Fact, Finding, Object, ObjectKind};
use regex::Regex;

use crate::scene::Scene;
use crate::suspect::{Report, Suspect};
use crate::words::sentence;

use super::pod_events::report_owner;

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static QUOTA: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"exceeded quota: ([A-Za-z0-9.-]{1,253})").expect("a valid pattern"));

/// What it costs a refusal not to be of what the alert names.
const ELSEWHERE: f64 = -1.0;

/// A refusal: who is refused, in whose words.
struct Refusal<'a> {
    finding: &'a Finding,
    owner: Object,
    note: String,
}

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    let mut told: Vec<(Cause, Object)> = Vec::new();
    for refusal in refusals(scene) {
        let Some(cause) = cause(&refusal.note) else { continue };
        let suspect = suspect(scene, &refusal, cause);
        let key = (suspect.cause, suspect.culprit.clone());
        if !told.contains(&key) {
            told.push(key);
            report.suspects.push(suspect);
        }
    }
}

fn refusals<'a>(scene: &Scene<'a>) -> Vec<Refusal<'a>> {
    let now = scene.now().as_second();
    let of_workloads = scene.workloads().filter(|(_, w)| w.ready < w.desired).filter_map(|(finding, w)| {
        Some(Refusal { finding, owner: finding.object.clone(), note: w.failure.clone()? })
    });
    let of_events = scene
        .events()
        .filter(|(f, e)| {
            e.reason.starts_with("Failed") && e.note.contains("forbidden")
                || e.note.contains("admission webhook")
                || e.note.contains("failed calling webhook")
                || (e.reason == "FailedCreate" && f.object.kind != ObjectKind::Pod)
        })
        .filter(|(f, e)| now - e.last.unwrap_or(f.at).as_second() < 3600)
        .map(|(finding, e)| Refusal { finding, owner: report_owner(scene, finding), note: e.note.clone() });
    of_workloads.chain(of_events).collect()
}

fn cause(note: &str) -> Option<Cause> {
    let note = note.to_lowercase();
    let bounds = [
        "maximum",
        "minimum",
        "must be less than or equal to",
        "limitrange",
        "limit range",
        "must specify limits",
    ];
    let over = note.contains("exceeded quota") || note.contains("failed quota");
    if over || note.contains("forbidden") && bounds.iter().any(|word| note.contains(word)) {
        Some(Cause::QuotaExceeded)
    } else if ["forbidden", "denied", "violates", "serviceaccount", "webhook"]
        .iter()
        .any(|w| note.contains(w))
    {
        Some(Cause::PermissionDenied)
    } else {
        None
    }
}

fn suspect(scene: &Scene<'_>, refusal: &Refusal<'_>, cause: Cause) -> Suspect {
    let owner = &refusal.owner;
    let id = refusal.finding.id.as_str();
    let quota = (cause == Cause::QuotaExceeded).then(|| limit(scene, refusal)).flatten();
    let culprit = quota.as_ref().map_or_else(|| owner.clone(), |(object, _)| object.clone());
    let text = format!("pods of {} are refused: {}", owner.name, refusal.note);
    let name = if cause == Cause::QuotaExceeded { "quota_refuses" } else { "api_server_refuses" };
    let mut suspect =
        Suspect::new(cause, culprit).with(name, 2.4, &text, &[id]).claim(sentence(&text), &[id]);
    if let Some((_, Some(seen))) = &quota {
        suspect = suspect.with("quota_seen", 0.6, &seen.summary, &[&seen.id]);
    }
    let short = scene.workloads().find(|(f, w)| f.object == *owner && w.ready < w.desired);
    if let Some((finding, w)) = short.filter(|(f, _)| f.id != refusal.finding.id) {
        let text = format!("{} of {} replicas of {} are ready", w.ready, w.desired, owner.name);
        suspect = suspect.with("workload_short_of_replicas", 0.5, text, &[&finding.id]);
    }
    match scene.concerns(owner) {
        Some(true) => {
            suspect.with("alert_names_it", 0.5, format!("the alert is about {}", owner.name), &[id])
        }
        Some(false) => suspect.with(
            "not_what_the_alert_names",
            if scene.beside(owner) { super::pods::BESIDE } else { ELSEWHERE },
            format!("{} is not what the alert is about", owner.name),
            &[id],
        ),
        None => suspect,
    }
}

/// The quota or limit range that refuses, and its finding where it was read.
fn limit<'a>(scene: &Scene<'a>, refusal: &Refusal<'_>) -> Option<(Object, Option<&'a Finding>)> {
    let namespace = refusal.owner.namespace.clone();
    let in_place = |f: &Finding| namespace.is_none() || f.object.namespace == namespace;
    if let Some(name) = QUOTA.captures(&refusal.note).map(|c| c[1].trim_end_matches(',').to_owned()) {
        let seen = scene
            .findings
            .iter()
            .map(|(f, _)| *f)
            .find(|f| matches!(f.fact, Fact::Quota(_)) && f.object.name == name && in_place(f));
        return Some((Object { kind: ObjectKind::ResourceQuota, namespace, name }, seen));
    }
    let mut ranges = scene.findings.iter().map(|(f, _)| *f);
    let seen = ranges.rfind(|f| matches!(f.fact, Fact::LimitRange(_)) && in_place(f))?;
    Some((seen.object.clone(), Some(seen)))
}
