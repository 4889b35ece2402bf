//! What was read of the cluster, and who owns whom in it.

use incident::{Object, ObjectKind};

use crate::wire::{
    Claim, ControllerRevision, EndpointSlice, Event, Hpa, Job, LimitRange, Meta, Metrics, NetworkPolicy,
    Node, OwnerReference, Pod, Quota, ReplicaSet, Service, Workload,
};

/// The lists as they were read. `None` is a list that could not be read, which is not an empty one.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub pods: Option<Vec<Pod>>,
    pub events: Option<Vec<Event>>,
    pub node_events: Option<Vec<Event>>,
    pub deployments: Option<Vec<Workload>>,
    pub replica_sets: Option<Vec<ReplicaSet>>,
    pub stateful_sets: Option<Vec<Workload>>,
    pub daemon_sets: Option<Vec<Workload>>,
    pub hpas: Option<Vec<Hpa>>,
    pub controller_revisions: Option<Vec<ControllerRevision>>,
    pub quotas: Option<Vec<Quota>>,
    pub limit_ranges: Option<Vec<LimitRange>>,
    pub services: Option<Vec<Service>>,
    pub endpoint_slices: Option<Vec<EndpointSlice>>,
    pub claims: Option<Vec<Claim>>,
    pub policies: Option<Vec<NetworkPolicy>>,
    pub jobs: Option<Vec<Job>>,
    pub nodes: Option<Vec<Node>>,
    pub pod_metrics: Option<Vec<Metrics>>,
    pub node_metrics: Option<Vec<Metrics>>,
    /// The cluster's own workloads (DNS, network, proxies), where they are not among the others.
    pub system: Vec<(ObjectKind, Workload)>,
}

impl World {
    /// Every workload with its kind.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = (ObjectKind, &Workload)> {
        [
            (ObjectKind::Deployment, &self.deployments),
            (ObjectKind::StatefulSet, &self.stateful_sets),
            (ObjectKind::DaemonSet, &self.daemon_sets),
        ]
        .into_iter()
        .flat_map(|(kind, list)| list.iter().flatten().map(move |workload| (kind, workload)))
    }

    /// A workload; `None` when it was not read.
    pub(crate) fn workload(&self, object: &Object) -> Option<&Workload> {
        self.workloads()
            .find(|(kind, workload)| {
                *kind == object.kind
                    && workload.metadata.name == object.name
                    && workload.metadata.namespace == object.namespace
            })
            .map(|(_, workload)| workload)
    }

    /// The workload that owns a pod: its owner reference, a ReplicaSet's owner in its place. `None` where nothing says so.
    pub(crate) fn owner(&self, pod: &Meta) -> Option<Object> {
        match pod.owner_references.first() {
            Some(owner) if owner.kind == "ReplicaSet" => Some(self.owner_of_replica_set(pod, owner)),
            Some(owner) => Some(object(object_kind(&owner.kind)?, pod.namespace.as_deref(), &owner.name)),
            None if self.replica_sets.is_none() => {
                let (replica_set, _) = pod.name.rsplit_once('-')?;
                self.deployment_by_hash(pod.namespace.as_deref(), replica_set)
            }
            None => None,
        }
    }

    fn owner_of_replica_set(&self, pod: &Meta, reference: &OwnerReference) -> Object {
        let namespace = pod.namespace.as_deref();
        let known = self
            .replica_sets
            .iter()
            .flatten()
            .find(|set| set.metadata.name == reference.name && set.metadata.namespace == pod.namespace);
        let owner = match known {
            Some(set) => set
                .metadata
                .owner_references
                .first()
                .and_then(|owner| Some(object(object_kind(&owner.kind)?, namespace, &owner.name))),
            None => self.deployment_by_hash(namespace, &reference.name),
        };
        owner.unwrap_or_else(|| object(ObjectKind::ReplicaSet, namespace, &reference.name))
    }

    /// The Deployment behind a ReplicaSet's name `<deployment>-<hash>`, if one of that name exists.
    fn deployment_by_hash(&self, namespace: Option<&str>, replica_set: &str) -> Option<Object> {
        let (name, hash) = replica_set.rsplit_once('-')?;
        let hashed = (6..=10).contains(&hash.len()) && hash.bytes().all(|b| b.is_ascii_alphanumeric());
        let deployment = object(ObjectKind::Deployment, namespace, name);
        (hashed && self.workload(&deployment).is_some()).then_some(deployment)
    }
}

