//! Attack or surge, both, or neither told: the judgement of [`crate::traffic`] as suspects.

use incident::fact::{EdgeTraffic, WafActivity};
use incident::{Cause, Fact, Finding, Object};

use crate::scene::Scene;
use crate::suspect::{Report, Suspect};
use crate::traffic::{self, Answer, Judgement, Sign, growth};
use crate::words::grouped;

use super::edge::{UNCHANGED, zone};

/// What an undecided cause can reach.
const UNDECIDED: f64 = 0.45;

/// What was read of a zone's crowd: the findings, and what was judged of them.
struct Crowd<'a> {
    zone: Object,
    traffic: (&'a Finding, &'a EdgeTraffic),
    waf: Option<(&'a Finding, &'a WafActivity)>,
    /// The finding that tells what DDoS protection did.
    mitigation: Option<&'a Finding>,
    judged: Judgement,
}

/// Attack or surge, both, or neither told: by the signs of [`traffic::judge`].
pub(super) fn detect<'a>(
    scene: &Scene<'a>,
    report: &mut Report,
    traffic: (&'a Finding, &'a EdgeTraffic),
    waf: Option<(&'a Finding, &'a WafActivity)>,
) {
    let (mitigated, mitigation) = mitigated(scene, waf);
    let judged = traffic::judge(traffic.1, waf.map(|(_, w)| w), mitigated);
    let crowd = Crowd { zone: zone(traffic.0), traffic, waf, mitigation, judged };
    let signs = &crowd.judged.signs;
    match crowd.judged.answer {
        Answer::Attack => {
            report.suspects.push(crowd.attack());
            crowd.clear(report, Cause::OrganicSurge, first(signs, true));
        }
        Answer::Organic => {
            report.suspects.push(crowd.people(1.4));
            if signs.iter().any(|s| !s.attack && s.name != "firewall_quiet") {
                crowd.clear(report, Cause::DdosL7, first(signs, false));
            }
        }
        Answer::Both => crowd.both(report),
        Answer::CannotTell => crowd.undecided(scene, report),
        Answer::Quiet => crowd.quiet(report),
    }
}

impl Crowd<'_> {
    fn ids(&self) -> Vec<&str> {
        let waf = self.waf.map(|(f, _)| f.id.as_str());
        std::iter::once(self.traffic.0.id.as_str()).chain(waf).collect()
    }

    fn clear(&self, report: &mut Report, cause: Cause, reason: impl AsRef<str>) {
        report.clear(Some(cause), self.zone.clone(), reason, &self.ids());
    }

    /// Nothing grew and nothing was mitigated.
    fn quiet(&self, report: &mut Report) {
        let (finding, traffic) = self.traffic;
        let Some(told) = compared(traffic) else { return };
        if let Some((_, waf)) = self.waf {
            let events = waf.events;
            let reason =
                format!("DDoS protection did not act ({events} firewall events, none its own), {told}");
            self.clear(report, Cause::DdosL7, reason);
        }
        if growth(traffic).is_some_and(|g| g < 1.0 + UNCHANGED) {
            report.clear(Some(Cause::OrganicSurge), self.zone.clone(), told, &[&finding.id]);
        }
    }

    fn attack(&self) -> Suspect {
        self.suspect(Cause::DdosL7, true, 0.8)
    }

    fn people(&self, weight: f64) -> Suspect {
        self.suspect(Cause::OrganicSurge, false, weight)
    }

    /// One side of it: the signs of its own side support it, the others speak against it.
    fn suspect(&self, cause: Cause, attack: bool, weight: f64) -> Suspect {
        let (finding, traffic) = self.traffic;
        let text = compared(traffic).unwrap_or_else(|| format!("{} requests", grouped(traffic.requests)));
        let mut suspect = Suspect::new(cause, self.zone.clone())
            .with("requests_grew", weight, &text, &[&finding.id])
            .claim(&text, &[&finding.id]);
        for sign in &self.judged.signs {
            let ids = self.ids_of(sign);
            let weight = if sign.attack == attack { sign.weight } else { -sign.weight };
            suspect = suspect.with(sign.name, weight, &sign.text, &ids);
            if sign.attack == attack {
                suspect = suspect.claim(crate::words::sentence(&sign.text), &ids);
            }
        }
        suspect
    }

    fn ids_of(&self, sign: &Sign) -> Vec<&str> {
        let traffic = self.traffic.0.id.as_str();
        let waf = self.waf.map_or(traffic, |(f, _)| f.id.as_str());
        match (sign.name, sign.by_waf) {
            // A share of all requests rests on both counts.
            ("ddos_protection_acts", _) => vec![self.mitigation.map_or(waf, |f| f.id.as_str()), traffic],
            (_, true) => vec![waf],
            (_, false) => vec![traffic],
        }
    }

    fn both(&self, report: &mut Report) {
        let (finding, traffic) = self.traffic;
        let came = came_too(traffic);
        let at_once = "an attack and a crowd at once: each explains a part";
        report.suspects.push(self.attack().with("people_came_too", 0.05, at_once, &[&finding.id]));
        let mut people = self.people(2.2);
        people.features.retain(|f| f.supports);
        let people = people.with("people_came_too", 0.6, &came, &[&finding.id]);
        report.suspects.push(people.claim(crate::words::sentence(&came), &[&finding.id]));
    }

    /// Neither is told from the other. The crowd stands first, whatever looks odd: to call people an attack is the worse mistake.
    fn undecided(&self, scene: &Scene<'_>, report: &mut Report) {
        const UNTOLD: &str = "an attack and a crowd look alike in what was read";
        let mut people = self.people(1.8).capped(UNDECIDED, UNTOLD);
        people.features.retain(|f| f.supports);
        let second = people.strength(scene) - 0.05;
        report.suspects.push(people);
        report.suspects.push(self.attack().capped(second, UNTOLD));
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
