//! The edge: attack, surge, cache, firewall, origin. What was not read is never ruled out.

use incident::fact::{EdgeTraffic, WafActivity};
use incident::{Cause, Fact, Finding, Object, ObjectKind};

use crate::scene::Scene;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::traffic::{self, Answer, Sign, growth};
use crate::words::{clock, grouped, number, percent};

/// What an undecided cause can reach.
const UNDECIDED: f64 = 0.45;
/// Requests within this share of the period before are unchanged.
const UNCHANGED: f64 = 0.2;
/// A hit ratio that fell by this much collapsed; within [`STEADY`] it did not move.
const COLLAPSE: f64 = 0.15;
const STEADY: f64 = 0.05;
/// A share of requests stopped by the firewall that players would notice.
const STOPPED: f64 = 0.02;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    let traffic = scene.findings.iter().find_map(|(f, _)| match &f.fact {
        Fact::EdgeTraffic(traffic) => Some((*f, traffic)),
        _ => None,
    });
    let waf = scene.findings.iter().find_map(|(f, _)| match &f.fact {
        Fact::WafActivity(waf) => Some((*f, waf)),
        _ => None,
    });
    if let Some(traffic) = traffic {
        crowd(scene, report, traffic, waf);
        cache(report, traffic);
    }
    packets(scene, report);
    origin(scene, report);
    if let (Some(waf), Some(traffic)) = (waf, traffic) {
        false_positive(scene, report, waf, traffic);
    }
}

fn zone(finding: &Finding) -> Object {
    match finding.object.kind {
        ObjectKind::Zone => finding.object.clone(),
        _ => Object::new(ObjectKind::Zone, finding.object.name.clone()),
    }
}

fn compared(traffic: &EdgeTraffic) -> Option<String> {
    let change = (growth(traffic)? - 1.0) * 100.0;
    Some(format!("{} requests ({change:+.0} % on the period before)", grouped(traffic.requests)))
}

/// Requests that the DDoS protection acted on, by its own figure, else by its firewall events; and the finding that tells.
fn mitigated<'a>(scene: &Scene<'a>, waf: Option<(&'a Finding, &WafActivity)>) -> (u64, Option<&'a Finding>) {
    let own = scene.findings.iter().find_map(|(f, _)| match &f.fact {
        Fact::DdosActivity(ddos) if ddos.layer == "http" => Some((ddos.events, Some(*f))),
        _ => None,
    });
    let by_firewall = || waf.and_then(|(f, waf)| Some((waf.by_source.get("l7ddos").copied()?, Some(f))));
    own.or_else(by_firewall).unwrap_or((0, None))
}

/// Attack or surge, both, or neither told: by the signs of [`traffic::judge`].
fn crowd<'a>(
    scene: &Scene<'a>,
    report: &mut Report,
    (finding, traffic): (&Finding, &EdgeTraffic),
    waf: Option<(&'a Finding, &WafActivity)>,
) {
    let (mitigated, by) = mitigated(scene, waf);
    let judged = traffic::judge(traffic, waf.map(|(_, w)| w), mitigated);
    let text = compared(traffic).unwrap_or_else(|| format!("{} requests", grouped(traffic.requests)));
    let waf_id = waf.map_or(finding.id.as_str(), |(f, _)| f.id.as_str());
    let mut both = vec![finding.id.as_str()];
    both.extend(waf.map(|(f, _)| f.id.as_str()));
    let zone = zone(finding);
    if judged.answer == Answer::Quiet {
        if let (Some((_, w)), Some(told)) = (waf, compared(traffic)) {
            let reason =
                format!("DDoS protection did not act ({} firewall events, none its own), {told}", w.events);
            report.clear(Some(Cause::DdosL7), zone.clone(), reason, &both);
        }
        if growth(traffic).is_some_and(|g| g < 1.0 + UNCHANGED) {
            report.clear(Some(Cause::OrganicSurge), zone, text, &[&finding.id]);
        }
        return;
    }
    let named = |cause: Cause, attack: bool, weight: f64| {
        let mut suspect = Suspect::new(cause, zone.clone())
            .with("requests_grew", weight, &text, &[&finding.id])
            .claim(&text, &[&finding.id]);
        for sign in &judged.signs {
            let ids = match (sign.name, sign.by_waf) {
                // A share of all requests rests on both counts.
                ("ddos_protection_acts", _) => {
                    vec![by.map_or(waf_id, |f| f.id.as_str()), finding.id.as_str()]
                }
                (_, true) => vec![waf_id],
                (_, false) => vec![finding.id.as_str()],
            };
            let weight = if sign.attack == attack { sign.weight } else { -sign.weight };
            suspect = suspect.with(sign.name, weight, &sign.text, &ids);
            if sign.attack == attack {
                suspect = suspect.claim(crate::words::sentence(&sign.text), &ids);
            }
        }
        suspect
    };
    const UNTOLD: &str = "an attack and a crowd look alike in what was read";
    match judged.answer {
        Answer::Attack => {
            report.suspects.push(named(Cause::DdosL7, true, 0.8));
            report.clear(Some(Cause::OrganicSurge), zone.clone(), first(&judged.signs, true), &both);
        }
        Answer::Organic => {
            report.suspects.push(named(Cause::OrganicSurge, false, 1.4));
            if judged.signs.iter().any(|s| !s.attack && s.name != "firewall_quiet") {
                report.clear(Some(Cause::DdosL7), zone.clone(), first(&judged.signs, false), &both);
            }
        }
        Answer::Both => {
            let came = came_too(traffic);
            let mut people = named(Cause::OrganicSurge, false, 2.2);
            people.features.retain(|f| f.supports);
            report.suspects.push(named(Cause::DdosL7, true, 0.8).with(
                "people_came_too",
                0.05,
                "an attack and a crowd at once: each explains a part",
                &[&finding.id],
            ));
            let people = people.with("people_came_too", 0.6, &came, &[&finding.id]);
            report.suspects.push(people.claim(crate::words::sentence(&came), &[&finding.id]));
        }
        Answer::CannotTell => {
            report.suspects.push(named(Cause::OrganicSurge, false, 1.4).capped(UNDECIDED, UNTOLD));
            report.suspects.push(named(Cause::DdosL7, true, 0.8).capped(UNDECIDED - 0.05, UNTOLD));
        }
        Answer::Quiet => {}
    }
}

