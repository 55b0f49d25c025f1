//! Files that were asked for lately, with all that a response to the next request for them needs but the bytes.

use std::{collections::HashMap, sync::Arc};

use super::file_response::ServedFile;

/// Bytes that the remembered files of one thread may occupy together.
const CAPACITY: usize = 4 << 20;

/// A bounded memory. When it is full it is emptied: the files in use are found again with their next request, and
/// nothing has to be kept in order on the way of every request.
#[derive(Debug, Default)]
pub(super) struct FileCache {
    weight: usize,
    media: HashMap<u64, HashMap<Box<[u8]>, Arc<ServedFile>>>,
}

impl FileCache {
    /// The file at `path` of the stay `id`.
    pub(super) fn get(&self, id: u64, path: &[u8]) -> Option<Arc<ServedFile>> {
        self.media.get(&id)?.get(path).cloned()
    }

    /// Remembers a file, unless it alone would fill half of the memory.
    pub(super) fn put(&mut self, id: u64, path: &[u8], file: &Arc<ServedFile>) {
        let weight = path.len() + file.weight();
        if weight > CAPACITY / 2 {
            return;
        }
        if self.weight + weight > CAPACITY {
            self.media.clear();
            self.weight = 0;
        }
        self.weight += weight;
        self.media.entry(id).or_default().insert(path.into(), Arc::clone(file));
    }
}
