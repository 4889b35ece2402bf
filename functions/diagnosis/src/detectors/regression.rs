//! Changes against symptoms: which change precedes the onset, touches what is affected and explains it; the others are
//! cleared, each with its true reason.

use incident::{Cause, Object, Source};

use crate::change::{Change, Deed, Order, Touch, code_of, when};
use crate::curve::Curve;
use crate::ranking::explains;
use crate::scene::Scene;
use crate::signals::Signal;
use crate::suspect::{BELOW_HIGH, MEDIUM, Report, Suspect};
use crate::words::{clock, sentence, span};

use super::pods::is_pod_cause;

/// How far a change stays below another explanation: further than what is called a second cause.
const RIVAL: f64 = 0.2;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    let suspects: Vec<&Change<'_>> = scene.changes.iter().filter(|c| c.is_suspect()).collect();
    for change in &scene.changes {
        let ids: Vec<&str> = change.evidence.iter().map(String::as_str).collect();
        if let Some(reason) = cleared(scene, change) {
            report.clear(None, change.object.clone(), reason, &ids);
        } else if let Some(reason) = explained_without(scene, change, report) {
            report.clear(None, change.object.clone(), reason, &ids);
        } else if let Some(suspect) = suspect(scene, change, suspects.len(), report) {
            report.suspects.push(suspect);
        }
    }
    unseen(scene, report);
}

/// What saturates may do so because of a change; where nobody who knows of changes was asked, that is not settled.
fn unseen(scene: &Scene<'_>, report: &mut Report) {
    let deployed = !scene.state.subject.workloads.is_empty();
    if !deployed || scene.read(Source::Kubernetes) || scene.read(Source::Datadog) {
        return;
    }
    let reason = "whether a rollout came before it was not seen";
    let brought = |s: &&mut Suspect| explains(Cause::RegressionByDeploy, s.cause);
    report.suspects.iter_mut().filter(brought).for_each(|s| s.caps.push((BELOW_HIGH, reason.to_owned())));
}

/// Faults of what everything stands on: no rollout of a service brings them about, and they bring its symptoms about themselves.
const OF_ITSELF: [Cause; 6] = [
    Cause::DatabaseStorage,
    Cause::DatabaseFailover,
    Cause::DatabaseMaintenance,
    Cause::NodeDown,
    Cause::InstanceFailure,
    Cause::ComponentDown,
];

/// A change after which nothing was seen that another, likely fault does not explain.
fn explained_without(scene: &Scene<'_>, change: &Change<'_>, report: &Report) -> Option<String> {
    let own = cause_of(change);
    let mut symptoms = report.suspects.iter().filter(|s| explains(own, s.cause)).peekable();
    symptoms.peek()?;
    let other =
        report.suspects.iter().find(|s| OF_ITSELF.contains(&s.cause) && s.strength(scene) >= MEDIUM)?;
    symptoms.all(|s| explains(other.cause, s.cause)).then(|| {
        let done = format!("{} was {} at {}", change.label, change.verb(), when(scene, change));
        format!("{done}, and {} of {} explains what was seen", other.cause.title(), other.culprit.name)
    })
}

fn cause_of(change: &Change<'_>) -> Cause {
    match change.deed {
        Deed::Database => Cause::ConfigurationChange,
        Deed::Rollout(_) | Deed::Deploy(_) => Cause::RegressionByDeploy,
    }
}

/// The change behind a leading cause: the newest rollout of that workload that came before the onset.
pub(crate) fn behind<'b, 'a>(scene: &'b Scene<'a>, culprit: &Object) -> Option<&'b Change<'a>> {
    scene.changes.iter().rev().find(|c| {
        matches!(c.deed, Deed::Rollout(_)) && c.object == *culprit && !matches!(c.order, Order::After(_))
    })
}

fn cleared(scene: &Scene<'_>, change: &Change<'_>) -> Option<String> {
    let done = format!("{} was {} at {}", change.label, change.verb(), when(scene, change));
    match (&change.order, &change.touch) {
        (Order::After(_), _) => Some(done),
        (_, Touch::No(reason)) => Some(format!("{done}, and {reason}")),
        _ => None,
    }
}

