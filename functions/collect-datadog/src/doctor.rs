//! For `sitrep doctor`: both keys, and one cheap read for each scope.

use collecting::CallError;
use futures::future::join_all;
use host::{Check, Fault, Outcome, Settings};
use incident::Timestamp;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::client::{Client, Scope};

const OF: &str = "Datadog";
/// A service that nobody has: what is asked about it is small.
const NOBODY: &str = "service:sitrep-doctor";

/// Checks `DD_API_KEY`, `DD_APP_KEY` and what the latter may read.
pub async fn doctor(settings: &Settings) -> Result<Vec<Check>, Fault> {
    if let Some(unset) = Check::unset(OF, "keys", settings, &["DD_API_KEY", "DD_APP_KEY"]) {
        return Ok(vec![unset]);
    }
    let Some(client) = &Client::from_settings(settings)? else { return Ok(Vec::new()) };
    let site = settings.get_or("DD_SITE", "datadoghq.com");
    let api = format!(
        "put a key of Organization settings → API keys in DD_API_KEY, and your site in DD_SITE (it is {site})"
    );
    let app = "put a key of Organization settings → Application keys in DD_APP_KEY, of the organisation of DD_API_KEY";
    let api = Check::attempt(OF, "DD_API_KEY", key(client, "/api/v1/validate", site, api)).await;
    if !api.is_ok() {
        return Ok(vec![api]);
    }
    let app = Check::attempt(OF, "DD_APP_KEY", key(client, "/api/v2/validate_keys", site, app.into())).await;
    if !app.is_ok() {
        return Ok(vec![api, app]);
    }
    let scopes = Scope::ALL.map(|scope| Check::attempt(OF, scope.needed(), scoped(client, scope)));
    Ok([vec![api, app], join_all(scopes).await].concat())
}

async fn key(client: &Client, path: &str, site: &str, fix: String) -> Result<String, Outcome> {
    match client.get::<Value>(path, &[], Scope::Metrics).await {
        Ok(_) => Ok(format!("valid at {site}")),
        // What the client says of a refusal is about a scope; here it is about the key.
        Err(CallError::Denied(_)) => Err(Outcome::failed(format!("is not valid at {site}"), fix)),
        Err(error) => Err(error.outcome(fix)),
    }
}

/// How a scope is tried.
enum Question {
    Get(Vec<(&'static str, String)>),
    Post(Value),
}

async fn scoped(client: &Client, scope: Scope) -> Result<String, Outcome> {
    let (path, question) = question(scope, host::clock::now());
    let answer: Result<Value, CallError> = match &question {
        Question::Get(query) => {
            let query: Vec<(&str, &str)> =
                query.iter().map(|(name, value)| (*name, value.as_str())).collect();
            client.get(path, &query, scope).await
        }
        Question::Post(body) if scope == Scope::Apm => client.sparing(path, body, scope).await,
        Question::Post(body) => client.search(path, body, scope).await,
    };
    let fix = format!(
        "add {} to the application key (Organization settings → Application keys → Edit scopes), and to the role of who owns it",
        scope.needed()
    );
    answer.map(|_| "may be read".to_owned()).map_err(|error| error.outcome(fix))
}

fn question(scope: Scope, now: Timestamp) -> (&'static str, Question) {
    let before = now.checked_sub(SignedDuration::from_mins(1)).unwrap_or(now);
    let from = ("from", before.as_second().to_string());
    let filter = json!({"query": NOBODY, "from": "now-1m", "to": "now"});
    let search = json!({"filter": filter, "page": {"limit": 1}});
    let get = |name, value: &str| (name, value.to_owned());
    match scope {
        Scope::Timeseries => {
            let query = format!("avg:system.cpu.user{{{NOBODY}}}");
            let to = ("to", now.as_second().to_string());
            ("/api/v1/query", Question::Get(vec![from, to, ("query", query)]))
        }
        Scope::Metrics => ("/api/v1/metrics", Question::Get(vec![from, get("tag_filter", NOBODY)])),
        Scope::Monitors => ("/api/v1/monitor", Question::Get(vec![get("page", "0"), get("page_size", "1")])),
        Scope::Slos => ("/api/v1/slo", Question::Get(vec![get("limit", "1")])),
        Scope::Synthetics => ("/api/v1/synthetics/tests", Question::Get(vec![get("page_size", "1")])),
        Scope::Logs => ("/api/v2/logs/events/search", Question::Post(search)),
        Scope::Events => ("/api/v2/events/search", Question::Post(search)),
        Scope::Apm => {
            let compute = json!([{"aggregation": "count", "type": "total"}]);
            let attributes = json!({"filter": filter, "compute": compute});
            let body = json!({"data": {"type": "aggregate_request", "attributes": attributes}});
            ("/api/v2/spans/analytics/aggregate", Question::Post(body))
        }
        Scope::Dora => {
            let (from, to) = (before.to_string(), now.to_string());
            let attributes = json!({"from": from, "to": to, "query": NOBODY, "limit": 1});
            let body = json!({"data": {"type": "dora_deployments_list_request", "attributes": attributes}});
            ("/api/v2/dora/deployments", Question::Post(body))
        }
    }
}
