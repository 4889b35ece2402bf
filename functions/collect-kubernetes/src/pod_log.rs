//! What the failing containers wrote before they ended: a bounded end of the log, its complaints as patterns.

use std::collections::BTreeMap;

use collecting::{Answer, CallError, Run, pattern};
use futures::future::join_all;
use incident::evidence::Observation;
use incident::fact::{LogPattern, PodLog};
use incident::redact::redact;
use incident::{Fact, Object, Timestamp, size};
use kube::api::LogParams;
use kube::core::Request;

use crate::api::Api;
use crate::event::one_line;
use crate::moment::clock;
use crate::wire::ContainerStatus;

/// Logs asked for: each is a request to a node through the API server.
const MOST: usize = 6;
/// Lines and bytes asked of one. The server counts lines from the end and cuts bytes from the end, so bytes are ample for the lines.
const LINES: i64 = 100;
const BYTES: i64 = 256 * 1024;
/// Last lines kept, and characters of each and of a pattern.
const TAIL: usize = 6;
const LINE: usize = 160;
/// Patterns kept.
const PATTERNS: usize = 4;
/// Words of a line that complains, as most loggers write them.
const ERRORS: [&str; 9] =
    ["error", "fatal", "panic", "exception", "fail", "refused", "denied", "cannot", "unable"];

/// One log that is worth reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub pod: Object,
    pub container: String,
    /// Of the run that ended.
    pub previous: bool,
}

/// The logs worth reading of a pod: of each container that restarts, the run that ended; of one that runs and is not ready, or ended for
/// good, the present one. A container that never started has none.
pub(crate) fn wanted<'a>(pod: &Object, statuses: impl Iterator<Item = &'a ContainerStatus>) -> Vec<Wanted> {
    let want = |status: &ContainerStatus, previous| Wanted {
        pod: pod.clone(),
        container: status.name.clone(),
        previous,
    };
    let of = |status: &ContainerStatus| {
        let ended_well = |state: &crate::wire::State| {
            state.terminated.as_ref().is_some_and(|ended| ended.exit_code == Some(0))
        };
        let restarted = status.last_state.terminated.is_some();
        let present = status.state.running.is_some() && !status.ready
            || status.state.terminated.is_some() && !ended_well(&status.state);
        let before = restarted.then(|| want(status, true));
        let now = present.then(|| want(status, false));
        [before, now]
    };
    statuses.flat_map(of).flatten().collect()
}

/// Reads the logs, at most [`MOST`], all at once.
pub(crate) async fn read(run: &Run, api: &Api, wanted: &[Wanted], as_of: Timestamp) -> Vec<Observation> {
    let calls = wanted.iter().take(MOST).map(|want| async move {
        let tells = format!("what container {} of {} wrote", want.container, want.pod.name);
        let text = run.call("read pod logs", &tells, ask(api, want)).await?;
        observe(want, &text, as_of)
    });
    join_all(calls).await.into_iter().flatten().collect()
}

async fn ask(api: &Api, want: &Wanted) -> Result<Answer<String>, CallError> {
    let namespace = want.pod.namespace.as_deref().unwrap_or_default();
    let params = LogParams {
        container: Some(want.container.clone()),
        previous: want.previous,
        tail_lines: Some(LINES),
        limit_bytes: Some(BYTES),
        timestamps: true,
        ..LogParams::default()
    };
    let request = Request::new(format!("/api/v1/namespaces/{namespace}/pods")).logs(&want.pod.name, &params);
    let request = request.map_err(|error| CallError::Unavailable(format!("cannot be asked: {error}")))?;
    let body = api.text(&request.uri().to_string()).await?;
    let text = String::from_utf8_lossy(&body).into_owned();
    Ok(if text.trim().is_empty() { Answer::empty(text) } else { Answer::full(text) })
}

/// A line, and when it was written, where the server says so.
struct Line<'a> {
    at: Option<Timestamp>,
    text: &'a str,
}

fn observe(want: &Wanted, log: &str, as_of: Timestamp) -> Option<Observation> {
    let lines: Vec<Line<'_>> = log.lines().map(line).filter(|line| !line.text.trim().is_empty()).collect();
    let newest = lines.iter().rev().find_map(|line| line.at);
    // What came later than the investigation's time has not been written yet, seen from there.
    let lines: Vec<Line<'_>> = lines.into_iter().filter(|l| l.at.is_none_or(|at| at <= as_of)).collect();
    let last = lines.last()?;
    let shown = |text: &str| size::cut(&redact(&one_line(&pattern::text(text))), LINE);
    let patterns = patterns(&lines, newest.unwrap_or(as_of));
    let tail = lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| shown(line.text)).collect();
    let run = if want.previous { " (the run before)" } else { "" };
    let said = patterns.first().map_or_else(|| shown(last.text), |pattern| pattern.sample.clone());
    let at = last.at.map(|at| format!(" at {}", clock(at, as_of))).unwrap_or_default();
    let summary = format!("{}: log of {}{run} ends{at}: {said}", want.pod, want.container);
    let fact = PodLog {
        container: want.container.clone(),
        previous: want.previous,
        lines: lines.len() as u32,
        whole: (lines.len() as i64) < LINES && (log.len() as i64) < BYTES,
        patterns,
        tail,
    };
    let from = lines.iter().find_map(|line| line.at).unwrap_or(as_of);
    let until = last.at.unwrap_or(as_of);
    Some(Observation::new(from, want.pod.clone(), summary, Fact::PodLog(fact)).until(until))
}

