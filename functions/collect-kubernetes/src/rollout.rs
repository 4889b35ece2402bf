//! What rolled out, when it began, and what it changed.
//!
//! A rollback uses an old revision again under a new number, so a revision's age is the rollout's time only for a template never
//! seen before.

use incident::evidence::Observation;
use incident::fact::{Rollout, TemplateDiff};
use incident::{Fact, Object, ObjectKind};
use jiff::Timestamp;

use crate::moment::clock;
use crate::revision::Revisions;
use crate::wire::{Meta, Workload, condition};
use crate::world::{World, object};
use crate::{began, template};

/// Changes shown of one template; images come first.
const MAX_CHANGES: usize = 20;
/// Annotations and labels of the controllers that would revert a manual undo. Flux runs Helm, so it is asked first.
const MANAGERS: [(&str, &str); 4] = [
    ("argocd.argoproj.io/", "argocd"),
    ("kustomize.toolkit.fluxcd.io/", "flux"),
    ("helm.toolkit.fluxcd.io/", "flux"),
    ("meta.helm.sh/", "helm"),
];

/// The revision of a workload that runs now.
pub(crate) struct Current<'a> {
    pub object: Object,
    /// When it began to roll out, as best known.
    pub at: Timestamp,
    pub rollout: Rollout,
    /// What it changed; `None` when there is nothing to compare it with, or nothing differs.
    pub diff: Option<TemplateDiff>,
    /// How many changes [`MAX_CHANGES`] left out.
    pub changes_left_out: usize,
    workload: &'a Workload,
}

/// The revision that runs now. `None` when nothing recorded tells: no owned revision, or no time.
pub(crate) fn current<'a>(kind: ObjectKind, workload: &'a Workload, world: &World) -> Option<Current<'a>> {
    let revisions = Revisions::of(kind, workload, world)?;
    let finished_at = began::finished(workload);
    let (at, time_source) = began::began(kind, workload, &revisions, world, finished_at)?;
    let name = &workload.metadata.name;
    let now = revisions.current().template();
    let before = revisions.previous().map(|previous| (previous.number, previous.template()));
    let compared = before.as_ref().map(|(_, before)| template::compare(before, &now));
    let rollout = Rollout {
        revision: Some(revisions.current().number),
        previous_revision: before.as_ref().map(|(number, _)| *number),
        version: template::version(&now, name)?,
        previous_version: before.as_ref().and_then(|(_, before)| template::version(before, name)),
        finished_at,
        time_source,
        restart_only: compared.as_ref().is_some_and(|compared| compared.restart_only),
        is_rollback: revisions.is_rollback(),
        images: before.as_ref().map_or_else(Vec::new, |(_, before)| template::image_changes(before, &now)),
        managed_by: managed_by(&workload.metadata),
    };
    let mut changes = compared.map(|compared| compared.changes).unwrap_or_default();
    let changes_left_out = changes.len().saturating_sub(MAX_CHANGES);
    changes.truncate(MAX_CHANGES);
    let diff = (!changes.is_empty()).then_some(TemplateDiff {
        from_revision: rollout.previous_revision,
        to_revision: rollout.revision,
        changes,
    });
    let object = object(kind, workload.metadata.namespace.as_deref(), name);
    Some(Current { object, at, rollout, diff, changes_left_out, workload })
}

impl Current<'_> {
    /// The rollout, and what it changed.
    pub(crate) fn observe(&self, as_of: Timestamp) -> Vec<Observation> {
        let diff = self.diff.as_ref().map(|diff| {
            let paths: Vec<&str> = diff.changes.iter().map(|change| change.path.as_str()).collect();
            let revision = diff.to_revision.unwrap_or_default();
            let summary = format!("{}: revision {revision} changed {}", self.object, paths.join(", "));
            Observation::new(self.at, self.object.clone(), summary, Fact::TemplateDiff(diff.clone()))
        });
        let fact = Fact::Rollout(self.rollout.clone());
        let mut rollout = Observation::new(self.at, self.object.clone(), self.summary(as_of), fact);
        rollout.until = self.rollout.finished_at.filter(|finished| *finished > self.at);
        [Some(rollout), diff].into_iter().flatten().collect()
    }

    fn summary(&self, as_of: Timestamp) -> String {
        let Rollout { version, previous_version, .. } = &self.rollout;
        let revision = self.rollout.revision.unwrap_or_default();
        let at = clock(self.at, as_of);
        let object = &self.object;
        let before = match (previous_version, self.rollout.previous_revision) {
            (Some(version), Some(revision)) => format!("{version} (revision {revision})"),
            (_, Some(revision)) => format!("revision {revision}"),
            _ => "nothing known".to_owned(),
        };
        let mut text = if self.rollout.restart_only {
            format!("{object}: restarted at {at} (revision {revision}), still {version}")
        } else if self.rollout.is_rollback {
            format!("{object}: rolled back to {version} (revision {revision}) at {at}, from {before}")
        } else if previous_version.as_ref() == Some(version) {
            format!("{object}: revision {revision} rolled out at {at} with changed settings, still {version}")
        } else {
            format!("{object}: {version} (revision {revision}) rolled out at {at}, before it {before}")
        };
        match (self.rollout.finished_at, progress(self.workload)) {
            (Some(finished), _) => text += &format!(", finished {}", clock(finished, as_of)),
            (None, Some(reason)) => text += &format!(", not finished ({reason})"),
            (None, None) => {}
        }
        if let Some(manager) = &self.rollout.managed_by {
            text += &format!(", managed by {manager}");
        }
        text
    }
}

