//! The two things a ledger does with a record, wherever it is kept: read it, and change it with nobody else in between.
//!
//! A key is `<kind>/<the rest>`. The kind says how long a record is kept and lets all of a kind be listed.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Ledger, LedgerError};

/// What can be kept.
pub(crate) trait Kept: Default + Serialize + DeserializeOwned + Send {}

impl<T: Default + Serialize + DeserializeOwned + Send> Kept for T {}

/// The kind of a key: what stands before its first slash.
pub(crate) fn kind(key: &str) -> &str {
    key.split('/').next().unwrap_or(key)
}

impl Ledger {
    /// The record of that key.
    pub(crate) async fn read<T: Kept>(&self, key: &str) -> Result<Option<T>, LedgerError> {
        match self {
            Self::Files(files) => files.read(key),
            Self::Table(table) => Ok(table.read(key).await?.map(|(record, _)| record)),
            Self::Nowhere => Ok(None),
        }
    }

    /// Reads a record, lets `change` decide, and writes what it made of it. `change` may be called again, on what somebody else
    /// wrote meanwhile. Nowhere, it decides on an empty record and nothing is kept.
    pub(crate) async fn change<T: Kept, R: Send>(
        &self,
        key: &str,
        mut change: impl FnMut(&mut T) -> R + Send,
    ) -> Result<R, LedgerError> {
        match self {
            Self::Files(files) => files.change(key, change),
            Self::Table(table) => table.change(key, change).await,
            Self::Nowhere => Ok(change(&mut T::default())),
        }
    }

    /// Every record of a kind, in no order.
    pub(crate) async fn all<T: Kept>(&self, kind: &str) -> Result<Vec<T>, LedgerError> {
        match self {
            Self::Files(files) => files.all(kind),
            Self::Table(table) => table.all(kind).await,
            Self::Nowhere => Ok(Vec::new()),
        }
    }
}
