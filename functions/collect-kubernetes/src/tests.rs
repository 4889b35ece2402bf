//! The whole collector against an API server on loopback that holds a small world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use host::Function as _;
use incident::{Fact, Finding, Object, ObjectKind, Subject};
use serde_json::{Value, json};

use super::*;

/// Path → the answer to each request of it in turn; the last one stays.
type Answers = BTreeMap<&'static str, Vec<(u16, Value)>>;

#[derive(Clone)]
struct Server {
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answers: Answers) -> Self {
        Self { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() }
    }

    /// Serves on loopback and lets the collector read it.
    async fn collect(&self, subject: Subject) -> Evidence {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let settings = [("KUBERNETES_URL", url.as_str()), ("KUBERNETES_TOKEN", "t")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        let function = CollectKubernetes::new(&Settings::from_values(settings)).await.unwrap();
        function.handle(state(subject)).await.unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(Shared(server): Shared<Server>, uri: Uri) -> Response {
    server.asked.lock().unwrap().push(uri.to_string());
    let mut answers = server.answers.lock().unwrap();
    // What is asked by name or label of the incident's own objects is what the whole list holds first, and no turn of it.
    let by_selector = uri.query().is_some_and(|q| q.contains("metadata.name") || q.contains("labelSelector"));
    let (code, body) = match answers.get_mut(uri.path()) {
        Some(answers) if answers.len() > 1 && !by_selector => answers.remove(0),
        Some(answers) => answers[0].clone(),
        None => (200, list(json!([]))),
    };
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    (StatusCode::from_u16(code).unwrap(), body).into_response()
}

fn list(items: Value) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})
}

fn refusal(code: u16, reason: &str, message: &str) -> (u16, Value) {
    (code, json!({"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": code}))
}

fn state(subject: Subject) -> State {
    let alert = json!({"version": 1, "event_id": "1", "transition": "triggered", "title": "t", "at": "2026-03-01T02:14:00Z"});
    serde_json::from_value(json!({"alert": alert, "subject": subject, "as_of": "2026-03-01T02:20:00Z"}))
        .unwrap()
}

fn shop() -> Subject {
    Subject {
        namespaces: vec!["shop".into()],
        workloads: vec![Object::namespaced(ObjectKind::Deployment, "shop", "checkout")],
        ..Subject::default()
    }
}

fn deployment(name: &str, revision: u32, ready: u32) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "uid": name,
            "annotations": {"deployment.kubernetes.io/revision": revision.to_string()}},
        "spec": {"replicas": 2},
        "status": {"readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": 2}})
}

fn replica_set(deployment: &str, revision: u32, created: &str, image: &str) -> Value {
    json!({"metadata": {"name": format!("{deployment}-5b7c9d{revision}"), "namespace": "shop",
            "creationTimestamp": format!("2026-03-01T{created}Z"),
            "ownerReferences": [{"kind": "Deployment", "name": deployment, "uid": deployment}],
            "annotations": {"deployment.kubernetes.io/revision": revision.to_string()}},
        "spec": {"template": {"spec": {"containers": [{"name": deployment, "image": image}]}}}})
}

fn crashing(name: &str, replica_set: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-03-01T02:11:00Z",
            "ownerReferences": [{"kind": "ReplicaSet", "name": replica_set}]},
        "status": {"phase": "Running", "startTime": "2026-03-01T02:11:00Z", "containerStatuses": [{
            "name": "checkout", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}})
}

fn warning(kind: &str, name: &str, reason: &str) -> Value {
    json!({"regarding": {"kind": kind, "name": name, "namespace": if kind == "Node" { "" } else { "shop" }},
        "reason": reason, "type": "Warning", "note": "n", "eventTime": null,
        "deprecatedLastTimestamp": "2026-03-01T02:15:00Z", "deprecatedCount": 2})
}

