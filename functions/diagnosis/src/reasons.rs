//! Why the leading cause is believed, and what limits that: a short line per topic, for people.

use incident::Source;
use incident::diagnosis::{Confidence, Feature, Reason};

use crate::scene::Scene;
use crate::suspect::{Suspect, level};
use crate::words::{line, sentence};

/// Topics that speak for it.
const MOST_FOR: usize = 6;
/// Lines that speak against it.
const MOST_AGAINST: usize = 4;

/// The confidence of the lead with its reasons: the weightiest feature of each topic, then what speaks against it, what limits
/// it, and which sources were not read.
pub(crate) fn confidence(scene: &Scene<'_>, lead: &Suspect) -> Confidence {
    let number = lead.confidence(scene);
    let mut features: Vec<&Feature> = lead.features.iter().collect();
    features.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    let mut told = Vec::new();
    features.retain(|feature| {
        let new = topic(&feature.name).is_none_or(|topic| !told.contains(&topic));
        told.extend(topic(&feature.name));
        new
    });
    let (supporting, doubts): (Vec<&Feature>, Vec<&Feature>) = features.into_iter().partition(|f| f.supports);
    let mut reasons: Vec<Reason> = supporting.into_iter().take(MOST_FOR).map(reason).collect();
    reasons.extend(doubts.into_iter().map(reason).chain(limits(scene, lead)).take(MOST_AGAINST));
    Confidence { level: level(number), number, reasons }
}

fn reason(feature: &Feature) -> Reason {
    let text = match topic(&feature.name) {
        Some(topic) => format!("{topic}: {}", feature.text),
        None => sentence(&feature.text),
    };
    Reason {
        supports: feature.supports,
        text: line(text),
        evidence: feature.evidence.clone(),
        passages: feature.passages.clone(),
    }
}

fn limits<'b>(scene: &'b Scene<'_>, lead: &'b Suspect) -> impl Iterator<Item = Reason> + 'b {
    // A limit that is also a feature was said already.
    let limits =
        lead.caps.iter().map(|(_, why)| why).filter(|why| lead.features.iter().all(|f| f.text != **why));
    let unread = Source::COLLECTED.into_iter().filter(|source| !scene.read(*source));
    let unread = unread.map(|source| format!("{} was not read", source.title()));
    limits.map(|why| sentence(why)).chain(unread).map(|text| Reason {
        supports: false,
        text: line(text),
        evidence: Vec::new(),
        passages: Vec::new(),
    })
}

/// What a feature is about; features of one topic say nearly the same, and one line of them is enough.
fn topic(feature: &str) -> Option<&'static str> {
    Some(match feature {
        "change_precedes_onset" | "change_close_to_onset" | "change_at_onset" => "Change correlation",
        "change_touches_subject" | "touch_unknown" => "Dependency",
        "source_shows_mechanism" | "diff_read" => "Source code",
        "template_shows_mechanism" => "Pod template",
        "symptoms_follow" => "Symptoms",
        "only_change_left" => "Alternatives",
        "traffic_unchanged" => "Traffic",
        "past_incident_same_shape" => "History",
        "calendar_hit" => "Calendar",
        _ => return None,
    })
}
