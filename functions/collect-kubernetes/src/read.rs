//! All lists at once: the subject's own, its namespaces', the cluster's.

use collecting::Run;
use incident::{Object, ObjectKind, Status, Subject};
use serde::de::DeserializeOwned;

use crate::api::{Api, Selector};
use crate::scope;
use crate::wire::{Meta, Pod, ReplicaSet, Workload};
use crate::world::World;

/// API groups.
const CORE: &str = "api/v1";
const APPS: &str = "apis/apps/v1";
const AUTOSCALING: &str = "apis/autoscaling/v2";
const BATCH: &str = "apis/batch/v1";
const DISCOVERY: &str = "apis/discovery.k8s.io/v1";
const NETWORKING: &str = "apis/networking.k8s.io/v1";
/// Where a cluster keeps its own workloads.
const SYSTEM: &str = "kube-system";
/// Named workloads and pods that are read on their own, before their namespaces are through.
const OWN: usize = 3;

/// Reads a list of the namespaces as one call.
macro_rules! list {
    ($run:expr, $api:expr, $what:literal, $tells:literal, $group:expr) => {
        $run.call(concat!("list ", $what), $tells, $api.list($group, $what))
    };
}

/// What rolls out and runs: what the logs to read are chosen from.
pub(crate) async fn running(run: &Run, api: &Api, subject: &Subject) -> World {
    if !api.reads_any() {
        let sentence = "No namespace can have a name that the incident gives, so only nodes were read.";
        run.gap("namespaces", Status::Partial, sentence);
        return World::default();
    }
    let (own, pods, deployments, replica_sets, stateful_sets, daemon_sets) = tokio::join!(
        own(run, api, subject),
        list!(run, api, "pods", "which pods fail", CORE),
        list!(run, api, "deployments", "how many replicas are ready", APPS),
        list!(run, api, "replicasets", "what rolled out", APPS),
        list!(run, api, "statefulsets", "how many stateful replicas are ready", APPS),
        list!(run, api, "daemonsets", "which node agents are ready", APPS),
    );
    World {
        pods: merged(own.pods, pods, |pod: &Pod| &pod.metadata),
        deployments: merged(own.deployments, deployments, |w: &Workload| &w.metadata),
        replica_sets: merged(own.replica_sets, replica_sets, |set: &ReplicaSet| &set.metadata),
        stateful_sets: merged(own.stateful_sets, stateful_sets, |w: &Workload| &w.metadata),
        daemon_sets: merged(own.daemon_sets, daemon_sets, |w: &Workload| &w.metadata),
        ..World::default()
    }
}

/// What stands around it: events, autoscalers, quotas, services, claims, policies, jobs, usage, nodes.
pub(crate) async fn around(run: &Run, api: &Api) -> World {
    let (namespaced, cluster) = tokio::join!(around_namespaced(run, api), cluster(run, api));
    World {
        nodes: cluster.nodes,
        node_events: cluster.node_events,
        node_metrics: cluster.node_metrics,
        system: cluster.system,
        ..namespaced
    }
}

async fn around_namespaced(run: &Run, api: &Api) -> World {
    if !api.reads_any() {
        return World::default();
    }
    let (
        controller_revisions,
        events,
        hpas,
        quotas,
        limit_ranges,
        services,
        endpoint_slices,
        claims,
        policies,
        jobs,
        pod_metrics,
    ) = tokio::join!(
        list!(run, api, "controllerrevisions", "what rolled out of stateful sets and node agents", APPS),
        run.call("list events", "what the cluster complains about", api.events()),
        list!(run, api, "horizontalpodautoscalers", "whether autoscaling is at its limit", AUTOSCALING),
        list!(run, api, "resourcequotas", "whether a quota is used up", CORE),
        list!(run, api, "limitranges", "which bounds containers have", CORE),
        list!(run, api, "services", "what the services select", CORE),
        list!(run, api, "endpointslices", "who answers for the services", DISCOVERY),
        list!(run, api, "persistentvolumeclaims", "whether volumes are bound", CORE),
        list!(run, api, "networkpolicies", "who may talk to whom", NETWORKING),
        list!(run, api, "jobs", "which jobs fail", BATCH),
        run.call("list pod metrics", "what the pods use", api.metrics("pods")),
    );
    World {
        controller_revisions,
        events,
        hpas,
        quotas,
        limit_ranges,
        services,
        endpoint_slices,
        claims,
        policies,
        jobs,
        pod_metrics,
        ..World::default()
    }
}

/// The nodes always, and what the cluster runs for itself.
async fn cluster(run: &Run, api: &Api) -> World {
    let node_events = async {
        // Events about nodes live in the namespace `default`.
        if api.reads("default") {
            return None;
        }
        run.call("list node events", "what nodes complain about", api.node_events()).await
    };
    let (nodes, node_events, node_metrics, deployments, daemon_sets) = tokio::join!(
        run.call("list nodes", "whether nodes are healthy", api.list_cluster(CORE, "nodes")),
        node_events,
        run.call("list node metrics", "what the nodes use", api.metrics("nodes")),
        system(run, api, "deployments"),
        system(run, api, "daemonsets"),
    );
    let of =
        |kind, list: Option<Vec<Workload>>| list.into_iter().flatten().map(move |workload| (kind, workload));
    let system =
        of(ObjectKind::Deployment, deployments).chain(of(ObjectKind::DaemonSet, daemon_sets)).collect();
    World { nodes, node_events, node_metrics, system, ..World::default() }
}

