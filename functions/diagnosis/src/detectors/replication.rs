//! Databases: replicas that fall behind, failovers, maintenance.

use incident::Cause;
use incident::fact::DatabaseEvent;

use crate::scene::Scene;
use crate::signals::Signal;
use crate::suspect::{Report, Suspect};
use crate::words::{clock, span};

use super::database::{common, events, rise_sentence};

/// Below this many seconds a replica keeps up, where it did not fall behind in the window.
const LAG_IS_SMALL: f64 = 30.0;
/// How long before the onset a failover or maintenance can still be its cause, seconds.
const AFTERMATH: i64 = 15 * 60;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    lag(scene, report);
    interruptions(scene, report);
}

fn lag(scene: &Scene<'_>, report: &mut Report) {
    for curve in scene.curves_of(Signal::ReplicaLag) {
        let (name, now) = (&curve.finding.object.name, curve.now());
        let said = format!("replication lag of {name} is {}", curve.meaning.say(now));
        // A small lag that rose is a symptom: it neither leads nor is ruled out.
        let rose = curve.worsened().is_some_and(|shift| !shift.over);
        if now < LAG_IS_SMALL && !rose {
            let reason = format!("the replica is {} behind", curve.meaning.say(curve.newest()));
            report.clear(Some(Cause::ReplicationLag), curve.finding.object.clone(), reason, &[curve.id()]);
        } else if now >= 60.0 {
            let suspect = Suspect::new(Cause::ReplicationLag, curve.finding.object.clone())
                .with("replica_behind", 1.6, &said, &[curve.id()])
                .claim(rise_sentence(scene, curve), &[curve.id()]);
            report.suspects.push(common(scene, suspect, curve));
        }
    }
    let lagging = |e: &DatabaseEvent| {
        let text = e.message.to_lowercase();
        text.contains("lag") && text.contains("exceeded")
    };
    let told: Vec<_> = events(scene).filter(|(_, e)| lagging(e)).collect();
    let Some((finding, event)) = told.last() else { return };
    let text = format!("RDS at {}: {}", clock(finding.at, scene.now()), event.message);
    let replica = crate::change::mentions;
    match report.suspects.iter_mut().find(|s| {
        s.cause == Cause::ReplicationLag
            && (s.culprit == finding.object || replica(&event.message, &s.culprit.name))
    }) {
        Some(suspect) => suspect.add("vendor_reports_it", 0.8, text, &[&finding.id], &[]),
        None => report.suspects.push(
            Suspect::new(Cause::ReplicationLag, finding.object.clone())
                .with("vendor_reports_it", 2.4, &text, &[&finding.id])
                .claim(text, &[&finding.id]),
        ),
    }
}

/// Failovers and maintenance: a cause when they lie close before the onset, cleared with their distance when not.
fn interruptions(scene: &Scene<'_>, report: &mut Report) {
    let Some(onset) = &scene.onset else { return };
    for (word, cause) in [("failover", Cause::DatabaseFailover), ("maintenance", Cause::DatabaseMaintenance)]
    {
        let told: Vec<_> = events(scene)
            .filter(|(_, e)| e.categories.iter().any(|c| c.eq_ignore_ascii_case(word)))
            .collect();
        let Some((finding, event)) = told.last() else { continue };
        let gap = onset.at.as_second() - finding.at.as_second();
        let at = clock(finding.at, scene.now());
        if (-120..=AFTERMATH).contains(&gap) {
            let text = format!("RDS at {at}: {}", event.message);
            report.suspects.push(
                Suspect::new(cause, finding.object.clone())
                    .with("vendor_reports_it", 1.8, &text, &[&finding.id])
                    .with(
                        "close_to_onset",
                        0.8,
                        format!("{} from the {}", span(gap), scene.anchor()),
                        &[&finding.id],
                    )
                    .claim(text, &[&finding.id]),
            );
        } else {
            let side = if gap > 0 { "before" } else { "after" };
            let anchor = scene.anchor();
            let reason = format!("the last {word} event was at {at}, {} {side} the {anchor}", span(gap));
            report.clear(Some(cause), finding.object.clone(), reason, &[&finding.id]);
        }
    }
}
