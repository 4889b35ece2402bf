//! The edge: attack, surge, cache, firewall. A first cut; what was not read is never ruled out.

use incident::fact::{EdgeTraffic, WafActivity};
use incident::{Cause, Fact, Finding, Object, ObjectKind};

use crate::scene::Scene;
use crate::suspect::{Report, Suspect};
use crate::words::{grouped, number, percent};

/// Requests grown by this factor are a surge.
const SURGE: f64 = 1.5;
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
    if let Some(waf) = waf {
        attack(report, waf, traffic);
    }
    if let Some(traffic) = traffic {
        surge(report, traffic, waf);
        cache(report, traffic);
    }
    if let (Some(waf), Some(traffic)) = (waf, traffic) {
        false_positive(report, waf, traffic);
    }
}

fn zone(finding: &Finding) -> Object {
    match finding.object.kind {
        ObjectKind::Zone => finding.object.clone(),
        _ => Object::new(ObjectKind::Zone, finding.object.name.clone()),
    }
}

/// Requests against the equal period before, when that was read.
fn growth(traffic: &EdgeTraffic) -> Option<f64> {
    let before = traffic.requests_before.filter(|n| *n > 0)?;
    Some(traffic.requests as f64 / before as f64)
}

fn compared(traffic: &EdgeTraffic) -> Option<String> {
    let change = (growth(traffic)? - 1.0) * 100.0;
    Some(format!("{} requests ({change:+.0} % on the period before)", grouped(traffic.requests)))
}

fn attack(
    report: &mut Report,
    (finding, waf): (&Finding, &WafActivity),
    traffic: Option<(&Finding, &EdgeTraffic)>,
) {
    let mitigated = waf.by_source.get("l7ddos").copied().unwrap_or(0);
    let grown = traffic.and_then(|(_, t)| growth(t));
    let mut ids = vec![finding.id.as_str()];
    ids.extend(traffic.map(|(f, _)| f.id.as_str()));
    let told = traffic.and_then(|(_, t)| compared(t)).map(|text| format!(", {text}")).unwrap_or_default();
    let share = traffic.map(|(_, t)| mitigated as f64 / (t.requests.max(1)) as f64);
    if mitigated > 0 && share.is_none_or(|s| s >= 0.05) {
        let text = format!("DDoS protection acted on {mitigated} requests{told}");
        report.suspects.push(
            Suspect::new(Cause::DdosL7, zone(finding))
                .with("ddos_protection_acts", 1.8, &text, &[&finding.id])
                .with_if(grown.is_some_and(|g| g >= SURGE), "requests_grew", 0.6, &text, &ids)
                .claim(text, &ids),
        );
    } else if mitigated == 0 && grown.is_some_and(|g| g < SURGE) {
        let reason =
            format!("DDoS protection did not act ({} firewall events, none its own){told}", waf.events);
        report.clear(Some(Cause::DdosL7), zone(finding), reason, &ids);
    }
    // Clean firewall, much grown or unread traffic: neither shown nor ruled out. An attack below the radar looks like this.
}

fn surge(
    report: &mut Report,
    (finding, traffic): (&Finding, &EdgeTraffic),
    waf: Option<(&Finding, &WafActivity)>,
) {
    let (Some(grown), Some(text)) = (growth(traffic), compared(traffic)) else { return };
    if grown < 1.0 + UNCHANGED {
        return report.clear(Some(Cause::OrganicSurge), zone(finding), text, &[&finding.id]);
    }
    if grown < SURGE {
        return;
    }
    let clean = waf.filter(|(_, w)| w.by_source.get("l7ddos").copied().unwrap_or(0) == 0);
    let mut suspect = Suspect::new(Cause::OrganicSurge, zone(finding))
        .with("requests_grew", 1.4, &text, &[&finding.id])
        .claim(&text, &[&finding.id]);
    suspect = match clean {
        Some((f, w)) => suspect.with(
            "firewall_quiet",
            0.6,
            format!("{} firewall events, none from DDoS protection", w.events),
            &[&f.id],
        ),
        None => suspect.with("firewall_unread_or_busy", -0.6, "an attack is not excluded", &[&finding.id]),
    };
    report.suspects.push(suspect);
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
            let text = format!("{said} while traffic did not grow; rule {rule} alone {hits}");
            report.suspects.push(
                Suspect::new(Cause::WafFalsePositive, Object::new(ObjectKind::WafRule, rule.clone()))
                    .with("one_rule_stops_usual_traffic", 1.8, &text, &[&finding.id, &t.id])
                    .claim(text, &[&finding.id, &t.id]),
            );
        }
        _ if share < STOPPED => {
            let reason = format!("{said} ({} %)", number(share * 100.0));
            report.clear(Some(Cause::WafFalsePositive), zone(finding), reason, &[&finding.id, &t.id]);
        }
        _ => {}
    }
}