/// A rollout that crashes, an unrelated one an hour before, a neighbour's event and a node's.
fn failing_world() -> Answers {
    let ok = |items: Value| vec![(200, list(items))];
    BTreeMap::from([
        (
            "/apis/apps/v1/namespaces/shop/deployments",
            ok(json!([deployment("search", 7, 2), deployment("checkout", 42, 0)])),
        ),
        (
            "/apis/apps/v1/namespaces/shop/replicasets",
            ok(json!([
                replica_set("search", 7, "01:20:00", "search:v9"),
                replica_set("search", 6, "00:10:00", "search:v8"),
                replica_set("checkout", 42, "02:11:00", "checkout:v2"),
                replica_set("checkout", 41, "00:00:00", "checkout:v1")
            ])),
        ),
        (
            "/api/v1/namespaces/shop/pods",
            ok(json!([crashing("checkout-5b7c9d42-aaaaa", "checkout-5b7c9d42")])),
        ),
        (
            "/apis/events.k8s.io/v1/namespaces/shop/events",
            ok(json!([
                warning("Pod", "search-5b7c9d7-zzzzz", "Unhealthy"),
                warning("Pod", "checkout-5b7c9d42-aaaaa", "BackOff")
            ])),
        ),
        (
            "/api/v1/namespaces/shop/pods/checkout-5b7c9d42-aaaaa/log",
            vec![(200, json!("2026-03-01T02:14:00.5Z panic: no such table\n"))],
        ),
        (
            "/apis/events.k8s.io/v1/namespaces/default/events",
            ok(json!([warning("Node", "n-1", "FreeDiskSpaceFailed")])),
        ),
    ])
}

fn kinds(findings: &[Finding]) -> Vec<String> {
    let kind = |fact: &Fact| serde_json::to_value(fact).unwrap()["kind"].as_str().unwrap().to_owned();
    findings.iter().map(|finding| format!("{} {}", kind(&finding.fact), finding.object.name)).collect()
}

#[tokio::test]
async fn the_incidents_own_rollout_comes_first_and_the_neighbours_last() {
    let evidence = Server::new(failing_world()).collect(shop()).await;
    assert_eq!(
        kinds(&evidence.findings),
        [
            "rollout checkout",
            "template_diff checkout",
            "pod checkout-5b7c9d42-aaaaa",
            "pod_log checkout-5b7c9d42-aaaaa",
            "workload checkout",
            "event_group checkout-5b7c9d42-aaaaa",
            "rollout search",
            "template_diff search",
            "event_group search-5b7c9d7-zzzzz",
            "event_group n-1",
        ]
    );
    assert_eq!(evidence.status, Status::Ok);
    let Fact::Pod(pod) = &evidence.findings[2].fact else { panic!("expected a pod") };
    assert_eq!(pod.owner.as_ref().unwrap().to_string(), "Deployment shop/checkout");
}

#[tokio::test]
async fn one_refused_list_is_one_gap_in_the_servers_words() {
    let mut world = failing_world();
    let message = "nodes is forbidden: User \"u\" cannot list resource \"nodes\"";
    world.insert("/api/v1/nodes", vec![refusal(403, "Forbidden", message)]);
    let evidence = Server::new(world).collect(shop()).await;
    let denied: Vec<_> = evidence.calls.iter().filter(|call| call.status == Status::Denied).collect();
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0].name, "list nodes");
    assert!(evidence.gaps[0].sentence.contains("nodes is forbidden"));
    assert_eq!(evidence.status, Status::Partial);
    assert!(!evidence.findings.is_empty());
}

#[tokio::test]
async fn an_unknown_token_denies_everything_and_says_what_to_look_at() {
    let paths = [
        "/api/v1/namespaces/shop/pods",
        "/api/v1/namespaces/shop/resourcequotas",
        "/api/v1/nodes",
        "/apis/apps/v1/namespaces/shop/deployments",
        "/apis/apps/v1/namespaces/shop/replicasets",
        "/apis/apps/v1/namespaces/shop/statefulsets",
        "/apis/apps/v1/namespaces/shop/daemonsets",
        "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers",
        "/apis/events.k8s.io/v1/namespaces/shop/events",
        "/apis/events.k8s.io/v1/namespaces/default/events",
        "/api/v1/namespaces/shop/limitranges",
        "/api/v1/namespaces/shop/services",
        "/api/v1/namespaces/shop/persistentvolumeclaims",
        "/apis/apps/v1/namespaces/shop/controllerrevisions",
        "/apis/apps/v1/namespaces/kube-system/deployments",
        "/apis/apps/v1/namespaces/kube-system/daemonsets",
        "/apis/batch/v1/namespaces/shop/jobs",
        "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices",
        "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies",
        "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods",
        "/apis/metrics.k8s.io/v1beta1/nodes",
    ];
    let world = paths.map(|path| (path, vec![refusal(401, "Unauthorized", "Unauthorized")]));
    let evidence = Server::new(BTreeMap::from(world)).collect(shop()).await;
    assert_eq!(evidence.status, Status::Denied);
    let (own, others): (Vec<_>, Vec<_>) = evidence.gaps.iter().partition(|gap| gap.what != "Kubernetes");
    assert!(own.iter().all(|gap| gap.sentence.contains("access entry or token")), "{own:?}");
    assert!(others.iter().all(|gap| gap.sentence.contains("more gaps")), "{others:?}");
}