fn suspect(scene: &Scene<'_>, change: &Change<'_>, rivals: usize, report: &Report) -> Option<Suspect> {
    let cause = cause_of(change);
    // A container that cannot start names the fault better than the rollout that brought it.
    if report.suspects.iter().any(|s| is_pod_cause(s.cause) && s.culprit.name == change.object.name) {
        return None;
    }
    let symptoms: Vec<&Suspect> = report
        .suspects
        .iter()
        .filter(|s| explains(cause, s.cause) && s.cause != Cause::ReplicationLag)
        .collect();
    if symptoms.is_empty() {
        return None;
    }
    let ids: Vec<&str> = change.evidence.iter().map(String::as_str).collect();
    let mut suspect = stated(scene, Suspect::new(cause, change.object.clone()), change, &ids);
    suspect = timed(scene, suspect, change, &ids);
    suspect = touched(suspect, change, &ids);
    suspect = suspect.with_if(
        rivals == 1,
        "only_change_left",
        0.3,
        match change.order {
            Order::Before(_) if scene.seen_onset().is_some() => {
                "no other change both precedes the onset and touches what is affected"
            }
            _ => "no other change that may have come first touches what is affected",
        },
        &ids,
    );
    suspect = followed(suspect, &symptoms);
    suspect = traffic_unchanged(suspect, report);
    suspect = shown_by_diff(scene, suspect, change, &symptoms);
    suspect = discounted(suspect, change, &ids);
    suspect = rivalled(scene, suspect, &symptoms, report);
    Some(limited(scene, suspect, change))
}

/// More visitors, or the database's own upkeep, load it as a change would: beside one of these a change is not sure.
fn rivalled(scene: &Scene<'_>, suspect: Suspect, symptoms: &[&Suspect], report: &Report) -> Suspect {
    let rival = report.suspects.iter().find(|s| {
        matches!(s.cause, Cause::OrganicSurge | Cause::DdosL7 | Cause::DatabaseHousekeeping)
            && s.strength(scene) >= MEDIUM
            && symptoms.iter().any(|symptom| explains(s.cause, symptom.cause))
    });
    match rival {
        Some(rival) => {
            let why = format!("{} of {} explains it as well", rival.cause.title(), rival.culprit.name);
            suspect.capped((rival.strength(scene) - RIVAL).min(BELOW_HIGH), why)
        }
        None => suspect,
    }
}

fn timed(scene: &Scene<'_>, suspect: Suspect, change: &Change<'_>, ids: &[&str]) -> Suspect {
    let onset = scene.seen_onset().map(|o| o.evidence.as_str());
    let both: Vec<&str> = ids.iter().copied().chain(onset).collect();
    let text = format!("{} {} at {}", change.short(), change.verb(), when(scene, change));
    match change.order {
        Order::Before(seconds) => {
            let closeness = match seconds {
                ..=600 => 0.6,
                601..=1800 => 0.2,
                1801..=3600 => -0.3,
                _ => -0.9,
            };
            suspect.with("change_precedes_onset", 1.0, text, &both).with(
                "change_close_to_onset",
                closeness,
                format!("it came {} before the {}", span(seconds), scene.anchor()),
                &both,
            )
        }
        _ => suspect
            .with("change_at_onset", 0.1, text, &both)
            .capped(BELOW_HIGH, "which came first, change or onset, cannot be told"),
    }
}

fn touched(suspect: Suspect, change: &Change<'_>, ids: &[&str]) -> Suspect {
    match &change.touch {
        Touch::Yes(how) => {
            let text = match how.strip_prefix("it ") {
                Some(rest) => format!("{} {rest}", change.object.name),
                None => how.clone(),
            };
            suspect.with("change_touches_subject", 0.8, text, ids)
        }
        Touch::Unknown(why) | Touch::No(why) => {
            suspect.with("touch_unknown", -0.4, why, ids).capped(0.6, why)
        }
    }
}

/// The symptoms found, each seen by its own evidence: what the change would have to explain, and does.
fn followed(suspect: Suspect, symptoms: &[&Suspect]) -> Suspect {
    let ids: Vec<&str> = symptoms
        .iter()
        .flat_map(|s| s.features.first())
        .flat_map(|f| &f.evidence)
        .map(String::as_str)
        .collect();
    let titles: Vec<&str> = symptoms.iter().map(|s| s.cause.title()).collect();
    let weight = if symptoms.len() > 1 { 0.4 } else { 0.3 };
    suspect.with("symptoms_follow", weight, format!("it explains {}", listed(&titles)), &ids)
}

/// New load without new visitors comes from within.
fn traffic_unchanged(suspect: Suspect, report: &Report) -> Suspect {
    let cleared = report.cleared.iter().find(|r| r.cause == Some(Cause::OrganicSurge));
    match cleared {
        Some(ruled) => {
            let ids: Vec<&str> = ruled.evidence.iter().map(String::as_str).collect();
            suspect.with("traffic_unchanged", 0.3, format!("traffic did not grow: {}", ruled.reason), &ids)
        }
        None => suspect,
    }
}

