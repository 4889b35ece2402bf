//! What `sitrep doctor` is told: one thing that the settings promise, and whether it holds.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;

use crate::Settings;
use crate::http::HttpError;

/// The longest one check is waited for.
const LIMIT: Duration = Duration::from_secs(5);
/// What mends a service that cannot be reached.
const NETWORK: &str = "see that its URL is right and that this machine may reach it";

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Whose: `Datadog`.
    pub of: &'static str,
    /// What: a credential, a permission, a model, an index, a channel.
    pub what: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a check. Texts may hold a vendor's own words: mask them before they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Ok {
        /// What was seen.
        seen: String,
    },
    /// It does not.
    Failed {
        /// What was seen instead.
        found: String,
        /// What mends it, as a command to a person.
        fix: String,
    },
    /// Not set, or nothing to try it on.
    NotConfigured {
        /// What is missing.
        why: String,
    },
}

impl Check {
    /// A check whose outcome is known.
    pub fn new(of: &'static str, what: impl Into<String>, outcome: Outcome) -> Self {
        Self { of, what: what.into(), outcome }
    }

    /// Awaits an attempt, at most five seconds.
    pub async fn attempt(
        of: &'static str,
        what: impl Into<String>,
        attempt: impl Future<Output = Result<String, Outcome>>,
    ) -> Self {
        // Boxed: dozens wait at once.
        let outcome = match tokio::time::timeout(LIMIT, Box::pin(attempt)).await {
            Ok(Ok(seen)) => Outcome::Ok { seen },
            Ok(Err(outcome)) => outcome,
            Err(_) => Outcome::failed(format!("did not answer within {} s", LIMIT.as_secs()), NETWORK),
        };
        Self::new(of, what, outcome)
    }

    /// The one check of a service whose settings are not all there; `None` where they are.
    pub fn unset(of: &'static str, what: &str, settings: &Settings, names: &[&str]) -> Option<Self> {
        let missing: Vec<&str> = names.iter().copied().filter(|name| settings.get(name).is_none()).collect();
        let outcome = match missing.len() {
            0 => return None,
            all if all == names.len() => Outcome::absent(format!("{} not set", names.join(", "))),
            _ => Outcome::failed(
                format!("{} is not set, what belongs to it is", missing.join(", ")),
                format!("set {}, or nothing of {of}", missing.join(" and ")),
            ),
        };
        Some(Self::new(of, what, outcome))
    }

    /// True where it holds.
    pub fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Ok { .. })
    }

    /// True where somebody has to mend something.
    pub fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }
}

impl Outcome {
    /// See [`Outcome::Failed`].
    pub fn failed(found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Failed { found: found.into(), fix: fix.into() }
    }

    /// See [`Outcome::NotConfigured`].
    pub fn absent(why: impl Into<String>) -> Self {
        Self::NotConfigured { why: why.into() }
    }

    /// A call that nothing in the settings can mend: too much asked, out of reach, out of order.
    pub fn unavailable(found: impl Into<String>) -> Self {
        Self::failed(found, format!("ask again later; if it stays so, {NETWORK}"))
    }

    /// A request that was not answered well. `fix` mends what the vendor refused (4xx).
    pub fn refused(error: &HttpError, fix: impl Into<String>) -> Self {
        match error {
            HttpError::Denied { .. } | HttpError::Status { status: 400..=499, .. } => {
                Self::failed(error.to_string(), fix)
            }
            HttpError::Timeout | HttpError::Connection(_) | HttpError::Garbled(_) => {
                Self::failed(error.to_string(), NETWORK)
            }
            _ => Self::unavailable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_answer_fails_after_five_seconds() {
        let check = Check::attempt("X", "y", std::future::pending()).await;
        assert!(
            matches!(&check.outcome, Outcome::Failed { found, .. } if found == "did not answer within 5 s")
        );
    }

    #[test]
    fn half_of_the_settings_is_a_failure_and_none_is_not() {
        let with = |names: &[&str]| {
            let settings = Settings::from_values(names.iter().map(|n| ((*n).to_owned(), "v".to_owned())));
            Check::unset("X", "keys", &settings, &["A", "B"])
        };
        assert!(matches!(with(&[]).unwrap().outcome, Outcome::NotConfigured { .. }));
        assert!(
            matches!(with(&["A"]).unwrap().outcome, Outcome::Failed { fix, .. } if fix.starts_with("set B"))
        );
        assert_eq!(with(&["A", "B"]), None);
    }
}
