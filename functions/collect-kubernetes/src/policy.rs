//! Network policies that bound the incident's own pods.

use std::collections::BTreeMap;

use incident::evidence::Observation;
use incident::{Fact, Object, ObjectKind, Timestamp, fact, size};

use crate::moment::clock;
use crate::wire::{LabelSelector, NetworkPolicy, Peer, PolicyRule};
use crate::world::object;

/// Rules told of each direction, and characters of one.
const RULES: usize = 5;
const RULE: usize = 120;

/// The policy as an observation; `selects` are the workloads whose pods it is about.
pub(crate) fn observe(policy: &NetworkPolicy, selects: Vec<Object>, as_of: Timestamp) -> Observation {
    let (meta, spec) = (&policy.metadata, &policy.spec);
    let bounds = |direction: &str| spec.policy_types.iter().any(|kind| kind == direction);
    // The server writes the types itself; one that does not says what the API's default is.
    let ingress = bounds("Ingress") || spec.policy_types.is_empty();
    let egress = bounds("Egress") || (spec.policy_types.is_empty() && spec.egress.is_some());
    let written = meta.managed_fields.iter().filter(|entry| entry.fields_v1.spec.is_some());
    let fact = fact::NetworkPolicy {
        selector: spec.pod_selector.match_labels.clone(),
        selects,
        ingress: ingress.then(|| rules(&spec.ingress, "from")),
        egress: egress.then(|| rules(spec.egress.as_deref().unwrap_or_default(), "to")),
        written_at: written.filter_map(|entry| entry.time).max().or(meta.creation_timestamp),
    };
    let object = object(ObjectKind::NetworkPolicy, meta.namespace.as_deref(), &meta.name);
    let names: Vec<&str> = fact.selects.iter().map(|object| object.name.as_str()).collect();
    let mut summary = format!("{object}: for the pods of {}", names.join(", "));
    for (word, none, rules) in
        [("ingress", "nobody may connect", &fact.ingress), ("egress", "nothing may be reached", &fact.egress)]
    {
        match rules.as_deref() {
            Some([]) => summary += &format!(", {none}"),
            Some(rules) => summary += &format!(", {word} {}", rules.join("; ")),
            None => {}
        }
    }
    if let Some(at) = fact.written_at {
        summary += &format!(", written {}", clock(at, as_of));
    }
    let at = fact.written_at.unwrap_or(as_of);
    Observation::new(at, object, summary, Fact::NetworkPolicy(fact))
}

/// Whether a selector matches labels; an empty one matches all.
pub(crate) fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value));
    equal
        && selector.match_expressions.iter().all(|expression| {
            let own = labels.get(&expression.key);
            match expression.operator.as_str() {
                "In" => own.is_some_and(|own| expression.values.contains(own)),
                "NotIn" => own.is_none_or(|own| !expression.values.contains(own)),
                "Exists" => own.is_some(),
                "DoesNotExist" => own.is_none(),
                _ => false,
            }
        })
}

fn rules(rules: &[PolicyRule], direction: &str) -> Vec<String> {
    let mut told: Vec<String> = rules.iter().take(RULES).map(|rule| said(rule, direction)).collect();
    if rules.len() > RULES {
        told.push(format!("{} more rules", rules.len() - RULES));
    }
    told
}

/// `from app=web to port 8080/TCP`; a rule without peers is about everybody, one without ports about every port.
fn said(rule: &PolicyRule, direction: &str) -> String {
    let peers: Vec<String> = rule.peers.iter().map(peer).collect();
    let peers = if peers.is_empty() { "everybody".to_owned() } else { peers.join(" or ") };
    let ports: Vec<String> = rule
        .ports
        .iter()
        .map(|port| {
            let number = port.port.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string);
            let end = port.end_port.map(|end| format!("-{end}")).unwrap_or_default();
            format!("{number}{end}/{}", port.protocol.as_deref().unwrap_or("TCP"))
        })
        .collect();
    let ports = if ports.is_empty() { String::new() } else { format!(" port {}", ports.join(", ")) };
    size::cut(&format!("{direction} {peers}{ports}"), RULE)
}

fn peer(peer: &Peer) -> String {
    if let Some(block) = &peer.ip_block {
        let except =
            if block.except.is_empty() { String::new() } else { format!(" but {}", block.except.join(", ")) };
        return format!("{}{except}", block.cidr);
    }
    let pods = peer.pod_selector.as_ref().map(|selector| format!("pods {}", labels(selector)));
    let namespaces =
        peer.namespace_selector.as_ref().map(|selector| format!("namespaces {}", labels(selector)));
    [pods, namespaces].into_iter().flatten().collect::<Vec<_>>().join(" of ")
}

fn labels(selector: &LabelSelector) -> String {
    let equal = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let other = selector
        .match_expressions
        .iter()
        .map(|e| format!("{} {} ({})", e.key, e.operator, e.values.join(",")));
    let all: Vec<String> = equal.chain(other).collect();
    if all.is_empty() { "any".to_owned() } else { all.join(",") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(spec: Value) -> String {
        let policy: NetworkPolicy =
            serde_json::from_value(json!({"metadata": {"name": "deny", "namespace": "shop",
            "creationTimestamp": "2026-03-01T10:30:00Z"}, "spec": spec}))
            .unwrap();
        let cart = Object::namespaced(ObjectKind::Deployment, "shop", "cart");
        observe(&policy, vec![cart], "2026-03-01T10:40:00Z".parse().unwrap()).summary
    }

    #[test]
    fn a_policy_without_rules_lets_nobody_in_and_one_with_them_says_whom() {
        assert_eq!(
            told(json!({"podSelector": {}, "policyTypes": ["Ingress"]})),
            "NetworkPolicy shop/deny: for the pods of cart, nobody may connect, written 10:30"
        );
        assert_eq!(
            told(json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 8080}]}],
                "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.9.0.0/16"]}}]}, {}]})),
            "NetworkPolicy shop/deny: for the pods of cart, ingress from pods app=web port 8080/TCP, \
             egress to 10.0.0.0/8 but 10.9.0.0/16; to everybody, written 10:30"
        );
    }

    #[test]
    fn selectors_match_as_the_api_says() {
        let own = BTreeMap::from([("app".to_owned(), "cart".to_owned())]);
        let fits = |selector: Value| matches(&serde_json::from_value(selector).unwrap(), &own);
        assert!(fits(json!({})));
        assert!(fits(json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart"]}]})));
        assert!(fits(json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]})));
        assert!(!fits(json!({"matchLabels": {"app": "web"}})));
        assert!(!fits(
            json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["cart"]}]})
        ));
    }
}
