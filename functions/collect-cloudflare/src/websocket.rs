//! Upgrades to WebSocket: how many succeeded (edge status 101), and how many the firewall stopped where upgrades are made.

use std::collections::BTreeSet;

use collecting::{Answer, CallError};
use incident::evidence::Observation;
use incident::fact::WebsocketUpgrades;
use incident::{Fact, Object, Window};

use crate::access::Access;
use crate::client::Client;
use crate::counts::{by, largest};
use crate::document::{self, Dataset, Group, Groups, Node, counts, of, sum};

/// Actions that keep a request from its upgrade: a client that upgrades can solve no challenge.
const STOPS: [&str; 4] = ["block", "challenge", "managed_challenge", "jschallenge"];
const PLACE: [&str; 2] = ["clientRequestHTTPHost", "clientRequestPath"];

/// Reads the upgrades of a window, and what the firewall acted on by place and rule.
pub async fn read(client: &Client, access: &Access, window: Window) -> Result<Answer<Groups>, CallError> {
    let upgrades = Node::largest("upgrades", Dataset::Requests, access.limit(100), &PLACE);
    let mut nodes = vec![upgrades.where_("edgeResponseStatus: 101")];
    if access.firewall() {
        let dimensions = [PLACE[0], PLACE[1], "action", "ruleId"];
        nodes.push(Node::largest("acted", Dataset::Firewall, access.limit(500), &dimensions));
    }
    let groups = document::ask(client, &nodes, window).await?;
    Ok(if of(&groups, "upgrades").is_empty() { Answer::empty(groups) } else { Answer::full(groups) })
}

/// The upgrades against those an hour earlier. None in a zone that makes none: a blocked request is no blocked upgrade then.
pub fn observe(now: &Groups, before: Option<&Groups>, zone: &Object, window: Window) -> Option<Observation> {
    let both =
        || of(now, "upgrades").iter().chain(before.map(|before| of(before, "upgrades")).unwrap_or_default());
    let places: BTreeSet<Place> = both().filter_map(place).collect();
    if places.is_empty() {
        return None;
    }
    let stopped = |groups: &Groups| -> Vec<Group> {
        let stops =
            |group: &&Group| group.text("action").is_some_and(|action| STOPS.contains(&action.as_str()));
        let here = |group: &&Group| place(group).is_some_and(|place| places.contains(&place));
        of(groups, "acted").iter().filter(stops).filter(here).cloned().collect()
    };
    let blocked = stopped(now);
    let fact = WebsocketUpgrades {
        upgraded: sum(of(now, "upgrades")),
        upgraded_before: before.map(|before| sum(of(before, "upgrades"))),
        blocked: sum(&blocked),
        blocked_before: before.map(|before| sum(&stopped(before))),
        by_host: by(both().filter_map(|group| Some((group.text(PLACE[0])?, group.count)))),
        by_rule: counts(&blocked, "ruleId"),
    };
    let earlier = |n: Option<u64>| n.map(|n| format!(" (an hour earlier {n})")).unwrap_or_default();
    let rule =
        largest(&fact.by_rule).map(|(rule, n)| format!(", most by rule {rule} ({n})")).unwrap_or_default();
    let summary = format!(
        "{} upgrades to WebSocket{}, {} requests stopped where upgrades are made{}{rule}",
        fact.upgraded,
        earlier(fact.upgraded_before),
        fact.blocked,
        earlier(fact.blocked_before)
    );
    Some(Observation::new(window.from, zone.clone(), summary, Fact::WebsocketUpgrades(fact)).until(window.to))
}

/// Host, and the first segment of the path: what follows it is often an id.
type Place = (String, String);

fn place(group: &Group) -> Option<Place> {
    let path = group.text(PLACE[1]).unwrap_or_default();
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    Some((group.text(PLACE[0])?, first.to_owned()))
}

#[cfg(test)]
mod tests {
    use incident::ObjectKind;

    use super::*;

    fn groups(upgrades: &str, acted: &str) -> Groups {
        serde_json::from_str(&format!(r#"{{"upgrades":[{upgrades}],"acted":[{acted}]}}"#)).unwrap()
    }

    fn row(count: u64, path: &str, extra: &str) -> String {
        format!(
            r#"{{"count":{count},"dimensions":{{"clientRequestHTTPHost":"rt.example","clientRequestPath":"{path}"{extra}}}}}"#
        )
    }

    #[test]
    fn what_is_stopped_where_upgrades_were_made_is_told_with_its_rule() {
        let action = |action: &str| format!(r#","action":"{action}","ruleId":"r1""#);
        let acted = [
            row(300, "/ws/7", &action("managed_challenge")),
            row(9, "/ws/8", &action("log")),
            row(50, "/admin", &action("block")),
        ];
        let window = Window {
            from: "2026-01-01T01:45:00Z".parse().unwrap(),
            to: "2026-01-01T02:00:00Z".parse().unwrap(),
        };
        let zone = Object::new(ObjectKind::Zone, "z");
        let before = groups(&row(640, "/ws/1", ""), "");
        let found = observe(&groups("", &acted.join(",")), Some(&before), &zone, window).unwrap();
        assert_eq!(
            found.summary,
            "0 upgrades to WebSocket (an hour earlier 640), 300 requests stopped where upgrades are made (an hour earlier 0), \
             most by rule r1 (300)"
        );
        assert!(observe(&groups("", &acted.join(",")), None, &zone, window).is_none());
    }
}