#[tokio::test]
async fn a_list_is_read_to_its_last_page_and_starts_again_once_when_its_continuation_expires() {
    let mut world = failing_world();
    let path = "/api/v1/namespaces/shop/pods";
    let page = |name: &str, token: &str| {
        let mut page = list(json!([crashing(name, "checkout-5b7c9d42")]));
        page["metadata"]["continue"] = json!(token);
        (200, page)
    };
    let expired = refusal(410, "Expired", "The provided continue parameter is too old");
    world.insert(
        path,
        vec![
            page("checkout-5b7c9d42-aaaaa", "x y"),
            expired,
            page("checkout-5b7c9d42-aaaaa", "z"),
            page("checkout-5b7c9d42-bbbbb", ""),
        ],
    );
    let server = Server::new(world);
    let evidence = server.collect(shop()).await;
    let pods = evidence.findings.iter().filter(|finding| matches!(finding.fact, Fact::Pod(_))).count();
    assert_eq!(pods, 2);
    let pages = |uri: &String| uri.starts_with(path) && !uri.contains("Selector") && !uri.contains("/log");
    let asked: Vec<String> = server.asked().into_iter().filter(pages).collect();
    assert!(asked[0].ends_with("limit=500") && asked[1].ends_with("limit=500&continue=x+y"));
    assert_eq!(asked.len(), 4);
}

#[tokio::test]
async fn a_list_that_expires_twice_is_unavailable() {
    let mut world = failing_world();
    let mut page = list(json!([]));
    page["metadata"]["continue"] = json!("x");
    let expired = || refusal(410, "Expired", "too old");
    world.insert("/api/v1/nodes", vec![(200, page.clone()), expired(), (200, page), expired()]);
    let evidence = Server::new(world).collect(shop()).await;
    assert!(evidence.gaps[0].sentence.contains("expired twice"), "{:?}", evidence.gaps);
}

#[tokio::test]
async fn events_fall_back_to_the_core_api() {
    let mut world = failing_world();
    world.insert(
        "/apis/events.k8s.io/v1/namespaces/shop/events",
        vec![refusal(404, "NotFound", "the server could not find the requested resource")],
    );
    let core = json!([{"involvedObject": {"kind": "Pod", "name": "checkout-5b7c9d42-aaaaa", "namespace": "shop"},
        "reason": "BackOff", "type": "Warning", "message": "m", "lastTimestamp": "2026-03-01T02:15:00Z", "count": 3}]);
    world.insert("/api/v1/namespaces/shop/events", vec![(200, list(core))]);
    let evidence = Server::new(world).collect(shop()).await;
    assert!(kinds(&evidence.findings).contains(&"event_group checkout-5b7c9d42-aaaaa".to_owned()));
    assert_eq!(evidence.status, Status::Ok);
}

#[tokio::test]
async fn many_alike_pods_are_a_few_and_a_gap_that_counts_the_rest() {
    let mut world = failing_world();
    let names: Vec<String> = (0..30).map(|i| format!("checkout-5b7c9d42-p{i:04}")).collect();
    let pods: Vec<Value> = names.iter().map(|name| crashing(name, "checkout-5b7c9d42")).collect();
    world.insert("/api/v1/namespaces/shop/pods", vec![(200, list(json!(pods)))]);
    let evidence = Server::new(world).collect(shop()).await;
    assert_eq!(evidence.findings.iter().filter(|f| matches!(f.fact, Fact::Pod(_))).count(), 4);
    assert!(evidence.gaps.iter().any(|gap| gap.sentence.starts_with("26 more failing pods")));
}

