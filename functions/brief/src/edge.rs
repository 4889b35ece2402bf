//! LIVE STATE of the edge: firewall, cache, traffic, changed rules, upgrades, where it is slow.

use std::collections::BTreeMap;

use incident::{Evidence, Fact, Finding, State, fact};

use crate::content::Line;
use crate::live::{Part, bullet, figure, moved};
use crate::sections::offset;
use crate::{metric, time};

/// Firewall actions named, most frequent first.
const ACTIONS: usize = 3;
/// A count within this share of the one before is as before.
const AS_BEFORE: f64 = 0.25;
/// A hit ratio within this much of the one before is normal.
const NORMAL: f64 = 0.05;
/// A share of the requests that grew by this much is told.
const SHIFT: f64 = 0.1;
/// A latency is told from this multiple of the one before on.
const SLOWER: f64 = 1.5;
/// A rule that was changed is told where the change is this recent, seconds.
const RECENT_S: i64 = 6 * 3_600;
/// Scores of requests that are likely automated (<https://developers.cloudflare.com/bots/concepts/bot-score/>).
const AUTOMATED: [&str; 2] = ["1", "2-29"];
/// The firewall's name for its protection against floods of requests.
const DDOS: &str = "l7ddos";

/// One line: what the firewall did, what came from cache, how much traffic there is, how long it waited. Another where rules were
/// changed, upgrades stopped, the mix shifted or one region is slow.
pub fn lines(state: &State, evidence: &Evidence) -> Vec<Line> {
    let found = |wanted: fn(&Fact) -> Option<Vec<String>>| {
        evidence.findings.iter().find_map(|f| {
            let texts = wanted(&f.fact)?;
            Some(texts.into_iter().map(|text| Part::new(text, f)).collect::<Vec<_>>())
        })
    };
    let waf = found(|fact| if let Fact::WafActivity(waf) = fact { Some(vec![waf_text(waf)]) } else { None });
    let traffic = found(|fact| if let Fact::EdgeTraffic(t) = fact { Some(traffic_text(t)) } else { None });
    let series = moved(evidence.findings.iter()).into_iter().take(1);
    let series = series.map(|(finding, series)| Part::new(figure(series, None), finding));
    let parts: Vec<Part> = waf.into_iter().chain(traffic).flatten().chain(series).collect();
    let told: Vec<Part> = evidence
        .findings
        .iter()
        .flat_map(|f| special(state, f).into_iter().map(|t| Part::new(t, f)))
        .collect();
    [parts, told].iter().filter(|parts| !parts.is_empty()).map(|parts| bullet("Cloudflare", parts)).collect()
}

/// What is not seen on every day.
fn special(state: &State, finding: &Finding) -> Vec<String> {
    match &finding.fact {
        Fact::WafRuleChange(change) => rule_text(state, finding, change).into_iter().collect(),
        Fact::WebsocketUpgrades(upgrades) => upgrades_text(upgrades).into_iter().collect(),
        Fact::EdgeTraffic(traffic) => shifts(traffic),
        Fact::EdgeLatency(latency) => region_text(latency).into_iter().collect(),
        Fact::DdosActivity(attack) if attack.layer != "http" && attack.events > 0 => {
            vec![format!("{} on the network, protection acted", time::count(attack.events as i64, "attack"))]
        }
        _ => Vec::new(),
    }
}

fn rule_text(state: &State, finding: &Finding, change: &fact::WafRuleChange) -> Option<String> {
    let age = state.as_of.as_second() - finding.at.as_second();
    let name = if change.description.is_empty() { &finding.object.name } else { &change.description };
    let action = change.action.as_deref().map(|action| format!(" ({action})")).unwrap_or_default();
    let off = if change.enabled == Some(false) { ", now off" } else { "" };
    let offset = offset(state, finding).map(|offset| format!(", {offset}")).unwrap_or_default();
    let at = time::clock(finding.at, state.as_of);
    (age <= RECENT_S).then(|| format!("WAF rule “{name}”{action} changed at {at}{offset}{off}"))
}

