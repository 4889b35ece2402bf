//! The committed cases and the committed map are what the engine makes of the stories today. `SITREP_WRITE_CASES=1` writes them.

use std::path::PathBuf;

use super::{NIGHT, cluster, crowds, regression, vendors, with_knowledge};
use crate::calibration::{self, Knot};
use crate::{Case, Truth, cases_csv, copies, fitted};
use incident::{Cause, State};

/// Generated crowds of each kind: enough for their share, not so many that they outvote all other faults.
const CROWDS: u64 = 10;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/calibration").join(name)
}

/// Compares a committed file with what it should hold, or writes it.
fn committed(name: &str, text: &str) {
    if option_env!("SITREP_WRITE_CASES").is_some() {
        return std::fs::write(file(name), text).unwrap();
    }
    let current = std::fs::read_to_string(file(name)).unwrap();
    let stale = current.lines().zip(text.lines()).find(|(is, should)| is != should);
    assert!(
        current == text,
        "{name} is stale, first at {stale:?}: `SITREP_WRITE_CASES=1 cargo test -p diagnosis calibrated` twice"
    );
}

/// A database that saturates after a rollout, with and without what knowledge adds; the rollout came first or did not.
fn rollouts() -> Vec<(Truth, State)> {
    let truth = |incident: String, cause, culprit: &str| Truth {
        incident,
        causes: vec![cause],
        culprit: Some(culprit.to_owned()),
    };
    let stories = [-20, -8, -3, 2, 5].into_iter().flat_map(|minute| {
        let truth = match minute {
            ..-1 => truth(format!("rollout at {minute}"), Cause::RegressionByDeploy, "checkout"),
            _ => truth(format!("rollout at {minute}"), Cause::DatabaseCpu, "orders-db"),
        };
        let known = with_knowledge(regression(NIGHT, minute)).state();
        [(truth.clone(), regression(NIGHT, minute).state()), (truth, known)]
    });
    stories.collect()
}

fn stories() -> Vec<Case> {
    let whole = rollouts().into_iter().chain(cluster::labelled()).chain(vendors::labelled());
    whole
        .chain(crowds::labelled(CROWDS))
        .flat_map(|(truth, state)| copies(&state).into_iter().map(move |copy| (truth.clone(), copy.1)))
        .filter_map(|(truth, state)| truth.case(&state))
        .map(|(_, case)| case)
        .collect()
}

#[test]
fn the_committed_cases_are_what_the_engine_says_of_the_stories() {
    committed("stories.csv", &cases_csv(&stories()));
}

#[test]
fn the_committed_map_is_the_one_that_the_committed_cases_fit() {
    let knots: Vec<String> = calibration::fit(fitted().iter())
        .iter()
        .map(|(at, number)| format!("    ({at:.2}, {number:.2}),\n"))
        .collect();
    let text = format!(
        "//! Written by `SITREP_WRITE_CASES=1 cargo test -p diagnosis calibrated`: do not edit.\n\n#[rustfmt::skip]\npub(super) const KNOTS: \
         &[super::Knot] = &[\n{}];\n",
        knots.concat()
    );
    committed("knots.rs", &text);
}

#[test]
fn the_map_never_falls_and_never_promises_more_than_the_strength() {
    let numbers: Vec<f64> = (0..=100).map(|i| calibration::number(f64::from(i) / 100.0)).collect();
    assert!(numbers.is_sorted() && numbers.iter().all(|n| (0.0..=1.0).contains(n)), "{numbers:?}");
    assert!(numbers.iter().enumerate().all(|(i, n)| *n <= i as f64 / 100.0), "{numbers:?}");
}

#[test]
fn a_handful_of_cases_vouches_for_little_and_copies_for_nothing_more() {
    let cases = |incidents: usize, copies: usize, strength: f64, right: bool| -> Vec<Case> {
        let case = |i: usize| Case { incident: format!("{} {strength}", i % incidents), strength, right };
        (0..incidents * copies).map(case).collect()
    };
    let fit = |cases: &[Case]| -> Vec<Knot> { calibration::fit(cases.iter()) };
    assert_eq!(fit(&cases(3, 1, 0.9, true)), [(0.9, 0.44)]);
    assert_eq!(fit(&cases(3, 50, 0.9, true)), [(0.9, 0.44)]);
    assert_eq!(fit(&cases(100, 1, 0.9, true)), [(0.9, 0.96)]);
    let mixed = [cases(40, 1, 0.3, false), cases(40, 1, 0.9, true)].concat();
    assert_eq!(fit(&mixed), [(0.3, 0.0), (0.9, 0.91)]);
    let falling = [cases(40, 1, 0.3, true), cases(40, 1, 0.9, false)].concat();
    assert_eq!(fit(&falling).len(), 1);
    assert_eq!(calibration::by(&[(0.25, 0.0), (0.75, 0.5)], 0.5), 0.25);
    assert_eq!(calibration::by(&[], 0.6), 0.6);
}
