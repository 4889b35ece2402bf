//! The read-only promise: every request that was really sent is a read, or goes to Slack or to a model.

use platform::{Recorded, Vendor};
use regex::Regex;

/// Everything that may be sent but to AWS: vendor, method, and the path as a whole. A write of any vendor is not among them.
const ALLOWED: &[(Vendor, &str, &str)] = &[
    (Vendor::Datadog, "GET", r"/api/v1/(query|monitor|monitor/\d+|events|slo)"),
    (
        Vendor::Datadog,
        "POST",
        r"/api/v2/(logs/events/search|logs/analytics/aggregate|events/search|query/timeseries|spans/analytics/aggregate)",
    ),
    (Vendor::Kubernetes, "GET", r"/(api|apis)/.*"),
    (Vendor::Cloudflare, "POST", r"/client/v4/graphql"),
    (Vendor::Cloudflare, "GET", r"/client/v4/zones.*"),
    (Vendor::Github, "GET", r"/repos/.*"),
    (Vendor::Pinecone, "POST", r"/query|/vectors/upsert|/vectors/delete"),
    (Vendor::Pinecone, "GET", r"/vectors/list|/indexes/.*|/vectors/fetch"),
    (Vendor::Openai, "POST", r"/v1/embeddings"),
    (Vendor::Anthropic, "POST", r"/v1/messages"),
    (Vendor::Slack, "POST", r"/api/chat\.(postMessage|update)|/chat\.(postMessage|update)"),
];

/// Panics on a request that is not on the list. To AWS goes only what the collector's role holds, and that is reads.
pub fn check(request: &Recorded) {
    let allowed = match request.vendor {
        Vendor::Aws => {
            collector_actions().iter().any(|action| action.ends_with(&format!(":{}", request.call)))
        }
        vendor => ALLOWED.iter().any(|(allowed, method, pattern)| {
            *allowed == vendor
                && *method == request.method
                && Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(&request.path)
        }),
    };
    assert!(
        allowed,
        "not on the list of reads: {} {} {} ({:?})",
        request.method, request.path, request.call, request.vendor
    );
}

/// The IAM actions that `infra/manifest.tf` gives to the collectors.
fn collector_actions() -> Vec<String> {
    let manifest = crate::text("infra/manifest.tf");
    let block = Regex::new(r"(?s)    collect-aws = \{(.*?)\n    \}\n").unwrap();
    let block = block.captures(&manifest).expect("collect-aws is in the manifest")[1].to_owned();
    Regex::new(r#""([a-z0-9]+:[A-Za-z]+)""#).unwrap().captures_iter(&block).map(|c| c[1].to_owned()).collect()
}

#[test]
fn the_collectors_role_holds_reads_alone() {
    let actions = collector_actions();
    assert!(actions.len() >= 5, "{actions:?}");
    for action in actions {
        let (_, name) = action.split_once(':').unwrap();
        assert!(["Get", "Describe", "List"].iter().any(|verb| name.starts_with(verb)), "{action}");
    }
    // The other collectors hold no action at all, so that an action of theirs would have to be added here in the open.
    let manifest = crate::text("infra/manifest.tf");
    let none = Regex::new(r"actions\s*= \{\}").unwrap();
    for name in ["collect-datadog", "collect-kubernetes", "collect-cloudflare"] {
        let block = Regex::new(&format!(r"(?s)    {name} = \{{(.*?)\n    \}}\n")).unwrap();
        let block = &block.captures(&manifest).unwrap_or_else(|| panic!("{name} is not in the manifest"))[1];
        assert!(none.is_match(block), "{name}: {block}");
    }
}

#[test]
fn the_cluster_role_lists_and_nothing_else() {
    let text = crate::text("infra/kubernetes/clusterrole.yaml");
    let role: serde_json::Value = serde_norway::from_str(text.split("\n---").next().unwrap()).unwrap();
    let rules = role["rules"].as_array().expect("the first document is the role");
    for rule in rules {
        for verb in rule["verbs"].as_array().unwrap() {
            assert!(["get", "list", "watch"].iter().any(|read| verb == read), "{rule}");
        }
        assert!(!rule["resources"].to_string().contains("secrets"), "{rule}");
    }
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
