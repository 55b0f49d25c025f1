//! The tree of a UDF file set.

use super::{
    allocation, directory, extended_attribute,
    file_entry::FileEntry,
    path_components,
    space::{Address, Space},
    tag::{self, identifier},
};
use crate::image::{Content, Directory, Kind, Node, NodeId, ReadAt, ReadError, image::Tree};

/// Bytes of path components that are read of a link; four times of what the longest target can need.
const MAXIMUM_LINK: u64 = 64 << 10;

/// Where the objects of a volume are found.
#[derive(Debug)]
pub(crate) struct UdfTree {
    space: Space,
    root: NodeId,
}

impl UdfTree {
    /// Reads the file set descriptor at `file_set`, and the root directory's entry.
    pub(super) fn open(
        source: &dyn ReadAt,
        space: Space,
        file_set: Address,
    ) -> Result<Self, ReadError> {
        let what = "UDF file set descriptor";
        let offset = space.offset(file_set, what)?;
        let block = tag::read_block(source, offset, space.block_size, file_set.block, what)?;
        if block.identifier != identifier::FILE_SET {
            return Err(ReadError::Damaged { what, offset });
        }
        let root = space.offset(Address::parse_long(&block.bytes, 400), "UDF root directory")?;
        let tree = Self { space, root: NodeId(root) };
        tree.entry_of(source, tree.root, Kind::Directory, "directory")?;
        Ok(tree)
    }

    fn entry(&self, source: &dyn ReadAt, id: NodeId) -> Result<FileEntry, ReadError> {
        FileEntry::read(source, &self.space, id.0)
    }

    fn entry_of(
        &self,
        source: &dyn ReadAt,
        id: NodeId,
        kind: Kind,
        name: &'static str,
    ) -> Result<FileEntry, ReadError> {
        let entry = self.entry(source, id)?;
        if entry.kind()? == kind { Ok(entry) } else { Err(ReadError::WrongKind(name)) }
    }

    fn target(&self, source: &dyn ReadAt, link: &FileEntry) -> Result<Vec<u8>, ReadError> {
        let damaged = ReadError::Damaged { what: "symbolic link", offset: link.offset };
        if link.size() > MAXIMUM_LINK {
            return Err(damaged);
        }
        let content = allocation::content(source, &self.space, link)?;
        let mut components = vec![0; usize::try_from(link.size()).unwrap_or(0)];
        content.read(source, 0, &mut components)?;
        path_components::target(&components).ok_or(damaged)
    }
}

impl Tree for UdfTree {
    fn root(&self) -> NodeId {
        self.root
    }

    fn node(&self, source: &dyn ReadAt, id: NodeId) -> Result<Node, ReadError> {
        let entry = self.entry(source, id)?;
        let kind = entry.kind()?;
        let size = match kind {
            // A link that cannot be read is still there; reading it tells what is wrong.
            Kind::Symlink => self.target(source, &entry).map_or(0, |target| target.len() as u64),
            _ => entry.size(),
        };
        let device = match kind {
            Kind::CharacterDevice | Kind::BlockDevice => {
                extended_attribute::device(entry.attributes())
            }
            _ => (0, 0),
        };
        Ok(Node {
            id,
            kind,
            size,
            permissions: entry.permissions(),
            owner: entry.owner(),
            group: entry.group(),
            links: entry.links(),
            modified: entry.modified(),
            device,
        })
    }

    fn directory(&self, source: &dyn ReadAt, id: NodeId) -> Result<Directory, ReadError> {
        let entry = self.entry_of(source, id, Kind::Directory, "directory")?;
        directory::read(source, &self.space, &entry, self.root)
    }

    fn content(&self, source: &dyn ReadAt, id: NodeId) -> Result<Content, ReadError> {
        let entry = self.entry_of(source, id, Kind::File, "regular file")?;
        allocation::content(source, &self.space, &entry)
    }

    fn link_target(&self, source: &dyn ReadAt, id: NodeId) -> Result<Vec<u8>, ReadError> {
        let entry = self.entry_of(source, id, Kind::Symlink, "symbolic link")?;
        self.target(source, &entry)
    }
}