/// The API server puts the time before each line, in nanoseconds.
fn line(line: &str) -> Line<'_> {
    match line.split_once(' ') {
        Some((time, text)) if time.parse::<Timestamp>().is_ok() => Line { at: time.parse().ok(), text },
        _ => Line { at: None, text: line },
    }
}

/// The complaints, most frequent first, and of those as frequent the latest.
fn patterns(lines: &[Line<'_>], now: Timestamp) -> Vec<LogPattern> {
    let mut groups: BTreeMap<String, LogPattern> = BTreeMap::new();
    for line in lines.iter().filter(|line| complains(line.text)) {
        let text = pattern::text(line.text);
        let at = line.at.unwrap_or(now);
        let key = size::cut(&redact(&pattern::of(&text)), LINE);
        let group = groups.entry(key.clone()).or_insert_with(|| LogPattern {
            pattern: key,
            status: "error".to_owned(),
            service: None,
            counted: (lines.len() as i64) < LINES,
            count: 0,
            first: at,
            last: at,
            sample: size::cut(&redact(&one_line(&text)), LINE),
        });
        group.count += 1;
        group.first = group.first.min(at);
        group.last = group.last.max(at);
    }
    let mut patterns: Vec<LogPattern> = groups.into_values().collect();
    patterns.sort_by_key(|pattern| std::cmp::Reverse((pattern.count, pattern.last)));
    patterns.truncate(PATTERNS);
    patterns
}

fn complains(text: &str) -> bool {
    let text = text.to_lowercase();
    ERRORS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use incident::ObjectKind;
    use serde_json::{Value, json};

    use super::*;

    fn pod() -> Object {
        Object::namespaced(ObjectKind::Pod, "shop", "p")
    }

    fn wanted_of(statuses: Value) -> Vec<(String, bool)> {
        let statuses: Vec<ContainerStatus> = serde_json::from_value(statuses).unwrap();
        let wanted = wanted(&pod(), statuses.iter());
        wanted.into_iter().map(|want| (want.container, want.previous)).collect()
    }

    #[test]
    fn a_container_that_restarts_is_read_before_its_end_and_one_that_never_ran_is_not_read() {
        let ended = json!({"terminated": {"exitCode": 1}});
        assert_eq!(
            wanted_of(json!([
                {"name": "loops", "ready": false, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended},
                {"name": "unready", "ready": false, "state": {"running": {}}, "lastState": {}},
                {"name": "failed", "ready": false, "state": ended},
                {"name": "pulling", "ready": false, "state": {"waiting": {"reason": "ImagePullBackOff"}}},
                {"name": "done", "ready": false, "state": {"terminated": {"exitCode": 0}}},
                {"name": "well", "ready": true, "state": {"running": {}}}
            ])),
            [("loops".to_owned(), true), ("unready".to_owned(), false), ("failed".to_owned(), false)]
        );
    }

    fn told(log: &str) -> (String, PodLog) {
        let want = Wanted { pod: pod(), container: "api".into(), previous: true };
        let observed = observe(&want, log, "2026-03-01T10:40:00Z".parse().unwrap()).unwrap();
        let Fact::PodLog(log) = observed.fact else { panic!("a log") };
        (observed.summary, log)
    }

    #[test]
    fn complaints_are_grouped_and_the_last_lines_are_kept_without_secrets() {
        let (summary, log) = told(
            "2026-03-01T10:30:00.000000001Z starting\n\
             2026-03-01T10:30:01.5Z ERROR dial tcp 10.0.0.1:5432: connection refused\n\
             2026-03-01T10:30:02.5Z ERROR dial tcp 10.0.0.2:5432: connection refused\n\
             2026-03-01T10:30:03.5Z exiting, password=hunter22\n",
        );
        assert_eq!(
            summary,
            "Pod shop/p: log of api (the run before) ends at 10:30: ERROR dial tcp 10.0.0.1:5432: connection refused"
        );
        assert_eq!((log.patterns.len(), log.patterns[0].count, log.lines, log.whole), (1, 2, 4, true));
        assert_eq!(log.tail.len(), 4);
        assert!(!log.tail[3].contains("hunter22"));
    }

    #[test]
    fn a_log_without_times_is_read_too_and_a_long_one_is_not_whole() {
        let (_, log) = told(&"line\n".repeat(100));
        assert_eq!((log.lines, log.whole, log.tail.len(), log.patterns.len()), (100, false, 6, 0));
    }
}
