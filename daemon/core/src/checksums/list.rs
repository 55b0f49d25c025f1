//! A list that was read, and looking up a file in it.

use std::collections::HashMap;

use super::{ChecksumListError, JsonPlaces, MAXIMUM_SIZE, is_plain_name, json, normalised, text};
use crate::digest::{Algorithm, Digest};

/// What is known of a list before it is read: from the catalog, or from the name that its file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hints {
    /// The algorithm of hashes of which neither the line nor a heading tells it. It tells apart those that are equally
    /// long, and nothing else.
    pub algorithm: Option<Algorithm>,
    /// The file that a hash without a name is of.
    pub only_file: Option<String>,
    /// Where the files are in a JSON document; `None` for a list that is text.
    pub json: Option<JsonPlaces>,
    /// Most bytes that the list may have.
    pub maximum_size: usize,
}

impl Default for Hints {
    /// Text from a publisher, of which nothing is known.
    fn default() -> Self {
        Self { algorithm: None, only_file: None, json: None, maximum_size: MAXIMUM_SIZE }
    }
}

/// A file of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedFile {
    /// Path from the directory of the list, without a `./` before it; never absolute, and without `..`.
    pub name: String,
    /// Bytes, where the list tells.
    pub size: Option<u64>,
    /// Digests, each of another algorithm, from the weakest to the strongest; at least one.
    pub digests: Vec<Digest>,
}

impl ListedFile {
    /// The last part of its path.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// The last part of its path, if an image may have it as its name.
    #[must_use]
    pub fn image_name(&self) -> Option<&str> {
        Some(self.file_name()).filter(|name| is_plain_name(name))
    }

    /// The digest of the strongest algorithm.
    #[must_use]
    pub fn strongest(&self) -> Option<&Digest> {
        self.digests.last()
    }

    /// The digest of this algorithm.
    #[must_use]
    pub fn digest(&self, algorithm: Algorithm) -> Option<&Digest> {
        self.digests.iter().find(|digest| digest.algorithm() == algorithm)
    }
}

/// Why a list tells nothing of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotListed {
    /// No line names it.
    #[error("the checksum list does not name it")]
    Absent,
    /// Several files of the list, in different directories, have its name.
    #[error("the checksum list names it more than once, in different directories")]
    Ambiguous,
}

/// What a checksum list says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChecksumList {
    files: Vec<ListedFile>,
    ignored: usize,
}

impl ChecksumList {
    /// Reads a list. Only the text of a clearsigned message counts, of which this says nothing but what it is: who
    /// has checked the signature passes on what it covers.
    ///
    /// # Errors
    /// [`ChecksumListError`] where it is no list, too long, or contradicts itself.
    pub fn parse(bytes: &[u8], hints: &Hints) -> Result<Self, ChecksumListError> {
        if bytes.len() > hints.maximum_size {
            return Err(ChecksumListError::TooLarge { limit: hints.maximum_size });
        }
        let collector = match &hints.json {
            Some(places) => json::read(bytes, places)?,
            None => text::read(bytes, hints)?,
        };
        collector.finish()
    }

    /// Its files, in the order of the list.
    #[must_use]
    pub fn files(&self) -> &[ListedFile] {
        &self.files
    }

    /// Lines that look like a hash of a file and were not taken: of an unknown algorithm, with a digest of another
    /// length, or with a name that no file may have.
    #[must_use]
    pub const fn ignored(&self) -> usize {
        self.ignored
    }

    /// The file of this path, or, where `name` is a plain name, the only one of that name in whatever directory.
    /// Names are compared whole.
    ///
    /// # Errors
    /// [`NotListed`].
    pub fn find(&self, name: &str) -> Result<&ListedFile, NotListed> {
        if let Some(file) = self.files.iter().find(|file| file.name == name) {
            return Ok(file);
        }
        let mut named = self.files.iter().filter(|file| file.file_name() == name);
        match (named.next(), named.next()) {
            (Some(file), None) => Ok(file),
            (None, _) => Err(NotListed::Absent),
            _ => Err(NotListed::Ambiguous),
        }
    }
}

/// Brings the lines of one file together.
#[derive(Debug, Default)]
pub(super) struct Collector {
    files: Vec<ListedFile>,
    by_name: HashMap<String, usize>,
    /// See [`ChecksumList::ignored`].
    pub(super) ignored: usize,
}

impl Collector {
    /// Takes in a digest of `name`.
    pub(super) fn digest(&mut self, name: &str, digest: Digest) -> Result<(), ChecksumListError> {
        let Some(file) = self.file(name) else {
            self.ignored += 1;
            return Ok(());
        };
        match file.digest(digest.algorithm()) {
            None => file.digests.push(digest),
            Some(known) if *known == digest => {}
            Some(_) => {
                let (name, algorithm) = (file.name.clone(), digest.algorithm());
                return Err(ChecksumListError::Contradiction { name, algorithm });
            }
        }
        Ok(())
    }

    /// Takes in the size of `name`.
    pub(super) fn size(&mut self, name: &str, bytes: u64) -> Result<(), ChecksumListError> {
        match self.file(name) {
            Some(file) if file.size.is_some_and(|size| size != bytes) => {
                Err(ChecksumListError::TwoSizes { name: file.name.clone() })
            }
            Some(file) => {
                file.size = Some(bytes);
                Ok(())
            }
            // No line with a hash, so nothing is lost.
            None => Ok(()),
        }
    }

    pub(super) fn has_digests(&self) -> bool {
        self.files.iter().any(|file| !file.digests.is_empty())
    }

    fn file(&mut self, name: &str) -> Option<&mut ListedFile> {
        let name = normalised(name)?;
        let index = *self.by_name.entry(name.clone()).or_insert_with(|| {
            self.files.push(ListedFile { name, ..ListedFile::default() });
            self.files.len() - 1
        });
        self.files.get_mut(index)
    }

    fn finish(self) -> Result<ChecksumList, ChecksumListError> {
        let mut files: Vec<_> =
            self.files.into_iter().filter(|file| !file.digests.is_empty()).collect();
        for file in &mut files {
            file.digests.sort_by_key(Digest::algorithm);
        }
        if files.is_empty() {
            return Err(ChecksumListError::Empty);
        }
        Ok(ChecksumList { files, ignored: self.ignored })
    }
}

#[cfg(test)]
mod tests;
