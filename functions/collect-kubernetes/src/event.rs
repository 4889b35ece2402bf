//! Warning events, grouped by what they say about which object.

use std::collections::BTreeMap;

use incident::evidence::Observation;
use incident::fact::EventGroup;
use incident::redact::redact;
use incident::{Fact, Object, ObjectKind, Window, size};
use jiff::Timestamp;

use crate::moment::clock;
use crate::wire::Event;
use crate::world::{object, object_kind};

/// Characters of a note.
const NOTE: usize = 200;

/// Events of one reason about one object.
pub(crate) struct Group<'a> {
    /// Kubernetes' kind, namespace and name of it.
    pub kind: &'a str,
    pub namespace: Option<&'a str>,
    pub name: &'a str,
    pub reason: &'a str,
    events: Vec<&'a Event>,
}

/// When an event was last seen. `eventTime` is null for events made through the old API, so it is not asked first.
pub(crate) fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time);
    series.or(event.deprecated_last_timestamp).or(event.event_time).or(event.metadata.creation_timestamp)
}

/// When an event was first seen.
pub(crate) fn first_seen(event: &Event) -> Option<Timestamp> {
    event
        .deprecated_first_timestamp
        .or(event.event_time)
        .or(event.metadata.creation_timestamp)
        .or(last_seen(event))
}

/// The warnings last seen in the window, or at no known time, grouped; the latest group first, nodes last.
pub(crate) fn warnings<'a>(events: impl Iterator<Item = &'a Event>, window: Window) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<(&str, &str, Option<&str>, &str), Vec<&Event>> = BTreeMap::new();
    for event in events {
        let recent = last_seen(event).is_none_or(|at| at >= window.from);
        if event.kind.as_deref() == Some("Warning") && recent {
            let about = &event.regarding;
            // An event about a node says no namespace, or an empty one.
            let namespace = about.namespace.as_deref().filter(|namespace| !namespace.is_empty());
            let reason = event.reason.as_deref().unwrap_or("Warning");
            groups.entry((reason, &about.kind, namespace, &about.name)).or_default().push(event);
        }
    }
    let mut groups: Vec<Group<'a>> = groups
        .into_iter()
        .map(|((reason, kind, namespace, name), events)| Group { kind, namespace, name, reason, events })
        .collect();
    // Nodes complain about much that no workload feels.
    groups.sort_by_key(|group| (group.kind == "Node", std::cmp::Reverse(group.last())));
    groups
}

impl Group<'_> {
    fn last(&self) -> Option<Timestamp> {
        self.events.iter().filter_map(|event| last_seen(event)).max()
    }

    fn first(&self) -> Option<Timestamp> {
        self.events.iter().filter_map(|event| first_seen(event)).min()
    }

    /// The group as an observation from its first to its last event.
    pub(crate) fn observe(&self, as_of: Timestamp) -> Observation {
        let (first, last) = (self.first(), self.last());
        let latest = self.events.iter().max_by_key(|event| last_seen(event));
        let note = latest.and_then(|event| event.note.as_deref()).unwrap_or_default();
        let note = size::cut(&redact(&one_line(note)), NOTE);
        let count = self.events.iter().map(|event| occurrences(event)).fold(0, u32::saturating_add);
        let when = match (first, last) {
            (Some(first), Some(last)) if clock(first, as_of) != clock(last, as_of) => {
                format!(" {} to {}", clock(first, as_of), clock(last, as_of))
            }
            (_, Some(last)) => format!(" at {}", clock(last, as_of)),
            _ => String::new(),
        };
        let about = match self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        };
        let summary = format!("{about}: {} ×{count}{when}: {note}", self.reason);
        let group = EventGroup {
            reason: self.reason.to_owned(),
            severity: "Warning".to_owned(),
            count,
            first,
            last,
            note,
        };
        let at = first.or(last).unwrap_or(as_of);
        let mut observation = Observation::new(at, self.object(), summary, Fact::EventGroup(group));
        observation.until = last.filter(|last| *last > at);
        observation
    }

    /// What it is about; the namespace stands for a kind that evidence does not speak of.
    fn object(&self) -> Object {
        match (object_kind(self.kind), self.namespace) {
            (Some(kind), namespace) => object(kind, namespace, self.name),
            (None, Some(namespace)) => Object::new(ObjectKind::Namespace, namespace),
            (None, None) => Object::new(ObjectKind::Cluster, self.name),
        }
    }
}

