//! Times as a summary says them.

use jiff::{SignedDuration, Timestamp};

/// `02:11` within a day of `as_of`, `2026-11-10 02:11` otherwise; UTC.
pub(crate) fn clock(at: Timestamp, as_of: Timestamp) -> String {
    let format = if within(at, as_of, SignedDuration::from_hours(24)) { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    at.strftime(format).to_string()
}

/// Whether `at` is no longer ago than `span`, seen from `as_of`. What came later is.
pub(crate) fn within(at: Timestamp, as_of: Timestamp, span: SignedDuration) -> bool {
    as_of.duration_since(at) <= span
}
