//! Whether the confidence keeps its word: predicted against observed on labelled cases, and a monotone map fitted to them.
//!
//! The map is the isotonic regression of right on confidence (pool adjacent violators; Barlow et al., "Statistical Inference under Order
//! Restrictions", 1972). Leave-one-out: each case is predicted by the map that the other incidents fit, so no incident speaks for itself,
//! nor does a copy of it that lacks some evidence.

use std::collections::BTreeSet;

use incident::Level;

use crate::statistics::wilson;
use crate::suspect;

/// A labelled case: what was said, and whether it was right.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The incident that it is of; cases of one incident are left out together.
    pub incident: String,
    /// The leading cause's confidence.
    pub confidence: f64,
    /// Its cause and culprit were right.
    pub right: bool,
}

/// One level of the reliability table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The level.
    pub level: Level,
    /// Cases of it.
    pub cases: usize,
    /// Incidents that they are of.
    pub incidents: usize,
    /// The mean confidence that was said.
    pub predicted: f64,
    /// The mean that the others' map predicts for each.
    pub left_out: f64,
    /// How many were right.
    pub right: usize,
    /// The Wilson interval of that share, 95 %.
    pub interval: (f64, f64),
}

/// The table, most confident first; levels without a case are left out.
pub fn reliability(cases: &[Case]) -> Vec<Row> {
    let left_out: Vec<f64> = cases
        .iter()
        .map(|case| {
            let others = cases.iter().filter(|other| other.incident != case.incident);
            predict(&isotonic(others), case.confidence)
        })
        .collect();
    [Level::High, Level::Medium, Level::Low]
        .into_iter()
        .filter_map(|level| {
            let of: Vec<usize> =
                (0..cases.len()).filter(|i| suspect::level(cases[*i].confidence) == level).collect();
            let n = of.len();
            let mean = |value: &dyn Fn(usize) -> f64| of.iter().map(|i| value(*i)).sum::<f64>() / n as f64;
            let right = of.iter().filter(|i| cases[**i].right).count();
            (n > 0).then(|| Row {
                level,
                cases: n,
                incidents: of.iter().map(|i| &cases[*i].incident).collect::<BTreeSet<_>>().len(),
                predicted: mean(&|i| cases[i].confidence),
                left_out: mean(&|i| left_out[i]),
                right,
                interval: wilson(right, n),
            })
        })
        .collect()
}

/// The map fitted to all cases, as steps: from this confidence on, this share is right.
pub fn fitted(cases: &[Case]) -> Vec<(f64, f64)> {
    isotonic(cases.iter())
}

/// Steps of the fitted map: from this confidence on, this share is right. Never falling.
fn isotonic<'a>(cases: impl Iterator<Item = &'a Case>) -> Vec<(f64, f64)> {
    let mut sorted: Vec<&Case> = cases.filter(|c| c.confidence.is_finite()).collect();
    sorted.sort_by(|a, b| a.confidence.total_cmp(&b.confidence));
    // From, sum of right, number.
    let mut blocks: Vec<(f64, f64, f64)> = Vec::new();
    for case in sorted {
        blocks.push((case.confidence, f64::from(u8::from(case.right)), 1.0));
        while let [.., (_, right, n), (_, next_right, next_n)] = blocks.as_slice()
            && right / n >= next_right / next_n
        {
            let Some((_, right, n)) = blocks.pop() else { break };
            if let Some(last) = blocks.last_mut() {
                last.1 += right;
                last.2 += n;
            }
        }
    }
    // One imagined case of even odds per step (Laplace) keeps a handful of cases from promising certainty.
    blocks.into_iter().map(|(from, right, n)| (from, (right + 0.5) / (n + 1.0))).collect()
}

fn predict(map: &[(f64, f64)], confidence: f64) -> f64 {
    let step = map.iter().rev().find(|(from, _)| *from <= confidence).or_else(|| map.first());
    step.map_or(0.5, |(_, share)| *share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_never_falls_and_pools_what_would() {
        let case = |confidence, right| Case { incident: String::new(), confidence, right };
        let cases = [case(0.2, false), case(0.4, true), case(0.5, false), case(0.9, true), case(0.95, true)];
        let map = isotonic(cases.iter());
        assert!(map.is_sorted_by(|a, b| a.0 < b.0), "{map:?}");
        assert!(map.windows(2).all(|w| w[0].1 <= w[1].1 + 0.25), "{map:?}");
        assert!(predict(&map, 0.1) < predict(&map, 0.93));
    }

    #[test]
    fn a_table_counts_its_levels() {
        let case = |confidence, right| Case { incident: format!("{confidence}"), confidence, right };
        let rows = reliability(&[
            case(0.9, true),
            case(0.85, true),
            case(0.8, false),
            case(0.6, true),
            case(0.3, false),
        ]);
        let told: Vec<_> = rows.iter().map(|r| (r.level, r.cases, r.right)).collect();
        assert_eq!(told, [(Level::High, 3, 2), (Level::Medium, 1, 1), (Level::Low, 1, 0)]);
        assert!(rows[0].interval.0 < 0.67 && rows[0].interval.1 > 0.67);
        assert!(reliability(&[]).is_empty());
    }
}
