//! Directories that were read lately.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Directory, NodeId, ReadError};

/// Bytes that the directories of one image may occupy together. A directory of 20,000 names takes about 1 MiB.
const CAPACITY: usize = 4 << 20;

/// A bounded memory of directories. What does not fit is read again when asked for.
#[derive(Debug, Default)]
pub(super) struct DirectoryCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    weight: usize,
    clock: u64,
    directories: HashMap<NodeId, (u64, Arc<Directory>)>,
}

impl DirectoryCache {
    /// The directory `id`, from memory or else by `read`. Readers of other directories are not held up by `read`.
    pub(super) fn get_or_read(
        &self,
        id: NodeId,
        read: impl FnOnce() -> Result<Directory, ReadError>,
    ) -> Result<Arc<Directory>, ReadError> {
        if let Some(directory) = self.lock().recall(id) {
            return Ok(directory);
        }
        let directory = Arc::new(read()?);
        self.lock().keep(id, &directory);
        Ok(directory)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // A panic while the lock was held cannot leave more than a stale weight behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn recall(&mut self, id: NodeId) -> Option<Arc<Directory>> {
        self.clock += 1;
        let (used, directory) = self.directories.get_mut(&id)?;
        *used = self.clock;
        Some(Arc::clone(directory))
    }

    fn keep(&mut self, id: NodeId, directory: &Arc<Directory>) {
        let weight = directory.weight();
        if weight > CAPACITY || self.directories.contains_key(&id) {
            return;
        }
        while self.weight + weight > CAPACITY {
            let Some(oldest) = self.directories.iter().min_by_key(|(_, (used, _))| *used) else {
                break;
            };
            let oldest = *oldest.0;
            if let Some((_, dropped)) = self.directories.remove(&oldest) {
                self.weight -= dropped.weight();
            }
        }
        self.weight += weight;
        self.clock += 1;
        self.directories.insert(id, (self.clock, Arc::clone(directory)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{DirectoryBuilder, Kind};

    fn directory_of(names: usize) -> Directory {
        let mut builder = DirectoryBuilder::default();
        for name in 0..names {
            builder.push(format!("{name:0200}").as_bytes(), NodeId(1), Kind::File);
        }
        builder.build()
    }

    #[test]
    fn a_directory_is_read_once_while_it_is_kept() {
        let cache = DirectoryCache::default();
        let mut reads = 0;
        for _ in 0..3 {
            let read = || {
                reads += 1;
                Ok(directory_of(1))
            };
            assert_eq!(cache.get_or_read(NodeId(7), read).unwrap().len(), 1);
        }
        assert_eq!(reads, 1);
    }

    #[test]
    fn memory_stays_bounded_and_the_least_used_goes_first() {
        let cache = DirectoryCache::default();
        cache.get_or_read(NodeId(0), || Ok(directory_of(1000))).unwrap();
        for id in 1..100 {
            cache.get_or_read(NodeId(id), || Ok(directory_of(1000))).unwrap();
            cache.get_or_read(NodeId(0), || panic!("the one in use was dropped")).unwrap();
            assert!(cache.lock().weight <= CAPACITY);
        }
    }
}