/// The `Progressing` condition's reason.
pub(crate) fn progress(workload: &Workload) -> Option<String> {
    condition(&workload.status.as_ref()?.conditions, "Progressing")?.reason.clone()
}

fn managed_by(meta: &Meta) -> Option<String> {
    let keys = || meta.annotations.keys().chain(meta.labels.keys());
    MANAGERS
        .iter()
        .find(|(prefix, _)| keys().any(|key| key.starts_with(prefix)))
        .map(|(_, manager)| (*manager).to_owned())
}

#[cfg(test)]
mod tests {
    use incident::fact::TimeSource;
    use serde_json::{Value, json};

    use super::*;

    const REVISION: &str = "deployment.kubernetes.io/revision";
    const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";

    fn at(time: &str) -> Timestamp {
        format!("2026-03-01T{time}Z").parse().unwrap()
    }

    fn deployment(revision: u32, progressing: &Value) -> Workload {
        let object = json!({
            "metadata": {"name": "checkout", "namespace": "shop", "uid": "d-1",
                "annotations": {REVISION: revision.to_string(), "meta.helm.sh/release-name": "checkout"}},
            "spec": {"replicas": 2}, "status": {"readyReplicas": 2, "conditions": [progressing]}});
        serde_json::from_value(object).unwrap()
    }

    fn finished_at(time: &str) -> Value {
        json!({"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
            "lastUpdateTime": format!("2026-03-01T{time}Z")})
    }