/// The workloads of the cluster's own namespace, where it is not among those being read.
async fn system(run: &Run, api: &Api, resource: &str) -> Option<Vec<Workload>> {
    if api.reads(SYSTEM) {
        return None;
    }
    let tells = format!("whether the cluster's own {resource} are ready");
    let call = api.list_in(SYSTEM, APPS, resource, Selector::default());
    run.call(&format!("list system {resource}"), &tells, call).await
}

/// The workloads and pods that the incident names, by themselves: in a namespace of thousands they are there before its lists are.
async fn own(run: &Run, api: &Api, subject: &Subject) -> World {
    let named = |objects: &[Object]| -> Vec<Object> {
        let known =
            |o: &&Object| scope::is_subdomain(&o.name) && o.namespace.as_deref().is_some_and(scope::is_label);
        objects.iter().filter(known).take(OWN).cloned().collect()
    };
    let workloads = named(&subject.workloads).into_iter().map(|object| own_workload(run, api, object));
    let pods = named(&subject.pods).into_iter().map(async |pod| {
        let fields = format!("metadata.name={}", pod.name);
        let selector = Selector { fields: Some(&fields), labels: None };
        let namespace = pod.namespace.as_deref().unwrap_or_default();
        run.call("list own pods", &format!("how {pod} is"), api.list_in(namespace, CORE, "pods", selector))
            .await
    });
    let (workloads, pods) =
        tokio::join!(futures::future::join_all(workloads), futures::future::join_all(pods));
    let mut world = World::default();
    for read in workloads {
        append(&mut world.pods, read.pods);
        append(&mut world.deployments, read.deployments);
        append(&mut world.replica_sets, read.replica_sets);
        append(&mut world.stateful_sets, read.stateful_sets);
        append(&mut world.daemon_sets, read.daemon_sets);
    }
    pods.into_iter().for_each(|pods| append(&mut world.pods, pods));
    world
}

/// A workload by its name, then its pods and ReplicaSets by its own selector.
async fn own_workload(run: &Run, api: &Api, object: Object) -> World {
    let resource = match object.kind {
        ObjectKind::Deployment => "deployments",
        ObjectKind::StatefulSet => "statefulsets",
        ObjectKind::DaemonSet => "daemonsets",
        _ => return World::default(),
    };
    let namespace = object.namespace.as_deref().unwrap_or_default();
    let fields = format!("metadata.name={}", object.name);
    let by_name = Selector { fields: Some(&fields), labels: None };
    let tells = format!("how {object} is");
    let call = api.list_in::<Workload>(namespace, APPS, resource, by_name);
    let Some(found) = run.call(&format!("list own {resource}"), &tells, call).await else {
        return World::default();
    };
    let labels = found.first().map(|workload| &workload.spec.selector.match_labels).filter(|l| !l.is_empty());
    let Some(labels) = labels else { return World::default() };
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let labels = labels.join(",");
    let by_label = Selector { fields: None, labels: Some(&labels) };
    let is_deployment = object.kind == ObjectKind::Deployment;
    let sets = async {
        if !is_deployment {
            return None;
        }
        let call = api.list_in(namespace, APPS, "replicasets", by_label);
        run.call("list own replicasets", &format!("what rolled out of {object}"), call).await
    };
    let tells = format!("which pods of {object} fail");
    let pods = run.call("list own pods", &tells, api.list_in(namespace, CORE, "pods", by_label));
    let (pods, replica_sets) = tokio::join!(pods, sets);
    let mut world = World { pods, replica_sets, ..World::default() };
    match object.kind {
        ObjectKind::Deployment => world.deployments = Some(found),
        ObjectKind::StatefulSet => world.stateful_sets = Some(found),
        _ => world.daemon_sets = Some(found),
    }
    world
}

fn append<T>(all: &mut Option<Vec<T>>, more: Option<Vec<T>>) {
    if let Some(more) = more {
        all.get_or_insert_default().extend(more);
    }
}

/// The namespace's list, and of the own what it does not hold.
fn merged<T: DeserializeOwned>(
    own: Option<Vec<T>>,
    list: Option<Vec<T>>,
    meta: impl Fn(&T) -> &Meta,
) -> Option<Vec<T>> {
    let Some(own) = own else { return list };
    let key = |thing: &T| (meta(thing).namespace.clone(), meta(thing).name.clone());
    let mut all = list.unwrap_or_default();
    let mut known: std::collections::BTreeSet<_> = all.iter().map(key).collect();
    all.extend(own.into_iter().filter(|thing| known.insert(key(thing))));
    Some(all)
}
