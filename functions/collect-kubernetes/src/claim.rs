//! Persistent volume claims that are not bound, and those of failing pods.

use incident::evidence::Observation;
use incident::fact::VolumeClaim;
use incident::{Fact, ObjectKind, Timestamp};

use crate::wire::{Claim, Pod};
use crate::world::{World, object};

/// The pods that mount a claim.
pub(crate) fn pods<'w>(claim: &Claim, world: &'w World) -> Vec<&'w Pod> {
    let mounts = |pod: &&Pod| {
        pod.metadata.namespace == claim.metadata.namespace
            && pod.spec.volumes.iter().any(|volume| {
                volume.persistent_volume_claim.as_ref().is_some_and(|c| c.claim_name == claim.metadata.name)
            })
    };
    world.pods.iter().flatten().filter(mounts).collect()
}

/// The claim as an observation.
pub(crate) fn observe(claim: &Claim, pods: &[&Pod], as_of: Timestamp) -> Observation {
    let meta = &claim.metadata;
    let owned = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let fact = VolumeClaim {
        phase: claim.status.phase.clone(),
        class: owned(&claim.spec.storage_class_name),
        access_modes: claim.spec.access_modes.clone(),
        requested: claim.spec.resources.requests.get("storage").cloned(),
        capacity: claim.status.capacity.get("storage").cloned(),
        volume: owned(&claim.spec.volume_name),
        pods: pods.iter().take(5).map(|pod| pod.metadata.name.clone()).collect(),
    };
    let object = object(ObjectKind::PersistentVolumeClaim, meta.namespace.as_deref(), &meta.name);
    let mut summary = format!("{object}: {}", fact.phase);
    let parts = [
        fact.requested.as_ref().map(|size| format!("{size} requested")),
        Some(fact.access_modes.join(", ")).filter(|modes| !modes.is_empty()),
        fact.class.as_ref().map(|class| format!("class {class}")),
        fact.volume.as_ref().map(|volume| format!("volume {volume}")),
        fact.pods.first().map(|pod| format!("mounted by {pod}")),
    ];
    for part in parts.into_iter().flatten() {
        summary += &format!(", {part}");
    }
    let at = meta.creation_timestamp.filter(|_| fact.phase == "Pending").unwrap_or(as_of);
    Observation::new(at, object, summary, Fact::VolumeClaim(fact))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_that_waits_says_for_what_and_who_waits_for_it() {
        let claim: Claim = serde_json::from_value(json!({
            "metadata": {"name": "data", "namespace": "shop", "creationTimestamp": "2026-03-01T10:30:00Z"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}},
                "storageClassName": "gp9"}, "status": {"phase": "Pending"}}))
        .unwrap();
        let pods = json!([{"metadata": {"name": "db-0", "namespace": "shop"},
            "spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "e", "emptyDir": {}}]}}]);
        let world = World { pods: serde_json::from_value(pods).unwrap(), ..World::default() };
        let told = observe(&claim, &super::pods(&claim, &world), "2026-03-01T10:40:00Z".parse().unwrap());
        assert_eq!(
            told.summary,
            "PersistentVolumeClaim shop/data: Pending, 20Gi requested, ReadWriteOnce, class gp9, mounted by db-0"
        );
        assert_eq!(told.at.to_string(), "2026-03-01T10:30:00Z");
    }
}
