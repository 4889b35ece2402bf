//! LIVE STATE of the edge: firewall, cache, traffic.

use incident::{Evidence, Fact, fact};

use crate::content::Line;
use crate::live::{bullet, series};
use crate::metric;

/// Firewall actions named, most frequent first.
const ACTIONS: usize = 3;

/// One line: what the firewall did, what came from cache, how much traffic there is.
pub fn lines(evidence: &Evidence) -> Vec<Line> {
    let mut parts = Vec::new();
    let mut shown = Vec::new();
    for finding in &evidence.findings {
        let before = parts.len();
        match &finding.fact {
            Fact::WafActivity(waf) => parts.push(waf_text(waf)),
            Fact::EdgeTraffic(traffic) => parts.extend(traffic_text(traffic)),
            Fact::Series(_) => parts.extend(series(&[finding], None)),
            _ => {}
        }
        if parts.len() > before {
            shown.push(finding);
        }
    }
    if parts.is_empty() { Vec::new() } else { vec![bullet("Cloudflare", parts, shown)] }
}

fn waf_text(waf: &fact::WafActivity) -> String {
    if waf.events == 0 {
        return "WAF clean: no firewall events".to_owned();
    }
    let mut actions: Vec<_> = waf.by_action.iter().collect();
    actions.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let actions: Vec<String> = actions
        .into_iter()
        .take(ACTIONS)
        .map(|(action, n)| format!("{} {action}", metric::number(*n as f64)))
        .collect();
    let before =
        waf.events_before.map(|n| format!(", {} before", metric::number(n as f64))).unwrap_or_default();
    format!("WAF {} events ({}{before})", metric::number(waf.events as f64), actions.join(", "))
}

fn traffic_text(traffic: &fact::EdgeTraffic) -> Vec<String> {
    let percent = |share: f64| format!("{} %", metric::number((share * 100.0).round()));
    let mut parts = Vec::new();
    if let Some(ratio) = traffic.cache_hit_ratio {
        let before = traffic.cache_hit_ratio_before.map(|before| format!(" ({} before)", percent(before)));
        parts.push(format!("cache hit {}{}", percent(ratio), before.unwrap_or_default()));
    }
    let change = traffic.requests_before.filter(|before| *before > 0).map(|before| {
        let change = (traffic.requests as f64 / before as f64 - 1.0) * 100.0;
        format!(" ({change:+.0} % on the window before)")
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
