//! What follows from what was seen: shares of a limit, what is left of it, how many of a kind.

use std::collections::BTreeSet;

use incident::ObjectKind;

use crate::figure::Figure;
use crate::known::{ALERT, Known};
use crate::measure::Kind;
use crate::reading::Role;
use crate::topic::Topics;

/// What follows from two numbers of one topic: how much of a limit is used, and how much is left.
pub fn derive(known: &mut Known) {
    let limits: Vec<Figure> = known
        .figures
        .iter()
        .copied()
        .filter(|f| f.role == Role::Limit && f.value > 0.0 && f.topics.any())
        .collect();
    let used: Vec<Figure> = known
        .figures
        .iter()
        .copied()
        .filter(|f| matches!(f.role, Role::Peak | Role::Last | Role::Before))
        .collect();
    for limit in limits {
        for figure in used.iter().filter(|f| {
            f.topics.meets(limit.topics) && (f.kind == limit.kind || limit.kind == Kind::Unstated)
        }) {
            let share = Figure {
                role: Role::Share,
                kind: Kind::Percent,
                value: figure.value / limit.value * 100.0,
                ..*figure
            };
            let left = Figure { role: Role::Share, value: limit.value - figure.value, ..*figure };
            // Of percentages nobody says how many per cent of the threshold they are.
            if figure.kind != Kind::Percent {
                let rest = Figure { value: 100.0 - share.value, ..share };
                known.figures.extend([share, rest]);
            }
            known.figures.extend((left.value > 0.0 && figure.kind != Kind::Percent).then_some(left));
        }
    }
    for (kind, topics) in [(ObjectKind::Pod, Topics::REPLICAS), (ObjectKind::Node, Topics::NODES)] {
        let count = |keep: fn(Option<bool>) -> bool| {
            let names: BTreeSet<&String> = known
                .objects
                .iter()
                .filter(|(k, _, ready)| *k == kind && keep(*ready))
                .map(|(_, name, _)| name)
                .collect();
            names.len() as f64
        };
        let counts =
            [count(|_| true), count(|ready| ready == Some(false)), count(|ready| ready == Some(true))];
        known.figures.extend(
            counts.into_iter().filter(|n| *n > 0.0).map(|n| Figure::new(ALERT, n, Kind::Bare).of(topics)),
        );
    }
}
