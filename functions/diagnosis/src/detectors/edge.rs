//! The edge: attack, surge, cache, firewall, origin. What was not read is never ruled out.

use incident::fact::{EdgeTraffic, WafActivity};
use incident::{Cause, Fact, Finding, Object, ObjectKind};

use crate::scene::Scene;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::traffic::growth;
use crate::words::{clock, grouped, number, percent};

use super::crowd;

/// Requests within this share of the period before are unchanged.
pub(super) const UNCHANGED: f64 = 0.2;
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
        crowd::detect(scene, report, traffic, waf);
        cache(report, traffic);
    }
    packets(scene, report);
    origin(scene, report);
    if let (Some(waf), Some(traffic)) = (waf, traffic) {
        false_positive(scene, report, waf, traffic);
    }
}

pub(super) fn zone(finding: &Finding) -> Object {
    match finding.object.kind {
        ObjectKind::Zone => finding.object.clone(),
        _ => Object::new(ObjectKind::Zone, finding.object.name.clone()),
    }
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