    fn replica_set(name: &str, revision: u32, created: &str, image: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "shop", "creationTimestamp": created,
                "ownerReferences": [{"kind": "Deployment", "name": "checkout", "uid": "d-1"}],
                "annotations": {REVISION: revision.to_string()}},
            "spec": {"template": {"spec": {"containers": [{"name": "checkout", "image": image}]}}}})
    }

    fn two_revisions() -> Value {
        json!([
            replica_set("checkout-old", 41, "2026-02-01T00:00:00Z", "checkout:v1"),
            replica_set("checkout-new", 42, "2026-03-01T02:11:00Z", "checkout:v2")
        ])
    }

    fn world(sets: Value, events: Value, pods: Value) -> World {
        World {
            replica_sets: serde_json::from_value(sets).unwrap(),
            events: serde_json::from_value(events).unwrap(),
            pods: serde_json::from_value(pods).unwrap(),
            ..World::default()
        }
    }

    fn scaled(note: &str, time: &str) -> Value {
        json!({"regarding": {"kind": "Deployment", "name": "checkout", "namespace": "shop"}, "eventTime": null,
            "reason": "ScalingReplicaSet", "note": note,
            "deprecatedFirstTimestamp": format!("2026-03-01T{time}Z"), "deprecatedLastTimestamp": format!("2026-03-01T{time}Z")})
    }

    #[test]
    fn the_start_is_the_scaling_event_from_zero_and_not_a_later_scale_up() {
        let events = json!([
            scaled("Scaled up replica set checkout-new from 2 to 4", "02:13:00"),
            scaled("Scaled up replica set checkout-new from 0 to 2", "02:11:02"),
            scaled("Scaled up replica set checkout-old from 0 to 2", "02:12:00")
        ]);
        let deployment = deployment(42, &finished_at("02:12:30"));
        let world = world(two_revisions(), events, json!([]));
        let current = current(ObjectKind::Deployment, &deployment, &world).unwrap();
        assert_eq!((current.at, current.rollout.time_source), (at("02:11:02"), TimeSource::ScalingEvent));
        assert_eq!(current.rollout.previous_revision, Some(41));
        assert_eq!(current.rollout.finished_at, Some(at("02:12:30")));
        assert_eq!(
            current.observe(at("02:20:00"))[0].summary,
            "Deployment shop/checkout: v2 (revision 42) rolled out at 02:11, before it v1 (revision 41), finished 02:12, managed by helm"
        );
    }

    #[test]
    fn without_events_the_earliest_pod_of_the_new_replica_set_is_the_start_unless_it_was_replaced() {
        let pod = |time: &str| {
            json!({"metadata": {"name": "p", "namespace": "shop",
            "ownerReferences": [{"kind": "ReplicaSet", "name": "checkout-new"}]},
            "status": {"startTime": format!("2026-03-01T{time}Z")}})
        };
        let deployment = deployment(42, &finished_at("02:12:30"));
        let found = |pods| {
            let world = world(two_revisions(), json!([]), pods);
            let current = current(ObjectKind::Deployment, &deployment, &world).unwrap();
            (current.at, current.rollout.time_source)
        };
        assert_eq!(found(json!([pod("02:11:40"), pod("02:11:10")])), (at("02:11:10"), TimeSource::PodStart));
        assert_eq!(found(json!([pod("09:00:00")])), (at("02:11:00"), TimeSource::ReplicaSetCreation));
    }

    #[test]
    fn a_rollback_reuses_an_old_replica_set_and_its_age_is_not_the_rollouts_time() {
        let mut sets = json!([
            replica_set("checkout-new", 43, "2026-02-01T00:00:00Z", "checkout:v1"),
            replica_set("checkout-bad", 42, "2026-03-01T02:11:00Z", "checkout:v2")
        ]);
        sets[0]["metadata"]["annotations"][REVISION_HISTORY] = json!("41");
        let running = json!({"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
            "lastUpdateTime": "2026-03-01T02:30:00Z"});
        let deployment = deployment(43, &running);
        let world = world(sets, json!([]), json!([]));
        let current = current(ObjectKind::Deployment, &deployment, &world).unwrap();
        assert!(current.rollout.is_rollback);
        assert_eq!((current.at, current.rollout.finished_at), (at("02:30:00"), None));
        assert_eq!(current.rollout.previous_version.as_deref(), Some("v2"));
        assert!(
            current.observe(at("02:31:00"))[0].summary.contains("rolled back to v1 (revision 43) at 02:30")
        );
    }

    #[test]
    fn a_restart_changes_no_code() {
        let mut sets = two_revisions();
        sets[1]["spec"]["template"] = sets[0]["spec"]["template"].clone();
        sets[1]["spec"]["template"]["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/restartedAt": "2026-03-01T02:11:00Z"});
        let deployment = deployment(42, &finished_at("02:12:30"));
        let world = world(sets, json!([]), json!([]));
        let current = current(ObjectKind::Deployment, &deployment, &world).unwrap();
        assert!(current.rollout.restart_only && current.diff.is_none() && current.rollout.images.is_empty());
        assert!(current.observe(at("02:20:00"))[0].summary.contains("restarted at 02:11"));
    }

    #[test]
    fn the_manager_that_wrote_the_template_tells_the_start_and_a_scaler_does_not() {
        let mut deployment = deployment(42, &finished_at("02:12:30"));
        let entry = |time: &str, subresource: &str, fields: Value| {
            json!({"time": format!("2026-03-01T{time}Z"),
            "subresource": subresource, "fieldsV1": fields})
        };
        let template = json!({"f:spec": {"f:template": {"f:spec": {}}}});
        deployment.metadata.managed_fields = serde_json::from_value(json!([
            entry("02:10:58", "", template.clone()),
            entry("02:11:30", "scale", json!({"f:spec": {"f:replicas": {}}})),
            entry("02:40:00", "", template)
        ]))
        .unwrap();
        let mut sets = two_revisions();
        sets[1]["metadata"]["annotations"][REVISION_HISTORY] = json!("40");
        let world = world(sets, json!([]), json!([]));
        let current = current(ObjectKind::Deployment, &deployment, &world).unwrap();
        assert_eq!((current.at, current.rollout.time_source), (at("02:10:58"), TimeSource::ManagedFields));
    }

    #[test]
    fn replica_sets_of_another_deployment_and_no_replica_sets_at_all_are_no_rollout() {
        let mut sets = two_revisions();
        for set in sets.as_array_mut().unwrap() {
            set["metadata"]["ownerReferences"][0]["uid"] = json!("d-2");
        }
        let deployment = deployment(42, &finished_at("02:12:30"));
        assert!(current(ObjectKind::Deployment, &deployment, &world(sets, json!([]), json!([]))).is_none());
        assert!(current(ObjectKind::Deployment, &deployment, &World::default()).is_none());
    }
}