fn shown_by_diff(scene: &Scene<'_>, suspect: Suspect, change: &Change<'_>, symptoms: &[&Suspect]) -> Suspect {
    let causes: Vec<Cause> = symptoms.iter().map(|s| s.cause).collect();
    let suspect = crate::mechanism::template(scene, suspect, change, &causes);
    match code_of(scene, change) {
        Some((finding, code)) => crate::mechanism::code(suspect, finding, code, symptoms),
        None => suspect,
    }
}

fn discounted(suspect: Suspect, change: &Change<'_>, ids: &[&str]) -> Suspect {
    match change.deed {
        Deed::Rollout(r) if r.restart_only => {
            suspect.with("restart_only", -1.2, "only a restart: no new code and no new configuration", ids)
        }
        Deed::Rollout(r) if r.is_rollback => {
            suspect.with("is_rollback", -1.0, "it returned to a version that ran before", ids)
        }
        Deed::Deploy(_) => suspect
            .with("rollout_not_seen", -0.3, "only a deploy event tells of it", ids)
            .capped(BELOW_HIGH, "the rollout itself was not seen"),
        _ => suspect,
    }
}

fn limited(scene: &Scene<'_>, suspect: Suspect, change: &Change<'_>) -> Suspect {
    let series =
        scene.onset.as_ref().is_some_and(|o| scene.curves.iter().any(|c| c.finding.id == o.evidence));
    let mut suspect = suspect;
    if !scene.read(Source::Kubernetes) && !matches!(change.deed, Deed::Database) {
        suspect = suspect.capped(BELOW_HIGH, "Kubernetes could not be read");
    }
    if !series && !scene.state.subject.databases.is_empty() {
        suspect = suspect.capped(BELOW_HIGH, "no series shows when it began");
    }
    suspect
}

fn stated(scene: &Scene<'_>, suspect: Suspect, change: &Change<'_>, ids: &[&str]) -> Suspect {
    let own = scene.onset.as_ref().and_then(|o| scene.curves.iter().find(|c| c.finding.id == o.evidence));
    let done = format!("{} was {} at {}", change.label, change.verb(), clock(change.at, scene.now()));
    let suspect = match (change.order, own) {
        (Order::Before(seconds), Some(curve)) => {
            let mut both = ids.to_vec();
            both.push(curve.id());
            let began = if curve.worsened().is_some_and(|s| !s.rose()) { "fall" } else { "climb" };
            let sentence = format!(
                "{done}, {} before {} of {} began to {began}.",
                span(seconds),
                curve.meaning.noun,
                curve.finding.object.name
            );
            suspect.claim(sentence, &both)
        }
        (Order::Before(seconds), None) => {
            suspect.claim(format!("{done}, {} before the {}.", span(seconds), scene.anchor()), ids)
        }
        _ => suspect.claim(format!("{done}."), ids),
    };
    moved(scene, suspect, own)
}

/// What moved, in one sentence: the alert's own series, and the connections of the database against their limit.
fn moved(scene: &Scene<'_>, suspect: Suspect, own: Option<&Curve<'_>>) -> Suspect {
    let name = scene.state.subject.databases.first();
    let connections = name.and_then(|name| {
        let curve = scene.curve_of(Signal::DatabaseConnections, name).filter(|c| c.worsened().is_some())?;
        let (limit, id) = super::database::max_connections(scene, name)?;
        Some((curve, format!("{} of {}", curve.told(), curve.meaning.say(limit)), id))
    });
    let own = own.filter(|o| connections.as_ref().is_none_or(|(c, ..)| c.meaning.signal != o.meaning.signal));
    let mut told: Vec<String> = own.map(Curve::told).into_iter().collect();
    let mut ids: Vec<&str> = own.map(Curve::id).into_iter().collect();
    if let Some((curve, text, limit)) = &connections {
        // The second half of a sentence about one database need not name it again.
        let same = own.is_some_and(|o| o.finding.object == curve.finding.object);
        let of = format!(" of {}", curve.finding.object.name);
        told.push(if same { text.replacen(&of, "", 1) } else { text.clone() });
        ids.extend([curve.id(), limit.as_str()]);
    }
    if told.is_empty() { suspect } else { suspect.claim(format!("{}.", sentence(&told.join(", "))), &ids) }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
