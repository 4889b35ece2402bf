//! The wall clock, for the few who may look at it: request signing, and a start time where nothing else gives one.

use jiff::Timestamp;

/// The time now. Not for windows: those derive from the state document's `as_of`.
#[expect(clippy::disallowed_methods, reason = "this is the one place that looks at the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
