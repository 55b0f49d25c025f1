//! Single objects of a tree: their attributes, content and link targets.

use super::{
    date,
    id::Place,
    record::Record,
    rock_ridge::{Attributes, RockRidge},
    sections::Sections,
    system_use::Continuations,
    tree::IsoTree,
};
use crate::image::{Content, Kind, Node, NodeId, ReadAt, ReadError, zisofs};

/// Permissions of files on media that state none.
const FILE_PERMISSIONS: u16 = 0o444;

/// Permissions of directories on media that state none.
const DIRECTORY_PERMISSIONS: u16 = 0o555;

/// Attributes of the directory whose extent begins at byte `offset`.
pub(super) fn directory(
    tree: &IsoTree,
    source: &dyn ReadAt,
    offset: u64,
) -> Result<Node, ReadError> {
    let mut buffer = [0; 255];
    let record = own_record(source, offset, &mut buffer)?;
    let mut continuations = Continuations::of_record(source, tree.block_size);
    let rock_ridge = tree.rock_ridge_of_directory(record, &mut continuations)?;
    let mut node = node(Place::Directory(offset).id(), Kind::Directory, record.date(), &rock_ridge);
    node.size = record.data_length().into();
    Ok(node)
}

/// A directory's record of itself, which its extent at byte `offset` begins with.
pub(super) fn own_record<'a>(
    source: &dyn ReadAt,
    offset: u64,
    buffer: &'a mut [u8; 255],
) -> Result<Record<'a>, ReadError> {
    let record = Record::read(source, offset, buffer)?;
    record.filter(|record| record.is_self()).ok_or(ReadError::Damaged { what: "directory", offset })
}

/// Anything but a directory.
#[derive(Debug)]
pub(super) struct Object {
    offset: u64,
    kind: Kind,
    date: [u8; 7],
    rock_ridge: RockRidge,
    sections: Sections,
}

impl Object {
    /// Reads the object whose first record lies at byte `offset`.
    pub(super) fn read(
        tree: &IsoTree,
        source: &dyn ReadAt,
        offset: u64,
    ) -> Result<Self, ReadError> {
        let damaged = ReadError::Damaged { what: "directory record", offset };
        let mut buffer = [0; 255];
        let Some(record) = Record::read(source, offset, &mut buffer)? else { return Err(damaged) };
        let mut continuations = Continuations::of_record(source, tree.block_size);
        let rock_ridge = tree.rock_ridge(record, &mut continuations)?;
        let Some((Place::Other(_), kind)) = tree.place(offset, record, &rock_ridge) else {
            return Err(damaged);
        };
        let sections = match kind {
            Kind::File => Sections::read(source, tree.block_size, offset, record)?,
            _ => Sections::default(),
        };
        Ok(Self { offset, kind, date: record.date(), rock_ridge, sections })
    }

    /// Its attributes.
    pub(super) fn node(&self, id: NodeId) -> Node {
        let mut node = node(id, self.kind, self.date, &self.rock_ridge);
        node.size = match self.kind {
            Kind::File => self.size(),
            Kind::Symlink => self.rock_ridge.link.target().map_or(0, <[u8]>::len) as u64,
            _ => 0,
        };
        node
    }

    fn size(&self) -> u64 {
        let zisofs = self.rock_ridge.zisofs.map(|field| field.size);
        zisofs.or(self.rock_ridge.sparse_size).unwrap_or(self.sections.size)
    }

    /// Where its bytes lie.
    pub(super) fn content(self, source: &dyn ReadAt) -> Result<Content, ReadError> {
        if self.kind != Kind::File {
            return Err(ReadError::WrongKind("regular file"));
        }
        if self.rock_ridge.sparse_size.is_some() {
            return Err(ReadError::Unsupported("a sparse file of Rock Ridge"));
        }
        let extents = self.sections.extents(self.offset)?;
        match self.rock_ridge.zisofs {
            Some(field) => zisofs::open(source, field, extents).map(Content::Zisofs),
            None => Ok(Content::Extents(extents)),
        }
    }

    /// Where it points to.
    pub(super) fn link_target(&self) -> Result<Vec<u8>, ReadError> {
        if self.kind != Kind::Symlink {
            return Err(ReadError::WrongKind("symbolic link"));
        }
        let target = self.rock_ridge.link.target().map(<[u8]>::to_vec);
        target.ok_or(ReadError::Damaged { what: "symbolic link", offset: self.offset })
    }
}

/// All attributes but the size.
fn node(id: NodeId, kind: Kind, date: [u8; 7], rock_ridge: &RockRidge) -> Node {
    let stated = rock_ridge.attributes;
    let default_permissions = match kind {
        Kind::Directory => DIRECTORY_PERMISSIONS,
        _ => FILE_PERMISSIONS,
    };
    let has_device = matches!(kind, Kind::BlockDevice | Kind::CharacterDevice);
    Node {
        id,
        kind,
        size: 0,
        permissions: stated.map_or(default_permissions, Attributes::permissions),
        owner: stated.map_or(0, |it| it.owner),
        group: stated.map_or(0, |it| it.group),
        links: stated.map_or(1, |it| it.links.max(1)),
        modified: rock_ridge.modified.or_else(|| date::from_binary(date)).unwrap_or_default(),
        device: rock_ridge.device.filter(|_| has_device).unwrap_or_default(),
    }
}