/// An object in a namespace, where there is one.
pub(crate) fn object(kind: ObjectKind, namespace: Option<&str>, name: &str) -> Object {
    let namespace = namespace.filter(|_| kind.is_namespaced()).map(str::to_owned);
    Object { kind, namespace, name: name.to_owned() }
}

/// The kind by Kubernetes' name for it; `None` for kinds that evidence does not speak of.
pub(crate) fn object_kind(kind: &str) -> Option<ObjectKind> {
    Some(match kind {
        "Deployment" => ObjectKind::Deployment,
        "ReplicaSet" => ObjectKind::ReplicaSet,
        "StatefulSet" => ObjectKind::StatefulSet,
        "DaemonSet" => ObjectKind::DaemonSet,
        "Job" | "CronJob" => ObjectKind::Job,
        "Pod" => ObjectKind::Pod,
        "Node" => ObjectKind::Node,
        "Namespace" => ObjectKind::Namespace,
        "Service" => ObjectKind::Service,
        "HorizontalPodAutoscaler" => ObjectKind::HorizontalPodAutoscaler,
        "ResourceQuota" => ObjectKind::ResourceQuota,
        "PersistentVolumeClaim" => ObjectKind::PersistentVolumeClaim,
        "NetworkPolicy" => ObjectKind::NetworkPolicy,
        "ServiceAccount" => ObjectKind::ServiceAccount,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn world(replica_sets: Option<Value>) -> World {
        let deployment = json!([{"metadata": {"name": "checkout", "namespace": "shop"}}]);
        World {
            deployments: serde_json::from_value(deployment).unwrap(),
            replica_sets: replica_sets.map(|sets| serde_json::from_value(sets).unwrap()),
            ..World::default()
        }
    }

    fn pod(owner: Option<(&str, &str)>) -> Meta {
        let owners: Vec<Value> =
            owner.iter().map(|(kind, name)| json!({"kind": kind, "name": name})).collect();
        let meta =
            json!({"name": "checkout-7d9fb8c6b5-x2x4z", "namespace": "shop", "ownerReferences": owners});
        serde_json::from_value(meta).unwrap()
    }

    #[test]
    fn a_replica_sets_owner_stands_in_its_place() {
        let sets = json!([{"metadata": {"name": "checkout-7d9fb8c6b5", "namespace": "shop",
            "ownerReferences": [{"kind": "Deployment", "name": "checkout"}]}}]);
        let owner = world(Some(sets)).owner(&pod(Some(("ReplicaSet", "checkout-7d9fb8c6b5"))));
        assert_eq!(owner, Some(Object::namespaced(ObjectKind::Deployment, "shop", "checkout")));
    }

    #[test]
    fn without_replica_sets_the_name_tells_the_owner_but_only_of_a_deployment_that_exists() {
        let deployment = Some(Object::namespaced(ObjectKind::Deployment, "shop", "checkout"));
        assert_eq!(world(None).owner(&pod(None)), deployment);
        assert_eq!(world(None).owner(&pod(Some(("ReplicaSet", "checkout-7d9fb8c6b5")))), deployment);
        assert_eq!(World::default().owner(&pod(None)), None);
        assert_eq!(world(Some(json!([]))).owner(&pod(None)), None);
    }

    #[test]
    fn a_job_and_a_daemon_set_own_their_pods_directly() {
        let owner = World::default().owner(&pod(Some(("DaemonSet", "agent")))).unwrap();
        assert_eq!(owner.to_string(), "DaemonSet shop/agent");
    }
}
