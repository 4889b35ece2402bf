//! For `sitrep doctor`: the cluster, and one list of one object for each resource that the ClusterRole grants.

use collecting::CallError;
use futures::future::join_all;
use host::{Check, Fault, Outcome, Settings};
use serde::Deserialize;

use crate::connection::Connection;
use crate::request::{self, Trouble};

const OF: &str = "Kubernetes";
/// What `infra/kubernetes/clusterrole.yaml` lets be listed: the group's path and its resources.
const LISTS: &[(&str, &[&str])] = &[
    (
        "api/v1",
        &["pods", "events", "nodes", "resourcequotas", "limitranges", "services", "persistentvolumeclaims"],
    ),
    ("apis/events.k8s.io/v1", &["events"]),
    ("apis/apps/v1", &["deployments", "replicasets", "statefulsets", "daemonsets", "controllerrevisions"]),
    ("apis/autoscaling/v2", &["horizontalpodautoscalers"]),
    ("apis/batch/v1", &["jobs"]),
    ("apis/discovery.k8s.io/v1", &["endpointslices"]),
    ("apis/networking.k8s.io/v1", &["networkpolicies"]),
    (METRICS, &["pods", "nodes"]),
];
const METRICS: &str = "apis/metrics.k8s.io/v1beta1";
/// The log of a pod that nobody has: without the permission it is forbidden, with it not found.
const LOG: &str = "/api/v1/namespaces/default/pods/sitrep-doctor/log?tailLines=1";
const GRANT: &str = "kubectl apply -f infra/kubernetes/clusterrole.yaml, and let the credentials belong to its group \
    sitrep-readers (on EKS: the access entry's Kubernetes group)";

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "gitVersion")]
    version: String,
}

/// Checks that the API server is reached, the credentials are taken, and what they may read.
pub async fn doctor(settings: &Settings) -> Result<Vec<Check>, Fault> {
    host::http::install_tls();
    let connection = Connection::new(settings).await;
    if let Connection::Absent(why) = &connection {
        let begun = ["EKS_CLUSTER", "KUBECONFIG", "KUBERNETES_URL"].iter().any(|n| settings.get(n).is_some());
        let outcome = match begun {
            true => {
                Outcome::failed(why, "complete or remove what is set of Kubernetes, as .env.example says")
            }
            false => Outcome::absent("EKS_CLUSTER with KUBERNETES_URL, or KUBECONFIG, not set"),
        };
        return Ok(vec![Check::new(OF, "cluster", outcome)]);
    }
    let client = match connection.client().await {
        Ok(client) => client,
        Err(error) => {
            let fix = "see that the AWS credentials, KUBECONFIG and KUBERNETES_CA are right";
            return Ok(vec![Check::new(OF, "cluster", Outcome::failed(error.to_string(), fix))]);
        }
    };
    let client = &client;
    let cluster = Check::attempt(OF, "cluster", version(client)).await;
    if !cluster.is_ok() {
        return Ok(vec![cluster]);
    }
    let lists = LISTS.iter().flat_map(|(group, resources)| resources.iter().map(move |name| (*group, *name)));
    let lists = lists.map(|(group, resource)| {
        let named = group.strip_prefix("apis/").and_then(|group| group.split_once('/'));
        let of = named.map(|(group, _)| format!(" of {group}")).unwrap_or_default();
        Check::attempt(OF, format!("list {resource}{of}"), list(client, group, resource))
    });
    let (lists, log) = tokio::join!(join_all(lists), Check::attempt(OF, "get pods/log", log(client)));
    Ok([vec![cluster], lists, vec![log]].concat())
}

async fn version(client: &kube::Client) -> Result<String, Outcome> {
    let fix = "renew KUBERNETES_TOKEN or KUBECONFIG; on EKS give the AWS identity an access entry: \
        aws eks create-access-entry --kubernetes-groups sitrep-readers";
    let body = request::get(client, "/version").await.map_err(|trouble| outcome(trouble, fix))?;
    let version: Version = serde_json::from_slice(&body)
        .map_err(|_| Outcome::unavailable("answered /version with something unreadable"))?;
    Ok(version.version)
}

async fn list(client: &kube::Client, group: &str, resource: &str) -> Result<String, Outcome> {
    match request::get(client, &format!("/{group}/{resource}?limit=1")).await {
        Ok(_) => Ok("allowed".to_owned()),
        Err(trouble) if group == METRICS && matches!(trouble.code(), Some(404 | 503)) => {
            Err(Outcome::absent("the cluster has no metrics server that answers"))
        }
        Err(trouble) => Err(outcome(trouble, GRANT)),
    }
}

async fn log(client: &kube::Client) -> Result<String, Outcome> {
    match request::get(client, LOG).await {
        Err(trouble) if trouble.code() != Some(404) => Err(outcome(trouble, GRANT)),
        _ => Ok("allowed".to_owned()),
    }
}

fn outcome(trouble: Trouble, fix: &str) -> Outcome {
    CallError::from(trouble).outcome(fix)
}
