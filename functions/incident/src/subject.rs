//! What the alert is about, resolved from its tags and refined by the catalog.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Action, Alert, Catalog, Object, ObjectKind};

/// The objects an investigation starts from. Empty lists and absent fields mean "not known", never "none".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// Services concerned, the alert's own first, then those that the catalog says use the affected resource.
    #[serde(default)]
    pub services: Vec<String>,
    /// Environment.
    #[serde(default)]
    pub env: Option<String>,
    /// RDS instance identifiers.
    #[serde(default)]
    pub databases: Vec<String>,
    /// Kubernetes namespaces.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Workloads.
    #[serde(default)]
    pub workloads: Vec<Object>,
    /// Pods named by the alert itself.
    #[serde(default)]
    pub pods: Vec<Object>,
    /// Nodes or hosts named by the alert itself.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Load balancers, by ARN suffix or name.
    #[serde(default)]
    pub load_balancers: Vec<String>,
    /// Target groups, by name or ARN suffix.
    #[serde(default)]
    pub target_groups: Vec<String>,
    /// Cloudflare zone name.
    #[serde(default)]
    pub zone: Option<String>,
    /// Kubernetes cluster name.
    #[serde(default)]
    pub cluster: Option<String>,
    /// AWS region.
    #[serde(default)]
    pub region: Option<String>,
    /// Names of the actions that may be recommended, from the catalog; empty allows every one.
    #[serde(default)]
    pub allowed_actions: Vec<String>,
}

/// Tag keys by what they name. Datadog's integrations and Kubernetes tagging use these spellings.
const SERVICE: &[&str] = &["service", "kube_service", "app"];
const DATABASE: &[&str] = &["dbinstanceidentifier", "db_instance_identifier", "dbinstance", "db_instance"];
const NAMESPACE: &[&str] = &["kube_namespace", "namespace"];
const CLUSTER: &[&str] = &["kube_cluster_name", "cluster_name", "eks_cluster"];
const POD: &[&str] = &["pod_name", "kube_pod", "pod"];
const HOST: &[&str] = &["host", "node", "kube_node", "node_name"];
const LOAD_BALANCER: &[&str] = &["loadbalancer", "loadbalancername", "load_balancer"];
const TARGET_GROUP: &[&str] = &["targetgroup", "target_group"];
/// Not `zone`: that is an availability zone to everybody else.
const ZONE: &[&str] = &["zone_name", "cloudflare_zone"];
const WORKLOAD: &[(&str, ObjectKind)] = &[
    ("kube_deployment", ObjectKind::Deployment),
    ("deployment", ObjectKind::Deployment),
    ("kube_stateful_set", ObjectKind::StatefulSet),
    ("statefulset", ObjectKind::StatefulSet),
    ("kube_daemon_set", ObjectKind::DaemonSet),
    ("daemonset", ObjectKind::DaemonSet),
    ("kube_job", ObjectKind::Job),
];

impl Subject {
    /// Resolves the subject of an alert.
    ///
    /// First the tags name objects; then every catalog service that is named, runs as a named workload, or uses a named
    /// database, target group or zone joins, and brings where it runs and what it uses.
    pub fn resolve(alert: &Alert, catalog: &Catalog) -> Self {
        let tag = |keys: &[&str]| keys.iter().find_map(|key| alert.tag(key)).map(str::to_owned);
        let mut subject = Self {
            services: tag(SERVICE).into_iter().collect(),
            env: tag(&["env", "environment"]),
            databases: tag(DATABASE).into_iter().collect(),
            namespaces: tag(NAMESPACE).into_iter().collect(),
            hosts: alert.host.clone().or_else(|| tag(HOST)).into_iter().collect(),
            load_balancers: tag(LOAD_BALANCER).into_iter().collect(),
            target_groups: tag(TARGET_GROUP).into_iter().collect(),
            zone: tag(ZONE),
            cluster: tag(CLUSTER),
            region: tag(&["region", "aws_region"]),
            allowed_actions: catalog.allowed_actions.clone(),
            ..Self::default()
        };
        let namespace = subject.namespaces.first().cloned();
        subject.pods = tag(POD)
            .map(|name| Object { kind: ObjectKind::Pod, namespace: namespace.clone(), name })
            .into_iter()
            .collect();
        subject.workloads = WORKLOAD
            .iter()
            .find_map(|(key, kind)| alert.tag(key).map(|name| (*kind, name.to_owned())))
            .map(|(kind, name)| Object { kind, namespace, name })
            .into_iter()
            .collect();
        subject.relatives(alert);
        subject.refine(catalog);
        subject
    }

    /// Databases that the alert's text names beside the tagged one: replicas are commonly called `<primary>-…`.
    fn relatives(&mut self, alert: &Alert) {
        let Some(primary) = self.databases.first().cloned() else { return };
        let begins = format!("{primary}-");
        let part = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
        let words = alert.title.split(part).chain(alert.message.split(part));
        let named: Vec<String> = words
            .map(|word| word.trim_end_matches('-'))
            .filter(|word| word.len() <= 63 && word.starts_with(&begins))
            .map(str::to_owned)
            .collect();
        named.into_iter().take(4).for_each(|name| push(&mut self.databases, name));
    }

    /// True where the catalog allows recommending the action. Its name is the `type` of its JSON, such as `roll_back`.
    pub fn allows(&self, action: &Action) -> bool {
        let json = serde_json::to_value(action).unwrap_or_default();
        self.allowed_actions.is_empty() || self.allowed_actions.iter().any(|name| json["type"] == **name)
    }

    fn refine(&mut self, catalog: &Catalog) {
        let named = |subject: &Self, name: &str, service: &crate::catalog::Service| {
            subject.services.iter().any(|s| s == name)
                || service.databases.iter().any(|d| subject.databases.contains(d))
                || service.target_groups.iter().any(|t| subject.target_groups.contains(t))
                || service.workload_object().is_some_and(|w| {
                    subject.workloads.iter().any(|s| {
                        s.kind == w.kind
                            && s.name == w.name
                            && (s.namespace.is_none() || s.namespace == w.namespace)
                    })
                })
        };
        let matched: Vec<_> =
            catalog.services.iter().filter(|(name, service)| named(self, name, service)).collect();
        // When the catalog knows nobody by the alert's own names, a zone-wide alert concerns every service behind the zone.
        let matched = if matched.is_empty() {
            let zone = self.zone.clone();
            catalog.services.iter().filter(|(_, s)| zone.is_some() && s.zone == zone).collect()
        } else {
            matched
        };
        for (name, service) in matched {
            push(&mut self.services, name.clone());
            if self.env.is_none() {
                self.env.clone_from(&service.env);
            }
            if self.zone.is_none() {
                self.zone.clone_from(&service.zone);
            }
            if let Some(namespace) = &service.namespace {
                push(&mut self.namespaces, namespace.clone());
            }
            if let Some(workload) = service.workload_object() {
                match self.workloads.iter_mut().find(|w| w.kind == workload.kind && w.name == workload.name) {
                    Some(known) => known.namespace = known.namespace.take().or(workload.namespace),
                    None => self.workloads.push(workload),
                }
            }
            service.databases.iter().for_each(|d| push(&mut self.databases, d.clone()));
            service.target_groups.iter().for_each(|t| push(&mut self.target_groups, t.clone()));
        }
    }
}

fn push(list: &mut Vec<String>, value: String) {
    if !list.contains(&value) {
        list.push(value);
    }
}
