//! Whether the confidence keeps its word: predicted against observed on labelled cases.
//!
//! Leave-one-out: each case is predicted by the map that the other incidents fit, so no incident speaks for itself, nor does a copy of
//! it that lacks some evidence.

use std::collections::{BTreeMap, BTreeSet};

use incident::Level;

use crate::calibration::{self, Knot};
use crate::statistics::wilson;
use crate::suspect;

/// The cases that the map was fitted to, a file per kind of incident.
const FITTED_TO: [&str; 3] = [
    include_str!("calibration/stories.csv"),
    include_str!("calibration/scenarios.csv"),
    include_str!("calibration/recorded.csv"),
];

/// A labelled case: how strongly its leading cause is spoken for, and whether it was right.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The incident that it is of; cases of one incident count together as one, and are left out together.
    pub incident: String,
    /// The leading cause's strength, 0 to 1.
    pub strength: f64,
    /// Its cause and culprit were right.
    pub right: bool,
}

impl Case {
    /// The confidence that is told for it.
    pub fn confidence(&self) -> f64 {
        calibration::number(self.strength)
    }
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
    /// The mean number that the map of the other incidents gives them.
    pub predicted: f64,
    /// How many were right.
    pub right: usize,
    /// The Wilson interval of that share, 95 %.
    pub interval: (f64, f64),
}

/// The cases that the committed map was fitted to.
pub fn fitted() -> Vec<Case> {
    FITTED_TO.iter().flat_map(|file| file.lines().filter_map(parse)).collect()
}

/// Cases as lines of `incident,strength,right`, in their order.
pub fn cases_csv(cases: &[Case]) -> String {
    cases.iter().map(|c| format!("{},{:.2},{}\n", c.incident, c.strength, u8::from(c.right))).collect()
}

fn parse(line: &str) -> Option<Case> {
    let mut fields = line.rsplitn(3, ',');
    let right = fields.next()? == "1";
    let strength = fields.next()?.parse().ok()?;
    Some(Case { incident: fields.next()?.to_owned(), strength, right })
}

/// The table, most confident first; levels without a case are left out. Each case has the number, and so the level, of the map that was
/// fitted without its incident.
pub fn reliability(cases: &[Case]) -> Vec<Row> {
    let known = fitted();
    let mut maps: BTreeMap<&str, Vec<Knot>> = BTreeMap::new();
    let said: Vec<f64> = cases
        .iter()
        .map(|case| {
            let map = maps.entry(&case.incident).or_insert_with(|| {
                calibration::fit(known.iter().filter(|other| other.incident != case.incident))
            });
            calibration::by(map, case.strength)
        })
        .collect();
    let table = [Level::High, Level::Medium, Level::Low].into_iter();
    table.filter_map(|level| row(level, cases, &said)).collect()
}

fn row(level: Level, cases: &[Case], said: &[f64]) -> Option<Row> {
    let told = |number: f64| suspect::level(calibration::hundredths(number));
    let of: Vec<(&Case, f64)> =
        cases.iter().zip(said.iter().copied()).filter(|(_, number)| told(*number) == level).collect();
    let n = of.len();
    let right = of.iter().filter(|(case, _)| case.right).count();
    (n > 0).then(|| Row {
        level,
        cases: n,
        incidents: of.iter().map(|(case, _)| &case.incident).collect::<BTreeSet<_>>().len(),
        predicted: of.iter().map(|(_, number)| number).sum::<f64>() / n as f64,
        right,
        interval: wilson(right as f64, n as f64),
    })
}