fn upgrades_text(upgrades: &fact::WebsocketUpgrades) -> Option<String> {
    let now = metric::number(upgrades.upgraded as f64);
    let before = upgrades.upgraded_before.map(|n| format!(" ({} before)", metric::number(n as f64)));
    let before = before.unwrap_or_default();
    let fell = upgrades
        .upgraded_before
        .is_some_and(|b| (upgrades.upgraded as f64) < (1.0 - NORMAL * 5.0) * b as f64);
    let more = upgrades.blocked > upgrades.blocked_before.unwrap_or(0);
    match (fell, more) {
        (_, true) => {
            let stopped = metric::number(upgrades.blocked as f64);
            let rule =
                most(&upgrades.by_rule).map(|(rule, _)| format!(" by rule {rule}")).unwrap_or_default();
            Some(format!("WebSocket upgrades {now}{before}, {stopped} stopped{rule}"))
        }
        (true, false) => Some(format!("WebSocket upgrades {now}{before}")),
        (false, false) => None,
    }
}

/// Countries, data centres, methods, paths or bots whose share of the requests grew.
fn shifts(traffic: &fact::EdgeTraffic) -> Vec<String> {
    let mixes = [
        ("from ", &traffic.by_country, &traffic.by_country_before),
        ("at ", &traffic.by_colo, &traffic.by_colo_before),
        ("", &traffic.by_method, &traffic.by_method_before),
    ];
    let mut told: Vec<String> =
        mixes.into_iter().filter_map(|(what, now, before)| shift(what, now, before)).collect();
    let automated = |counts: &BTreeMap<String, u64>| {
        let all: u64 = counts.values().fold(0, |sum, n| sum.saturating_add(*n));
        let bots: u64 =
            AUTOMATED.iter().filter_map(|key| counts.get(*key)).fold(0, |sum, n| sum.saturating_add(*n));
        (all > 0).then(|| bots as f64 / all as f64)
    };
    if let (Some(now), Some(before)) =
        (automated(&traffic.by_bot_score), automated(&traffic.by_bot_score_before))
        && now - before >= SHIFT
    {
        told.push(format!("{} of requests likely bots (was {})", percent(now), percent(before)));
    }
    told
}