#[tokio::test]
async fn without_namespaces_all_are_read_and_a_well_world_is_one_finding() {
    let well = list(json!([deployment("search", 7, 2), deployment("checkout", 42, 2)]));
    let server = Server::new(BTreeMap::from([("/apis/apps/v1/deployments", vec![(200, well)])]));
    let evidence = server.collect(Subject::default()).await;
    let summaries: Vec<_> = evidence.findings.iter().map(|finding| finding.summary.as_str()).collect();
    assert_eq!(
        summaries,
        ["Cluster kubernetes: 2 workloads, 4 of 4 replicas ready, no failing pod, no warning event"]
    );
    assert!(
        server.asked().iter().all(|uri| !uri.contains("/namespaces/")),
        "all namespaces in one list each"
    );
}

#[tokio::test]
async fn namespaces_that_cannot_exist_are_a_gap_and_only_nodes_are_read() {
    let server = Server::new(failing_world());
    let evidence = server.collect(Subject { namespaces: vec!["../shop".into()], ..Subject::default() }).await;
    let mut asked = server.asked();
    asked.sort();
    let paths: Vec<&str> = asked.iter().map(|uri| uri.split('?').next().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "/api/v1/nodes",
            "/apis/apps/v1/namespaces/kube-system/daemonsets",
            "/apis/apps/v1/namespaces/kube-system/deployments",
            "/apis/events.k8s.io/v1/namespaces/default/events",
            "/apis/metrics.k8s.io/v1beta1/nodes",
        ]
    );
    assert!(evidence.gaps.iter().any(|gap| gap.what == "namespaces" && gap.sentence.contains("only nodes")));
}

#[test]
fn the_window_stays_within_time() {
    assert_eq!(window(Timestamp::MIN).from, Timestamp::MIN);
    assert_eq!(window(Timestamp::MAX).to, Timestamp::MAX);
}

#[tokio::test]
async fn a_workload_that_is_not_there_is_said_and_an_empty_cluster_is_empty() {
    let evidence = Server::new(BTreeMap::new()).collect(shop()).await;
    assert_eq!(evidence.status, Status::Empty);
    assert!(evidence.gaps[0].sentence.contains("Deployment shop/checkout"));
}

#[tokio::test]
async fn garbage_is_unavailable_and_no_error() {
    let world = BTreeMap::from([("/api/v1/nodes", vec![(200, json!("<html>"))])]);
    let evidence = Server::new(world).collect(shop()).await;
    assert!(evidence.gaps.iter().any(|gap| gap.status == Status::Unavailable && gap.what == "list nodes"));
}

#[tokio::test]
async fn without_settings_the_source_is_not_configured() {
    let function = CollectKubernetes::new(&Settings::default()).await.unwrap();
    let evidence = function.handle(state(shop())).await.unwrap();
    assert_eq!(evidence.status, Status::NotConfigured);
}

#[tokio::test]
async fn the_cluster_role_grants_exactly_what_is_called() {
    let mut world = failing_world();
    let events = "/apis/events.k8s.io/v1/namespaces/shop/events";
    world.insert(events, vec![refusal(404, "NotFound", "not found")]);
    let server = Server::new(world);
    server.collect(shop()).await;
    let called: BTreeSet<(String, String, String)> = server.asked().iter().map(|uri| resource(uri)).collect();

    let yaml = include_str!("../../../infra/kubernetes/clusterrole.yaml");
    let role = serde_norway::Deserializer::from_str(yaml).next().unwrap();
    let role: Value = serde::Deserialize::deserialize(role).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for (resource, verb) in
            rule["resources"].as_array().unwrap().iter().flat_map(|resource| {
                rule["verbs"].as_array().unwrap().iter().map(move |verb| (resource, verb))
            })
        {
            granted.insert((text(&rule["apiGroups"][0]), text(resource), text(verb)));
        }
    }
    assert_eq!(called, granted);
}

/// `/apis/apps/v1/namespaces/shop/pods?limit=500` → group, resource and verb; the core group is empty.
fn resource(uri: &str) -> (String, String, String) {
    let path = uri.split('?').next().unwrap();
    let group = path.strip_prefix("/apis/").map_or("", |rest| rest.split('/').next().unwrap());
    let (name, verb) =
        if path.ends_with("/log") { ("pods/log", "get") } else { (path.rsplit('/').next().unwrap(), "list") };
    (group.to_owned(), name.to_owned(), verb.to_owned())
}

#[test]
fn every_sample_event_is_a_state_document() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/collect-kubernetes");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        serde_json::from_str::<State>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

mod faults;
