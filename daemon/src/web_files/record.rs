//! Which files and directories below the web root are ours. Written before they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::place::Digest;
use crate::{logging::Chain, sys::replace_file::replace_file};

/// The record in the state directory.
const FILE: &str = "web-files.json";

/// What is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Ours {
    /// The web root that it is about.
    pub(super) webroot: PathBuf,
    /// What each file may hold: what it held last, and what was to come after that.
    pub(super) files: BTreeMap<String, BTreeSet<Digest>>,
    /// Directories that we made.
    pub(super) directories: BTreeSet<String>,
}

/// The record as it is in memory and in its file.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) ours: Ours,
    written: Ours,
    path: PathBuf,
}

impl Record {
    /// Reads what an earlier run left. Without it, files that hold what they should are taken for ours and all others
    /// for foreign.
    pub(super) fn load(state_directory: &Path) -> Self {
        let path = state_directory.join(FILE);
        let ours = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ours::default()),
            Err(error) => Err(error),
        };
        let mut ours = ours.unwrap_or_else(|error| {
            warn!(path = %path.display(), error = %Chain(&error), "an earlier run's record cannot be read");
            Ours::default()
        });
        ours.files.retain(|path, _| is_below(path));
        ours.directories.retain(|path| is_below(path));
        Self { written: ours.clone(), ours, path }
    }

    /// Writes the record if it changed.
    pub(super) fn save(&mut self) -> io::Result<()> {
        if self.ours != self.written {
            replace_file(&self.path, &serde_json::to_vec(&self.ours)?)?;
            self.written = self.ours.clone();
        }
        Ok(())
    }

    /// Path of the record.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether a path leads to something below the directory that it is relative to.
fn is_below(path: &str) -> bool {
    path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}
