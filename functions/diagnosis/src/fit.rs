//! Keeps a diagnosis within its byte budget: the least telling goes first, what leads is never cut.

use incident::diagnosis::{Moment, MomentKind};
use incident::{Diagnosis, size};

/// Kept free for `took_ms` and the like.
const RESERVE: usize = 256;

/// Cuts, step by step, until the diagnosis fits [`size::DIAGNOSIS`].
pub(crate) fn fit(mut diagnosis: Diagnosis) -> Diagnosis {
    let steps: [fn(&mut Diagnosis); 9] = [
        |d| d.hypotheses.iter_mut().skip(1).for_each(|h| h.features.truncate(3)),
        |d| d.missing.truncate(6),
        |d| shorten(&mut d.timeline, 14),
        |d| d.hypotheses.truncate(4),
        |d| d.hypotheses.iter_mut().skip(1).for_each(|h| h.features.truncate(2)),
        |d| shorten(&mut d.timeline, 10),
        |d| d.hypotheses.iter_mut().for_each(|h| h.features.truncate(8)),
        // The losers are what an engineer would otherwise go and check: they go late.
        |d| d.ruled_out.truncate(12),
        |d| d.ruled_out.truncate(8),
    ];
    let fits = |d: &Diagnosis| size::of(d) + RESERVE <= size::DIAGNOSIS;
    for step in steps {
        if fits(&diagnosis) {
            return diagnosis;
        }
        step(&mut diagnosis);
    }
    // Names and ids can be of any length: drop whole entries rather than exceed the budget.
    while !fits(&diagnosis) {
        let dropped = diagnosis.ruled_out.pop().is_some()
            || diagnosis.timeline.pop().is_some()
            || diagnosis.missing.pop().is_some()
            || diagnosis.matches.pop().is_some()
            || diagnosis.root_cause.pop().is_some()
            || diagnosis.confidence.reasons.pop().is_some()
            || diagnosis.actions.pop().is_some();
        if !dropped {
            return Diagnosis::inconclusive("The diagnosis does not fit its byte budget.");
        }
    }
    diagnosis
}

/// Changes, the onset and the alert are the story: symptoms go first, the latest of them before the others.
fn shorten(timeline: &mut Vec<Moment>, most: usize) {
    while timeline.len() > most {
        let symptom = timeline.iter().rposition(|moment| moment.kind == MomentKind::Symptom);
        timeline.remove(symptom.unwrap_or(timeline.len() - 1));
    }
}