fn shift(what: &str, now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> Option<String> {
    let total = |counts: &BTreeMap<String, u64>| counts.values().fold(0_u64, |sum, n| sum.saturating_add(*n));
    let (all, all_before) = (total(now), total(before));
    let share = |n: u64, all: u64| n as f64 / all.max(1) as f64;
    let grown =
        |key: &String, n: u64| share(n, all) - share(before.get(key).copied().unwrap_or(0), all_before);
    let (key, n) = now.iter().max_by(|(a, n), (b, m)| grown(a, **n).total_cmp(&grown(b, **m)))?;
    let was = percent(share(before.get(key).copied().unwrap_or(0), all_before));
    (all_before > 0 && grown(key, *n) >= SHIFT)
        .then(|| format!("{what}{key} {} (was {was})", percent(share(*n, all))))
}

/// The data centre where the origin or the edge became slow, where not all of them did; and how many did.
fn region_text(latency: &fact::EdgeLatency) -> Option<String> {
    let slower = |region: &fact::RegionLatency| {
        let pairs = [
            ("origin", region.origin_ms, region.origin_ms_before),
            ("edge", region.first_byte_ms, region.first_byte_ms_before),
        ];
        pairs.into_iter().find_map(|(what, now, before)| {
            let (now, before) = (now?, before?);
            (before > 0.0 && now / before >= SLOWER).then_some((what, now, before))
        })
    };
    let mut slow: Vec<_> = latency
        .by_colo
        .iter()
        .filter_map(|(colo, region)| Some((colo, region.requests, slower(region)?)))
        .collect();
    slow.sort_by_key(|(_, requests, _)| std::cmp::Reverse(*requests));
    let (colo, _, (what, now, before)) = slow.first()?;
    let ms = |value: f64| metric::value(value, metric::Unit::Milliseconds);
    let of = format!("slower in {} of {} locations", slow.len(), latency.by_colo.len());
    Some(format!("p95 {what} {of}: {colo} {} (was {})", ms(*now), ms(*before)))
}

fn most(counts: &BTreeMap<String, u64>) -> Option<(&String, &u64)> {
    counts.iter().max_by_key(|(_, n)| **n)
}

fn percent(share: f64) -> String {
    format!("{} %", metric::number((share * 100.0).round()))
}

fn waf_text(waf: &fact::WafActivity) -> String {
    let ddos = match waf.by_source.get(DDOS).copied().unwrap_or(0) {
        0 => "no L7 DDoS events".to_owned(),
        n => format!("L7 DDoS protection acted on {} requests", metric::number(n as f64)),
    };
    if waf.events == 0 {
        return format!("WAF clean, {ddos}");
    }
    let near =
        |before: u64| (waf.events as f64 - before as f64).abs() <= AS_BEFORE * (before as f64).max(1.0);
    let (quiet, before) = match waf.events_before {
        Some(before) if near(before) => (" quiet", ", as before".to_owned()),
        Some(before) => ("", format!(", {} before", metric::number(before as f64))),
        None => ("", String::new()),
    };
    format!("WAF{quiet}: {}{before}; {ddos}", events_text(waf))
}

/// `30 blocks`; where there are several actions `30 events (20 block, 10 log)`.
fn events_text(waf: &fact::WafActivity) -> String {
    let events = metric::number(waf.events as f64);
    let mut actions: Vec<_> = waf.by_action.iter().collect();
    actions.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    match actions.as_slice() {
        [] => format!("{events} events"),
        [(action, n)] if **n == waf.events && action.as_str() == "block" => format!("{events} blocks"),
        several => {
            let named: Vec<String> = several
                .iter()
                .take(ACTIONS)
                .map(|(action, n)| format!("{} {action}", metric::number(**n as f64)))
                .collect();
            format!("{events} events ({})", named.join(", "))
        }
    }
}

fn traffic_text(traffic: &fact::EdgeTraffic) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(ratio) = traffic.cache_hit_ratio {
        let before = match traffic.cache_hit_ratio_before {
            Some(before) if (ratio - before).abs() <= NORMAL => " (normal)".to_owned(),
            Some(before) => format!(" ({} before)", percent(before)),
            None => String::new(),
        };
        parts.push(format!("cache hit {}{before}", percent(ratio)));
    }
    let change = traffic.requests_before.filter(|before| *before > 0).map(|before| {
        let change = (traffic.requests as f64 / before as f64 - 1.0) * 100.0;
        format!(" ({change:+.0} %)")
    });
    parts.push(format!("{} requests{}", metric::number(traffic.requests as f64), change.unwrap_or_default()));
    let server: u64 =
        traffic.by_status.iter().filter(|(code, _)| code.starts_with('5')).map(|(_, n)| n).sum();
    if server > 0 {
        parts.push(format!("{} answered 5xx", metric::number(server as f64)));
    } else if !traffic.by_status.is_empty() {
        parts.push("no 5xx".to_owned());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(key, n)| ((*key).to_owned(), *n)).collect()
    }

    #[test]
    fn a_mix_is_told_where_a_share_grew() {
        let traffic = fact::EdgeTraffic {
            by_country: counts(&[("DE", 50), ("XX", 150)]),
            by_country_before: counts(&[("DE", 50), ("XX", 5)]),
            by_colo: counts(&[("FRA", 200)]),
            by_colo_before: counts(&[("FRA", 55)]),
            by_bot_score: counts(&[("1", 120), ("30-99", 80)]),
            by_bot_score_before: counts(&[("2-29", 5), ("30-99", 95)]),
            ..fact::EdgeTraffic::default()
        };
        assert_eq!(shifts(&traffic), ["from XX 75 % (was 9 %)", "60 % of requests likely bots (was 5 %)"]);
        assert!(shifts(&fact::EdgeTraffic::default()).is_empty());
    }

    #[test]
    fn one_slow_region_is_told_by_its_name_and_a_steady_edge_is_not() {
        let region = |requests, now, before| fact::RegionLatency {
            requests,
            origin_ms: Some(now),
            origin_ms_before: Some(before),
            ..fact::RegionLatency::default()
        };
        let by_colo =
            [("FRA".to_owned(), region(90, 1900.0, 100.0)), ("IAD".to_owned(), region(400, 101.0, 100.0))];
        let told = region_text(&fact::EdgeLatency { by_colo: by_colo.into() });
        assert_eq!(told.unwrap(), "p95 origin slower in 1 of 2 locations: FRA 1.9 s (was 0.1 s)");
        assert_eq!(region_text(&fact::EdgeLatency::default()), None);
    }

    #[test]
    fn upgrades_are_told_where_they_fell_or_were_stopped() {
        let upgrades = |now, before, blocked| fact::WebsocketUpgrades {
            upgraded: now,
            upgraded_before: Some(before),
            blocked,
            by_rule: counts(&[("r1", blocked)]),
            ..fact::WebsocketUpgrades::default()
        };
        for (given, expected) in [
            (upgrades(10, 640, 300), Some("WebSocket upgrades 10 (640 before), 300 stopped by rule r1")),
            (upgrades(10, 640, 0), Some("WebSocket upgrades 10 (640 before)")),
            (upgrades(630, 640, 0), None),
        ] {
            assert_eq!(upgrades_text(&given).as_deref(), expected);
        }
    }
}
