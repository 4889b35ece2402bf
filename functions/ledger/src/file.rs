//! The ledger as files: one JSON file per cycle, replaced whole, so that nothing is ever half-written.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
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
        read(&self.path(cycle))
    }

    pub(crate) fn write(&self, record: &Record) -> Result<(), LedgerError> {
        self.make()?;
        write(&self.path(&record.cycle), record)
    }

    /// Reads a record, lets `change` decide, and writes what it made of it, with nobody else in between.
    pub(crate) fn change<T: Default + Serialize + DeserializeOwned, R>(
        &self,
        key: &str,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, LedgerError> {
        self.make()?;
        let path = self.path(key);
        let guard = path.with_extension("lock");
        let failed = |error: std::io::Error| LedgerError::new(guard.display(), error);
        let lock = File::create(&guard).map_err(failed)?;
        // The system lets go of it when the file is closed, also where the process is killed.
        lock.lock().map_err(failed)?;
        let mut record = read(&path)?.unwrap_or_default();
        let result = change(&mut record);
        write(&path, &record)?;
        Ok(result)
    }

    fn make(&self) -> Result<(), LedgerError> {
        std::fs::create_dir_all(&self.folder).map_err(|error| LedgerError::new(self.folder.display(), error))
    }

    /// The cycle's file. The key comes from outside, so its SHA-256 names the file: no key is a path, and no two share one.
    fn path(&self, cycle: &str) -> PathBuf {
        let name: String = Sha256::digest(cycle).iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.json"))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, LedgerError> {
    match std::fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|error| LedgerError::new(path.display(), error))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LedgerError::new(path.display(), error)),
    }
}

fn write(path: &Path, record: &impl Serialize) -> Result<(), LedgerError> {
    let failed = |error: std::io::Error| LedgerError::new(path.display(), error);
    let bytes = serde_json::to_vec_pretty(record).map_err(|error| LedgerError::new(path.display(), error))?;
    let half = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&half, bytes).map_err(failed)?;
    std::fs::rename(&half, path).map_err(failed)
}
