//! Files that were asked for lately, with all that a response to the next request for them needs but the bytes of long ones.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use super::file_response::ServedFile;

/// Bytes that the remembered files of one thread may occupy together.
const CAPACITY: usize = 8 << 20;

/// A bounded memory. When it is full it is emptied: the files in use are found again with their next request, and
/// nothing has to be kept in order on the way of every request.
#[derive(Debug, Default)]
pub(super) struct FileCache {
    weight: usize,
    hasher: RandomState,
    /// Files by the hash of where they are, so that one look finds them among those of many media.
    files: HashMap<u64, Remembered>,
}

#[derive(Debug)]
struct Remembered {
    id: u64,
    path: Box<[u8]>,
    file: Arc<ServedFile>,
}

impl FileCache {
    /// The file at `path` of the stay `id`.
    pub(super) fn get(&self, id: u64, path: &[u8]) -> Option<Arc<ServedFile>> {
        let found = self.files.get(&self.hasher.hash_one((id, path)))?;
        (found.id == id && *found.path == *path).then(|| Arc::clone(&found.file))
    }

    /// Remembers a file, unless it alone would fill half of the memory.
    pub(super) fn put(&mut self, id: u64, path: &[u8], file: &Arc<ServedFile>) {
        let weight = size_of::<Remembered>() + path.len() + file.weight();
        if weight > CAPACITY / 2 {
            return;
        }
        if self.weight + weight > CAPACITY {
            self.files.clear();
            self.weight = 0;
        }
        self.weight += weight;
        let remembered = Remembered { id, path: path.into(), file: Arc::clone(file) };
        self.files.insert(self.hasher.hash_one((id, path)), remembered);
    }
}
