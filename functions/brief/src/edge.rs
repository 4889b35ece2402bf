//! LIVE STATE of the edge: firewall, cache, traffic.

use incident::{Evidence, Fact, fact};

use crate::content::Line;
use crate::live::{Part, bullet, figure, moved};
use crate::metric;

/// Firewall actions named, most frequent first.
const ACTIONS: usize = 3;
/// A count within this share of the one before is as before.
const AS_BEFORE: f64 = 0.25;
/// A hit ratio within this much of the one before is normal.
const NORMAL: f64 = 0.05;
/// The firewall's name for its protection against floods of requests.
const DDOS: &str = "l7ddos";

/// One line: what the firewall did, what came from cache, how much traffic there is, how long it waited.
pub fn lines(evidence: &Evidence) -> Vec<Line> {
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
    if parts.is_empty() { Vec::new() } else { vec![bullet("Cloudflare", &parts)] }
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
    let percent = |share: f64| format!("{} %", metric::number((share * 100.0).round()));
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
