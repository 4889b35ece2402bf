//! Monitors: the alert's own with its groups, and the others that fire in the same scope.

use std::collections::BTreeMap;

use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::fact::MonitorState;
use incident::{Fact, Object, ObjectKind, State, Status, Timestamp, size};
use serde::Deserialize;

use crate::about::workload_key;
use crate::client::{Client, Scope};

/// Groups kept per monitor.
const MAX_GROUPS: usize = 8;
/// Other monitors kept.
const MAX_OTHERS: usize = 8;
/// Lists asked for: each service, workload and database of the subject is one.
const MAX_LISTS: usize = 6;
/// Monitors per list; a service with more has its first ones read, and a gap says so.
const PAGE: usize = 100;
/// Characters of a monitor's name.
const NAME: usize = 120;
/// Characters of a monitor's query.
const QUERY: usize = 240;

#[derive(Debug, Deserialize)]
struct Monitor {
    id: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, rename = "type")]
    monitor_type: Option<String>,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    overall_state: Option<String>,
    #[serde(default)]
    options: Option<Options>,
    #[serde(default)]
    assets: Option<Vec<Asset>>,
    #[serde(default)]
    state: Option<Groups>,
}

#[derive(Debug, Deserialize)]
struct Options {
    #[serde(default)]
    thresholds: Option<Thresholds>,
}

#[derive(Debug, Deserialize)]
struct Thresholds {
    #[serde(default)]
    critical: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Asset {
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Groups {
    #[serde(default)]
    groups: Option<BTreeMap<String, Group>>,
}

#[derive(Debug, Deserialize)]
struct Group {
    #[serde(default)]
    status: Option<String>,
    /// Epoch seconds; 0 for never.
    #[serde(default)]
    last_triggered_ts: Option<i64>,
}

/// Reads the alert's own monitor.
pub async fn collect_own(run: &Run, client: &Client, state: &State) -> Vec<Observation> {
    // The id came in from outside and goes into a path: digits, or nothing is asked.
    let id = state.alert.monitor_id.as_deref().filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        run.gap(
            "monitor",
            Status::Partial,
            "Datadog monitor: not asked, because the alert names no monitor.",
        );
        return Vec::new();
    };
    let ask = async {
        let path = format!("/api/v1/monitor/{id}");
        let query = [("group_states", "all"), ("with_assets", "true")];
        client.get::<Monitor>(&path, &query, Scope::Monitors).await.map(Answer::full)
    };
    let monitor = run.call("monitor", "the state of the alert's monitor and of its groups", ask).await;
    monitor.iter().map(|monitor| observe(monitor, state.as_of)).collect()
}

/// Reads the monitors of the subject's services and databases that are in Alert or Warn.
pub async fn collect_others(run: &Run, client: &Client, state: &State) -> Vec<Observation> {
    let lists = lists(state);
    if lists.is_empty() {
        let sentence =
            "Datadog monitors: not asked, because the alert names no service, workload or database.";
        run.gap("monitors", Status::Partial, sentence);
        return Vec::new();
    }
    let ask = async {
        let pages =
            futures::future::try_join_all(lists.iter().map(|list| list_monitors(client, list))).await?;
        let (firing, missing) = others(pages, state.alert.monitor_id.as_deref());
        Ok(match missing {
            Some(missing) => Answer::partial(firing, missing),
            None => Answer::list(firing),
        })
    };
    let monitors = run.call("monitors", "which other monitors fire", ask).await.unwrap_or_default();
    monitors.iter().map(|monitor| observe(monitor, state.as_of)).collect()
}

/// A filter of the monitor list: parameter and tag. `monitor_tags` looks at a monitor's own tags, `tags` at its scope.
fn lists(state: &State) -> Vec<(&'static str, String)> {
    let subject = &state.subject;
    // A comma would make two tags of one, both of which must match.
    let tag = |key: &str, value: &String| (!value.contains(',')).then(|| format!("{key}:{value}"));
    let services = subject.services.iter().filter_map(|s| Some(("monitor_tags", tag("service", s)?)));
    let databases = subject.databases.iter().filter_map(|d| Some(("tags", tag("dbinstanceidentifier", d)?)));
    let workloads = subject.workloads.iter().chain(&subject.pods);
    let workloads =
        workloads.filter_map(|object| Some(("tags", tag(workload_key(object.kind)?, &object.name)?)));
    services.chain(databases).chain(workloads).take(MAX_LISTS).collect()
}

async fn list_monitors(client: &Client, list: &(&str, String)) -> Result<Vec<Monitor>, CallError> {
    let size = PAGE.to_string();
    let query = [
        ("group_states", "alert,warn"),
        (list.0, list.1.as_str()),
        ("page", "0"),
        ("page_size", size.as_str()),
    ];
    client.get("/api/v1/monitor", &query, Scope::Monitors).await
}

/// The firing ones of several lists, each once, Alert before Warn and newest first; and what is missing from them.
fn others(pages: Vec<Vec<Monitor>>, own: Option<&str>) -> (Vec<Monitor>, Option<String>) {
    let full = pages.iter().any(|page| page.len() >= PAGE);
    let mut firing: BTreeMap<i64, Monitor> = BTreeMap::new();
    for monitor in pages.into_iter().flatten() {
        if monitor.severity() > 0 && own != Some(monitor.id.to_string().as_str()) {
            firing.insert(monitor.id, monitor);
        }
    }
    let mut firing: Vec<Monitor> = firing.into_values().collect();
    firing.sort_by_key(|monitor| std::cmp::Reverse((monitor.severity(), monitor.last_triggered())));
    let left_out = firing.len().saturating_sub(MAX_OTHERS);
    firing.truncate(MAX_OTHERS);
    let missing = if full {
        Some(format!("a service or database has {PAGE} monitors or more"))
    } else {
        (left_out > 0).then(|| format!("{left_out} more fire that are not listed here"))
    };
    (firing, missing)
}

fn observe(monitor: &Monitor, as_of: Timestamp) -> Observation {
    let fact = MonitorState {
        name: size::cut(monitor.name.as_deref().unwrap_or_default(), NAME),
        monitor_type: monitor.monitor_type.clone().unwrap_or_default(),
        state: monitor.state().to_owned(),
        query: size::cut(monitor.query.as_deref().unwrap_or_default(), QUERY),
        threshold: monitor.threshold(),
        groups: monitor.firing_groups(),
        runbooks: monitor.runbooks(),
    };
    let since = monitor.last_triggered();
    let mut summary =
        format!("Monitor \"{}\" is in {}", monitor.name.as_deref().unwrap_or("without a name"), fact.state);
    if let Some(since) = since {
        summary.push_str(&format!(", last triggered {}", since.strftime("%Y-%m-%d %H:%M:%S UTC")));
    }
    if let Some(threshold) = fact.threshold {
        summary.push_str(&format!(", threshold {threshold}"));
    }
    let object = Object::new(ObjectKind::Monitor, monitor.id.to_string());
    Observation::new(since.unwrap_or(as_of), object, summary, Fact::Monitor(fact))
}

impl Monitor {
    fn state(&self) -> &str {
        self.overall_state.as_deref().unwrap_or("Unknown")
    }

