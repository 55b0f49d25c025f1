//! Where the bytes of files lie that were read lately, so that a file which is read in many parts is looked up once.

use std::sync::{Arc, Mutex, PoisonError};

use isomirror_core::image::{Content, Image, NodeId, ReadError};

/// Files that are remembered.
const CAPACITY: usize = 16;
/// Extents of the largest file that is remembered.
const MAXIMUM_EXTENTS: usize = 1 << 14;

/// The latest last.
#[derive(Debug, Default)]
pub(super) struct Contents(Mutex<Vec<(NodeId, Arc<Content>)>>);

impl Contents {
    pub(super) fn get(&self, image: &Image, id: NodeId) -> Result<Arc<Content>, ReadError> {
        if let Some(content) = self.recall(id) {
            return Ok(content);
        }
        let content = Arc::new(image.content(id)?);
        let extents = match &*content {
            Content::Extents(extents) => extents.len(),
            Content::Zisofs(zisofs) => zisofs.stored.len(),
            Content::Embedded(_) => 0,
        };
        if extents <= MAXIMUM_EXTENTS {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= CAPACITY {
                known.remove(0);
            }
            known.push((id, Arc::clone(&content)));
        }
        Ok(content)
    }

    fn recall(&self, id: NodeId) -> Option<Arc<Content>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = known.iter().rposition(|(other, _)| *other == id)?;
        let last = known.len() - 1;
        known[index..].rotate_left(1);
        Some(Arc::clone(&known[last].1))
    }
}