/// How people are seen to have come as well: by their scores, else by what the protection let through.
fn came_too(traffic: &EdgeTraffic) -> String {
    let people = |map: &std::collections::BTreeMap<String, u64>| map.get(traffic::PEOPLE_SCORES).copied();
    match (people(&traffic.by_bot_score), people(&traffic.by_bot_score_before)) {
        (Some(now), Some(before)) => {
            format!("requests with a human bot score grew from {} to {}", grouped(before), grouped(now))
        }
        _ => "requests that the protection let through grew as well".to_owned(),
    }
}

/// The weightiest sign of a side.
fn first(signs: &[Sign], attack: bool) -> String {
    let side = signs.iter().filter(|s| s.attack == attack && s.name != "firewall_quiet");
    side.max_by(|a, b| a.weight.total_cmp(&b.weight)).map(|s| s.text.clone()).unwrap_or_default()
}

/// Packets, not requests: Cloudflare's network layer tells of its own attacks.
fn packets(scene: &Scene<'_>, report: &mut Report) {
    for (finding, _) in &scene.findings {
        let Fact::DdosActivity(ddos) = &finding.fact else { continue };
        if ddos.layer != "network" || ddos.events == 0 {
            continue;
        }
        let vectors: Vec<&str> = ddos.by_target.keys().map(String::as_str).collect();
        let text = format!("{} network-layer attacks were mitigated: {}", ddos.events, vectors.join(", "));
        report.suspects.push(
            Suspect::new(Cause::DdosL3, zone(finding))
                .with("network_attack_mitigated", 1.8, &text, &[&finding.id])
                .claim(text, &[&finding.id])
                .capped(BELOW_HIGH, "whether it reached the origin was not seen"),
        );
    }
}

/// The origin answers late in every region, or one region's way to it does.
fn origin(scene: &Scene<'_>, report: &mut Report) {
    for (finding, _) in &scene.findings {
        let Fact::EdgeLatency(latency) = &finding.fact else { continue };
        let slow = |r: &incident::fact::RegionLatency| {
            r.origin_ms
                .zip(r.origin_ms_before)
                .is_some_and(|(now, before)| before > 0.0 && now >= 2.0 * before && now - before >= 100.0)
        };
        let read: Vec<_> = latency.by_colo.iter().filter(|(_, r)| r.origin_ms_before.is_some()).collect();
        let late: Vec<_> = read.iter().filter(|(_, r)| slow(r)).collect();
        let Some((colo, region)) = late.first() else { continue };
        let (now, before) =
            (region.origin_ms.unwrap_or_default(), region.origin_ms_before.unwrap_or_default());
        let all = read.len() > 1 && late.len() == read.len();
        let names: Vec<&str> = late.iter().take(4).map(|(colo, _)| colo.as_str()).collect();
        let place = if all { "every region that was read".to_owned() } else { names.join(", ") };
        let text = format!(
            "the origin answers late in {place}; {colo}: {} ms (before: {} ms)",
            number(now),
            number(before)
        );
        report.suspects.push(
            Suspect::new(Cause::OriginLatency, zone(finding))
                .with("origin_answers_late", 1.2, &text, &[&finding.id])
                .claim(crate::words::sentence(&text), &[&finding.id])
                .capped(BELOW_HIGH, "what makes the origin slow was not seen at the edge"),
        );
    }
}

