//! Attack or organic: a decision with stated features, and two further answers: both at once, and cannot tell.
//!
//! Specificity first. A crowd also comes all at once, to one page, from one country: concentration alone never makes an attack. It
//! takes machines (bot scores, or mitigation by the edge's own DDoS protection) and one independent sign besides. Machines alone may be
//! scrapers, concentration alone may be the news: then it cannot be told, and is said so.

use std::collections::BTreeMap;

use incident::fact::{EdgeTraffic, WafActivity};

use crate::words::{grouped, percent};

/// Requests grown by this factor are a surge.
pub(crate) const SURGE: f64 = 1.5;
/// From this Jensen-Shannon divergence (bits, 0–1) on, what was added is another mix; below [`SAME_MIX`] it is the usual one.
const OTHER_MIX: f64 = 0.35;
const SAME_MIX: f64 = 0.12;
/// From this share of the added requests on, machines sent them; up to [`PEOPLE`] people did.
const MACHINES: f64 = 0.6;
const PEOPLE: f64 = 0.3;
/// From this share of all requests on, mitigation by the DDoS protection is no noise.
const MITIGATED: f64 = 0.05;

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Attack,
    Organic,
    Both,
    CannotTell,
    /// Traffic did not grow and nothing was mitigated.
    Quiet,
}

/// One sign, for an attack where `attack`, else for people.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sign {
    pub(crate) name: &'static str,
    pub(crate) attack: bool,
    pub(crate) weight: f64,
    pub(crate) text: String,
    /// True where the firewall tells it, false where the traffic does.
    pub(crate) by_waf: bool,
}

/// The answer and its signs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) answer: Answer,
    pub(crate) signs: Vec<Sign>,
}

/// Judges the traffic of a zone.
pub(crate) fn judge(traffic: &EdgeTraffic, waf: Option<&WafActivity>, mitigated: u64) -> Judgement {
    let mut signs = Vec::new();
    let grown = growth(traffic);
    let share = mitigated as f64 / traffic.requests.max(1) as f64;
    if grown.is_none_or(|g| g < SURGE) && share < MITIGATED {
        return Judgement { answer: Answer::Quiet, signs };
    }
    mitigation(&mut signs, waf, mitigated, share);
    machines(&mut signs, traffic);
    mix(&mut signs, "paths", &traffic.by_path, &traffic.by_path_before, 0.8);
    mix(&mut signs, "countries", &traffic.by_country, &traffic.by_country_before, 0.6);
    mix(&mut signs, "methods", &traffic.by_method, &traffic.by_method_before, 0.5);
    cache(&mut signs, traffic);
    let answer = answer(&signs, traffic, mitigated);
    Judgement { answer, signs }
}

fn answer(signs: &[Sign], traffic: &EdgeTraffic, mitigated: u64) -> Answer {
    let has = |name: &str| signs.iter().any(|s| s.name == name);
    let automated = has("machines_added") || has("ddos_protection_acts");
    // People in most of what was added outweigh whatever else looks odd.
    let human = has("people_added");
    let besides = signs
        .iter()
        .filter(|s| {
            s.attack && !matches!(s.name, "machines_added" | "ddos_protection_acts" | "paths_scatter")
        })
        .count();
    let both_kinds = has("machines_added") && has("ddos_protection_acts");
    let attack = automated && (besides > 0 || both_kinds) && (!human || has("ddos_protection_acts"));
    let people_grew = humans_grew(traffic, mitigated);
    match (attack, people_grew) {
        (true, Some(true)) => Answer::Both,
        (true, _) => Answer::Attack,
        (false, _) if automated => Answer::CannotTell,
        (false, _) if human => Answer::Organic,
        (false, _) => {
            let odd = signs.iter().filter(|s| s.attack).count();
            let usual = signs.iter().filter(|s| !s.attack).count();
            if usual > odd { Answer::Organic } else { Answer::CannotTell }
        }
    }
}

/// The bot scores that Cloudflare takes for people.
pub(crate) const PEOPLE_SCORES: &str = "30-99";

/// Requests against the equal period before, when that was read.
pub(crate) fn growth(traffic: &EdgeTraffic) -> Option<f64> {
    let before = traffic.requests_before.filter(|n| *n > 0)?;
    Some(traffic.requests as f64 / before as f64)
}

/// Whether people came in numbers too: by bot score, where the plan has it.
fn humans_grew(traffic: &EdgeTraffic, mitigated: u64) -> Option<bool> {
    let people = |map: &BTreeMap<String, u64>| map.get(PEOPLE_SCORES).copied();
    match (people(&traffic.by_bot_score), people(&traffic.by_bot_score_before)) {
        (Some(now), Some(before)) if before > 0 => Some(now as f64 >= SURGE * before as f64),
        _ => {
            let rest = traffic.requests.saturating_sub(mitigated) as f64;
            let before = traffic.requests_before.filter(|n| *n > 0)? as f64;
            // Without scores, people are seen only where most of an attack was mitigated and the rest still is a surge.
            (mitigated > traffic.requests / 5).then_some(rest >= 2.0 * SURGE * before)
        }
    }
}

