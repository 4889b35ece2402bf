//! The API server through `answer`.

use super::*;

fn moment() -> Moment {
    Moment { alert: "2026-01-01T12:00:00Z".parse().unwrap(), as_of: "2026-01-01T12:06:00Z".parse().unwrap() }
}

fn pod(name: &str, app: &str, phase: &str, node: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": app, "tier": "web"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "api-1"}]},
        "spec": {"nodeName": node, "containers": [{"name": "main"}]}, "status": {"phase": phase}})
}

fn world(extra: Value) -> World {
    let mut file = json!({
        "objects": [
            pod("api-1-b", "api", "Running", "n1"),
            pod("api-1-a", "api", "Pending", "n2"),
            pod("web-1-a", "web", "Running", "n1"),
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "dns", "namespace": "kube-system"}},
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}},
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "api-1", "namespace": "shop"}},
            {"apiVersion": "apps/v1", "kind": "ReplicaSet",
                "metadata": {"name": "api-2", "namespace": "shop", "creationTimestamp": "@+1h"}},
            {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e1", "namespace": "shop"},
                "involvedObject": {"kind": "Pod", "name": "api-1-a", "namespace": "shop"}, "reason": "FailedScheduling",
                "message": "0/2 nodes", "type": "Warning", "count": 3, "lastTimestamp": "@-1m",
                "source": {"component": "scheduler"}},
        ],
        "logs": [{"namespace": "shop", "pod": "api-1-b", "container": "main", "text": "one\ntwo\nthree\n",
            "previous": "panic\n"}]
    });
    if let (Value::Object(file), Value::Object(extra)) = (&mut file, extra) {
        file.extend(extra);
    }
    crate::moment::resolve(&mut file, moment().alert).unwrap();
    serde_json::from_value(file).unwrap()
}

fn request(method: Method, target: &str) -> Request {
    Request::new(method, target).with_header("authorization", &format!("Bearer {TOKEN}"))
}

fn get(target: &str) -> Answer {
    world(json!({})).answer(&request(Method::GET, target), moment())
}

fn names(target: &str) -> Vec<String> {
    let answer = get(target);
    assert_eq!(answer.status, 200, "{target}: {}", answer.value());
    let items = answer.value()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn pods_are_listed_by_namespace_and_over_all_of_them() {
    assert_eq!(names("/api/v1/namespaces/shop/pods"), ["api-1-a", "api-1-b", "web-1-a"]);
    assert_eq!(names("/api/v1/pods").len(), 4);
    assert_eq!(names("/api/v1/namespaces/nowhere/pods"), [""; 0]);
}

#[test]
fn selectors_leave_what_fits() {
    for (selector, expected) in [
        ("labelSelector=app%3Dapi", 2),
        ("labelSelector=app%3D%3Dapi,tier%3Dweb", 2),
        ("labelSelector=app!%3Dapi", 1),
        ("labelSelector=app+in+(api,web)", 3),
        ("labelSelector=app+notin+(api)", 1),
        ("labelSelector=app", 3),
        ("labelSelector=!app", 0),
        ("fieldSelector=status.phase!%3DRunning", 1),
        ("fieldSelector=spec.nodeName%3Dn1,status.phase%3DRunning", 2),
        ("fieldSelector=metadata.name%3Dapi-1-b", 1),
        ("labelSelector=app%3Dapi&fieldSelector=spec.nodeName%3Dn9", 0),
    ] {
        assert_eq!(names(&format!("/api/v1/namespaces/shop/pods?{selector}")).len(), expected, "{selector}");
    }
    let refused = get("/api/v1/pods?fieldSelector=spec.hostNetwork%3Dtrue");
    assert_eq!(refused.status, 400);
    assert_eq!(refused.value()["message"], "field label not supported: spec.hostNetwork");
    assert_eq!(get("/api/v1/pods?labelSelector=app+in+api").status, 400);
}

#[test]
fn pages_continue_to_the_end_and_a_bad_token_is_gone() {
    let first = get("/api/v1/namespaces/shop/pods?limit=2").value();
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    let token = first["metadata"]["continue"].as_str().unwrap();
    assert_eq!(names(&format!("/api/v1/namespaces/shop/pods?limit=2&continue={token}")), ["web-1-a"]);
    let gone = get("/api/v1/namespaces/shop/pods?limit=2&continue=nonsense");
    assert_eq!((gone.status, &gone.value()["reason"]), (410, &json!("Expired")));
}

#[test]
fn an_object_has_its_ids_and_the_future_is_not_there() {
    let replicaset = get("/apis/apps/v1/namespaces/shop/replicasets/api-1").value();
    let pod = get("/api/v1/namespaces/shop/pods/api-1-a").value();
    assert!(replicaset["metadata"]["uid"].as_str().unwrap().len() == 36);
    assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], replicaset["metadata"]["uid"]);
    let missing = get("/apis/apps/v1/namespaces/shop/replicasets/api-2");
    assert_eq!(missing.status, 404);
    assert_eq!(missing.value()["message"], "replicasets.apps \"api-2\" not found");
}

#[test]
fn an_event_is_served_in_the_shape_of_the_group_that_is_asked() {
    let new =
        get("/apis/events.k8s.io/v1/namespaces/shop/events?fieldSelector=regarding.name%3Dapi-1-a").value();
    let event = &new["items"][0];
    assert_eq!((&event["note"], &event["deprecatedCount"]), (&json!("0/2 nodes"), &json!(3)));
    assert_eq!((&event["eventTime"], &event["reportingController"]), (&Value::Null, &json!("scheduler")));
    assert_eq!(event["deprecatedLastTimestamp"], "2026-01-01T11:59:00Z");
    let old =
        get("/api/v1/namespaces/shop/events?fieldSelector=involvedObject.kind%3DPod,type%3DWarning").value();
    assert_eq!(old["items"][0]["message"], "0/2 nodes");
    assert_eq!(names("/api/v1/namespaces/shop/events?fieldSelector=reason%3DBackOff"), [""; 0]);
}

