//! The read-only promise: every request that was really sent is a read, or goes to Slack or to a model.

use platform::{Recorded, Vendor};
use regex::Regex;
use serde::Deserialize;

/// One read of `infra/reads.yaml`, where the fields are explained.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    vendor: Vendor,
    call: String,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
    scope: String,
    why: String,
}

/// What an investigation sends besides: knowledge, models and the brief. A write to anything that is investigated is not among it.
const SERVICES: &[(Vendor, &str, &str)] = &[
    (Vendor::Pinecone, "POST", r"/query|/vectors/upsert|/vectors/delete"),
    (Vendor::Pinecone, "GET", r"/vectors/list|/indexes/.*|/vectors/fetch"),
    (Vendor::Openai, "POST", r"/v1/embeddings"),
    (Vendor::Anthropic, "POST", r"/v1/messages|/model/[^/]+/invoke"),
    (Vendor::Anthropic, "GET", r"/v1/models/[^/]+"),
    (Vendor::Slack, "POST", r"(/api)?/chat\.(postMessage|update)|/api/conversations\.history"),
    (Vendor::Slack, "POST", r"/api/files\.completeUploadExternal|/api/upload/v1/[^/]+"),
    (Vendor::Slack, "GET", r"/api/files\.getUploadURLExternal"),
];

/// The paths of POST requests that only read: searches and queries whose question is a body.
const QUESTIONS: &str = r"/api/v2/(logs|events|spans|query|dora)/.*|/client/v4/graphql";

impl Read {
    fn covers(&self, request: &Recorded) -> bool {
        let is = |given: &Option<String>, asked: &str| {
            given.as_ref().is_some_and(|pattern| whole(pattern).is_match(asked))
        };
        self.vendor == request.vendor
            && match self.vendor {
                Vendor::Aws => self.call == request.call,
                _ => is(&self.method, &request.method) && is(&self.path, &request.path),
            }
    }
}

fn whole(pattern: &str) -> Regex {
    Regex::new(&format!("^(?:{pattern})$")).unwrap_or_else(|error| panic!("infra/reads.yaml: {error}"))
}

fn reads() -> Vec<Read> {
    serde_norway::from_str(&crate::text("infra/reads.yaml"))
        .unwrap_or_else(|error| panic!("infra/reads.yaml: {error}"))
}

/// Panics on a request that is on no list.
pub fn check(request: &Recorded) {
    let service = SERVICES.iter().any(|(vendor, method, pattern)| {
        *vendor == request.vendor && *method == request.method && whole(pattern).is_match(&request.path)
    });
    assert!(
        service || reads().iter().any(|read| read.covers(request)),
        "not on the list of reads: {} {} {} ({:?})",
        request.method,
        request.path,
        request.call,
        request.vendor
    );
}

#[test]
fn what_is_on_the_list_only_reads() {
    for read in reads() {
        assert!(!read.scope.is_empty() && !read.why.is_empty(), "{read:?}");
        match (read.vendor, read.method.as_deref(), read.path.as_deref()) {
            (Vendor::Aws, None, None) => {
                assert!(read.scope.ends_with(&format!(":{}", read.call)), "{read:?}");
            }
            (_, Some("GET"), Some(_)) => {}
            (_, Some("POST"), Some(path)) => assert!(whole(QUESTIONS).is_match(path), "{read:?}"),
            _ => panic!("no read: {read:?}"),
        }
    }
}

/// `docs/permissions.md` holds the table of the list; with `SITREP_WRITE_DOCS` set it is written instead of compared.
#[test]
fn the_permissions_in_the_docs_are_those_of_the_list() {
    let (start, end) = ("<!-- from infra/reads.yaml -->\n", "<!-- end -->\n");
    let docs = crate::text("docs/permissions.md");
    let (before, rest) = docs.split_once(start).expect("the docs mark where the table begins");
    let (_, after) = rest.split_once(end).expect("the docs mark where the table ends");
    let expected = format!("{before}{start}{}{end}{after}", table());
    if host::Settings::from_process().get("SITREP_WRITE_DOCS").is_some() {
        std::fs::write(crate::repository("docs/permissions.md"), expected).unwrap();
        return;
    }
    assert!(docs == expected, "run `SITREP_WRITE_DOCS=1 cargo test -p tests permissions`");
}

fn table() -> String {
    let mut text = "| vendor | call | request | needs | tells |\n|---|---|---|---|---|\n".to_owned();
    for Read { vendor, call, method, path, scope, why } in reads() {
        let request = match (method, path) {
            (Some(method), Some(path)) => format!("`{method} {}`", path.replace('|', "\\|")),
            _ => "`POST /`".to_owned(),
        };
        text.push_str(&format!("| {vendor} | {call} | {request} | {scope} | {why} |\n"));
    }
    text
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
