//! What the edge refused or challenged, and by which product, now against an hour earlier; attacks on HTTP among it.

use collecting::{Answer, CallError};
use incident::evidence::Observation;
use incident::fact::{DdosActivity, WafActivity};
use incident::{Fact, Object, Window, redact, size};

use crate::access::Access;
use crate::client::Client;
use crate::counts::largest;
use crate::document::{self, Dataset, Groups, Node, counts, of, sample_interval, sum};
use crate::traffic::minute;

/// The source under which attacks on HTTP that the DDoS protection handled are reported.
const HTTP_DDOS: &str = "l7ddos";
const ATTACKS: &str = r#"source: "l7ddos""#;
/// Characters of a rule's name and of a path.
const NAME: usize = 80;

/// Reads the firewall events of a window. Actions and sources are few, so that part counts every event; of the rest the largest alone
/// are asked for.
pub async fn read(client: &Client, access: &Access, window: Window) -> Result<Answer<Groups>, CallError> {
    let by = |alias, limit, dimensions: &[&'static str]| {
        Node::largest(alias, Dataset::Firewall, access.limit(limit), dimensions)
    };
    let rule: &[&'static str] =
        if access.firewall_has(&["description"]) { &["ruleId", "description"] } else { &["ruleId"] };
    let sampled = if access.firewall_has(&["sampleInterval"]) { "avg { sampleInterval }" } else { "" };
    let nodes = [
        by("products", 500, &["action", "source"]).with(sampled),
        by("rules", 20, rule),
        by("countries", 20, &["clientCountryName"]),
        by("paths", 20, &["clientRequestPath"]),
    ];
    let groups = document::ask(client, &nodes, window).await?;
    Ok(if of(&groups, "products").is_empty() { Answer::empty(groups) } else { Answer::full(groups) })
}

/// Reads the attacks on HTTP among them.
pub async fn read_attacks(
    client: &Client,
    access: &Access,
    window: Window,
) -> Result<Answer<Groups>, CallError> {
    let by = |alias, dimensions: &[&'static str]| {
        Node::largest(alias, Dataset::Firewall, access.limit(20), dimensions).where_(ATTACKS)
    };
    let nodes = [
        by("actions", &["action"]),
        by("countries", &["clientCountryName"]),
        by("paths", &["clientRequestPath"]),
        Node::minutes("minutes", Dataset::Firewall).where_(ATTACKS),
    ];
    let groups = document::ask(client, &nodes, window).await?;
    Ok(if of(&groups, "actions").is_empty() { Answer::empty(groups) } else { Answer::full(groups) })
}

/// The activity against the one before.
///
/// No event is worth telling only where requests passed (`traffic_seen`): then it says that the firewall was quiet. In a zone
/// without traffic it says nothing.
pub fn observe(
    now: &Groups,
    before: Option<&Groups>,
    traffic_seen: bool,
    zone: &Object,
    window: Window,
) -> Option<Observation> {
    let text = |text: &str| size::cut(&redact::redact(text), NAME);
    let rules = of(now, "rules");
    let fact = WafActivity {
        events: sum(of(now, "products")),
        events_before: before.map(|before| sum(of(before, "products"))),
        by_action: counts(of(now, "products"), "action"),
        by_source: counts(of(now, "products"), "source"),
        by_rule: counts(rules, "ruleId"),
        by_rule_before: before.map(|before| counts(of(before, "rules"), "ruleId")).unwrap_or_default(),
        rule_names: rules
            .iter()
            .filter_map(|group| Some((group.text("ruleId")?, text(&group.text("description")?))))
            .take(12)
            .collect(),
        by_country: counts(of(now, "countries"), "clientCountryName"),
        by_path: counts(of(now, "paths"), "clientRequestPath")
            .into_iter()
            .map(|(path, n)| (text(&path), n))
            .collect(),
        sample_interval: sample_interval(of(now, "products")),
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

/// The attack that the protection acts on, where there is one; `before` is what it did an hour earlier, of all firewall events.
pub fn observe_attack(
    attack: &Groups,
    before: Option<&Groups>,
    zone: &Object,
    window: Window,
) -> Option<Observation> {
    let events = sum(of(attack, "actions"));
    let minutes: Vec<_> = of(attack, "minutes").iter().filter_map(minute).collect();
    let text = |path: String| size::cut(&redact::redact(&path), NAME);
    let attacks_before = |groups: &Groups| {
        let earlier =
            of(groups, "products").iter().filter(|g| g.text("source").as_deref() == Some(HTTP_DDOS));
        crate::counts::total(earlier.map(|group| group.count))
    };
    let fact = DdosActivity {
        layer: "http".to_owned(),
        events,
        events_before: before.map(attacks_before),
        by_action: counts(of(attack, "actions"), "action"),
        by_country: counts(of(attack, "countries"), "clientCountryName"),
        by_target: counts(of(attack, "paths"), "clientRequestPath")
            .into_iter()
            .map(|(path, n)| (text(path), n))
            .collect(),
        first: minutes.iter().min().copied(),
        last: minutes.iter().max().copied(),
    };
    let since = fact.first.map(|at| format!(" since {}", at.strftime("%H:%M UTC"))).unwrap_or_default();
    let most = |counts| largest(counts).map(|(key, n)| format!(", most {key} ({n})")).unwrap_or_default();
    let summary = format!(
        "The DDoS protection acted on {events} requests{since}{}{}",
        most(&fact.by_target),
        most(&fact.by_country)
    );
    let at = fact.first.unwrap_or(window.from);
    (events > 0)
        .then(|| Observation::new(at, zone.clone(), summary, Fact::DdosActivity(fact)).until(window.to))
}

#[cfg(test)]
mod tests {
    use incident::ObjectKind;

    use super::*;

    fn events(products: &str, rules: &str, countries: &str) -> Groups {
        let text = format!(r#"{{"products":[{products}],"rules":[{rules}],"countries":[{countries}]}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn quiet() -> Groups {
        events("", "", "")
    }

    fn zone() -> Object {
        Object::new(ObjectKind::Zone, "z")
    }

    fn window() -> Window {
        Window { from: "2026-01-01T01:45:00Z".parse().unwrap(), to: "2026-01-01T02:00:00Z".parse().unwrap() }
    }

    fn told(now: &Groups, before: Option<&Groups>, traffic_seen: bool) -> Option<Observation> {
        observe(now, before, traffic_seen, &zone(), window())
    }

    fn attack() -> Groups {
        events(
            r#"{"count":700,"dimensions":{"action":"block","source":"l7ddos"}},
            {"count":20,"dimensions":{"action":"managed_challenge","source":"firewallManaged"}},
            {"count":5,"dimensions":{"action":"block","source":"ratelimit"}}"#,
            r#"{"count":700,"dimensions":{"ruleId":"r1","description":"HTTP flood"}},{"count":20,"dimensions":{"ruleId":"r2"}},
            {"count":5,"dimensions":{"ruleId":""}}"#,
            r#"{"count":705,"dimensions":{"clientCountryName":"XX"}}"#,
        )
    }

    #[test]
    fn an_attack_on_http_is_found_by_its_source() {
        let found = told(&attack(), Some(&quiet()), true).unwrap();
        assert_eq!(
            found.summary,
            "725 firewall events in 15 minutes (an hour earlier 0), most frequent action block (705), most frequent source \
             l7ddos (700), most frequent rule r1 (700); 700 of them are an HTTP DDoS attack being mitigated"
        );
        let Fact::WafActivity(fact) = found.fact else { panic!() };
        assert_eq!((fact.by_country["XX"], fact.by_rule.len()), (705, 2));
        assert_eq!(fact.rule_names, [("r1".to_owned(), "HTTP flood".to_owned())].into());
    }

    #[test]
    fn an_attack_is_told_with_its_first_minute_and_what_it_asks_for() {
        let text = r#"{"actions":[{"count":700,"dimensions":{"action":"block"}}],
            "countries":[{"count":650,"dimensions":{"clientCountryName":"XX"}}],
            "paths":[{"count":700,"dimensions":{"clientRequestPath":"/login"}}],
            "minutes":[{"count":300,"dimensions":{"datetimeMinute":"2026-01-01T01:52:00Z"}},
            {"count":400,"dimensions":{"datetimeMinute":"2026-01-01T01:53:00Z"}}]}"#;
        let groups: Groups = serde_json::from_str(text).unwrap();
        let found = observe_attack(&groups, Some(&attack()), &zone(), window()).unwrap();
        assert_eq!(
            found.summary,
            "The DDoS protection acted on 700 requests since 01:52 UTC, most /login (700), most XX (650)"
        );
        let Fact::DdosActivity(fact) = found.fact else { panic!() };
        assert_eq!((fact.events_before, found.at), (Some(700), "2026-01-01T01:52:00Z".parse().unwrap()));
        assert!(observe_attack(&quiet(), None, &zone(), window()).is_none());
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
            r#"{"count":9000,"avg":{"sampleInterval":10},"dimensions":{"action":"block","source":"firewallCustom"}},
            {"count":1000,"avg":{"sampleInterval":10},"dimensions":{"action":"log","source":"firewallManaged"}}"#,
            r#"{"count":30,"dimensions":{"ruleId":"r1"}}"#,
            r#"{"count":40,"dimensions":{"clientCountryName":"XX"}}"#,
        );
        let Fact::WafActivity(fact) = told(&now, None, true).unwrap().fact else { panic!() };
        assert_eq!(
            (fact.events, fact.by_action["block"], fact.by_source["firewallManaged"], fact.sample_interval),
            (10_000, 9000, 1000, Some(10.0))
        );
    }
}
