//! The ledger as files: one JSON file per record, replaced whole, so that nothing is ever half-written.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::LedgerError;
use crate::store::{Kept, kind};

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

    pub(crate) fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, LedgerError> {
        read(&self.path(key))
    }

    /// One lock for the folder: a change takes a fraction of a millisecond, and nobody holds two.
    pub(crate) fn change<T: Kept, R>(
        &self,
        key: &str,
        mut change: impl FnMut(&mut T) -> R,
    ) -> Result<R, LedgerError> {
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| LedgerError::new(self.folder.display(), error))?;
        let guard = self.folder.join("lock");
        let failed = |error: std::io::Error| LedgerError::new(guard.display(), error);
        let lock = File::create(&guard).map_err(failed)?;
        // The system lets go of it when the file is closed, also where the process is killed.
        lock.lock().map_err(failed)?;
        let path = self.path(key);
        let mut record = read(&path)?.unwrap_or_default();
        let result = change(&mut record);
        write(&path, &record)?;
        Ok(result)
    }

    pub(crate) fn all<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, LedgerError> {
        let failed = |error: std::io::Error| LedgerError::new(self.folder.display(), error);
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let begins = format!("{kind}-");
        let mut records = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with(&begins) && name.ends_with(".json") {
                records.extend(read(&path)?);
            }
        }
        Ok(records)
    }

    /// A record's file. The key comes from outside, so its SHA-256 names the file: no key is a path, and no two share one.
    fn path(&self, key: &str) -> PathBuf {
        let name: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{}-{name}.json", kind(key)))
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