fn cache(report: &mut Report, (finding, traffic): (&Finding, &EdgeTraffic)) {
    let (Some(now), Some(before)) = (traffic.cache_hit_ratio, traffic.cache_hit_ratio_before) else { return };
    let text = format!("the cache hit ratio is {} (before: {})", percent(now), percent(before));
    if before - now >= COLLAPSE {
        report.suspects.push(
            Suspect::new(Cause::CacheCollapse, zone(finding))
                .with("hit_ratio_fell", 2.0, &text, &[&finding.id])
                .claim(text, &[&finding.id]),
        );
    } else if (before - now).abs() <= STEADY {
        report.clear(Some(Cause::CacheCollapse), zone(finding), text, &[&finding.id]);
    }
}

fn false_positive(
    scene: &Scene<'_>,
    report: &mut Report,
    (finding, waf): (&Finding, &WafActivity),
    (t, traffic): (&Finding, &EdgeTraffic),
) {
    let stops =
        ["block", "challenge", "managed_challenge", "jschallenge", "managed_challenge_interactive_solved"];
    let counted = waf.by_action.iter().filter(|(a, _)| stops.contains(&a.as_str()));
    let stopped = counted.fold(0_u64, |sum, (_, n)| sum.saturating_add(*n));
    let share = stopped as f64 / traffic.requests.max(1) as f64;
    let said = format!("the firewall stopped {} of {} requests", grouped(stopped), grouped(traffic.requests));
    let top = waf.by_rule.iter().max_by_key(|(_, n)| **n);
    let unmoved = growth(traffic).is_some_and(|g| g < 1.0 + UNCHANGED);
    let rose = waf.events_before.is_some_and(|before| waf.events > before.saturating_mul(3).max(3));
    match top {
        Some((rule, hits)) if share >= STOPPED && rose && unmoved => {
            let called = waf.rule_names.get(rule).map(|name| format!(" ({name})")).unwrap_or_default();
            let text = format!("{said} while traffic did not grow; rule {rule}{called} alone {hits}");
            let suspect =
                Suspect::new(Cause::WafFalsePositive, Object::new(ObjectKind::WafRule, rule.clone()))
                    .with("one_rule_stops_usual_traffic", 1.8, &text, &[&finding.id, &t.id])
                    .claim(text, &[&finding.id, &t.id]);
            report.suspects.push(upgrades(scene, rule_changed(scene, suspect, rule), rule));
        }
        _ if share < STOPPED => {
            let reason = format!("{said} ({} %)", number(share * 100.0));
            report.clear(Some(Cause::WafFalsePositive), zone(finding), reason, &[&finding.id, &t.id]);
        }
        _ => {}
    }
}

/// The rule was changed before this began.
fn rule_changed(scene: &Scene<'_>, suspect: Suspect, rule: &str) -> Suspect {
    let changed = scene
        .findings
        .iter()
        .find(|(f, _)| matches!(f.fact, Fact::WafRuleChange(_)) && f.object.name == rule);
    match changed {
        Some((finding, _)) if scene.onset.as_ref().is_none_or(|o| finding.at <= o.at) => {
            let text = format!("the rule was changed at {}", clock(finding.at, scene.now()));
            suspect
                .with("rule_was_changed", 1.0, &text, &[&finding.id])
                .claim(crate::words::sentence(&text), &[&finding.id])
        }
        _ => suspect,
    }
}

/// The rule stops upgrades to WebSocket that succeeded before.
fn upgrades(scene: &Scene<'_>, suspect: Suspect, rule: &str) -> Suspect {
    let found = scene.findings.iter().find_map(|(f, _)| match &f.fact {
        Fact::WebsocketUpgrades(u) => Some((*f, u)),
        _ => None,
    });
    let Some((finding, upgrades)) = found else { return suspect };
    let fewer = upgrades.upgraded_before.is_some_and(|before| upgrades.upgraded * 10 < before * 9);
    let stopped = upgrades.by_rule.get(rule).copied().unwrap_or(0);
    if !fewer || stopped == 0 {
        return suspect;
    }
    let text = format!(
        "it stopped {} upgrades to WebSocket, {} succeeded",
        grouped(stopped),
        grouped(upgrades.upgraded)
    );
    suspect
        .with("upgrades_stopped", 0.8, &text, &[&finding.id])
        .claim(crate::words::sentence(&text), &[&finding.id])
}
