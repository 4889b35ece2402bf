//! Figures of the edge: requests, what was added to them, the cache, the firewall.

use std::collections::BTreeMap;

use incident::fact::{EdgeTraffic, WafActivity};

use crate::figure::Figure;
use crate::gather::changes;
use crate::known::Known;
use crate::measure::Kind;
use crate::reading::Role;
use crate::topic::Topics;

/// Requests, their statuses, countries and the cache.
pub fn traffic(known: &mut Known, item: usize, traffic: &EdgeTraffic) {
    let total: u64 = traffic.by_status.values().fold(0, |sum, n| sum.saturating_add(*n));
    for (class, topics) in [("5", Topics::REQUESTS), ("4", Topics::REQUESTS)] {
        let of_class = traffic.by_status.iter().filter(|(code, _)| code.starts_with(class));
        let errors = of_class.fold(0_u64, |sum, (_, n)| sum.saturating_add(*n));
        known.figures.push(Figure::new(item, errors as f64, Kind::Bare).of(topics));
        if class == "5" && !traffic.by_status.is_empty() {
            known.sights.server_errors = Some(errors);
        }
        known.figures.extend((total > 0).then(|| {
            Figure::new(item, errors as f64 / total as f64 * 100.0, Kind::Percent)
                .of(topics)
                .role(Role::Share)
        }));
    }
    for map in [&traffic.by_status, &traffic.by_country, &traffic.by_method] {
        shares(known, item, map, Topics::REQUESTS);
    }
    additions(known, item, traffic);
    known
        .figures
        .push(Figure::new(item, traffic.requests as f64, Kind::Bare).of(Topics::REQUESTS).role(Role::Last));
    if let Some(before) = traffic.requests_before {
        known
            .figures
            .push(Figure::new(item, before as f64, Kind::Bare).of(Topics::REQUESTS).role(Role::Before));
        changes(known, item, before as f64, &[traffic.requests as f64], Kind::Bare, Topics::REQUESTS);
        known.sights.levels.push((item, Topics::REQUESTS, before as f64, traffic.requests as f64));
    }
    for (ratio, role) in
        [(traffic.cache_hit_ratio, Role::Last), (traffic.cache_hit_ratio_before, Role::Before)]
    {
        if let Some(ratio) = ratio {
            let percent =
                |share: f64, topics| Figure::new(item, share * 100.0, Kind::Percent).of(topics).role(role);
            known.figures.extend([percent(ratio, Topics::CACHE), percent(1.0 - ratio, Topics::MISSES)]);
        }
    }
    if let (Some(before), Some(now)) = (traffic.cache_hit_ratio_before, traffic.cache_hit_ratio) {
        known.figures.push(
            Figure::new(item, (now - before) * 100.0, Kind::Points).of(Topics::CACHE).role(Role::Change),
        );
    }
}

fn shares(known: &mut Known, item: usize, map: &BTreeMap<String, u64>, topics: Topics) {
    let total: f64 = map.values().map(|n| *n as f64).sum();
    for n in map.values().filter(|_| total > 0.0) {
        known
            .figures
            .push(Figure::new(item, *n as f64 / total * 100.0, Kind::Percent).of(topics).role(Role::Share));
    }
}

/// Firewall events.
pub fn firewall(known: &mut Known, item: usize, activity: &WafActivity) {
    known.sights.firewall = Some(known.sights.firewall.unwrap_or(0).saturating_add(activity.events));
    known
        .figures
        .push(Figure::new(item, activity.events as f64, Kind::Bare).of(Topics::FIREWALL).role(Role::Last));
    if let Some(before) = activity.events_before {
        known
            .figures
            .push(Figure::new(item, before as f64, Kind::Bare).of(Topics::FIREWALL).role(Role::Before));
        changes(known, item, before as f64, &[activity.events as f64], Kind::Bare, Topics::FIREWALL);
    }
    for map in [&activity.by_action, &activity.by_source, &activity.by_rule, &activity.by_country] {
        shares(known, item, map, Topics::FIREWALL);
    }
}

/// What was added to the traffic, by country, path, method and bot score.
fn additions(known: &mut Known, item: usize, traffic: &EdgeTraffic) {
    for (now, before) in [
        (&traffic.by_country, &traffic.by_country_before),
        (&traffic.by_path, &traffic.by_path_before),
        (&traffic.by_method, &traffic.by_method_before),
    ] {
        added(known, item, now, before, |_| true);
    }
    // The lowest score is none at all.
    added(known, item, &traffic.by_bot_score, &traffic.by_bot_score_before, |score| score != "0");
    let bounds = traffic.by_bot_score.keys().flat_map(|range| range.split('-'));
    let bounds = bounds.filter_map(|n| n.parse().ok()).map(|n| Figure::new(item, n, Kind::Bare));
    known.figures.extend(bounds);
}

/// What each key has of what was added, and all keys from the first to it: scores are ordered.
fn added(
    known: &mut Known,
    item: usize,
    now: &BTreeMap<String, u64>,
    before: &BTreeMap<String, u64>,
    counts: impl Fn(&str) -> bool,
) {
    if before.is_empty() {
        return;
    }
    let more = |(key, n): (&String, &u64)| n.saturating_sub(before.get(key).copied().unwrap_or(0)) as f64;
    let added: Vec<f64> = now.iter().filter(|(key, _)| counts(key)).map(more).collect();
    let total: f64 = added.iter().sum();
    let mut sum = 0.0;
    for n in added.iter().filter(|_| total > 0.0) {
        sum += n;
        for share in [n / total, sum / total, 1.0 - sum / total] {
            let figure = Figure::new(item, share * 100.0, Kind::Percent).of(Topics::REQUESTS);
            known.figures.push(figure.role(Role::Share));
        }
    }
}

/// How much of the requests the firewall acted on, where both are cited.
pub fn acted_on(known: &mut Known) {
    let requests = known.figures.iter().find(|f| f.topics == Topics::REQUESTS && f.role == Role::Last);
    let Some(requests) = requests.map(|f| f.value).filter(|n| *n > 0.0) else { return };
    let acted =
        |f: &&Figure| f.topics.meets(Topics::FIREWALL) && f.kind == Kind::Bare && f.role != Role::Before;
    let shares: Vec<Figure> = known
        .figures
        .iter()
        .filter(acted)
        .map(|count| Figure {
            value: count.value / requests * 100.0,
            kind: Kind::Percent,
            topics: count.topics.and(Topics::REQUESTS),
            role: Role::Share,
            ..*count
        })
        .collect();
    known.figures.extend(shares);
}
