//! The ledger as files: one JSON file per cycle, replaced whole, so that nothing is ever half-written.

use std::io::ErrorKind;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::{LedgerError, Record};

/// A folder of records.
#[derive(Debug, Clone)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// The ledger in that folder; it is made when something is written.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn read(&self, cycle: &str) -> Result<Option<Record>, LedgerError> {
        let path = self.path(cycle);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| LedgerError::new(path.display(), error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LedgerError::new(path.display(), error)),
        }
    }

    pub(crate) fn write(&self, record: &Record) -> Result<(), LedgerError> {
        let path = self.path(&record.cycle);
        let failed = |error: std::io::Error| LedgerError::new(path.display(), error);
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let bytes =
            serde_json::to_vec_pretty(record).map_err(|error| LedgerError::new(path.display(), error))?;
        let half = path.with_extension(format!("{}.tmp", std::process::id()));
        std::fs::write(&half, bytes).map_err(failed)?;
        std::fs::rename(&half, &path).map_err(failed)
    }

    /// The cycle's file. The key comes from outside, so its SHA-256 names the file: no key is a path, and no two share one.
    fn path(&self, cycle: &str) -> PathBuf {
        let name: String = Sha256::digest(cycle).iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.json"))
    }
}
