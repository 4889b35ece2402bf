//! Which resources there are: those every cluster serves, and those the manifests bring.

use serde_json::{Value, json};

use super::manifest::Manifest;

/// A resource of one group and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    /// Group; empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural name, as paths have it.
    pub name: String,
    /// True where objects live in namespaces.
    pub namespaced: bool,
}

/// `(group, version, kind, plural, namespaced, short name)` of what every cluster serves.
const KNOWN: &[(&str, &str, &str, &str, bool, &str)] = &[
    ("", "v1", "Pod", "pods", true, "po"),
    ("", "v1", "Event", "events", true, "ev"),
    ("", "v1", "Node", "nodes", false, "no"),
    ("", "v1", "Namespace", "namespaces", false, "ns"),
    ("", "v1", "Service", "services", true, "svc"),
    ("", "v1", "Endpoints", "endpoints", true, "ep"),
    ("", "v1", "ConfigMap", "configmaps", true, "cm"),
    ("", "v1", "Secret", "secrets", true, ""),
    ("", "v1", "ServiceAccount", "serviceaccounts", true, "sa"),
    ("", "v1", "ResourceQuota", "resourcequotas", true, "quota"),
    ("", "v1", "LimitRange", "limitranges", true, "limits"),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true, "pvc"),
    ("", "v1", "PersistentVolume", "persistentvolumes", false, "pv"),
    ("", "v1", "ReplicationController", "replicationcontrollers", true, "rc"),
    ("apps", "v1", "Deployment", "deployments", true, "deploy"),
    ("apps", "v1", "ReplicaSet", "replicasets", true, "rs"),
    ("apps", "v1", "StatefulSet", "statefulsets", true, "sts"),
    ("apps", "v1", "DaemonSet", "daemonsets", true, "ds"),
    ("apps", "v1", "ControllerRevision", "controllerrevisions", true, ""),
    ("batch", "v1", "Job", "jobs", true, ""),
    ("batch", "v1", "CronJob", "cronjobs", true, "cj"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true, "hpa"),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true, "pdb"),
    ("events.k8s.io", "v1", "Event", "events", true, "ev"),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true, "ing"),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true, "netpol"),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", true, ""),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true, ""),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false, ""),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false, ""),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true, ""),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", false, "sc"),
];

/// Served only where a manifest brings it: the metrics server, which a cluster may lack.
const METRICS: &[(&str, &str, bool)] = &[("PodMetrics", "pods", true), ("NodeMetrics", "nodes", false)];

impl Resource {
    /// `apps/v1`, or `v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// True for the manifests of this resource. An event is served by both groups that have events.
    pub fn holds(&self, manifest: &Manifest) -> bool {
        manifest.kind == self.kind && (self.kind == "Event" || manifest.api_version == self.api_version())
    }

    fn of(manifest: &Manifest) -> Self {
        let (group, version) = manifest.group_version();
        let metrics = METRICS.iter().find(|(kind, ..)| *kind == manifest.kind);
        let (name, namespaced) = match metrics {
            Some((_, name, namespaced)) => ((*name).to_owned(), *namespaced),
            None => (format!("{}s", manifest.kind.to_lowercase()), manifest.namespace().is_some()),
        };
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: manifest.kind.clone(),
            name,
            namespaced,
        }
    }
}

/// Every resource that is served.
fn all(manifests: &[Manifest]) -> Vec<Resource> {
    let mut resources: Vec<Resource> = KNOWN
        .iter()
        .map(|(group, version, kind, name, namespaced, _)| Resource {
            group: (*group).to_owned(),
            version: (*version).to_owned(),
            kind: (*kind).to_owned(),
            name: (*name).to_owned(),
            namespaced: *namespaced,
        })
        .collect();
    for manifest in manifests {
        if !resources.iter().any(|resource| resource.holds(manifest)) {
            resources.push(Resource::of(manifest));
        }
    }
    resources
}

/// The resource of a path.
pub(super) fn find(manifests: &[Manifest], group: &str, version: &str, name: &str) -> Option<Resource> {
    all(manifests)
        .into_iter()
        .find(|resource| resource.group == group && resource.version == version && resource.name == name)
}

/// `/apis`.
pub(super) fn groups(manifests: &[Manifest]) -> Value {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for resource in all(manifests).into_iter().filter(|resource| !resource.group.is_empty()) {
        match groups.iter_mut().find(|(group, _)| *group == resource.group) {
            Some((_, versions)) if versions.contains(&resource.version) => {}
            Some((_, versions)) => versions.push(resource.version),
            None => groups.push((resource.group, vec![resource.version])),
        }
    }
    let groups: Vec<Value> = groups
        .iter()
        .map(|(group, versions)| {
            let version =
                |version: &String| json!({"groupVersion": format!("{group}/{version}"), "version": version});
            let preferred = versions.first().map(version);
            let versions: Vec<Value> = versions.iter().map(version).collect();
            json!({"name": group, "versions": versions, "preferredVersion": preferred})
        })
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/api/v1` and `/apis/{group}/{version}`; `None` where nothing is served.
pub(super) fn resources(manifests: &[Manifest], group: &str, version: &str) -> Option<Value> {
    let found: Vec<Value> = all(manifests)
        .iter()
        .filter(|resource| resource.group == group && resource.version == version)
        .map(|resource| {
            let short = KNOWN
                .iter()
                .find(|known| known.0 == group && known.3 == resource.name)
                .map_or("", |known| known.5);
            let short: Vec<&str> = Some(short).filter(|short| !short.is_empty()).into_iter().collect();
            json!({"name": resource.name, "singularName": resource.kind.to_lowercase(), "kind": resource.kind,
                "namespaced": resource.namespaced, "shortNames": short, "verbs": ["get", "list", "watch"]})
        })
        .collect();
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    (!found.is_empty()).then(|| {
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": found})
    })
}

/// `/version`.
pub(super) fn version(git_version: &str) -> Value {
    let mut parts = git_version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or("1"), parts.next().unwrap_or("33"));
    json!({"major": major, "minor": minor, "gitVersion": git_version, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "", "goVersion": "", "compiler": "gc", "platform": "linux/amd64"})
}
