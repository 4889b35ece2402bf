//! Changes, symptoms, onset and alert on one axis, oldest first, with signed offsets to the onset.

use incident::diagnosis::{Moment, MomentKind};
use incident::{Object, ObjectKind};

use crate::calm;
use crate::change::{self, Order};
use crate::scene::Scene;
use crate::words::{clock, line};

/// Entries kept; symptoms go before changes when there are more.
const MOST: usize = 20;
/// Symptoms this many seconds before the onset or more belong to another story.
const EARLIER: i64 = 6 * 3600;

pub(crate) fn timeline(scene: &Scene<'_>) -> Vec<Moment> {
    let mut moments = changes(scene);
    moments.extend(onset_and_alert(scene));
    let mut symptoms = symptoms(scene);
    symptoms.sort_by_key(|m| m.at);
    symptoms.truncate(MOST.saturating_sub(moments.len()));
    moments.extend(symptoms);
    moments.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.text.cmp(&b.text)));
    moments.truncate(MOST);
    moments
}

/// A moment with its offset to the onset, when one was seen.
pub(crate) fn moment(
    scene: &Scene<'_>,
    at: incident::Timestamp,
    uncertainty_s: u32,
    kind: MomentKind,
    object: Object,
    text: impl AsRef<str>,
    evidence: Vec<String>,
) -> Moment {
    let offset_s = scene.seen_onset().map(|onset| at.as_second() - onset.at.as_second());
    Moment { at, offset_s, uncertainty_s, kind, object, text: line(text), evidence }
}

fn changes(scene: &Scene<'_>) -> Vec<Moment> {
    // The newest changes matter most; a busy day may hold dozens.
    let newest = scene.changes.iter().rev().take(8);
    newest
        .map(|change| {
            let told = moment(
                scene,
                change.at,
                change.uncertainty_s,
                MomentKind::Change,
                change.object.clone(),
                format!("{} {}", change.label, change.verb()),
                change.evidence.clone(),
            );
            // Which came first cannot be told, so no figure may tell it.
            let offset_s = told.offset_s.filter(|_| change.order != Order::Unclear);
            Moment { offset_s, ..told }
        })
        .collect()
}

fn onset_and_alert(scene: &Scene<'_>) -> Vec<Moment> {
    let alert = &scene.state.alert;
    let monitor =
        Object::new(ObjectKind::Monitor, alert.monitor_id.clone().unwrap_or_else(|| alert.title.clone()));
    let mut moments = vec![moment(
        scene,
        alert.at,
        0,
        MomentKind::Alert,
        monitor,
        format!("alert: {}", alert.title),
        Vec::new(),
    )];
    if let Some(onset) = scene.seen_onset() {
        let curve = scene.curves.iter().find(|c| c.finding.id == onset.evidence);
        let text = match curve {
            Some(c) if c.worsened().is_some_and(|s| !s.rose()) => {
                format!("{} begins to fall", c.meaning.noun)
            }
            Some(c) => format!("{} begins to climb", c.meaning.noun),
            None => "the first failure is seen".to_owned(),
        };
        let object = curve.map_or_else(|| calm::subject_object(scene), |c| c.finding.object.clone());
        let evidence = vec![onset.evidence.clone()];
        moments.push(moment(scene, onset.at, onset.uncertainty_s, MomentKind::Onset, object, text, evidence));
    }
    moments
}

fn symptoms(scene: &Scene<'_>) -> Vec<Moment> {
    let onset = scene.onset.as_ref();
    let from = onset.map_or(i64::MIN, |o| o.at.as_second() - EARLIER);
    let decisive = onset.map(|o| o.evidence.as_str());
    let series =
        scene.curves.iter().filter(|c| Some(c.id()) != decisive && !scene.is_copied(c)).filter_map(|c| {
            let shift = c.worsened()?;
            let text = format!(
                "{} from {} to {}",
                c.meaning.noun,
                c.meaning.say(c.stated_before()),
                c.meaning.say(c.newest())
            );
            Some(moment(
                scene,
                shift.at,
                c.series.period_s,
                MomentKind::Symptom,
                c.finding.object.clone(),
                text,
                vec![c.finding.id.clone()],
            ))
        });
    let events = scene.events().filter(|(_, e)| e.severity == "Warning").filter_map(|(f, e)| {
        let text = format!("{} ({} times): {}", e.reason, e.count, e.note);
        Some(moment(scene, e.first?, 0, MomentKind::Symptom, f.object.clone(), text, vec![f.id.clone()]))
    });
    let logs = scene.logs().filter(|(_, l)| l.status == "error").map(|(f, l)| {
        let text = format!("{} error lines from {} on: {}", l.count, clock(l.first, scene.now()), l.pattern);
        moment(scene, l.first, 0, MomentKind::Symptom, f.object.clone(), text, vec![f.id.clone()])
    });
    let database = scene.findings.iter().filter_map(|(f, _)| match &f.fact {
        incident::Fact::DatabaseEvent(e) if !change_already(scene, &f.id) => Some(moment(
            scene,
            f.at,
            0,
            MomentKind::Symptom,
            f.object.clone(),
            &e.message,
            vec![f.id.clone()],
        )),
        _ => None,
    });
    series.chain(events).chain(logs).chain(database).filter(|m| m.at.as_second() >= from).collect()
}

fn change_already(scene: &Scene<'_>, id: &str) -> bool {
    scene.changes.iter().any(|c: &change::Change<'_>| c.evidence.iter().any(|e| e == id))
}
