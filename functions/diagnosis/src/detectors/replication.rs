//! Databases: replicas that fall behind, failovers, maintenance.

use incident::fact::DatabaseEvent;
use incident::{Cause, Object, ObjectKind};

use crate::scene::Scene;
use crate::signals::Signal;
use crate::suspect::{Report, Suspect};
use crate::words::{clock, span};

use super::database::{common, events, rise_sentence, whose};
use super::database_load::writer_and_reader;

/// Below this many seconds a replica keeps up, where it did not fall behind in the window.
const LAG_IS_SMALL: f64 = 30.0;
/// How long before the onset a failover or maintenance can still be its cause, seconds.
const AFTERMATH: i64 = 15 * 60;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    lag(scene, report);
    written_faster(scene, report);
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

/// What the primary writes: more WAL than the replica replays, and the statement that writes it. What only reads is independent.
fn written_faster(scene: &Scene<'_>, report: &mut Report) {
    let Some(primary) = scene.databases().first().cloned() else { return };
    let Some(index) = report.suspects.iter().position(|s| s.cause == Cause::ReplicationLag) else { return };
    let mut suspect = report.suspects.remove(index);
    for signal in [Signal::LogGeneration, Signal::WriteIops] {
        let rose = scene
            .curve_of(signal, &primary)
            .filter(|c| c.worsened().is_some_and(|s| !s.over && s.after >= 2.0 * s.before));
        if let Some(curve) = rose {
            let at = curve.worsened().map_or(curve.finding.at, |s| s.at);
            let text = format!("{} of {primary} rose since {}", curve.meaning.noun, clock(at, scene.now()));
            suspect = suspect
                .with("primary_writes_more", 0.6, &text, &[curve.id()])
                .claim(crate::words::sentence(&text), &[curve.id()]);
        }
    }
    if let Some((finding, writer, reader)) = writer_and_reader(scene, &primary) {
        if let Some(writer) = writer {
            let text = format!("{writer} writes WAL on {primary} faster than the replica replays it");
            suspect =
                suspect.with("one_statement_writes", 0.8, &text, &[&finding.id]).claim(text, &[&finding.id]);
            suspect = whose(scene, suspect, &primary);
        }
        if let Some(reader) = reader {
            let reason =
                format!("{reader} reads and writes no WAL: causally independent of the replication lag");
            report.clear(
                Some(Cause::DatabaseCpu),
                Object::new(ObjectKind::SqlStatement, incident::size::cut(&reader, 60)),
                reason,
                &[&finding.id],
            );
        }
    }
    report.suspects.push(suspect);
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
            let reason = if gap.abs() < 7200 {
                format!("the last {word} event was at {at}, {} {side} the {anchor}", span(gap))
            } else {
                format!("the last {word} event was at {at}, hours {side} the {anchor}")
            };
            report.clear(Some(cause), finding.object.clone(), reason, &[&finding.id]);
        }
    }
}
