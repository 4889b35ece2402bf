//! DORA deployments: what pipelines report with a start, an end and a commit. The cleanest feed of deploys, where a team sends it.

use collecting::{Answer, CallError};
use incident::evidence::Observation;
use incident::fact::DeployEvent;
use incident::{Fact, Object, ObjectKind, Timestamp, Window, redact, size};
use serde::{Deserialize, Serialize};

use crate::client::{Client, Scope};
use crate::wrapped::Wrapped;

/// Deployments read.
const PAGE: usize = 50;
/// Characters of a name and of a commit.
const NAME: usize = 80;

#[derive(Serialize)]
struct Attributes<'a> {
    from: String,
    to: String,
    query: &'a str,
    limit: usize,
    sort: &'static str,
}

#[derive(Deserialize)]
struct Response {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    attributes: Deployment,
}

/// One deployment.
#[derive(Debug, Clone, Deserialize)]
pub struct Deployment {
    service: String,
    #[serde(default)]
    env: Option<String>,
    #[serde(default)]
    version: Option<String>,
    started_at: Timestamp,
    #[serde(default)]
    finished_at: Option<Timestamp>,
    #[serde(default)]
    git: Option<Git>,
}

#[derive(Debug, Clone, Deserialize)]
struct Git {
    #[serde(default)]
    commit_sha: Option<String>,
}

/// Reads the deployments that a query finds, the newest first.
pub async fn ask(client: &Client, query: &str, window: Window) -> Result<Answer<Vec<Deployment>>, CallError> {
    let body = request(query, window);
    let response: Response = client.search("/api/v2/dora/deployments", &body, Scope::Dora).await?;
    let full = response.data.len() >= PAGE;
    let deployments: Vec<Deployment> = response.data.into_iter().map(|entry| entry.attributes).collect();
    Ok(if full {
        Answer::partial(deployments, format!("there are more than the newest {PAGE} deployments"))
    } else {
        Answer::list(deployments)
    })
}

fn request(query: &str, window: Window) -> Wrapped<Attributes<'_>> {
    let attributes = Attributes {
        from: window.from.to_string(),
        to: window.to.to_string(),
        query,
        limit: PAGE,
        sort: "-started_at",
    };
    Wrapped::new("dora_deployments_list_request", attributes)
}

impl Deployment {
    /// The service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// True where an event tells of the same.
    pub fn is_told_by(&self, event: &DeployEvent) -> bool {
        event.service.as_deref() == Some(&self.service)
            && event.version.is_some()
            && event.version == self.version
    }

    /// The deployment at its start.
    pub fn observation(self) -> Observation {
        let name = |text: &str| size::cut(&redact::redact(text), NAME);
        let service = name(&self.service);
        let version = self.version.as_deref().map(name);
        let what =
            version.as_deref().map_or_else(|| service.clone(), |version| format!("{service} {version}"));
        let env = self.env.as_deref().map(|env| format!(" to {env}")).unwrap_or_default();
        let ended = match self.finished_at {
            Some(at) => format!(", finished {}", at.strftime("%H:%M:%S UTC")),
            None => String::new(),
        };
        let start = self.started_at.strftime("%H:%M:%S UTC");
        let summary = format!("{what} was deployed{env}: started {start}{ended}");
        let fact = DeployEvent {
            title: format!("Deployed {what}{env}"),
            service: Some(service.clone()),
            version,
            env: self.env,
            finished_at: self.finished_at,
            commit: self.git.and_then(|git| git.commit_sha).map(|commit| name(&commit)),
            ..DeployEvent::default()
        };
        let object = Object::new(ObjectKind::Application, service);
        Observation::new(self.started_at, object, summary, Fact::DeployEvent(fact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_told_at_its_start_with_its_commit() {
        let response: Response = serde_json::from_str(
            r#"{"data":[{"id":"1","type":"dora_deployment","attributes":{"service":"api","env":"prod","version":"v2",
            "started_at":"2026-01-01T01:55:00Z","finished_at":"2026-01-01T01:57:30Z","custom_tags":[],
            "git":{"commit_sha":"66adc9350f2cc9b250b69abddab733dd55e1a588","repository_id":"github.com/a/b"}}}]}"#,
        )
        .unwrap();
        let found = response.data[0].attributes.clone().observation();
        assert_eq!(found.summary, "api v2 was deployed to prod: started 01:55:00 UTC, finished 01:57:30 UTC");
        let Fact::DeployEvent(deploy) = found.fact else { panic!() };
        assert_eq!(deploy.commit.as_deref(), Some("66adc9350f2cc9b250b69abddab733dd55e1a588"));
        assert!(response.data[0].attributes.is_told_by(&deploy));
    }

    #[test]
    fn the_question_is_wrapped() {
        let window =
            crate::window("2026-01-01T02:00:00Z".parse().unwrap(), jiff::SignedDuration::from_hours(3));
        let body = serde_json::to_value(request("service:api", window)).unwrap();
        let expected = serde_json::json!({"data": {"type": "dora_deployments_list_request", "attributes": {
            "from": "2025-12-31T23:00:00Z", "to": "2026-01-01T02:00:00Z", "query": "service:api", "limit": 50,
            "sort": "-started_at"}}});
        assert_eq!(body, expected);
    }
}
