//! Knowledge as features. They move ranks and confidence, never facts. A past incident speaks for the root it tells of, not
//! again for each symptom of that root.

use incident::{Cause, Passage};

use crate::calendar;
use crate::drift;
use crate::matches;
use crate::ranking::explains;
use crate::scene::Scene;
use crate::suspect::{Suspect, claim};
use crate::words::number;

/// Adds what knowledge says about each suspect.
pub(crate) fn weigh(scene: &Scene<'_>, suspects: &mut [Suspect]) {
    let others = suspects.to_vec();
    for suspect in suspects.iter_mut() {
        let past = matches::past_incident(scene, suspect, &others);
        let speaks_for_a_root = |passage: &Passage| {
            let roots = others.iter().filter(|root| explains(root.cause, suspect.cause));
            roots.filter_map(|root| matches::past_incident(scene, root, &others)).any(|p| p.id == passage.id)
        };
        if let Some(passage) = past.filter(|p| !speaks_for_a_root(p)) {
            let name = matches::incident_id(passage).unwrap_or_else(|| passage.title.clone());
            let text = format!("{name} had the same shape");
            suspect.add("past_incident_same_shape", 0.5, &text, &[], &[&passage.id]);
            // A title that begins with the incident's id says it again.
            let title = passage.title.strip_prefix(&name).unwrap_or(&passage.title);
            let title = title.trim_start_matches([':', '—', '–', '-', ' ']);
            let quoted = if title.is_empty() { String::new() } else { format!(": “{title}”") };
            suspect.claims.push(claim(format!("{text}{quoted}."), &[], &[&passage.id]));
        }
    }
    for suspect in suspects.iter_mut().filter(|s| s.cause == Cause::DatabaseConnections) {
        drifted(scene, suspect);
    }
    let Some(hit) = calendar::hit(scene) else { return };
    for suspect in suspects.iter_mut() {
        let weight = match suspect.cause {
            Cause::OrganicSurge => 0.8,
            Cause::DdosL7 => -0.4,
            Cause::RegressionByDeploy | Cause::HpaLimit => 0.2,
            _ => continue,
        };
        let began = if scene.seen_onset().is_some() { "it began" } else { "the alert fired" };
        let text = format!("{began} during {}", hit.says());
        suspect.add("calendar_hit", weight, &text, &[], &[&hit.passage.id]);
        if weight > 0.0 {
            suspect.claims.push(claim(
                format!("{}.", crate::words::sentence(&text)),
                &[],
                &[&hit.passage.id],
            ));
        }
    }
}

/// A limit below what is declared is itself a fault; one above it is worth a look.
fn drifted(scene: &Scene<'_>, suspect: &mut Suspect) {
    let Some((passage, finding, declared, live)) = drift::of_limit(scene, suspect, "max_connections") else {
        return;
    };
    let weight = if live < declared { 0.8 } else { 0.2 };
    let text = format!("Terraform declares max_connections = {}, live is {}", number(declared), number(live));
    suspect.add("live_differs_from_declared", weight, &text, &[&finding.id], &[&passage.id]);
    suspect.claims.push(claim(text, &[&finding.id], &[&passage.id]));
}
