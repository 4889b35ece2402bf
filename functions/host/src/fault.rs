//! Errors that leave a function.
//!
//! A fault has a *name* and a *message*. The name is an interface: the state machines match it in `ErrorEquals`, so there are
//! few, they are listed in [`NAMES`], and a test holds them against the ASL. The message is for people: what was attempted,
//! on what, and what to do; it never carries a secret. Collectors do not fail at all: they return evidence with gaps.

use std::fmt;

/// The input is not what the function takes: a bug of the caller, never worth a retry.
pub const BAD_INPUT: &str = "Sitrep.BadInput";
/// A setting is missing or wrong: a person has to act, a retry cannot help.
pub const BAD_SETTING: &str = "Sitrep.BadSetting";
/// A service said "slow down" and asked to be asked again.
pub const THROTTLED: &str = "Sitrep.Throttled";
/// A channel was configured and what had to stand in it does not. The incident machine fails by this name too.
pub const NOT_POSTED: &str = "Sitrep.NotPosted";
/// A source of knowledge was not brought up to date. The index machine fails by this name.
pub const NOT_INDEXED: &str = "Sitrep.NotIndexed";
/// Anything else.
pub const INTERNAL: &str = "Sitrep.Internal";

/// Every name that our code emits.
pub const NAMES: &[&str] = &[BAD_INPUT, BAD_SETTING, THROTTLED, NOT_POSTED, NOT_INDEXED, INTERNAL];

/// An error with a stable name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// One of [`NAMES`].
    pub name: &'static str,
    /// For people.
    pub message: String,
}

impl Fault {
    /// See [`BAD_INPUT`].
    pub fn bad_input(message: impl fmt::Display) -> Self {
        Self { name: BAD_INPUT, message: message.to_string() }
    }

    /// See [`BAD_SETTING`].
    pub fn bad_setting(message: impl fmt::Display) -> Self {
        Self { name: BAD_SETTING, message: message.to_string() }
    }

    /// See [`THROTTLED`].
    pub fn throttled(message: impl fmt::Display) -> Self {
        Self { name: THROTTLED, message: message.to_string() }
    }

    /// See [`NOT_POSTED`].
    pub fn not_posted(message: impl fmt::Display) -> Self {
        Self { name: NOT_POSTED, message: message.to_string() }
    }

    /// See [`INTERNAL`].
    pub fn internal(message: impl fmt::Display) -> Self {
        Self { name: INTERNAL, message: message.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for Fault {}

/// Without this the error type that Step Functions sees would be a Rust type name.
impl From<Fault> for lambda_runtime::Diagnostic {
    fn from(fault: Fault) -> Self {
        Self { error_type: fault.name.to_owned(), error_message: fault.message }
    }
}