    fn severity(&self) -> u8 {
        match self.state() {
            "Alert" => 2,
            "Warn" => 1,
            _ => 0,
        }
    }

    fn threshold(&self) -> Option<f64> {
        self.options.as_ref()?.thresholds.as_ref()?.critical
    }

    fn runbooks(&self) -> Vec<String> {
        let assets = self.assets.iter().flatten();
        assets
            .filter(|a| a.category.as_deref() == Some("runbook"))
            .filter_map(|a| a.url.clone())
            .take(3)
            .collect()
    }

    /// When a group that is not OK last triggered; the newest of them.
    fn last_triggered(&self) -> Option<Timestamp> {
        self.not_ok().filter_map(|(_, group)| group.triggered()).max()
    }

    fn not_ok(&self) -> impl Iterator<Item = (&String, &Group)> {
        let groups = self.state.iter().filter_map(|state| state.groups.as_ref()).flatten();
        groups.filter(|(_, group)| group.status.as_deref().is_some_and(|status| status != "OK"))
    }

    fn firing_groups(&self) -> BTreeMap<String, (String, Option<Timestamp>)> {
        let mut groups: Vec<_> = self.not_ok().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.triggered()));
        let kept = groups.into_iter().take(MAX_GROUPS);
        kept.map(|(name, group)| {
            (name.clone(), (group.status.clone().unwrap_or_default(), group.triggered()))
        })
        .collect()
    }
}

