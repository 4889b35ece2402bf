//! What the edge refused or challenged, and by which product, now against an hour earlier.

use collecting::{Answer, CallError};
use incident::evidence::Observation;
use incident::fact::WafActivity;
use incident::{Fact, Object, Window};
use serde::Deserialize;

use crate::client::Client;
use crate::counts::{by, largest, total};

/// The source under which attacks on HTTP that the DDoS protection handled are reported.
const HTTP_DDOS: &str = "l7ddos";

/// The firewall events of one window.
#[derive(Debug, Deserialize)]
pub struct Events {
    products: Vec<Group<Product>>,
    rules: Vec<Group<Rule>>,
    countries: Vec<Group<Country>>,
}

/// `count` is scaled for sampling already.
#[derive(Debug, Deserialize)]
struct Group<D> {
    count: u64,
    dimensions: D,
}

/// Both are open strings: actions and products are added over time.
#[derive(Debug, Deserialize)]
struct Product {
    action: Option<String>,
    source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    #[serde(rename = "ruleId")]
    id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Country {
    #[serde(rename = "clientCountryName")]
    name: Option<String>,
}

/// Reads the firewall events of a window.
pub async fn read(client: &Client, window: Window) -> Result<Answer<Events>, CallError> {
    let events: Events = client.ask(include_str!("queries/firewall.graphql"), window).await?;
    Ok(if events.products.is_empty() { Answer::empty(events) } else { Answer::full(events) })
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
        by_action: by(now.products.iter().filter_map(|g| Some((g.dimensions.action.as_deref()?, g.count)))),
        by_source: by(now.products.iter().filter_map(|g| Some((g.dimensions.source.as_deref()?, g.count)))),
        by_rule: by(now.rules.iter().filter_map(|g| Some((g.dimensions.id.as_deref()?, g.count)))),
        by_country: by(now.countries.iter().filter_map(|g| Some((g.dimensions.name.as_deref()?, g.count)))),
        ..WafActivity::default()
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
    /// Every event: the groups of action and source are all within the query's limit.
    fn total(&self) -> u64 {
        total(self.products.iter().map(|group| group.count))
    }
}

#[cfg(test)]
mod tests {
    use incident::ObjectKind;

    use super::*;

    fn events(products: &str, rules: &str, countries: &str) -> Events {
        let text = format!(r#"{{"products":[{products}],"rules":[{rules}],"countries":[{countries}]}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn quiet() -> Events {
        events("", "", "")
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
            r#"{"count":700,"dimensions":{"action":"block","source":"l7ddos"}},
            {"count":20,"dimensions":{"action":"managed_challenge","source":"firewallManaged"}},
            {"count":5,"dimensions":{"action":"block","source":"ratelimit"}}"#,
            r#"{"count":700,"dimensions":{"ruleId":"r1"}},{"count":20,"dimensions":{"ruleId":"r2"}},
            {"count":5,"dimensions":{"ruleId":""}}"#,
            r#"{"count":705,"dimensions":{"clientCountryName":"XX"}}"#,
        );
        let found = told(&now, Some(&quiet()), true).unwrap();
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
        let told_quiet = told(&quiet(), None, true).unwrap();
        assert_eq!(told_quiet.summary, "0 firewall events in 15 minutes");
        assert!(told(&quiet(), Some(&quiet()), false).is_none());
    }

    #[test]
    fn events_of_rules_and_countries_beyond_the_largest_are_counted_too() {
        let now = events(
            r#"{"count":9000,"dimensions":{"action":"block","source":"firewallCustom"}},
            {"count":1000,"dimensions":{"action":"log","source":"firewallManaged"}}"#,
            r#"{"count":30,"dimensions":{"ruleId":"r1"}}"#,
            r#"{"count":40,"dimensions":{"clientCountryName":"XX"}}"#,
        );
        let Fact::WafActivity(fact) = told(&now, None, true).unwrap().fact else { panic!() };
        assert_eq!(
            (fact.events, fact.by_action["block"], fact.by_source["firewallManaged"]),
            (10_000, 9000, 1000)
        );
    }
}
