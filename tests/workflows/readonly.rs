//! The read-only promise: every request that was really sent is a read, or goes to Slack or to a model.

use platform::{Recorded, Vendor};
use regex::Regex;

/// Everything that may be sent: vendor, method, and the call or path as a whole. A write of any vendor is not among them.
const ALLOWED: &[(Vendor, &str, &str)] = &[
    (Vendor::Datadog, "GET", r"/api/v1/(query|monitor|monitor/\d+|events|slo)"),
    (Vendor::Datadog, "POST", r"/api/v2/(logs/events/search|logs/analytics/aggregate|events/search|query/timeseries|spans/analytics/aggregate)"),
    (Vendor::Kubernetes, "GET", r"/(api|apis)/.*"),
    (
        Vendor::Aws,
        "POST",
        r"GetMetricData|DescribeAlarms|DescribeDBInstances|DescribeEvents|DescribeDBParameters|DescribeTargetGroups|DescribeTargetHealth|DescribeInstanceStatus|DescribeInstances",
    ),
    (Vendor::Cloudflare, "POST", r"/client/v4/graphql"),
    (Vendor::Cloudflare, "GET", r"/client/v4/zones.*"),
    (Vendor::Github, "GET", r"/repos/.*"),
    (Vendor::Pinecone, "POST", r"/query|/vectors/upsert|/vectors/delete"),
    (Vendor::Pinecone, "GET", r"/vectors/list|/indexes/.*|/vectors/fetch"),
    (Vendor::Openai, "POST", r"/v1/embeddings"),
    (Vendor::Anthropic, "POST", r"/v1/messages"),
    (Vendor::Slack, "POST", r"/api/chat\.(postMessage|update)|/chat\.(postMessage|update)"),
];

/// Panics on a request that is not on the list.
pub fn check(request: &Recorded) {
    let allowed = ALLOWED.iter().any(|(vendor, method, pattern)| {
        let subject = if *vendor == Vendor::Aws { &request.call } else { &request.path };
        *vendor == request.vendor
            && *method == request.method
            && Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(subject)
    });
    assert!(allowed, "not on the list of reads: {} {} {} ({:?})", request.method, request.path, request.call, request.vendor);
}

#[test]
fn a_write_would_be_noticed() {
    let delete = Recorded {
        vendor: Vendor::Kubernetes,
        call: "delete pods".into(),
        method: "DELETE".into(),
        path: "/api/v1/namespaces/n/pods/p".into(),
        query: vec![],
        body: vec![],
        status: 403,
    };
    assert!(std::panic::catch_unwind(|| check(&delete)).is_err());
}