#[test]
fn what_is_not_allowed_says_who_may_not_do_what() {
    let unknown = world(json!({})).answer(&Request::new(Method::GET, "/api/v1/pods"), moment());
    assert_eq!((unknown.status, &unknown.value()["reason"]), (401, &json!("Unauthorized")));
    let denying = world(json!({"permissions": {"user": "sre", "deny": ["nodes"]}}));
    let nodes = denying.answer(&request(Method::GET, "/api/v1/nodes"), moment());
    assert_eq!(nodes.status, 403);
    let expected =
        r#"nodes is forbidden: User "sre" cannot list resource "nodes" in API group "" at the cluster scope"#;
    assert_eq!(nodes.value()["message"], expected);
    assert_eq!(get("/api/v1/namespaces/shop/secrets").status, 403);
    let narrow = world(json!({"permissions": {"namespaces": ["shop"]}}));
    let status = |target: &str| narrow.answer(&request(Method::GET, target), moment()).status;
    assert_eq!((status("/api/v1/namespaces/shop/pods"), status("/api/v1/pods")), (200, 403));
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = world(json!({}))
            .answer(&request(method, "/apis/apps/v1/namespaces/shop/deployments/api"), moment());
        assert_eq!(answer.status, 403);
    }
}

#[test]
fn the_metrics_server_is_absent_unless_there_is_a_manifest_of_it() {
    assert_eq!(get("/apis/metrics.k8s.io/v1beta1/nodes").status, 404);
    let with = world(json!({"objects": [{"apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics",
        "metadata": {"name": "n1"}, "usage": {"cpu": "1", "memory": "2Gi"}}]}));
    let answer = with.answer(&request(Method::GET, "/apis/metrics.k8s.io/v1beta1/nodes"), moment()).value();
    assert_eq!(
        (&answer["kind"], &answer["items"][0]["usage"]["cpu"]),
        (&json!("NodeMetricsList"), &json!("1"))
    );
}

#[test]
fn logs_are_tailed_and_the_previous_container_is_asked_for_by_name() {
    let text = |target: &str| String::from_utf8(get(target).body).unwrap();
    let path = "/api/v1/namespaces/shop/pods/api-1-b/log";
    assert_eq!(text(&format!("{path}?tailLines=2")), "two\nthree\n");
    assert_eq!(text(&format!("{path}?previous=true&container=main")), "panic\n");
    assert_eq!(get(&format!("{path}?container=side")).status, 400);
    assert_eq!(get("/api/v1/namespaces/shop/pods/web-1-a/log?previous=true").status, 400);
    assert_eq!(get("/api/v1/namespaces/shop/pods/gone/log").status, 404);
    assert_eq!(text(&format!("{path}?limitBytes=5")), "one\nt");
}

#[test]
fn a_log_tells_times_when_asked_and_a_container_that_never_started_has_none() {
    let mut waiting = pod("api-1-c", "api", "Pending", "n1");
    waiting["status"]["containerStatuses"] =
        json!([{"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]);
    let world = world(json!({"objects": [pod("api-1-b", "api", "Running", "n1"), waiting],
        "logs": [{"namespace": "shop", "pod": "api-1-b", "container": "main",
            "text": "2026-01-01T11:58:00Z boom\n  at main\n2026-01-01T12:30:00Z later"}]}));
    let answer = |pod: &str| {
        let path = format!("/api/v1/namespaces/shop/pods/{pod}/log?container=main&timestamps=true");
        world.answer(&request(Method::GET, &path), moment())
    };
    let told = String::from_utf8(answer("api-1-b").body).unwrap();
    assert_eq!(
        told, "2026-01-01T11:58:00Z 2026-01-01T11:58:00Z boom\n2026-01-01T11:58:00Z   at main\n",
        "what is written after the investigation's time is not there"
    );
    assert_eq!(answer("api-1-c").status, 400);
}

#[test]
fn discovery_names_what_is_served() {
    assert_eq!(get("/version").value()["minor"], "33");
    assert!(get("/apis").value()["groups"].as_array().unwrap().iter().any(|group| group["name"] == "apps"));
    let core = get("/api/v1").value();
    assert!(
        core["resources"].as_array().unwrap().iter().any(|resource| resource["shortNames"] == json!(["po"]))
    );
    assert_eq!(get("/apis/nothing.example/v1").status, 404);
    assert_eq!(get("/apis/apps/v1/gizmos").status, 404);
}

#[test]
fn calls_are_named_by_verb_and_resource() {
    let name = |method, target| call(&request(method, target));
    assert_eq!(name(Method::GET, "/api/v1/namespaces/shop/pods?limit=5"), "list pods");
    assert_eq!(name(Method::GET, "/api/v1/pods?continue=x"), "list pods continued");
    assert_eq!(name(Method::GET, "/api/v1/namespaces/shop/pods/a/log"), "get pods/log");
    assert_eq!(name(Method::GET, "/api/v1/namespaces/shop"), "get namespaces");
    assert_eq!(name(Method::PATCH, "/apis/apps/v1/namespaces/shop/deployments/api"), "patch deployments");
}