impl Group {
    fn triggered(&self) -> Option<Timestamp> {
        let seconds = self.last_triggered_ts.filter(|seconds| *seconds > 0)?;
        Timestamp::from_second(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor(text: &str) -> Monitor {
        serde_json::from_str(text).unwrap()
    }

    fn at() -> Timestamp {
        "2026-01-01T02:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_monitor_tells_its_state_threshold_groups_and_runbook() {
        let text = r#"{"id":123,"name":"CPU","type":"query alert","query":"avg(last_5m):avg:m{*} > 80","message":"m",
            "overall_state":"Alert","priority":null,"tags":["service:api"],
            "options":{"thresholds":{"critical":80,"warning":70},"notify_no_data":false},
            "assets":[{"category":"runbook","name":"R","url":"https://wiki/r"},{"category":"other","url":"u"}],
            "state":{"groups":{"db:a":{"name":"db:a","status":"Alert","last_triggered_ts":1767232740},
            "db:b":{"status":"OK","last_triggered_ts":1767232750},"db:c":{"status":"No Data","last_triggered_ts":0}}}}"#;
        let found = observe(&monitor(text), at());
        assert_eq!(found.at.to_string(), "2026-01-01T01:59:00Z");
        assert_eq!(found.object, Object::new(ObjectKind::Monitor, "123"));
        let Fact::Monitor(state) = found.fact else { panic!() };
        assert_eq!((state.threshold, state.runbooks), (Some(80.0), vec!["https://wiki/r".to_owned()]));
        assert_eq!(state.groups.keys().collect::<Vec<_>>(), ["db:a", "db:c"]);
        assert_eq!(state.groups["db:c"], ("No Data".to_owned(), None));
    }

    #[test]
    fn a_monitor_without_groups_is_observed_now() {
        let found = observe(&monitor(r#"{"id":1,"overall_state":"No Data","options":{}}"#), at());
        assert_eq!(found.at, at());
        assert_eq!(found.summary, "Monitor \"without a name\" is in No Data");
    }

    #[test]
    fn other_monitors_are_those_that_fire_each_once_and_never_the_alerts_own() {
        let page = |ids: &[(i64, &str)]| {
            let one =
                |(id, state): &(i64, &str)| monitor(&format!(r#"{{"id":{id},"overall_state":"{state}"}}"#));
            ids.iter().map(one).collect::<Vec<_>>()
        };
        let pages = vec![page(&[(1, "Warn"), (2, "OK"), (3, "Alert")]), page(&[(3, "Alert"), (9, "Alert")])];
        let (firing, missing) = others(pages, Some("9"));
        assert_eq!(firing.iter().map(|m| m.id).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(missing, None);
    }

    #[test]
    fn a_full_page_and_a_long_list_both_say_that_something_is_missing() {
        let firing =
            |count| (0..count).map(|id| monitor(&format!(r#"{{"id":{id},"overall_state":"Alert"}}"#)));
        let (kept, missing) = others(vec![firing(11).collect()], None);
        assert_eq!((kept.len(), missing.unwrap().as_str()), (8, "3 more fire that are not listed here"));
        let (_, missing) = others(vec![firing(100).collect()], None);
        assert!(missing.unwrap().contains("100 monitors or more"));
    }

    #[test]
    fn each_service_and_database_is_a_list_and_there_are_at_most_four() {
        let state = |subject: &str| -> State {
            serde_json::from_str(&format!(
                r#"{{"alert":{{"version":1,"event_id":"1","transition":"triggered","title":"t","at":"2026-01-01T00:00:00Z"}},
                "as_of":"2026-01-01T00:00:00Z","subject":{subject}}}"#
            ))
            .unwrap()
        };
        let lists_of = |subject| lists(&state(subject)).into_iter().map(|l| l.1).collect::<Vec<_>>();
        assert_eq!(
            lists_of(r#"{"services":["a","b,c"],"databases":["db"]}"#),
            ["service:a", "dbinstanceidentifier:db"]
        );
        assert_eq!(
            lists_of(
                r#"{"services":["a"],"workloads":[{"kind":"Deployment","name":"web"},{"kind":"Job","name":"j"}]}"#
            ),
            ["service:a", "kube_deployment:web"]
        );
        assert_eq!(lists_of(r#"{"services":["a","b","c","d","e","f","g"]}"#).len(), 6);
    }
}
