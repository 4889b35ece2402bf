//! Which objects the incident is about.

use std::collections::BTreeMap;

use incident::{Object, ObjectKind, Subject};

use crate::wire::Meta;
use crate::world::World;

/// Labels that carry a service's name: Datadog's unified tagging, Kubernetes' recommendation, and the habit before both.
const SERVICE_LABELS: [&str; 3] = ["tags.datadoghq.com/service", "app.kubernetes.io/name", "app"];

/// Where to look for what lives in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Namespaces {
    /// Everywhere: the incident names no namespace.
    All,
    /// In these alone. None, when no namespace can have a name that the incident gives.
    Only(Vec<String>),
}

/// The namespaces an incident is about. Names that no namespace can have are left out: they came from outside and would
/// become part of a path.
pub(crate) fn namespaces(subject: &Subject) -> Namespaces {
    let of = |objects: &[Object]| objects.iter().filter_map(|o| o.namespace.clone()).collect::<Vec<_>>();
    let mut names = [subject.namespaces.clone(), of(&subject.workloads), of(&subject.pods)].concat();
    if names.is_empty() {
        return Namespaces::All;
    }
    names.retain(|name| is_label(name));
    names.sort();
    names.dedup();
    Namespaces::Only(names)
}

/// A DNS label (RFC 1123), which every namespace's name is.
pub(crate) fn is_label(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !name.is_empty() && name.len() <= 63 && name.bytes().all(plain) && !name.starts_with('-')
}

/// A DNS subdomain, which the name of every workload and pod is: it can neither end a path nor a selector.
pub(crate) fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

/// The incident's subject, as questions about objects.
pub(crate) struct Scope<'a> {
    subject: &'a Subject,
    /// The workloads that own the pods named by the alert.
    owners: Vec<Object>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(subject: &'a Subject, world: &World) -> Self {
        let named = |meta: &Meta| {
            subject.pods.iter().any(|pod| {
                pod.name == meta.name && (pod.namespace.is_none() || pod.namespace == meta.namespace)
            })
        };
        let pods = world.pods.iter().flatten().filter(|pod| named(&pod.metadata));
        Self { subject, owners: pods.filter_map(|pod| world.owner(&pod.metadata)).collect() }
    }

    /// Whether the incident is about this workload: it is named, its labels or its name are those of a service concerned,
    /// or it owns a pod that the alert names.
    pub(crate) fn is_workload(&self, workload: &Object, labels: &BTreeMap<String, String>) -> bool {
        let service = |name: &String| self.subject.services.contains(name);
        service(&workload.name)
            || SERVICE_LABELS.iter().any(|label| labels.get(*label).is_some_and(service))
            || self.subject.workloads.iter().chain(&self.owners).any(|known| same(known, workload))
    }

    /// Whether the incident is about this pod: it is named, or it belongs to such a workload.
    pub(crate) fn is_pod(&self, meta: &Meta, owner: Option<&Object>) -> bool {
        let named =
            self.subject.pods.iter().any(|pod| {
                pod.name == meta.name && (pod.namespace.is_none() || pod.namespace == meta.namespace)
            });
        named || owner.is_some_and(|owner| self.is_workload(owner, &meta.labels))
    }

    /// Whether the alert names this node.
    pub(crate) fn is_node(&self, name: &str) -> bool {
        let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        self.subject.hosts.iter().any(|host| host == name || short(host) == short(name))
    }

    /// What the findings of a healthy world are about: the one namespace, else the cluster.
    pub(crate) fn whole(&self, cluster: Option<&str>) -> Object {
        if let Namespaces::Only(names) = namespaces(self.subject)
            && let [namespace] = names.as_slice()
        {
            return Object::new(ObjectKind::Namespace, namespace.as_str());
        }
        Object::new(ObjectKind::Cluster, cluster.unwrap_or("kubernetes"))
    }
}

fn same(known: &Object, object: &Object) -> bool {
    known.kind == object.kind
        && known.name == object.name
        && (known.namespace.is_none() || known.namespace == object.namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_namespace_can_have_never_becomes_a_path() {
        let subject = Subject {
            namespaces: vec!["production".into(), "../secrets".into(), "a?b".into(), "production".into()],
            ..Subject::default()
        };
        assert_eq!(namespaces(&subject), Namespaces::Only(vec!["production".into()]));
    }

    #[test]
    fn naming_no_namespace_means_all_and_naming_impossible_ones_means_none() {
        let naming = |names: &[&str]| {
            let namespaces = names.iter().map(|&name| name.into()).collect();
            super::namespaces(&Subject { namespaces, ..Subject::default() })
        };
        assert_eq!(naming(&[]), Namespaces::All);
        assert_eq!(naming(&["Production", ""]), Namespaces::Only(vec![]));
    }

    #[test]
    fn a_service_is_found_by_name_or_label_and_a_workload_without_namespace_in_any() {
        let subject = Subject {
            services: vec!["checkout".into()],
            workloads: vec![Object::new(ObjectKind::StatefulSet, "queue")],
            ..Subject::default()
        };
        let scope = Scope::new(&subject, &World::default());
        let object = |kind, name| Object::namespaced(kind, "shop", name);
        let none = BTreeMap::new();
        let labelled = BTreeMap::from([("app".to_owned(), "checkout".to_owned())]);
        assert!(scope.is_workload(&object(ObjectKind::Deployment, "checkout"), &none));
        assert!(scope.is_workload(&object(ObjectKind::Deployment, "checkout-canary"), &labelled));
        assert!(scope.is_workload(&object(ObjectKind::StatefulSet, "queue"), &none));
        assert!(!scope.is_workload(&object(ObjectKind::Deployment, "queue"), &none));
    }
}
