//! The order of work: scene, detectors, knowledge, ranking, and the document that comes out.

use incident::analysis::Claim;
use incident::diagnosis::{Hypothesis, MomentKind, RuledOut};
use incident::{Diagnosis, Level, ProposedAction, Source, State, Verdict};

use crate::scene::Scene;
use crate::suspect::{Suspect, level};
use crate::words::line;
use crate::{
    actions, calendar, calm, detectors, fit, matches, missing, ranking, reasons, recommend, timeline, weigh,
};

/// Hypotheses, features of one, losers and claims that are kept.
const MOST_HYPOTHESES: usize = 6;
const MOST_FEATURES: usize = 10;
const MOST_RULED_OUT: usize = 14;
const MOST_CLAIMS: usize = 6;

/// Evidence, and knowledge where `with_knowledge`, to a diagnosis.
pub(crate) fn examine(state: &State, with_knowledge: bool) -> Diagnosis {
    if state.evidence.is_empty() {
        return Diagnosis::inconclusive("No source was read.");
    }
    let scene = Scene::new(state, state.knowledge.as_ref().filter(|_| with_knowledge));
    let Judged { suspects, leading, cleared, verdict } = judge(&scene);
    let ruled_out = losers(&scene, cleared, &suspects, &verdict);
    let mut diagnosis = Diagnosis {
        onset: scene.seen_onset().filter(|_| !matches!(verdict, Verdict::Healthy { .. })).cloned(),
        timeline: timeline::timeline(&scene),
        missing: missing::missing(&scene),
        ruled_out,
        ..Diagnosis::inconclusive("")
    };
    if matches!(verdict, Verdict::Causes { .. }) {
        state_causes(&scene, &mut diagnosis, &suspects, leading);
    }
    diagnosis.verdict = verdict;
    diagnosis.simple = simple(&scene, &diagnosis);
    fit::fit(diagnosis)
}

/// The suspect that leads, and its strength; `None` where nothing is blamed.
pub(crate) fn lead(state: &State, with_knowledge: bool) -> Option<(Suspect, f64)> {
    if state.evidence.is_empty() {
        return None;
    }
    let scene = Scene::new(state, state.knowledge.as_ref().filter(|_| with_knowledge));
    let judged = judge(&scene);
    let blamed = matches!(judged.verdict, Verdict::Causes { .. });
    let lead = judged.suspects.into_iter().next().filter(|_| blamed)?;
    let strength = lead.strength(&scene);
    Some((lead, strength))
}

/// The suspects ranked, the first `leading` of which lead, and what follows.
struct Judged {
    suspects: Vec<Suspect>,
    leading: usize,
    cleared: Vec<RuledOut>,
    verdict: Verdict,
}

fn judge(scene: &Scene<'_>) -> Judged {
    let report = detectors::detect(scene);
    let mut suspects = report.suspects;
    if scene.knowledge.is_some() {
        weigh::weigh(scene, &mut suspects);
    }
    let leading = ranking::rank(scene, &mut suspects);
    let verdict = calm::verdict(scene, &suspects, leading);
    Judged { suspects, leading, cleared: report.cleared, verdict }
}

fn state_causes(scene: &Scene<'_>, diagnosis: &mut Diagnosis, suspects: &[Suspect], leading: usize) {
    let Some(lead) = suspects.first() else { return };
    diagnosis.hypotheses =
        suspects.iter().take(MOST_HYPOTHESES).enumerate().map(|(i, s)| hypothesis(scene, i, s)).collect();
    diagnosis.root_cause = claims(&suspects[..leading]);
    diagnosis.confidence = reasons::confidence(scene, lead);
    let mut proposed: Vec<ProposedAction> =
        suspects[..leading].iter().flat_map(|s| actions::actions(scene, s)).collect();
    if scene.knowledge.is_some() {
        diagnosis.matches = matches::matches(scene, lead, suspects);
        proposed.extend(recommend::actions(scene, lead, suspects, &diagnosis.matches));
        diagnosis.timeline.extend(calendar::hit(scene).map(|hit| {
            let object = calm::subject_object(scene);
            timeline::moment(scene, hit.from, 0, MomentKind::Calendar, object, hit.says(), Vec::new())
        }));
        diagnosis.timeline.sort_by_key(|m| m.at);
    }
    proposed.retain(|p| scene.state.subject.allows(&p.action));
    proposed.sort_by_key(|p| p.action.safety());
    diagnosis.actions = proposed;
}

/// What is said of the causes that lead: each has its share of the sentences, and none is said twice.
fn claims(leading: &[Suspect]) -> Vec<Claim> {
    let share = MOST_CLAIMS.div_ceil(leading.len().max(1)).max(2);
    let mut told: Vec<Claim> = Vec::new();
    for suspect in leading {
        let new: Vec<&Claim> =
            suspect.claims.iter().filter(|c| told.iter().all(|known| known.text != c.text)).collect();
        told.extend(new.into_iter().take(share).cloned());
    }
    told.truncate(MOST_CLAIMS);
    told
}

fn hypothesis(scene: &Scene<'_>, place: usize, suspect: &Suspect) -> Hypothesis {
    let confidence = suspect.confidence(scene);
    let mut features = suspect.features.clone();
    features.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    features.truncate(MOST_FEATURES);
    Hypothesis {
        id: format!("h{}", place + 1),
        cause: suspect.cause,
        category: suspect.cause.category(),
        culprit: suspect.culprit.clone(),
        level: level(confidence),
        confidence,
        features,
    }
}

/// The examined losers; where all is well, the weak suspects are losers too.
fn losers(
    scene: &Scene<'_>,
    cleared: Vec<RuledOut>,
    suspects: &[Suspect],
    verdict: &Verdict,
) -> Vec<RuledOut> {
    let mut losers = cleared;
    if let Verdict::Healthy { reason } = verdict {
        losers.extend(suspects.iter().map(|s| RuledOut {
            cause: Some(s.cause),
            object: s.culprit.clone(),
            reason: line(reason),
            evidence: s.features.iter().flat_map(|f| f.evidence.clone()).take(3).collect(),
        }));
    }
    // Cleared changes first: they are what an engineer would blame; then what is about the subject.
    losers.sort_by_key(|r| (r.cause.is_some(), scene.concerns(&r.object) == Some(false)));
    losers.dedup_by(|a, b| a.cause == b.cause && a.object == b.object);
    losers.truncate(MOST_RULED_OUT);
    losers
}

/// Triage suffices where one cause leads, is HIGH, sits on an object that the alert itself names, and every source was read.
/// A cause on another object than the alert's took correlation, and deserves the deeper look.
fn simple(scene: &Scene<'_>, diagnosis: &Diagnosis) -> bool {
    let alert = &scene.state.alert;
    let mut leading = diagnosis.leading();
    let (Some(lead), None) = (leading.next(), leading.next()) else { return false };
    let named = alert
        .scope
        .iter()
        .chain(&alert.tags)
        .any(|tag| tag.split_once(':').is_some_and(|(_, v)| v == lead.culprit.name))
        || crate::change::mentions(&alert.title, &lead.culprit.name);
    let all_read = Source::COLLECTED.into_iter().all(|source| scene.read(source));
    named && all_read && lead.level == Level::High
}