/// How often an event happened: the series' count, the old API's, or once.
fn occurrences(event: &Event) -> u32 {
    let series = event.series.as_ref().and_then(|series| series.count);
    series.or(event.deprecated_count).unwrap_or(1).max(1)
}

/// Untrusted text on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-03-01T{time}Z").parse().unwrap()
    }

    fn observe(events: Value) -> Vec<Observation> {
        let events: Vec<Event> = serde_json::from_value(events).unwrap();
        let window = Window { from: at("09:40:00"), to: at("10:41:00") };
        warnings(events.iter(), window).iter().map(|group| group.observe(at("10:40:00"))).collect()
    }

    #[test]
    fn a_null_event_time_falls_back_and_the_text_is_the_note() {
        let observed = observe(json!([{
            "regarding": {"kind": "Pod", "name": "x", "namespace": "payments"}, "reason": "Failed", "type": "Warning",
            "note": "Failed to pull image:\n manifest unknown", "eventTime": null, "series": null,
            "deprecatedFirstTimestamp": "2026-03-01T10:30:00Z", "deprecatedLastTimestamp": "2026-03-01T10:38:00Z",
            "deprecatedCount": 4}]));
        assert_eq!(
            observed[0].summary,
            "Pod payments/x: Failed ×4 10:30 to 10:38: Failed to pull image: manifest unknown"
        );
        assert_eq!((observed[0].at, observed[0].until), (at("10:30:00"), Some(at("10:38:00"))));
    }

    #[test]
    fn the_older_core_api_reads_the_same() {
        let observed = observe(json!([{
            "involvedObject": {"kind": "Node", "name": "n"}, "reason": "SystemOOM", "type": "Warning",
            "message": "System OOM encountered", "count": 2, "eventTime": null,
            "firstTimestamp": "2026-03-01T10:30:00Z", "lastTimestamp": "2026-03-01T10:30:00Z"}]));
        assert_eq!(observed[0].summary, "Node n: SystemOOM ×2 at 10:30: System OOM encountered");
    }

    #[test]
    fn events_of_one_reason_about_one_object_are_one_group_and_old_or_normal_ones_none() {
        let event = |reason: &str, kind: &str, time: &str| {
            json!({
            "regarding": {"kind": "Pod", "name": "x", "namespace": "shop"}, "reason": reason, "type": kind,
            "note": "n", "eventTime": format!("2026-03-01T{time}.000000Z"),
            "series": {"count": 3, "lastObservedTime": format!("2026-03-01T{time}.000000Z")}})
        };
        let observed = observe(json!([
            event("Unhealthy", "Warning", "10:00:00"),
            event("Unhealthy", "Warning", "10:20:00"),
            event("Killing", "Normal", "10:20:00"),
            event("BackOff", "Warning", "08:00:00")
        ]));
        assert_eq!(observed.len(), 1);
        assert!(matches!(&observed[0].fact, Fact::EventGroup(group) if group.count == 6));
    }

    #[test]
    fn a_kind_that_evidence_does_not_know_is_told_about_its_namespace() {
        let observed = observe(json!([{"regarding": {"kind": "Ingress", "name": "web", "namespace": "shop"},
            "reason": "Sync", "type": "Warning", "note": "n"}]));
        assert_eq!(observed[0].object, Object::new(ObjectKind::Namespace, "shop"));
        assert!(observed[0].summary.starts_with("Ingress shop/web: Sync"));
        assert_eq!(observed[0].at, at("10:40:00"));
    }
}
