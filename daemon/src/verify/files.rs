//! Hashing files of a tree: each once, however many lists have it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use isomirror_core::{
    checksums::ListedFile,
    digest::{Algorithm, Digest, Hasher},
};

use super::{Fault, Progress, tree::FileTree};

/// The files that are to be hashed, and by what.
#[derive(Debug, Default)]
pub(super) struct Wanted(BTreeMap<String, BTreeSet<Algorithm>>);

/// What was found of files.
#[derive(Debug, Default)]
pub(super) struct Hashed(BTreeMap<String, Result<(u64, Vec<Digest>), Fault>>);

impl Wanted {
    /// Asks for what comparing `file` needs: the strongest digest alone.
    pub(super) fn add(&mut self, file: &ListedFile) {
        let algorithms = self.0.entry(file.name.clone()).or_default();
        algorithms.extend(file.strongest().map(Digest::algorithm));
    }

    /// Reads all of them from `tree`.
    pub(super) fn hash(self, tree: &dyn FileTree, progress: Progress<'_>) -> Hashed {
        let sizes: BTreeMap<_, _> =
            self.0.keys().map(|path| (path.clone(), tree.size(path))).collect();
        let total = sizes.values().filter_map(|size| size.as_ref().ok().copied().flatten()).sum();
        let mut done = 0;
        let mut hashed = Hashed::default();
        for (path, algorithms) in self.0 {
            let result = match sizes.get(&path) {
                Some(Ok(Some(_))) => {
                    let digests = hash(tree, &path, &algorithms, &mut |bytes| {
                        done += bytes;
                        progress(done, total);
                    });
                    digests.map_err(|_| Fault::Unreadable)
                }
                Some(Ok(None)) => Err(Fault::Missing),
                Some(Err(_)) | None => Err(Fault::Unreadable),
            };
            hashed.0.insert(path, result);
        }
        hashed
    }
}

fn hash(
    tree: &dyn FileTree,
    path: &str,
    algorithms: &BTreeSet<Algorithm>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<(u64, Vec<Digest>)> {
    let mut hashers: Vec<_> = algorithms.iter().map(|algorithm| Hasher::new(*algorithm)).collect();
    let mut size = 0;
    tree.read(path, &mut |bytes| {
        for hasher in &mut hashers {
            hasher.update(bytes);
        }
        size += bytes.len() as u64;
        progress(bytes.len() as u64);
    })?;
    Ok((size, hashers.into_iter().map(Hasher::finish).collect()))
}

impl Hashed {
    /// What is wrong with `file`, if anything is.
    pub(super) fn fault(&self, file: &ListedFile) -> Option<Fault> {
        match self.0.get(&file.name) {
            Some(Ok((size, digests))) => {
                let is_size = file.size.is_none_or(|expected| expected == *size);
                let is_same = file.strongest().is_some_and(|digest| digests.contains(digest));
                (!is_size || !is_same).then_some(Fault::Differs)
            }
            Some(Err(fault)) => Some(*fault),
            None => Some(Fault::Unreadable),
        }
    }
}
