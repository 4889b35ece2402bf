//! What makes two alerts one incident: the same object, a service and what it calls, the same monitor again; and soon after one another.

use std::collections::{BTreeMap, BTreeSet};

use incident::{Alert, Catalog, Subject, Timestamp};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How far apart the alerts of one incident may be.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Who leads the incident that an object is part of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Pointer {
    pub cycle: String,
    pub at: Option<Timestamp>,
}

impl Pointer {
    /// True where another cycle leads at about that time.
    pub(crate) fn leads_another(&self, cycle: &str, at: Timestamp) -> bool {
        let near = self.at.is_some_and(|led| at.duration_since(led).abs() < WINDOW);
        near && !self.cycle.is_empty() && self.cycle != cycle
    }
}

/// What an alert is about, as the keys under which its incident is found, each with the reason to join there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Related {
    /// The alert's own objects: `service/checkout` to `both concern service checkout`.
    pub(crate) own: BTreeMap<String, String>,
    /// One step along the topology: `service/payments` to `checkout depends on payments`.
    pub(crate) near: BTreeMap<String, String>,
}

/// How the key of a monitor's group begins: another alert of it is the same trouble, whether it recovered between them or not.
pub(crate) const MONITOR: &str = "monitor/";

impl Related {
    /// The keys of an alert. An environment, a namespace or a cluster is no object: it would make everything one incident.
    pub fn of(alert: &Alert, subject: &Subject, catalog: &Catalog) -> Self {
        let mut related = Self::default();
        let lists = [
            ("service", &subject.services),
            ("database", &subject.databases),
            ("target group", &subject.target_groups),
            ("load balancer", &subject.load_balancers),
            ("host", &subject.hosts),
        ];
        for (kind, names) in lists {
            names.iter().for_each(|name| related.concern(kind, name));
        }
        for object in subject.workloads.iter().chain(&subject.pods) {
            related.concern("object", &object.to_string());
        }
        // What a zone's alert is about is the zone; a service's only stands behind one.
        if let (true, Some(zone)) = (related.own.is_empty(), &subject.zone) {
            related.concern("zone", zone);
        }
        for service in &subject.services {
            related.neighbours(service, catalog);
        }
        let scope: BTreeSet<&str> = alert.scope.iter().map(String::as_str).collect();
        if let Some(monitor) = &alert.monitor_id {
            let scope = scope.into_iter().collect::<Vec<_>>().join(",");
            let key = format!("{MONITOR}{monitor}/{scope}");
            related.own.insert(key, "the same monitor alerted again".to_owned());
        }
        related
    }

    fn concern(&mut self, kind: &str, name: &str) {
        self.own.insert(format!("{kind}/{name}"), format!("both concern {kind} {name}"));
    }

    fn neighbours(&mut self, service: &str, catalog: &Catalog) {
        let mut near = |other: &str, reason: String| {
            let key = format!("service/{other}");
            if !self.own.contains_key(&key) {
                self.near.insert(key, reason);
            }
        };
        for called in catalog.services.get(service).into_iter().flat_map(|known| &known.depends_on) {
            near(called, format!("{service} depends on {called}"));
        }
        for (caller, known) in &catalog.services {
            if known.depends_on.iter().any(|called| called == service) {
                near(caller, format!("{caller} depends on {service}"));
            }
        }
    }

    /// Every key with its reason, the alert's own first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &String)> {
        self.own.iter().chain(&self.near)
    }
}
