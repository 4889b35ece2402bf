//! Container logs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::status;
use crate::Moment;
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
    /// What the running container wrote. A line that begins with a time (RFC 3339) was written then, one without at the time of the
    /// line before it.
    #[serde(default)]
    text: String,
    /// What the container before it wrote, where it was restarted.
    #[serde(default)]
    previous: Option<String>,
}

/// `GET …/pods/{name}/log`, by `container`, `previous`, `tailLines`, `timestamps`, `sinceTime` and `limitBytes`, in the server's order: the
/// bytes are cut from the end of what the lines leave.
pub(super) fn read(
    logs: &[ContainerLog],
    request: &Request,
    pod: &Value,
    moment: Moment,
) -> Result<Answer, Answer> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let named =
        |list: &str| pod["spec"][list].as_array().into_iter().flatten().filter_map(|c| c["name"].as_str());
    let containers: Vec<&str> = named("containers").chain(named("initContainers")).collect();
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
    if let Some(waiting) = waiting(pod, container).filter(|_| text.is_empty()) {
        let message = format!("container {container:?} in pod {name:?} is waiting to start: {waiting}");
        return Err(status::bad_request(&message));
    }
    let started = pod["status"]["startTime"].as_str().and_then(|text| text.parse().ok());
    let since: Option<Timestamp> = request.query_value("sinceTime").and_then(|text| text.parse().ok());
    let lines: Vec<(Timestamp, &str)> = timed(text, started.unwrap_or(moment.alert))
        .into_iter()
        .filter(|(at, _)| moment.has_seen(*at) && since.is_none_or(|since| since <= *at))
        .collect();
    let number = |name: &str| request.query_value(name).and_then(|text| text.parse::<usize>().ok());
    let with_time = matches!(request.query_value("timestamps"), Some("true" | "1"));
    let first = lines.len().saturating_sub(number("tailLines").unwrap_or(lines.len()));
    let mut kept: String = lines[first..]
        .iter()
        .map(|(at, line)| if with_time { format!("{at} {line}\n") } else { format!("{line}\n") })
        .collect();
    let mut end = number("limitBytes").unwrap_or(kept.len()).min(kept.len());
    while !kept.is_char_boundary(end) {
        end -= 1;
    }
    kept.truncate(end);
    Ok(Answer::text(200, "text/plain", kept))
}

/// Why a container has written nothing yet; `None` for one that runs or has run.
fn waiting(pod: &Value, container: &str) -> Option<String> {
    let list = |name: &str| pod["status"][name].as_array().into_iter().flatten();
    let mut statuses = list("containerStatuses").chain(list("initContainerStatuses"));
    let status = statuses.find(|status| status["name"] == container)?;
    let waiting = &status["state"]["waiting"];
    let never_ran = status["lastState"]["terminated"].is_null() && waiting.is_object();
    never_ran.then(|| waiting["reason"].as_str().unwrap_or("ContainerCreating").to_owned())
}

/// Each line with the time it was written.
fn timed(text: &str, started: Timestamp) -> Vec<(Timestamp, &str)> {
    let mut last = started;
    text.lines()
        .map(|line| {
            last = line.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(last);
            (last, line)
        })
        .collect()
}
