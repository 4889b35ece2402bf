//! The revisions of a workload: ReplicaSets of a Deployment, ControllerRevisions of a StatefulSet or DaemonSet.
//!
//! Both belong to a workload by its uid in their owner references, and both are used again by a rollback, under a new number.

use incident::ObjectKind;
use jiff::Timestamp;
use serde_json::Value;

use crate::wire::{Meta, Pod, Text, Workload};
use crate::world::World;

const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// On a StatefulSet's pod the ControllerRevision's name, on a DaemonSet's the end of it.
const HASH: &str = "controller-revision-hash";

/// One revision.
pub(crate) struct Revision<'a> {
    pub number: u64,
    pub meta: &'a Meta,
    data: &'a Text,
    of: ObjectKind,
}

/// A workload's revisions, oldest first, and which of them it runs or is rolling out.
pub(crate) struct Revisions<'a> {
    owned: Vec<Revision<'a>>,
    current: usize,
}

impl<'a> Revisions<'a> {
    /// `None` where none is known.
    pub(crate) fn of(kind: ObjectKind, workload: &Workload, world: &'a World) -> Option<Self> {
        let uid = workload.metadata.uid.as_deref()?;
        let is_owned = |meta: &Meta| meta.owner_references.iter().any(|o| o.uid.as_deref() == Some(uid));
        let mut owned: Vec<Revision<'a>> = match kind {
            ObjectKind::Deployment => {
                let sets = world.replica_sets.iter().flatten().filter(|set| is_owned(&set.metadata));
                let read = sets.filter_map(|set| {
                    let number = number_of(&set.metadata)?;
                    Some(Revision { number, meta: &set.metadata, data: &set.spec.template, of: kind })
                });
                read.collect()
            }
            ObjectKind::StatefulSet | ObjectKind::DaemonSet => {
                let revisions = world.controller_revisions.iter().flatten();
                let owned = revisions.filter(|revision| is_owned(&revision.metadata));
                let read = owned.map(|revision| Revision {
                    number: revision.revision,
                    meta: &revision.metadata,
                    data: &revision.data,
                    of: kind,
                });
                read.collect()
            }
            _ => return None,
        };
        owned.sort_by_key(|revision| revision.number);
        let updating = workload.status.as_ref().and_then(|status| status.update_revision.as_deref());
        let wanted = number_of(&workload.metadata);
        let named =
            owned.iter().position(|r| Some(r.number) == wanted || Some(r.meta.name.as_str()) == updating);
        let current = named.or(owned.len().checked_sub(1))?;
        Some(Self { owned, current })
    }

    pub(crate) fn current(&self) -> &Revision<'a> {
        &self.owned[self.current]
    }

    /// The revision before the current one, where it is still kept.
    pub(crate) fn previous(&self) -> Option<&Revision<'a>> {
        self.owned.get(self.current.checked_sub(1)?)
    }

    /// The current revision served once before: it says so, or it is older than the one it replaced.
    pub(crate) fn is_rollback(&self) -> bool {
        let created = |revision: &Revision<'a>| revision.meta.creation_timestamp;
        let before = self.previous().and_then(created);
        self.current().is_reused()
            || before.zip(created(self.current())).is_some_and(|(before, now)| now < before)
    }

    /// When the current revision was made, where it was made for this rollout.
    pub(crate) fn created(&self) -> Option<Timestamp> {
        self.current().meta.creation_timestamp.filter(|_| !self.is_rollback())
    }
}

impl Revision<'_> {
    /// The pod template; null where it cannot be read.
    pub(crate) fn template(&self) -> Value {
        let data = self.data.value();
        if self.of == ObjectKind::Deployment { data } else { data["spec"]["template"].clone() }
    }

    /// Whether the pod was made from this revision.
    pub(crate) fn made(&self, pod: &Pod) -> bool {
        let meta = &pod.metadata;
        if meta.namespace != self.meta.namespace {
            return false;
        }
        if self.of == ObjectKind::Deployment {
            return meta.owner_references.iter().any(|o| o.kind == "ReplicaSet" && o.name == self.meta.name);
        }
        meta.labels.get(HASH).is_some_and(|hash| {
            self.meta.name == *hash
                || self.meta.name.strip_suffix(hash.as_str()).is_some_and(|rest| rest.ends_with('-'))
        })
    }

    fn is_reused(&self) -> bool {
        self.meta.annotations.get(HISTORY).is_some_and(|history| !history.is_empty())
    }
}

fn number_of(meta: &Meta) -> Option<u64> {
    meta.annotations.get(REVISION)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn revision(name: &str, number: u64, created: &str, image: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "shop", "creationTimestamp": format!("2026-03-01T{created}Z"),
                "ownerReferences": [{"kind": "StatefulSet", "name": "queue", "uid": "s-1"}]},
            "revision": number,
            "data": {"spec": {"template": {"$patch": "replace", "spec": {"containers": [{"name": "queue", "image": image}]}}}}})
    }

    fn world(revisions: Value) -> World {
        World { controller_revisions: serde_json::from_value(revisions).unwrap(), ..World::default() }
    }

    fn queue() -> Workload {
        serde_json::from_value(json!({"metadata": {"name": "queue", "namespace": "shop", "uid": "s-1"},
            "status": {"updateRevision": "queue-b"}}))
        .unwrap()
    }

    #[test]
    fn a_stateful_set_runs_the_revision_its_status_names() {
        let world = world(json!([
            revision("queue-b", 2, "02:00:00", "queue:v2"),
            revision("queue-a", 1, "01:00:00", "queue:v1")
        ]));
        let revisions = Revisions::of(ObjectKind::StatefulSet, &queue(), &world).unwrap();
        assert_eq!(revisions.current().template()["spec"]["containers"][0]["image"], "queue:v2");
        assert_eq!(revisions.previous().unwrap().number, 1);
        assert!(!revisions.is_rollback() && revisions.created().is_some());
    }

    #[test]
    fn a_controller_revision_older_than_the_one_before_it_is_a_rollback() {
        let world = world(json!([
            revision("queue-b", 3, "01:00:00", "queue:v1"),
            revision("queue-a", 2, "02:00:00", "queue:v2")
        ]));
        let revisions = Revisions::of(ObjectKind::StatefulSet, &queue(), &world).unwrap();
        assert!(revisions.is_rollback());
        assert_eq!(revisions.created(), None);
    }

    #[test]
    fn a_pod_is_known_by_the_whole_name_or_by_its_end() {
        let world = world(json!([revision("queue-6c9d", 2, "02:00:00", "queue:v2")]));
        let revisions = Revisions::of(ObjectKind::StatefulSet, &queue(), &world).unwrap();
        let made = |hash: &str| {
            let pod = json!({"metadata": {"name": "p", "namespace": "shop", "labels": {HASH: hash}}});
            revisions.current().made(&serde_json::from_value(pod).unwrap())
        };
        assert!(made("queue-6c9d") && made("6c9d"));
        assert!(!made("9d") && !made("queue-other"));
    }
}
