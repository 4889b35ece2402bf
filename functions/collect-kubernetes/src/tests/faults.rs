//! One list goes wrong in every way a server can: the status, the sentence a person reads, and how often it was asked.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};

use super::*;

/// What answers the list of quotas; everything else is an empty cluster.
#[derive(Clone)]
struct Broken {
    code: u16,
    retry_after: Option<&'static str>,
    kind: &'static str,
    body: String,
    asked: Arc<AtomicUsize>,
}

async fn broken(Shared(fault): Shared<Broken>, uri: Uri) -> Response {
    if !uri.path().ends_with("/resourcequotas") {
        return list(json!([])).to_string().into_response();
    }
    fault.asked.fetch_add(1, Ordering::Relaxed);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, fault.kind.parse().unwrap());
    if let Some(seconds) = fault.retry_after {
        headers.insert(RETRY_AFTER, seconds.parse().unwrap());
    }
    (StatusCode::from_u16(fault.code).unwrap(), headers, fault.body).into_response()
}

/// How the call ended, its sentence, and how often it was asked.
async fn collect(
    code: u16,
    retry_after: Option<&'static str>,
    kind: &'static str,
    body: String,
) -> (Status, String, usize) {
    let fault = Broken { code, retry_after, kind, body, asked: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(broken).with_state(fault.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let settings = [("KUBERNETES_URL", url.as_str()), ("KUBERNETES_TOKEN", "t")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()));
    let function = CollectKubernetes::new(&Settings::from_values(settings)).await.unwrap();
    let evidence = function.handle(state(shop())).await.unwrap();
    let call = evidence.calls.iter().find(|call| call.name == "list resourcequotas").unwrap();
    let gap = evidence.gaps.iter().find(|gap| gap.what == "list resourcequotas");
    let sentence = gap.map(|gap| gap.sentence.clone()).unwrap_or_default();
    (call.status, sentence, fault.asked.load(Ordering::Relaxed))
}

fn status(code: u16, reason: &str, message: &str) -> String {
    refusal(code, reason, message).1.to_string()
}

#[tokio::test]
async fn every_fault_is_a_status_and_a_sentence_and_never_a_storm() {
    let json = "application/json";
    let truncated = list(json!([{"metadata": {"name": "q"}}])).to_string();
    let truncated = truncated[..truncated.len() / 2].to_owned();
    let forbidden = "resourcequotas is forbidden: User \"u\" cannot list resource \"resourcequotas\"";
    let throttled = || status(429, "TooManyRequests", "too many requests");
    let page = "<html><body>Bad Gateway</body></html>".to_owned();
    let failure = status(200, "InternalError", "etcdserver: request timed out");
    let cases = [
        (
            401,
            None,
            json,
            status(401, "Unauthorized", "Unauthorized"),
            Status::Denied,
            "check the access entry or token",
            1,
        ),
        (
            403,
            None,
            json,
            status(403, "Forbidden", forbidden),
            Status::Denied,
            "refused with 403: resourcequotas is forbidden",
            1,
        ),
        (429, None, json, throttled(), Status::Unavailable, "hit its rate limit: too many requests", 3),
        (429, Some("0"), json, throttled(), Status::Unavailable, "hit its rate limit", 3),
        (429, Some("30"), json, throttled(), Status::Unavailable, "hit its rate limit", 1),
        (500, None, json, status(500, "InternalError", "boom"), Status::Unavailable, "answered 500: boom", 3),
        (502, None, "text/html", page.clone(), Status::Unavailable, "answered 502 without a reason", 3),
        (200, None, json, failure, Status::Unavailable, "something unreadable", 1),
        (200, None, json, truncated, Status::Unavailable, "something unreadable: EOF", 1),
        (200, None, "text/html", page, Status::Unavailable, "something unreadable: expected value", 1),
        (200, None, json, list(json!([])).to_string(), Status::Empty, "", 1),
    ];
    for (code, retry_after, kind, body, expected, says, times) in cases {
        let (status, sentence, asked) = collect(code, retry_after, kind, body).await;
        let case = format!("{code} {retry_after:?} {kind}: {sentence}");
        assert_eq!((status, asked), (expected, times), "{case}");
        assert!(sentence.contains(says), "{case}");
        let whole = "Kubernetes list resourcequotas: whether a quota is used up is unknown, because it ";
        assert!(says.is_empty() || sentence.starts_with(whole), "{case}");
    }
}

#[tokio::test]
async fn five_thousand_pods_are_read_page_by_page_within_the_budget() {
    let mut world = failing_world();
    let page = |number: usize| {
        let pods: Vec<Value> = (0..500)
            .map(|i| crashing(&format!("checkout-5b7c9d42-{number}x{i}"), "checkout-5b7c9d42"))
            .collect();
        let mut page = list(json!(pods));
        if number < 9 {
            page["metadata"]["continue"] = json!(number.to_string());
        }
        (200, page)
    };
    world.insert("/api/v1/namespaces/shop/pods", (0..10).map(page).collect());
    let evidence = Server::new(world).collect(shop()).await;
    let pods = evidence.calls.iter().find(|call| call.name == "list pods").unwrap();
    assert_eq!(pods.status, Status::Ok);
    assert!(incident::size::of(&evidence) <= incident::size::EVIDENCE);
    assert!(
        evidence.gaps.iter().any(|gap| gap.sentence.starts_with("4996 more failing pods")),
        "{:?}",
        evidence.gaps
    );
}