fn mitigation(signs: &mut Vec<Sign>, waf: Option<&WafActivity>, mitigated: u64, share: f64) {
    if share >= MITIGATED {
        let text =
            format!("DDoS protection acted on {} requests, {} of all", grouped(mitigated), percent(share));
        signs.push(Sign { name: "ddos_protection_acts", attack: true, weight: 1.8, text, by_waf: true });
    } else if let Some(waf) = waf
        && mitigated == 0
    {
        let text = format!("{} firewall events, none from DDoS protection", grouped(waf.events));
        signs.push(Sign { name: "firewall_quiet", attack: false, weight: 0.4, text, by_waf: true });
    }
    let Some(waf) = waf else { return };
    let of = |action: &str| waf.by_action.get(action).copied().unwrap_or(0);
    let asked = ["managed_challenge", "js_challenge", "jschallenge", "challenge"]
        .iter()
        .map(|a| of(a))
        .fold(0, u64::saturating_add);
    let solved = waf
        .by_action
        .iter()
        .filter(|(a, _)| a.contains("solved") || a.contains("bypassed"))
        .fold(0, |sum: u64, (_, n)| sum.saturating_add(*n));
    let all = asked.saturating_add(solved);
    if all >= 1_000 {
        let rate = solved as f64 / all as f64;
        let text = format!("{} of {} challenges were solved", grouped(solved), grouped(all));
        if rate < 0.05 {
            signs.push(Sign { name: "challenges_unsolved", attack: true, weight: 0.7, text, by_waf: true });
        } else if rate > 0.5 {
            signs.push(Sign { name: "challenges_solved", attack: false, weight: 0.7, text, by_waf: true });
        }
    }
}

fn machines(signs: &mut Vec<Sign>, traffic: &EdgeTraffic) {
    let added = added(&traffic.by_bot_score, &traffic.by_bot_score_before);
    let total: f64 = added.iter().filter(|(k, _)| k.as_str() != "0").map(|(_, n)| n).sum();
    if total <= 0.0 || traffic.by_bot_score_before.is_empty() {
        return;
    }
    let automated: f64 = ["1", "2-29"].iter().filter_map(|k| added.get(*k)).sum();
    let share = automated / total;
    if share >= MACHINES {
        let text = format!("{} of the added requests have a bot score below 30", percent(share));
        signs.push(Sign { name: "machines_added", attack: true, weight: 1.4, text, by_waf: false });
    } else if share <= PEOPLE {
        let text = format!("{} of the added requests have a human bot score", percent(1.0 - share));
        signs.push(Sign { name: "people_added", attack: false, weight: 1.0, text, by_waf: false });
    }
}

/// What was added, against what was there: another mix, or the usual one.
fn mix(
    signs: &mut Vec<Sign>,
    what: &'static str,
    now: &BTreeMap<String, u64>,
    before: &BTreeMap<String, u64>,
    weight: f64,
) {
    let Some(divergence) = divergence(now, before) else { return };
    let names = match what {
        "paths" => ("paths_concentrate", "paths_as_usual"),
        "countries" => ("countries_shift", "countries_as_usual"),
        _ => ("methods_shift", "methods_as_usual"),
    };
    if divergence >= OTHER_MIX {
        let added = added(now, before);
        let total: f64 = added.values().sum();
        let top = added.iter().max_by(|a, b| a.1.total_cmp(b.1));
        let share = top.map_or(0.0, |(_, n)| n / total);
        let top = top.map_or("", |(name, _)| name.as_str());
        let text = format!("{} of the added requests are {top}: other {what} than usual", percent(share));
        signs.push(Sign { name: names.0, attack: true, weight, text, by_waf: false });
    } else if divergence <= SAME_MIX {
        let text = format!("the added requests have the usual {what}");
        signs.push(Sign { name: names.1, attack: false, weight: weight / 2.0, text, by_waf: false });
    }
}

fn cache(signs: &mut Vec<Sign>, traffic: &EdgeTraffic) {
    if let (Some(now), Some(before)) = (traffic.path_diversity, traffic.path_diversity_before)
        && before > 0.0
        && now >= 3.0 * before
    {
        let text = format!("{now:.0} distinct paths per thousand requests (before: {before:.0})");
        signs.push(Sign { name: "paths_scatter", attack: true, weight: 0.5, text, by_waf: false });
    }
    if let (Some(now), Some(before)) = (traffic.cache_hit_ratio, traffic.cache_hit_ratio_before)
        && before - now >= 0.2
    {
        let text = format!("the cache hit ratio fell from {} to {}", percent(before), percent(now));
        signs.push(Sign { name: "cache_bypassed", attack: true, weight: 0.5, text, by_waf: false });
    }
}

/// How many more of each than before.
fn added(now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, f64> {
    let more = |(key, n): (&String, &u64)| {
        let more = n.saturating_sub(before.get(key).copied().unwrap_or(0));
        (more > 0).then(|| (key.clone(), more as f64))
    };
    now.iter().filter_map(more).collect()
}

/// The Jensen-Shannon divergence, in bits, of the mix of what was added from the mix before. `None` where either was not read.
fn divergence(now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> Option<f64> {
    let added = added(now, before);
    let sum = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>();
    let (of_added, of_before) =
        (sum(&mut added.values().copied()), sum(&mut before.values().map(|n| *n as f64)));
    if of_added <= 0.0 || of_before <= 0.0 {
        return None;
    }
    let keys: std::collections::BTreeSet<&String> = added.keys().chain(before.keys()).collect();
    let part = |p: f64, m: f64| if p > 0.0 && m > 0.0 { p * (p / m).log2() } else { 0.0 };
    let total: f64 = keys
        .into_iter()
        .map(|key| {
            let p = added.get(key).copied().unwrap_or(0.0) / of_added;
            let q = before.get(key).map_or(0.0, |n| *n as f64) / of_before;
            let m = f64::midpoint(p, q);
            f64::midpoint(part(p, m), part(q, m))
        })
        .sum();
    total.is_finite().then(|| total.clamp(0.0, 1.0))
}
