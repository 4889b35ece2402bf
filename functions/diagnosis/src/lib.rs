//! What code can prove about an incident: the timeline, ranked causes, and the losers with the reason each was ruled out.
//!
//! Evidence in, [`Diagnosis`] out. Pure and total: no network, no clock (the one "now" is the state's `as_of`), no panic, no
//! NaN. Detectors, one file per family, turn facts into features with weights; ranking puts the root before its symptoms;
//! confidence is a logistic of the features, capped by what was not seen and mapped to what labelled cases vouch for. Deliberately absent: any model, and any text of
//! evidence becoming more than quoted text.

mod actions;
mod calendar;
mod calibration;
mod calm;
mod catalogue;
mod change;
mod complaint;
mod curve;
mod detectors;
mod drift;
mod engine;
mod fit;
mod labelled;
mod matches;
mod mechanism;
mod missing;
mod onset;
mod overlap;
mod ranking;
mod reasons;
mod recommend;
mod reliability;
mod scene;
mod services;
mod signals;
mod statistics;
mod suspect;
mod timeline;
mod traffic;
mod weigh;
mod words;

#[cfg(test)]
mod tests;

pub use catalogue::{CauseRow, causes, causes_markdown};
pub use labelled::{Truth, copies};
pub use reliability::{Case, Row, cases_csv, fitted, reliability};
pub use services::{Ranked, rank_services};

use incident::{Diagnosis, State};

/// The diagnosis from evidence alone. Knowledge in the document is not looked at.
pub fn diagnose(state: &State) -> Diagnosis {
    engine::examine(state, false)
}

/// The diagnosis again, with the code change, calendar, past incidents and drift that retrieval found.
///
/// Knowledge moves ranks and confidence, never facts. Without knowledge it is [`diagnose`].
pub fn weigh(state: &State) -> Diagnosis {
    engine::examine(state, true)
}
