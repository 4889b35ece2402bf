//! The thing a finding is about: one way to name a pod, a database, a zone.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What sort of thing an [`Object`] is. Kubernetes kinds keep Kubernetes' spelling, so that a brief and `kubectl` agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub enum ObjectKind {
    /// Kubernetes Deployment.
    Deployment,
    /// Kubernetes ReplicaSet.
    ReplicaSet,
    /// Kubernetes StatefulSet.
    StatefulSet,
    /// Kubernetes DaemonSet.
    DaemonSet,
    /// Kubernetes Job or CronJob.
    Job,
    /// Kubernetes Pod.
    Pod,
    /// A container within a pod; the name is `pod/container`.
    Container,
    /// Kubernetes Node.
    Node,
    /// Kubernetes Namespace.
    Namespace,
    /// Kubernetes Service.
    Service,
    /// Kubernetes HorizontalPodAutoscaler.
    HorizontalPodAutoscaler,
    /// Kubernetes ResourceQuota.
    ResourceQuota,
    /// Kubernetes LimitRange.
    LimitRange,
    /// Kubernetes PersistentVolumeClaim.
    PersistentVolumeClaim,
    /// Kubernetes ConfigMap (named in an error; never read).
    ConfigMap,
    /// Kubernetes Secret (named in an error; never read).
    Secret,
    /// Kubernetes NetworkPolicy.
    NetworkPolicy,
    /// Kubernetes ServiceAccount.
    ServiceAccount,
    /// A container image reference.
    Image,
    /// A whole Kubernetes cluster.
    Cluster,
    /// A service as the tracer or the catalog names it, whatever runs it.
    Application,
    /// An RDS instance, by its DBInstanceIdentifier.
    DatabaseInstance,
    /// An RDS cluster, by its DBClusterIdentifier.
    DatabaseCluster,
    /// An RDS proxy, by its name.
    DatabaseProxy,
    /// An RDS parameter group.
    ParameterGroup,
    /// One SQL statement, normalised.
    SqlStatement,
    /// A load balancer, by the suffix of its ARN.
    LoadBalancer,
    /// A target group, by the suffix of its ARN or by its name.
    TargetGroup,
    /// An EC2 instance.
    Instance,
    /// A Cloudflare zone.
    Zone,
    /// A firewall rule at the edge.
    WafRule,
    /// A Datadog monitor, by its id.
    Monitor,
    /// A Datadog SLO.
    Slo,
    /// A Datadog synthetic test, by its public id.
    SyntheticTest,
    /// A metric with no better object.
    Metric,
    /// A source repository, `owner/name`.
    Repository,
    /// A cloud alarm.
    Alarm,
}

impl ObjectKind {
    /// True for the kinds whose objects live in a Kubernetes namespace.
    pub fn is_namespaced(self) -> bool {
        use ObjectKind::*;
        matches!(
            self,
            Deployment
                | ReplicaSet
                | StatefulSet
                | DaemonSet
                | Job
                | Pod
                | Container
                | Service
                | HorizontalPodAutoscaler
                | ResourceQuota
                | LimitRange
                | PersistentVolumeClaim
                | ConfigMap
                | Secret
                | NetworkPolicy
                | ServiceAccount
        )
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One named thing: `{kind, namespace?, name}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Object {
    /// What sort of thing it is.
    pub kind: ObjectKind,
    /// Its Kubernetes namespace, where the kind has one and it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name as its own system spells it.
    pub name: String,
}

impl Object {
    /// An object outside any namespace.
    pub fn new(kind: ObjectKind, name: impl Into<String>) -> Self {
        Self { kind, namespace: None, name: name.into() }
    }

    /// An object in a Kubernetes namespace.
    pub fn namespaced(kind: ObjectKind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, namespace: Some(namespace.into()), name: name.into() }
    }
}

impl fmt::Display for Object {
    /// `Deployment shop/cart`, `DatabaseInstance orders-db`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
