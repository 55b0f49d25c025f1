//! The keys that lie beside the catalog: `keys/FINGERPRINT.asc` for `OpenPGP`, `keys/NAME.pub` for `minisign` and `signify`.

use std::{collections::BTreeMap, io, path::Path};

use isomirror_core::catalog::{Entry, KeyId};

use super::shipped;
use crate::data_directories::{files, read};

/// Bytes that a key may have.
const LARGEST: u64 = 1 << 20;

/// Keys by their ids.
#[derive(Clone, Debug, Default)]
pub struct Keys(BTreeMap<KeyId, Key>);

/// A public key as it lies there. Whether it is what its name says is for whoever verifies with it to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Path of its file, or its name where it was built in.
    pub origin: String,
    /// Its text.
    pub bytes: Vec<u8>,
}

impl Keys {
    /// The key with this id.
    #[must_use]
    pub fn get(&self, id: &KeyId) -> Option<&Key> {
        self.0.get(id)
    }

    /// The keys of `entry` that are not there, of signatures for which none is: without one of each, nothing can be verified.
    #[must_use]
    pub fn missing<'e>(&self, entry: &'e Entry) -> Vec<&'e KeyId> {
        let lacking = entry
            .signatures
            .iter()
            .filter(|signature| !signature.keys.iter().any(|key| self.0.contains_key(key)));
        lacking.flat_map(|signature| &signature.keys).collect()
    }

    /// Adds those of `directory/keys`, in place of others with the same ids.
    pub(super) fn add_directory(&mut self, directory: &Path, problems: &mut Vec<String>) {
        let directory = directory.join("keys");
        let paths = match files(&directory, &["asc", "pub"]) {
            Ok(paths) => paths,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                problems.push(format!("cannot read `{}`: {error}", directory.display()));
                return;
            }
        };
        for path in paths {
            let origin = path.display().to_string();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            match (KeyId::try_from(stem), read(&path, LARGEST)) {
                (Ok(id), Ok(bytes)) => {
                    self.0.insert(id, Key { origin, bytes });
                }
                (Err(error), _) => problems.push(format!("{origin}: {error}")),
                (_, Err(error)) => {
                    problems.push(format!("cannot read the key `{origin}`: {error}"));
                }
            }
        }
    }

    /// Adds those that were there when the program was built.
    pub(super) fn add_built_in(&mut self) {
        for (name, text) in shipped::KEYS {
            let stem = name.rsplit_once('.').map_or(*name, |(stem, _)| stem);
            if let Ok(id) = KeyId::try_from(stem.to_owned()) {
                self.0.insert(
                    id,
                    Key { origin: (*name).to_owned(), bytes: text.as_bytes().to_vec() },
                );
            }
        }
    }
}
