//! Databases: storage, disk throughput and memory.

use incident::{Cause, Object, ObjectKind};

use crate::scene::Scene;
use crate::signals::{Bad, Signal};
use crate::suspect::{Report, Suspect};
use crate::words::{clock, percent};

use super::database::{common, events, instances, rise_sentence};

/// AWS's recommended alarm for free storage: a tenth of what is allocated.
const STORAGE_LOW: f64 = 0.1;
/// From this share of free storage on, storage is no concern.
const STORAGE_AMPLE: f64 = 0.2;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    for name in scene.databases() {
        storage(scene, report, &name);
        throughput(scene, report, &name);
        memory(scene, report, &name);
    }
}

/// Free storage that fell to this share of what was free, and lies below so many bytes, is about to end.
const SHRUNK: f64 = 0.1;
const SCARCE: f64 = 5.0 * (1_u64 << 30) as f64;

fn object(name: &str) -> Object {
    Object::new(ObjectKind::DatabaseInstance, name)
}

fn storage(scene: &Scene<'_>, report: &mut Report, name: &str) {
    let mut suspect = Suspect::new(Cause::DatabaseStorage, object(name));
    let full = |text: &str| {
        let text = text.to_lowercase();
        text.contains("ran out of storage")
            || text.contains("storage is critically low")
            || text.contains("storage-full")
    };
    if let Some((finding, event)) =
        events(scene).filter(|(f, e)| f.object.name == name && full(&e.message)).last()
    {
        let text = format!("RDS at {}: {}", clock(finding.at, scene.now()), event.message);
        suspect = suspect.with("vendor_reports_it", 2.4, &text, &[&finding.id]).claim(text, &[&finding.id]);
    }
    let instance = instances(scene).find(|(f, _)| f.object.name == name);
    if let Some((finding, _)) = instance.filter(|(_, i)| i.status == "storage-full") {
        suspect =
            suspect.with("status_storage_full", 2.5, "the instance's status is storage-full", &[&finding.id]);
    }
    let allocated = instance
        .and_then(|(_, i)| i.storage_gib)
        .filter(|gib| *gib > 0)
        .map(|gib| gib as f64 * f64::from(1 << 30));
    if let (Some(curve), Some(allocated)) = (scene.curve_of(Signal::FreeStorage, name), allocated) {
        let share = curve.now() / allocated;
        let said =
            format!("{} of storage is free on {name} ({})", curve.meaning.say(curve.now()), percent(share));
        if share < STORAGE_LOW {
            suspect = suspect.with("storage_low", 1.8, &said, &[curve.id()]).claim(said, &[curve.id()]);
        } else if share >= STORAGE_AMPLE && suspect.features.is_empty() {
            return report.clear(Some(Cause::DatabaseStorage), object(name), said, &[curve.id()]);
        }
    }
    // How much it has in all may not be known: then what was free at the window's beginning tells.
    let shrunk = scene.curve_of(Signal::FreeStorage, name).filter(|c| {
        let had = c.series.max * c.meaning.scale(c.series);
        allocated.is_none() && c.now() < SHRUNK * had && c.now() < SCARCE
    });
    if let Some(curve) = shrunk {
        suspect = suspect
            .with("storage_low", 1.8, curve.told(), &[curve.id()])
            .claim(rise_sentence(scene, curve), &[curve.id()]);
    }
    if !suspect.features.is_empty() {
        report.suspects.push(suspect);
    }
}

fn throughput(scene: &Scene<'_>, report: &mut Report, name: &str) {
    let signals = [Signal::DiskQueue, Signal::WriteLatency, Signal::ReadLatency, Signal::BurstBalance];
    let curves: Vec<_> = signals.iter().filter_map(|s| scene.curve_of(*s, name)).collect();
    let beyond: Vec<_> = curves
        .iter()
        .filter(|c| c.meaning.limit.is_some_and(|limit| c.meaning.beyond(c.now(), limit)))
        .filter(|c| c.worsened().is_some() || c.meaning.bad == Bad::Low)
        .collect();
    let Some(worst) = beyond.first() else {
        let said: Vec<_> =
            curves.iter().map(|c| format!("{} {}", c.meaning.noun, c.meaning.say(c.newest()))).collect();
        let ids: Vec<&str> = curves.iter().map(|c| c.id()).collect();
        let quiet = curves.iter().all(|c| c.worsened().is_none_or(|s| s.over));
        if !curves.is_empty() && quiet {
            report.clear(Some(Cause::DatabaseIo), object(name), said.join(", "), &ids);
        }
        return;
    };
    let mut suspect =
        Suspect::new(Cause::DatabaseIo, object(name)).claim(rise_sentence(scene, worst), &[worst.id()]);
    for curve in &beyond {
        let text = format!("{} of {name} is at {}", curve.meaning.noun, curve.meaning.say(curve.now()));
        suspect = suspect.with("disk_saturated", 0.9, text, &[curve.id()]);
    }
    report.suspects.push(common(scene, suspect, worst));
}

fn memory(scene: &Scene<'_>, report: &mut Report, name: &str) {
    let Some(curve) = scene.curve_of(Signal::FreeMemory, name) else { return };
    let said = format!(
        "freeable memory of {name} is {} (before: {})",
        curve.meaning.say(curve.now()),
        curve.meaning.say(curve.before())
    );
    let halved = curve.worsened().is_some_and(|s| s.after < 0.5 * s.before);
    let swap = scene.curve_of(Signal::SwapUsage, name).filter(|c| c.worsened().is_some());
    match (halved, swap) {
        (true, Some(swap)) => report.suspects.push(
            Suspect::new(Cause::DatabaseMemory, object(name))
                .with("memory_halved", 0.9, &said, &[curve.id()])
                .with(
                    "swap_rose",
                    0.5,
                    format!("swap rose to {}", swap.meaning.say(swap.now())),
                    &[swap.id()],
                )
                .claim(said, &[curve.id()]),
        ),
        (false, _) if curve.worsened().is_none() => {
            let reason = format!(
                "{} are free (before: {})",
                curve.meaning.say(curve.newest()),
                curve.meaning.say(curve.stated_before())
            );
            report.clear(Some(Cause::DatabaseMemory), object(name), reason, &[curve.id()]);
        }
        _ => {}
    }
}
