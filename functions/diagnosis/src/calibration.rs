//! From the strength of a suspect to the number that is told: a monotone map fitted to labelled cases.
//!
//! The map is the isotonic regression of right on strength (pool adjacent violators; Barlow et al., "Statistical Inference under Order
//! Restrictions", 1972), and it errs on the side of caution three times. A step is worth the lower end of its Wilson interval, not its
//! share. An incident counts once, however many copies of it lack this or that evidence. And the number is never above the strength:
//! the cases are those that the engine was built on, and being right about them raises nothing.
//!
//! The cases are in `calibration/*.csv`, the fitted knots in `calibration/knots.rs`; `SITREP_WRITE_CASES=1` makes the tests that own
//! them write them again (`docs/confidence.md`).

mod knots;

use std::collections::BTreeMap;

use crate::reliability::Case;
use crate::statistics::wilson;
use knots::KNOTS;

/// A point of the map: this strength, this number.
pub(crate) type Knot = (f64, f64);

/// The number for a strength, by the committed map.
pub(crate) fn number(strength: f64) -> f64 {
    by(KNOTS, strength)
}

/// The number for a strength by a map: straight between its knots, level beyond them, never above the strength itself.
pub(crate) fn by(knots: &[Knot], strength: f64) -> f64 {
    let above = knots.partition_point(|(at, _)| *at <= strength);
    let value = match (above.checked_sub(1).and_then(|i| knots.get(i)), knots.get(above)) {
        (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (strength - x0) / (x1 - x0),
        (Some((_, only)), None) | (None, Some((_, only))) => *only,
        (None, None) => strength,
    };
    value.min(strength)
}

/// The map that cases fit: rising strengths, numbers that never fall. Two decimals.
pub(crate) fn fit<'a>(cases: impl Iterator<Item = &'a Case> + Clone) -> Vec<Knot> {
    let cases = cases.filter(|case| case.strength.is_finite());
    let mut copies: BTreeMap<&str, f64> = BTreeMap::new();
    cases.clone().for_each(|case| *copies.entry(&case.incident).or_default() += 1.0);
    let mut sorted: Vec<Step> = cases
        .map(|case| {
            let weight = 1.0 / copies.get(case.incident.as_str()).copied().unwrap_or(1.0);
            Step { strength: case.strength * weight, right: if case.right { weight } else { 0.0 }, n: weight }
        })
        .collect();
    sorted.sort_by(|a, b| a.centre().total_cmp(&b.centre()));
    let steps = pooled(sorted);
    let mut told = 0.0_f64;
    let knot = |(last, step): (usize, &Step)| {
        // The share rises from step to step, so what is sure of this one together with weaker ones is sure of this one.
        let together = (0..=last).filter_map(|first| steps[first..=last].iter().copied().reduce(Step::with));
        told = together.map(|t| wilson(t.right, t.n).0).fold(told, f64::max);
        (hundredths(step.centre()), hundredths(told))
    };
    steps.iter().enumerate().map(knot).collect()
}

/// Cases taken together: the sums of their strengths and of what was right, and how many they count for.
#[derive(Debug, Clone, Copy)]
struct Step {
    strength: f64,
    right: f64,
    n: f64,
}

impl Step {
    fn centre(&self) -> f64 {
        self.strength / self.n
    }

    fn share(&self) -> f64 {
        self.right / self.n
    }

    fn with(self, other: Self) -> Self {
        Self {
            strength: self.strength + other.strength,
            right: self.right + other.right,
            n: self.n + other.n,
        }
    }
}

/// Pools neighbours until the share that is right rises from each step to the next, and so does the strength.
fn pooled(sorted: Vec<Step>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for mut next in sorted {
        while let Some(last) = steps.last()
            && (last.share() >= next.share() || hundredths(last.centre()) >= hundredths(next.centre()))
        {
            next = last.with(next);
            steps.pop();
        }
        steps.push(next);
    }
    steps
}

/// Two decimals.
pub(crate) fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
