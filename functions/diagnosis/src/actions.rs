//! The actions that follow from evidence alone, in safety order. What knowledge adds is in `recommend`.

use incident::{Action, Cause, ProposedAction};

use crate::change::Deed;
use crate::detectors::behind;
use crate::scene::Scene;
use crate::suspect::{MEDIUM, Suspect};

/// Storage is grown by a fifth: RDS takes no step below a tenth, and a fifth outlasts the night.
const GROWTH: f64 = 1.2;

/// The actions for a leading cause; none where it is not at least MEDIUM.
pub(crate) fn actions(scene: &Scene<'_>, lead: &Suspect) -> Vec<ProposedAction> {
    if lead.confidence(scene) < MEDIUM {
        return Vec::new();
    }
    roll_back(scene, lead).into_iter().chain(mend(scene, lead)).collect()
}

fn roll_back(scene: &Scene<'_>, lead: &Suspect) -> Option<ProposedAction> {
    let by_rollout = matches!(
        lead.cause,
        Cause::RegressionByDeploy
            | Cause::ImagePull
            | Cause::CrashLoop
            | Cause::ConfigMissing
            | Cause::OutOfMemory
            | Cause::ProbeFailure
            | Cause::RolloutStuck
    );
    let change = behind(scene, &lead.culprit).filter(|_| by_rollout)?;
    let Deed::Rollout(rollout) = change.deed else { return None };
    let known = rollout.previous_revision.is_some() || rollout.previous_version.is_some();
    let began = lead.cause == Cause::RegressionByDeploy
        || lead.cause == Cause::RolloutStuck
        || lead.has("began_with_rollout");
    if !known || !began || rollout.restart_only || rollout.is_rollback {
        return None;
    }
    let reverts = rollout
        .managed_by
        .as_deref()
        .map(|by| format!("; {by} manages it and would revert a manual undo, so change its source too"));
    // The same version twice names no place to return to: the revision does.
    let to_version = rollout.previous_version.clone().filter(|_| !rollout.same_version());
    let to = match (&to_version, rollout.previous_revision) {
        (Some(version), _) => version.clone(),
        (None, Some(revision)) => format!("revision {revision}"),
        (None, None) => "the previous revision".to_owned(),
    };
    let anchor = scene.anchor();
    Some(ProposedAction {
        action: Action::RollBack {
            workload: change.object.clone(),
            to_revision: rollout.previous_revision,
            from_version: Some(rollout.version.clone()),
            to_version,
        },
        reason: format!("{to} ran before the {anchor}{}", reverts.unwrap_or_default()),
        evidence: change.evidence.clone(),
        passages: Vec::new(),
    })
}

fn mend(scene: &Scene<'_>, lead: &Suspect) -> Option<ProposedAction> {
    let evidence: Vec<String> = lead.features.iter().flat_map(|f| f.evidence.clone()).take(3).collect();
    let (action, reason) = match lead.cause {
        Cause::DatabaseConnections
            if lead.has("sessions_idle") && scene.may_be_postgres(&lead.culprit.name) =>
        {
            (
                Action::TerminateIdleSessions { database: lead.culprit.clone() },
                "idle client sessions hold the connections; the clients that leak them need a fix",
            )
        }
        Cause::DatabaseStorage => {
            let allocated = scene.findings.iter().find_map(|(f, _)| match &f.fact {
                incident::Fact::DatabaseInstance(i) if f.object == lead.culprit => i.storage_gib,
                _ => None,
            })?;
            let gib = u32::try_from(allocated).ok().map(|gib| (f64::from(gib) * GROWTH).ceil() as u32)?;
            (Action::GrowStorage { database: lead.culprit.clone(), gib }, "the storage is used up")
        }
        _ => return None,
    };
    Some(ProposedAction { action, reason: reason.to_owned(), evidence, passages: Vec::new() })
}
