//! Why a source could not be read or stored.

use std::time::Duration;

use host::Fault;
use host::http::HttpError;
use knowledge::StoreError;

/// A failure on the way from a source to the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The vendor did not answer usably.
    #[error("{what} {cause}")]
    Vendor {
        /// Who, and what was asked for.
        what: String,
        /// What came back.
        cause: HttpError,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A place of this account or this machine could not be read.
    #[error("{0}")]
    Unreadable(String),
    /// A setting is missing or wrong.
    #[error("{0}")]
    Setting(String),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::LedgerError),
}

impl SourceError {
    pub(crate) fn vendor(what: impl Into<String>) -> impl FnOnce(HttpError) -> Self {
        let what = what.into();
        move |cause| Self::Vendor { what, cause }
    }

    /// The pause after which it may work, where a rate limit is all that is wrong; half a minute where the vendor names none.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let cause = match self {
            Self::Vendor { cause, .. } | Self::Store(StoreError::Vendor { cause, .. }) => cause,
            _ => return None,
        };
        match cause {
            HttpError::Throttled { pause, .. } => Some(pause.unwrap_or(Duration::from_secs(30))),
            _ => None,
        }
    }
}

impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        let message = incident::redact::redact(&error.to_string()).into_owned();
        match error {
            SourceError::Setting(_)
            | SourceError::Store(StoreError::Mixed { .. } | StoreError::Setting(_)) => {
                Fault::bad_setting(message)
            }
            // Not there, or hidden from the token: a person has to look.
            SourceError::Vendor {
                cause: HttpError::Denied { .. } | HttpError::Status { status: 404, .. },
                ..
            } => Fault::bad_setting(message),
            _ if error.pause().is_some() => Fault::throttled(message),
            _ => Fault::internal(message),
        }
    }
}
