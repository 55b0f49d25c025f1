//! A tree in memory, for tests of whoever works on trees.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Content, Directory, DirectoryBuilder, Format, Image, Kind, Node, NodeId, ReadAt, ReadError,
    Timestamp, TreeFormat, Volume, image::Tree,
};

/// What an id of a [`FakeTree`] stands for.
#[derive(Clone, Debug)]
pub(crate) enum Fake {
    Directory(Vec<(Vec<u8>, u64)>),
    File(Content),
    Symlink(Vec<u8>),
    Device(Kind, u32, u32),
    /// Is named in directories as this, but cannot be read.
    Damaged(Kind),
}

/// A tree made up by a test; the root is id 0. Ids may be named by several directories, or by none.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeTree(pub(crate) BTreeMap<u64, Fake>);

impl FakeTree {
    pub(crate) fn directory(mut self, id: u64, entries: &[(&str, u64)]) -> Self {
        let entries = entries.iter().map(|(name, id)| (name.as_bytes().to_vec(), *id)).collect();
        self.0.insert(id, Fake::Directory(entries));
        self
    }

    pub(crate) fn symlink(mut self, id: u64, target: &str) -> Self {
        self.0.insert(id, Fake::Symlink(target.as_bytes().to_vec()));
        self
    }

    pub(crate) fn file(mut self, id: u64, content: Content) -> Self {
        self.0.insert(id, Fake::File(content));
        self
    }

    pub(crate) fn with(mut self, id: u64, fake: Fake) -> Self {
        self.0.insert(id, fake);
        self
    }

    pub(crate) fn image(self, source: impl ReadAt + 'static) -> Image {
        let volume = Volume {
            label: None,
            uuid: None,
            formats: vec![Format::Iso9660],
            tree: TreeFormat::RockRidge,
            claimed_size: 0,
            real_size: source.size(),
            system: None,
            volume_set: None,
            publisher: None,
            preparer: None,
            application: None,
            created: None,
            modified: None,
            boot: None,
            problems: Vec::new(),
        };
        Image::from_parts(Arc::new(source), volume, Box::new(self))
    }

    fn get(&self, id: NodeId) -> Result<&Fake, ReadError> {
        self.0.get(&id.0).ok_or(ReadError::Damaged { what: "record", offset: id.0 })
    }
}

impl Fake {
    fn kind(&self) -> Kind {
        match self {
            Self::Directory(_) => Kind::Directory,
            Self::File(_) => Kind::File,
            Self::Symlink(_) => Kind::Symlink,
            Self::Device(kind, ..) | Self::Damaged(kind) => *kind,
        }
    }
}

impl Tree for FakeTree {
    fn root(&self) -> NodeId {
        NodeId(0)
    }

    fn node(&self, _source: &dyn ReadAt, id: NodeId) -> Result<Node, ReadError> {
        let fake = self.get(id)?;
        let (size, device) = match fake {
            Fake::File(content) => (content.size(), (0, 0)),
            Fake::Symlink(target) => (target.len() as u64, (0, 0)),
            Fake::Device(_, major, minor) => (0, (*major, *minor)),
            Fake::Directory(_) => (0, (0, 0)),
            Fake::Damaged(_) => return Err(ReadError::Damaged { what: "record", offset: id.0 }),
        };
        Ok(Node {
            id,
            kind: fake.kind(),
            size,
            permissions: 0o4777,
            owner: 7,
            group: 7,
            links: 2,
            modified: Timestamp { seconds: 1_600_000_000 + id.0.cast_signed(), nanoseconds: 5 },
            device,
        })
    }

    fn directory(&self, _source: &dyn ReadAt, id: NodeId) -> Result<Directory, ReadError> {
        let Fake::Directory(entries) = self.get(id)? else {
            return Err(ReadError::WrongKind("directory"));
        };
        let mut builder = DirectoryBuilder::default();
        for (name, id) in entries {
            builder.push(name, NodeId(*id), self.0.get(id).map_or(Kind::File, Fake::kind));
        }
        Ok(builder.build())
    }

    fn content(&self, _source: &dyn ReadAt, id: NodeId) -> Result<Content, ReadError> {
        match self.get(id)? {
            Fake::File(content) => Ok(content.clone()),
            _ => Err(ReadError::WrongKind("regular file")),
        }
    }

    fn link_target(&self, _source: &dyn ReadAt, id: NodeId) -> Result<Vec<u8>, ReadError> {
        match self.get(id)? {
            Fake::Symlink(target) => Ok(target.clone()),
            _ => Err(ReadError::WrongKind("symbolic link")),
        }
    }
}
