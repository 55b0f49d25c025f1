//! What has to be known after a crash, written before anything is done that relies on it: who has which name and
//! which directories are ours (for as long as the machine keeps its disks), and which mounts show discs (for as long as
//! the machine runs), since a disc that is gone is waited for by nobody. Which medium they show mounts tell themselves.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use isomirror_core::{ledger::Ledger, medium::IdentityKey, name::Name};
use serde::{Serialize, de::DeserializeOwned};
use tracing::warn;

use crate::{logging::Chain, sys::replace_file::replace_file};

/// The ledger in the state directory.
const LEDGER: &str = "names.json";

/// The record of mounted discs in the runtime directory.
const DISCS: &str = "discs.json";

/// The two records and where they lie.
#[derive(Debug)]
pub(super) struct Memory {
    /// Names and directories.
    pub(super) ledger: Ledger,
    /// Mounted discs by name.
    pub(super) discs: BTreeMap<Name, IdentityKey>,
    ledger_path: PathBuf,
    discs_path: PathBuf,
    written: (Ledger, BTreeMap<Name, IdentityKey>),
}

/// Why a record could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
pub(super) struct MemoryError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Memory {
    /// Reads what an earlier run left. What cannot be read is taken for empty: names may change then, and what
    /// cannot be recognised as ours is left alone.
    pub(super) fn load(state_directory: &Path, runtime_directory: &Path) -> Self {
        let (ledger_path, discs_path) =
            (state_directory.join(LEDGER), runtime_directory.join(DISCS));
        let ledger: Ledger = read(&ledger_path).unwrap_or_default();
        let discs: BTreeMap<Name, IdentityKey> = read(&discs_path).unwrap_or_default();
        let written = (ledger.clone(), discs.clone());
        Self { ledger, discs, ledger_path, discs_path, written }
    }

    /// Writes what changed since it was last written.
    pub(super) fn save(&mut self) -> Result<(), MemoryError> {
        if self.ledger != self.written.0 {
            write(&self.ledger_path, &self.ledger)?;
            self.written.0 = self.ledger.clone();
        }
        if self.discs != self.written.1 {
            write(&self.discs_path, &self.discs)?;
            self.written.1 = self.discs.clone();
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            warn!(path = %path.display(), error = %Chain(&error), "an earlier run's record cannot be read");
            return None;
        }
        Ok(text) => text,
    };
    let record = serde_json::from_slice(&text);
    if let Err(error) = &record {
        warn!(path = %path.display(), error = %Chain(error), "an earlier run's record is damaged");
    }
    record.ok()
}

fn write<T: Serialize>(path: &Path, record: &T) -> Result<(), MemoryError> {
    let failed = |source| MemoryError { path: path.to_owned(), source };
    let text = serde_json::to_vec(record).map_err(|error| failed(error.into()))?;
    replace_file(path, &text).map_err(failed)
}
