//! Container logs.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::status;
use crate::wire::{Answer, Request};

/// What one container wrote.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContainerLog {
    /// Namespace.
    namespace: String,
    /// Pod.
    pod: String,
    /// Container.
    container: String,
    /// What the running container wrote.
    #[serde(default)]
    text: String,
    /// What the container before it wrote, where it was restarted.
    #[serde(default)]
    previous: Option<String>,
}

/// `GET …/pods/{name}/log`, by `container`, `previous` and `tailLines`.
pub(super) fn read(logs: &[ContainerLog], request: &Request, pod: &Value) -> Result<Answer, Answer> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let containers: Vec<&str> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|c| c["name"].as_str())
        .collect();
    let container = match (request.query_value("container"), containers.as_slice()) {
        (Some(container), _) if containers.contains(&container) || containers.is_empty() => container,
        (Some(other), _) => {
            return Err(status::bad_request(&format!("container {other} is not valid for pod {name}")));
        }
        (None, [only]) => only,
        (None, _) => {
            let message = format!(
                "a container name must be specified for pod {name}, choose one of: [{}]",
                containers.join(" ")
            );
            return Err(status::bad_request(&message));
        }
    };
    let log =
        logs.iter().find(|log| log.namespace == namespace && log.pod == name && log.container == container);
    let text = if matches!(request.query_value("previous"), Some("true" | "1")) {
        log.and_then(|log| log.previous.as_deref()).ok_or_else(|| {
            status::bad_request(&format!(
                "previous terminated container {container:?} in pod {name:?} not found"
            ))
        })?
    } else {
        log.map(|log| log.text.as_str()).unwrap_or_default()
    };
    let lines: Vec<&str> = text.lines().collect();
    let tail = request.query_value("tailLines").and_then(|tail| tail.parse().ok()).unwrap_or(lines.len());
    let kept: String =
        lines[lines.len().saturating_sub(tail)..].iter().map(|line| format!("{line}\n")).collect();
    Ok(Answer::text(200, "text/plain", kept))
}
