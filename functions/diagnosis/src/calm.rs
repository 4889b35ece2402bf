//! When nothing is wrong now: healthy, recovered, flapping. Said only where it was seen, never where nothing could be seen.

use incident::diagnosis::Verdict;
use incident::{Fact, Object, ObjectKind, Source, Transition};

use crate::curve::Curve;
use crate::scene::Scene;
use crate::suspect::{MEDIUM, Suspect};
use crate::words::{clock, number};

/// A suspect this likely is no proof, but forbids to say that all is well.
const UNSETTLING: f64 = 0.4;

/// The verdict over the ranked suspects, the first `leading` of which lead.
pub(crate) fn verdict(scene: &Scene<'_>, suspects: &[Suspect], leading: usize) -> Verdict {
    let best = suspects.first().map_or(0.0, |s| s.strength(scene));
    let sure = best >= MEDIUM;
    if best < UNSETTLING
        && let Some(reason) = healthy(scene)
    {
        return Verdict::Healthy { reason };
    }
    if leading > 0 && (sure || !scene.state.evidence.is_empty()) {
        return Verdict::Causes { leading: (1..=leading).map(|n| format!("h{n}")).collect() };
    }
    Verdict::Inconclusive { reason: nothing_shown(scene) }
}

fn nothing_shown(scene: &Scene<'_>) -> String {
    let unread: Vec<&str> =
        Source::COLLECTED.into_iter().filter(|s| !scene.read(*s)).map(Source::title).collect();
    match unread.len() {
        0 => "What was read shows no failure and does not show that the alert's own signal is normal."
            .to_owned(),
        4 => "No source could be read.".to_owned(),
        _ => format!("What was read shows no cause; {} could not be read.", unread.join(", ")),
    }
}

/// Why all is well, where that was seen.
fn healthy(scene: &Scene<'_>) -> Option<String> {
    let calm = match scene.own_curve() {
        Some(curve) => Some(normal(scene, curve)?),
        // What the alert watches was not read: other series cannot stand in for it.
        None if scene.watched().is_some() => return None,
        None => None,
    };
    let workloads = workloads_ready(scene)?;
    let databases = databases_normal(scene);
    match (calm, workloads, databases) {
        (Some(calm), _, _) => Some(calm),
        // Pods that are ready may still fail every request: what they say of themselves must have been read, too.
        (None, Some(ready), _) if heard(scene) => Some(ready),
        (None, Some(_), _) => None,
        (None, None, Some(normal)) => Some(normal),
        (None, None, None) if scene.state.alert.transition == Transition::Recovered => {
            Some("Datadog reports that the monitor recovered.".to_owned())
        }
        _ => None,
    }
}

/// Whether errors would have been seen: Datadog was read, or a pod's own log.
fn heard(scene: &Scene<'_>) -> bool {
    scene.read(Source::Datadog) || scene.findings.iter().any(|(f, _)| matches!(f.fact, Fact::PodLog(_)))
}

/// The alert's own series is within its limits now.
fn normal(scene: &Scene<'_>, curve: &Curve<'_>) -> Option<String> {
    let meaning = curve.meaning;
    let stated = scene.state.alert.threshold.filter(|t| *t != 0.0);
    let limit = stated.or(meaning.limit);
    let now = curve.now();
    let beyond = limit.is_some_and(|limit| meaning.beyond(now, limit));
    let moved = curve.worsened().is_some_and(|s| !s.over) && limit.is_none();
    let doubted =
        limit.is_some_and(|l| scene.contradiction(curve, l).is_some() || scene.alert_is_newer(curve, l));
    if beyond || moved || doubted {
        return None;
    }
    let name = &curve.finding.object.name;
    let said = format!("{} of {name} is at {}", meaning.noun, meaning.say(now));
    let bound = limit.map(|l| format!(", within its limit of {}", meaning.say(l))).unwrap_or_default();
    let runs = limit.map_or(0, |limit| crossings(curve, limit));
    Some(match curve.worsened() {
        _ if runs >= 3 => {
            format!("{said}{bound}; it crossed the limit {runs} times in the window: the monitor flaps.")
        }
        Some(shift) => format!(
            "{said}{bound}, after it had reached {} from {} on.",
            meaning.say(curve.worst()),
            clock(shift.at, scene.now())
        ),
        None => format!("{said}{bound}, and did not move."),
    })
}

/// How often a series went beyond the limit and came back.
fn crossings(curve: &Curve<'_>, limit: f64) -> usize {
    let beyond: Vec<bool> = curve.series.points.iter().map(|p| curve.meaning.beyond(p.1, limit)).collect();
    beyond.windows(2).filter(|pair| !pair[0] && pair[1]).count()
}

/// `Some(None)` when no workload is concerned, `Some(reason)` when all concerned are ready, `None` when one is not.
#[expect(clippy::option_option, reason = "nothing to say, all ready, or not ready: three answers")]
fn workloads_ready(scene: &Scene<'_>) -> Option<Option<String>> {
    let concerned: Vec<_> =
        scene.workloads().filter(|(f, _)| scene.concerns(&f.object) != Some(false)).collect();
    if concerned.iter().any(|(_, w)| w.ready < w.desired) {
        return None;
    }
    let said: Vec<String> = concerned
        .iter()
        .take(3)
        .map(|(f, w)| format!("{} has {} of {} replicas ready", f.object.name, w.ready, w.desired))
        .collect();
    Some(
        (!said.is_empty())
            .then(|| format!("{}: normal, no pod fails and no failure was seen.", said.join(", "))),
    )
}

/// A database whose limits are kept and whose series did not move: for alerts that name no signal.
fn databases_normal(scene: &Scene<'_>) -> Option<String> {
    let names = &scene.state.subject.databases;
    let curves: Vec<_> = scene.curves.iter().filter(|c| names.contains(&c.finding.object.name)).collect();
    let limited: Vec<_> = curves.iter().filter(|c| c.meaning.limit.is_some()).collect();
    let kept = limited.iter().all(|c| c.meaning.limit.is_none_or(|limit| !c.meaning.beyond(c.now(), limit)));
    let series = curves.iter().filter(|c| !c.series.points.is_empty()).count();
    (kept && !limited.is_empty()).then(|| {
        let names = names.join(", ");
        format!("{} series of {names} are within normal bounds: no failure.", number(series as f64))
    })
}

/// The object a verdict is about where no suspect is: the first database, workload or zone of the subject.
pub(crate) fn subject_object(scene: &Scene<'_>) -> Object {
    let subject = &scene.state.subject;
    let database = subject.databases.first().map(|d| Object::new(ObjectKind::DatabaseInstance, d.clone()));
    database
        .or_else(|| subject.workloads.first().cloned())
        .or_else(|| subject.services.first().map(|s| Object::new(ObjectKind::Application, s.clone())))
        .or_else(|| subject.zone.as_ref().map(|z| Object::new(ObjectKind::Zone, z.clone())))
        .unwrap_or_else(|| {
            let monitor = scene.state.alert.monitor_id.clone();
            Object::new(ObjectKind::Monitor, monitor.unwrap_or_else(|| scene.state.alert.title.clone()))
        })
}
