//! One of the trees of an ISO 9660 volume, and what its records say of objects.

use super::{
    directory,
    id::Place,
    name,
    object::{self, Object},
    record::Record,
    rock_ridge::{Attributes, RockRidge},
    system_use::Continuations,
};
use crate::image::{Content, Directory, Kind, Node, NodeId, ReadAt, ReadError, image::Tree};

/// How a tree's records name and describe objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The primary or the enhanced tree.
    Plain,
    /// UTF-16 names.
    Joliet,
    /// POSIX names and attributes.
    RockRidge {
        /// Bytes of each System Use area that belong to something else.
        skip: usize,
    },
}

/// A tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct IsoTree {
    /// How it is written.
    pub(super) dialect: Dialect,
    /// Bytes of a logical block.
    pub(super) block_size: u32,
    /// Byte offset of the root directory.
    pub(super) root: u64,
}

impl IsoTree {
    /// Byte offset of a logical block.
    pub(super) fn offset_of(&self, block: u64) -> u64 {
        block * u64::from(self.block_size)
    }

    /// What Rock Ridge says of a record; nothing in other trees.
    pub(super) fn rock_ridge(
        &self,
        record: Record<'_>,
        continuations: &mut Continuations<'_>,
    ) -> Result<RockRidge, ReadError> {
        let mut found = RockRidge::default();
        self.gather(record, continuations, &mut found)?;
        Ok(found)
    }

    /// What Rock Ridge says of a directory in its record of itself. Where a continuation of that is damaged, the
    /// directory is still worth more than the attributes that are lost.
    pub(super) fn rock_ridge_of_directory(
        &self,
        record: Record<'_>,
        continuations: &mut Continuations<'_>,
    ) -> Result<RockRidge, ReadError> {
        let mut found = RockRidge::default();
        match self.gather(record, continuations, &mut found) {
            Ok(()) | Err(ReadError::Damaged { .. }) => Ok(found),
            Err(error) => Err(error),
        }
    }

    fn gather(
        &self,
        record: Record<'_>,
        continuations: &mut Continuations<'_>,
        found: &mut RockRidge,
    ) -> Result<(), ReadError> {
        match self.dialect {
            Dialect::RockRidge { skip } => found.gather(record, skip, continuations),
            Dialect::Plain | Dialect::Joliet => Ok(()),
        }
    }

    /// The name under which a record's object is shown.
    pub(super) fn name(&self, record: Record<'_>, rock_ridge: &RockRidge) -> Vec<u8> {
        match (self.dialect, rock_ridge.name.get()) {
            (Dialect::Joliet, _) => name::joliet(record.identifier()).into_bytes(),
            (_, Some(name)) => name.to_vec(),
            (_, None) => name::plain(record.identifier()),
        }
    }

    /// Where the object is described that the record at byte `offset` names, and what it is; `None` where the
    /// record contradicts itself.
    pub(super) fn place(
        &self,
        offset: u64,
        record: Record<'_>,
        rock_ridge: &RockRidge,
    ) -> Option<(Place, Kind)> {
        let directory = rock_ridge
            .child
            .map(u64::from)
            .or_else(|| record.is_directory().then(|| record.block()));
        if let Some(block) = directory {
            return Some((Place::Directory(self.offset_of(block)), Kind::Directory));
        }
        let kind = rock_ridge.attributes.and_then(Attributes::kind).unwrap_or(Kind::File);
        (kind != Kind::Directory).then_some((Place::Other(offset), kind))
    }
}

impl Tree for IsoTree {
    fn root(&self) -> NodeId {
        Place::Directory(self.root).id()
    }

    fn node(&self, source: &dyn ReadAt, id: NodeId) -> Result<Node, ReadError> {
        match Place::of(id) {
            Place::Directory(offset) => object::directory(self, source, offset),
            Place::Other(offset) => Ok(Object::read(self, source, offset)?.node(id)),
        }
    }

    fn directory(&self, source: &dyn ReadAt, id: NodeId) -> Result<Directory, ReadError> {
        match Place::of(id) {
            Place::Directory(offset) => directory::read(self, source, offset),
            Place::Other(_) => Err(ReadError::WrongKind("directory")),
        }
    }

    fn content(&self, source: &dyn ReadAt, id: NodeId) -> Result<Content, ReadError> {
        match Place::of(id) {
            Place::Directory(_) => Err(ReadError::WrongKind("regular file")),
            Place::Other(offset) => Object::read(self, source, offset)?.content(source),
        }
    }

    fn link_target(&self, source: &dyn ReadAt, id: NodeId) -> Result<Vec<u8>, ReadError> {
        match Place::of(id) {
            Place::Directory(_) => Err(ReadError::WrongKind("symbolic link")),
            Place::Other(offset) => Object::read(self, source, offset)?.link_target(),
        }
    }
}
