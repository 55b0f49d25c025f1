//! Brings the files of the web root to what they should be.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use isomirror_core::view::{WebRootFile, WebRootFiles};
use tracing::debug;

use super::{
    directory,
    place::{self, Digest, Found},
    record::{Ours, Record},
};
use crate::logging::Chain;

/// Problems that are told of; the rest is alike.
const MOST_PROBLEMS: usize = 5;

/// Why a file is not as it should be.
#[derive(Debug, thiserror::Error)]
enum WebFileError {
    /// Something that is not ours is in its place.
    #[error("`{}` is not isomirror's", .0.display())]
    Foreign(PathBuf),
    /// The file system refuses.
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl WebFileError {
    /// What is wrong and what to do.
    fn problem(&self) -> String {
        let remedy = match self {
            Self::Foreign(_) => {
                "move it away, or set `mount.views: false` and let another server have its own pages"
            }
            Self::Write { .. } => "make room there, or make it writable",
        };
        format!("{}: {remedy}", Chain(self))
    }
}

/// The files that we wrote, and what is wrong with others.
#[derive(Debug)]
pub struct WebFiles {
    record: Record,
    /// What was found or made as it should be.
    settled: BTreeMap<String, Digest>,
}

impl WebFiles {
    /// Reads what an earlier run left of its record in the state directory.
    #[must_use]
    pub fn load(state_directory: &Path) -> Self {
        Self { record: Record::load(state_directory), settled: BTreeMap::new() }
    }

    /// Whether nothing below any web root is known to be ours.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.record.ours.files.is_empty() && self.record.ours.directories.is_empty()
    }

    /// Makes the files of the web root at `path`, which is open as `root`, those that are `wanted`, and no others of
    /// ours. With `again` those that are as they should be are looked at again. Returns what is wrong, with remedies.
    /// Blocks.
    pub fn apply(
        &mut self,
        root: BorrowedFd<'_>,
        path: &Path,
        wanted: &WebRootFiles,
        again: bool,
    ) -> Vec<String> {
        if again {
            self.settled.clear();
        }
        self.move_to(path);
        let digests: BTreeMap<&str, Digest> =
            wanted.iter().map(|(path, file)| (path.as_str(), place::digest(file))).collect();
        self.remove_others(root, path, wanted);
        self.claim(&digests);
        if let Err(source) = self.record.save() {
            let path = self.record.path().to_owned();
            return vec![WebFileError::Write { path, source }.problem()];
        }
        let mut problems = Vec::new();
        for (name, file) in wanted {
            let digest = &digests[name.as_str()];
            if self.settled.get(name) == Some(digest) {
                continue;
            }
            match self.put(root, path, name, file, digest) {
                Ok(()) => drop(self.settled.insert(name.clone(), digest.clone())),
                Err(error) => {
                    self.settled.remove(name);
                    problems.push(error.problem());
                }
            }
        }
        if let Err(error) = self.record.save() {
            debug!(error = %Chain(&error), "the record of files in the web root is out of date");
        }
        problems.truncate(MOST_PROBLEMS);
        problems
    }

    /// Leaves another web root than the one at `path`, with nothing of ours in it.
    fn move_to(&mut self, path: &Path) {
        let former = self.record.ours.webroot.clone();
        if former == path {
            return;
        }
        if let Ok(root) = File::open(&former) {
            self.remove_others(root.as_fd(), &former, &WebRootFiles::new());
        }
        self.record.ours = Ours { webroot: path.to_owned(), ..Ours::default() };
        self.settled.clear();
    }

    /// Notes what is about to be written as ours.
    fn claim(&mut self, digests: &BTreeMap<&str, Digest>) {
        for (name, digest) in digests {
            if self.settled.get(*name) != Some(digest) {
                let held = self.record.ours.files.entry((*name).to_owned()).or_default();
                held.insert(digest.clone());
            }
        }
    }

    fn put(
        &mut self,
        root: BorrowedFd<'_>,
        webroot: &Path,
        name: &str,
        file: &WebRootFile,
        digest: &Digest,
    ) -> Result<(), WebFileError> {
        let failed = |source| WebFileError::Write { path: webroot.join(name), source };
        let directory = self.directory_of(root, name).map_err(failed)?;
        let (_, leaf) = directory::split(name);
        let found = place::look(directory.as_fd(), leaf).map_err(failed)?;
        let held = self.record.ours.files.entry(name.to_owned()).or_default();
        held.retain(|held| held == digest || matches!(&found, Found::File(there) if there == held));
        let replace = match &found {
            Found::File(there) if there == digest => None,
            Found::File(there) if held.contains(there) => Some(true),
            Found::Nothing => Some(false),
            Found::File(_) | Found::Foreign => {
                return Err(WebFileError::Foreign(webroot.join(name)));
            }
        };
        if let Some(replace) = replace {
            place::put(directory.as_fd(), leaf, file, replace).map_err(failed)?;
        }
        held.retain(|held| held == digest);
        Ok(())
    }

    /// Opens the directory of a file; makes it where it is missing, and says so in the record first.
    fn directory_of(&mut self, root: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
        let (parent, _) = directory::split(name);
        match directory::open(root, parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        for path in directory::ancestors(name) {
            let is_new = self.record.ours.directories.insert(path.to_owned());
            self.record.save()?;
            if !directory::create(root, path)? && is_new {
                self.record.ours.directories.remove(path);
            }
        }
        directory::open(root, parent)
    }

    /// Removes files of ours that are not `wanted`, and directories of ours that are empty then.
    fn remove_others(&mut self, root: BorrowedFd<'_>, webroot: &Path, wanted: &WebRootFiles) {
        let ours = &mut self.record.ours;
        let settled = &mut self.settled;
        ours.files.retain(|name, held| {
            let stays = wanted.contains_key(name) || remove(root, name, held, webroot).is_err();
            if !stays {
                settled.remove(name);
            }
            stays
        });
        let is_needed = |directory: &str| {
            let is_below = |path: &String| directory::ancestors(path).any(|a| a == directory);
            wanted.keys().chain(ours.files.keys()).any(is_below)
        };
        // The deepest first: a directory comes after the one that it lies in.
        let unneeded: Vec<String> =
            ours.directories.iter().rev().filter(|path| !is_needed(path)).cloned().collect();
        for path in unneeded {
            if directory::remove(root, &path).is_ok() {
                ours.directories.remove(&path);
            }
        }
    }
}

/// Removes a file if it holds what we wrote. What cannot be removed now is tried again the next time.
fn remove(
    root: BorrowedFd<'_>,
    name: &str,
    held: &BTreeSet<Digest>,
    webroot: &Path,
) -> io::Result<()> {
    let (parent, leaf) = directory::split(name);
    let removed = match directory::open(root, parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(directory) => match place::look(directory.as_fd(), leaf) {
            Ok(Found::File(digest)) if held.contains(&digest) => {
                place::remove(directory.as_fd(), leaf)
            }
            // Gone already, or somebody else's by now.
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        },
    };
    if let Err(error) = &removed {
        let path = webroot.join(name);
        debug!(path = %path.display(), error = %Chain(error), "a file stays in the web root");
    }
    removed
}

#[cfg(test)]
mod tests;
