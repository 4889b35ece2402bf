//! What the edge refused or challenged, and by which product, now against an hour earlier.

use collecting::{Answer, CallError};
use incident::evidence::Observation;
use incident::fact::WafActivity;
use incident::{Fact, Object, Window};
use serde::Deserialize;

use crate::client::Client;
use crate::counts::{by, largest};

/// The source under which attacks on HTTP that the DDoS protection handled are reported.
const HTTP_DDOS: &str = "l7ddos";

/// The firewall events of one window.
#[derive(Debug, Deserialize)]
pub struct Events {
    events: Vec<Group>,
}

/// `count` is scaled for sampling already.
#[derive(Debug, Deserialize)]
struct Group {
    count: u64,
    dimensions: Dimensions,
}

/// All of them are open strings: products and actions are added over time.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimensions {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    rule_id: Option<String>,
    #[serde(default)]
    client_country_name: Option<String>,
}

/// Reads the firewall events of a window.
pub async fn read(client: &Client, window: Window) -> Result<Answer<Events>, CallError> {
    let events: Events = client.ask(include_str!("queries/firewall.graphql"), window).await?;
    Ok(if events.events.is_empty() { Answer::empty(events) } else { Answer::full(events) })
}

/// The activity against the one before.
///
/// No event is worth telling only where requests passed (`traffic_seen`): then it says that the firewall was quiet. In a zone
/// without traffic it says nothing.
pub fn observe(
    now: &Events,
    before: Option<&Events>,
    traffic_seen: bool,
    zone: &Object,
    window: Window,
) -> Option<Observation> {
    let fact = WafActivity {
        events: now.total(),
        events_before: before.map(Events::total),
        by_action: now.by(|dimensions| dimensions.action.as_deref()),
        by_source: now.by(|dimensions| dimensions.source.as_deref()),
        by_rule: now.by(|dimensions| dimensions.rule_id.as_deref()),
        by_country: now.by(|dimensions| dimensions.client_country_name.as_deref()),
    };
    let told = fact.events > 0 || fact.events_before.unwrap_or(0) > 0 || traffic_seen;
    let summary = summary(&fact, window);
    told.then(|| {
        Observation::new(window.from, zone.clone(), summary, Fact::WafActivity(fact)).until(window.to)
    })
}

fn summary(fact: &WafActivity, window: Window) -> String {
    let minutes = window.to.duration_since(window.from).as_mins();
    let mut text = format!("{} firewall events in {minutes} minutes", fact.events);
    if let Some(before) = fact.events_before {
        text.push_str(&format!(" (an hour earlier {before})"));
    }
    for (what, counts) in [("action", &fact.by_action), ("source", &fact.by_source), ("rule", &fact.by_rule)]
    {
        if let Some((key, count)) = largest(counts) {
            text.push_str(&format!(", most frequent {what} {key} ({count})"));
        }
    }
    if let Some(attack) = fact.by_source.get(HTTP_DDOS) {
        text.push_str(&format!("; {attack} of them are an HTTP DDoS attack being mitigated"));
    }
    text
}

impl Events {
    fn total(&self) -> u64 {
        self.events.iter().map(|group| group.count).sum()
    }

    fn by(&self, key: fn(&Dimensions) -> Option<&str>) -> std::collections::BTreeMap<String, u64> {
        by(self.events.iter().filter_map(|group| Some((key(&group.dimensions)?, group.count))))
    }
}

#[cfg(test)]
mod tests {
    use incident::ObjectKind;

    use super::*;

    fn events(rows: &str) -> Events {
        serde_json::from_str(&format!(r#"{{"events":[{rows}]}}"#)).unwrap()
    }

    fn told(now: &Events, before: Option<&Events>, traffic_seen: bool) -> Option<Observation> {
        let window = Window {
            from: "2026-01-01T01:45:00Z".parse().unwrap(),
            to: "2026-01-01T02:00:00Z".parse().unwrap(),
        };
        observe(now, before, traffic_seen, &Object::new(ObjectKind::Zone, "z"), window)
    }

    #[test]
    fn an_attack_on_http_is_found_by_its_source() {
        let now = events(
            r#"{"count":700,"dimensions":{"action":"block","source":"l7ddos","ruleId":"r1","clientCountryName":"XX"}},
            {"count":20,"dimensions":{"action":"managed_challenge","source":"firewallManaged","ruleId":"r2","clientCountryName":"DE"}},
            {"count":5,"dimensions":{"action":"block","source":"ratelimit","ruleId":"","clientCountryName":"XX"}}"#,
        );
        let found = told(&now, Some(&events("")), true).unwrap();
        assert_eq!(
            found.summary,
            "725 firewall events in 15 minutes (an hour earlier 0), most frequent action block (705), most frequent source \
             l7ddos (700), most frequent rule r1 (700); 700 of them are an HTTP DDoS attack being mitigated"
        );
        let Fact::WafActivity(fact) = found.fact else { panic!() };
        assert_eq!((fact.by_country["XX"], fact.by_rule.len()), (705, 2));
    }

    #[test]
    fn a_quiet_firewall_is_told_only_where_requests_passed() {
        let quiet = told(&events(""), None, true).unwrap();
        assert_eq!(quiet.summary, "0 firewall events in 15 minutes");
        assert!(told(&events(""), Some(&events("")), false).is_none());
    }
}
