//! The object that a set of Datadog tags is about.

use incident::{Object, ObjectKind};

/// Tag keys and what they name, most specific first. The spellings are those of Datadog's AWS and Kubernetes integrations.
const KINDS: &[(&str, ObjectKind)] = &[
    ("dbinstanceidentifier", ObjectKind::DatabaseInstance),
    ("pod_name", ObjectKind::Pod),
    ("kube_deployment", ObjectKind::Deployment),
    ("kube_stateful_set", ObjectKind::StatefulSet),
    ("kube_daemon_set", ObjectKind::DaemonSet),
    ("targetgroup", ObjectKind::TargetGroup),
    ("loadbalancer", ObjectKind::LoadBalancer),
    ("service", ObjectKind::Application),
    ("instance-id", ObjectKind::Instance),
    ("kube_node", ObjectKind::Node),
    ("host", ObjectKind::Node),
    ("kube_namespace", ObjectKind::Namespace),
    ("kube_cluster_name", ObjectKind::Cluster),
];

/// The tag that names a workload or a pod; `None` for what is neither.
pub fn workload_key(kind: ObjectKind) -> Option<&'static str> {
    let is_workload = matches!(
        kind,
        ObjectKind::Deployment | ObjectKind::StatefulSet | ObjectKind::DaemonSet | ObjectKind::Pod
    );
    KINDS.iter().find(|(_, known)| is_workload && *known == kind).map(|(key, _)| *key)
}

/// The most specific object that the tags name.
pub fn object<'a>(tags: impl Iterator<Item = &'a str> + Clone) -> Option<Object> {
    let (kind, name) = KINDS.iter().find_map(|(key, kind)| Some((*kind, value(tags.clone(), key)?)))?;
    let kind = match kind {
        // Datadog calls an EC2 machine a host by its instance id.
        ObjectKind::Node if name.starts_with("i-") => ObjectKind::Instance,
        other => other,
    };
    let namespace = value(tags, "kube_namespace").filter(|_| kind.is_namespaced()).map(str::to_owned);
    Some(Object { kind, namespace, name: name.to_owned() })
}

/// The value of the first tag with this key.
pub fn value<'a>(mut tags: impl Iterator<Item = &'a str>, key: &str) -> Option<&'a str> {
    tags.find_map(|tag| tag.split_once(':').filter(|(k, v)| *k == key && !v.is_empty() && *v != "*"))
        .map(|(_, value)| value)
}

/// True unless the tags name another environment than the one asked about.
pub fn same_env(tags: &[String], env: Option<&str>) -> bool {
    match (env, value(tags.iter().map(String::as_str), "env")) {
        (Some(wanted), Some(env)) => wanted == env,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_tag_names_the_object() {
        for (tags, expected) in [
            (&["env:prod", "service:api", "dbinstanceidentifier:db-1"][..], "DatabaseInstance db-1"),
            (&["kube_namespace:shop", "service:api", "kube_deployment:api"], "Deployment shop/api"),
            (&["host:i-0abc", "env:prod"], "Instance i-0abc"),
            (&["host:ip-10-0-0-1"], "Node ip-10-0-0-1"),
            (&["kube_namespace:shop"], "Namespace shop"),
        ] {
            assert_eq!(object(tags.iter().copied()).unwrap().to_string(), expected);
        }
        assert_eq!(object(["env:prod", "service:*", "*"].into_iter()), None);
    }

    #[test]
    fn only_a_different_environment_is_another_one() {
        let tags = |text: &str| vec![text.to_owned()];
        assert!(same_env(&tags("env:prod"), Some("prod")));
        assert!(!same_env(&tags("env:staging"), Some("prod")));
        assert!(same_env(&tags("team:a"), Some("prod")) && same_env(&tags("env:staging"), None));
    }
}
