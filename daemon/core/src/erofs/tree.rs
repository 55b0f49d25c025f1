//! Collects the tree that is to be written: every object that is shown, in breadth-first order, the root first.

use std::{
    collections::HashMap,
    io::{Seek, Write},
    sync::Arc,
};

use super::{
    encode::{EncodeError, Sink},
    pieces::{LARGEST_BLOCK_LOG2, Piece, Place, Tail, pieces},
};
use crate::{
    containment::SymlinkPolicy,
    image::{Content, Directory, DirectoryEntry, Image, Kind, Node, NodeId, ReadError, Timestamp},
    survey::Survey,
};

/// Objects that one image may have: what they are remembered by takes about 32 MiB then. Install media have some
/// ten thousands.
pub(super) const MAXIMUM_OBJECTS: usize = 1 << 18;
/// Bytes of directories that are kept while a tree is written.
const MAXIMUM_DIRECTORIES: usize = 24 << 20;
/// Bytes of files that may be copied because the medium does not have them as they are: compressed or embedded.
const MAXIMUM_COPIED: u64 = 64 << 20;
/// Bytes that are copied at once; a part that cannot be read costs no more than this. A block of zisofs has at most
/// as many.
const COPY: u64 = 128 << 10;

/// One object; its index is its inode's place in the image.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) modified: Timestamp,
    pub(super) links: u32,
    pub(super) data: Data,
}

/// What an object is made of.
#[derive(Debug)]
pub(super) enum Data {
    /// The object that it lies in, and what is shown; `None` where it is unreadable.
    Directory { parent: u32, listing: Option<Listing> },
    /// A file's pieces, in order; empty for an empty file.
    File(Box<[Piece]>),
    /// A link's target.
    Symlink(Box<[u8]>),
    /// Major and minor number of a device; zeros for pipes and sockets.
    Device((u32, u32)),
}

/// What a directory shows.
#[derive(Debug)]
pub(super) struct Listing {
    directory: Arc<Directory>,
    /// Index in the directory and index of the object, in the order of names.
    pub(super) entries: Vec<(u32, u32)>,
}

impl Listing {
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        let name = |slot: u32| Some(self.directory.get(slot as usize)?.name);
        self.entries.iter().filter_map(move |(slot, _)| name(*slot))
    }
}

/// Everything that is to be written.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) objects: Vec<Object>,
    /// Objects that had to be left out or cannot be read in whole.
    pub(super) damaged: u64,
}

/// The collecting itself: copies what has to be copied to `sink` as it goes.
pub(super) struct Collector<'a, W> {
    image: &'a Image,
    survey: &'a Survey,
    policy: SymlinkPolicy,
    sink: &'a mut Sink<W>,
    tree: Tree,
    /// Ids of directories yet to be read, by their objects.
    queue: std::collections::VecDeque<(u32, NodeId)>,
    /// Objects that may be named again.
    shared: HashMap<NodeId, u32>,
    kept: usize,
    copied: u64,
}

impl<'a, W: Write + Seek> Collector<'a, W> {
    pub(super) fn new(
        image: &'a Image,
        survey: &'a Survey,
        policy: SymlinkPolicy,
        sink: &'a mut Sink<W>,
    ) -> Self {
        let tree = Tree { objects: Vec::new(), damaged: 0 };
        let (queue, shared) = Default::default();
        Self { image, survey, policy, sink, tree, queue, shared, kept: 0, copied: 0 }
    }

    pub(super) fn collect(mut self) -> Result<Tree, EncodeError> {
        let root = self.image.root();
        let node = self.image.node(root).map_err(EncodeError::Root)?;
        self.push(directory_object(&node, 0))?;
        self.queue.push_back((0, root));
        while let Some((index, id)) = self.queue.pop_front() {
            match self.image.directory(id) {
                Ok(directory) => self.fill(index, id, &directory)?,
                Err(error) if index == 0 => return Err(EncodeError::Root(error)),
                Err(_) => self.tree.damaged += 1,
            }
        }
        Ok(self.tree)
    }

    fn fill(
        &mut self,
        index: u32,
        id: NodeId,
        directory: &Arc<Directory>,
    ) -> Result<(), EncodeError> {
        let survey = self.survey;
        self.kept += directory.weight();
        if self.kept > MAXIMUM_DIRECTORIES {
            return Err(EncodeError::TooLarge("its directories are"));
        }
        let mut entries = Vec::with_capacity(directory.len());
        for (slot, entry) in survey.shown(id, directory, 0, self.policy) {
            match self.object(index, entry)? {
                Some(object) => entries.push((u32::try_from(slot).unwrap_or(u32::MAX), object)),
                None => self.tree.damaged += 1,
            }
        }
        let links = entries.iter().filter(|(_, object)| self.is_directory(*object)).count();
        let object = &mut self.tree.objects[index as usize];
        object.links = u32::try_from(links + 2).unwrap_or(u32::MAX);
        if let Data::Directory { listing, .. } = &mut object.data {
            *listing = Some(Listing { directory: Arc::clone(directory), entries });
        }
        Ok(())
    }

    fn is_directory(&self, object: u32) -> bool {
        self.tree.objects[object as usize].kind == Kind::Directory
    }

    /// The object that `entry` of the directory `parent` names; `None` where it has to be left out.
    fn object(
        &mut self,
        parent: u32,
        entry: DirectoryEntry<'_>,
    ) -> Result<Option<u32>, EncodeError> {
        if let Some(known) = self.shared.get(&entry.id) {
            let links = &mut self.tree.objects[*known as usize].links;
            *links = links.saturating_add(1);
            return Ok(Some(*known));
        }
        let node = match self.image.node(entry.id) {
            Ok(node) => node,
            Err(_) if entry.kind == Kind::File => return self.unreadable_file().map(Some),
            Err(_) => return Ok(None),
        };
        let object = match entry.kind {
            Kind::Directory => directory_object(&node, parent),
            Kind::File => self.file_object(&node)?,
            Kind::Symlink => match self.image.link_target(entry.id) {
                Ok(target) if !target.is_empty() => symlink_object(&node, target),
                _ => return Ok(None),
            },
            kind => Object {
                kind,
                size: 0,
                modified: node.modified,
                links: 1,
                data: Data::Device(node.device),
            },
        };
        let index = self.push(object)?;
        match entry.kind {
            Kind::Directory => self.queue.push_back((index, entry.id)),
            _ if node.links > 1 => drop(self.shared.insert(entry.id, index)),
            _ => {}
        }
        Ok(Some(index))
    }

    /// A file of which nothing is known but that it is there: reading it must fail, so it may not be empty.
    fn unreadable_file(&mut self) -> Result<u32, EncodeError> {
        self.tree.damaged += 1;
        let fault = Piece { start: 0, place: Place::Fault };
        self.push(Object {
            kind: Kind::File,
            size: 1,
            modified: Timestamp::default(),
            links: 1,
            data: Data::File(Box::new([fault])),
        })
    }

    fn file_object(&mut self, node: &Node) -> Result<Object, EncodeError> {
        let pieces = match self.image.content(node.id) {
            Ok(content) if content.size() == node.size => self.file_pieces(&content)?,
            Ok(_) | Err(_) => vec![Piece { start: 0, place: Place::Fault }],
        };
        if pieces.iter().any(|piece| piece.place == Place::Fault) {
            self.tree.damaged += 1;
        }
        if i64::try_from(node.size).is_err() {
            return Err(EncodeError::TooLarge("a file of it is"));
        }
        let pieces = if node.size == 0 { Vec::new() } else { pieces };
        Ok(Object {
            kind: Kind::File,
            size: node.size,
            modified: node.modified,
            links: 1,
            data: Data::File(pieces.into_boxed_slice()),
        })
    }

    fn file_pieces(&mut self, content: &Content) -> Result<Vec<Piece>, EncodeError> {
        let Content::Extents(extents) = content else { return self.copy(content) };
        let (mut pieces, tail) = pieces(extents, self.image.source().size());
        if let (Some(tail), Some(last)) = (tail, pieces.last_mut())
            && let Ok(bytes) = self.read_tail(tail)
        {
            last.place = Place::Metadata(self.write_aligned(&bytes)?);
        }
        Ok(pieces)
    }

    fn read_tail(&self, tail: Tail) -> Result<Vec<u8>, std::io::Error> {
        let mut bytes = vec![0; usize::try_from(tail.length).unwrap_or(0)];
        self.image.source().read_exact_at(&mut bytes, tail.from)?;
        Ok(bytes)
    }

    /// Copies a file that the medium does not have byte by byte. Parts that cannot be read become faults.
    fn copy(&mut self, content: &Content) -> Result<Vec<Piece>, EncodeError> {
        let size = content.size();
        self.copied = self.copied.saturating_add(size);
        if self.copied > MAXIMUM_COPIED {
            return Err(EncodeError::TooLarge("what would have to be copied of it is"));
        }
        let mut pieces: Vec<Piece> = Vec::new();
        let mut buffer = vec![0; usize::try_from(COPY.min(size)).unwrap_or(0)];
        let mut start = 0;
        while start < size {
            let place = match self.read_part(content, start, &mut buffer) {
                Ok(length) => Place::Metadata(self.write_aligned(&buffer[..length])?),
                Err(_) => Place::Fault,
            };
            if !pieces.last().is_some_and(|last| continues(*last, start, place)) {
                pieces.push(Piece { start, place });
            }
            start += COPY;
        }
        Ok(pieces)
    }

    fn read_part(
        &self,
        content: &Content,
        start: u64,
        buffer: &mut [u8],
    ) -> Result<usize, ReadError> {
        self.image.read(content, start, buffer)
    }

    fn write_aligned(&mut self, bytes: &[u8]) -> Result<u64, EncodeError> {
        let address = self.sink.align(1 << LARGEST_BLOCK_LOG2)?;
        self.sink.write(bytes)?;
        Ok(address)
    }

    fn push(&mut self, object: Object) -> Result<u32, EncodeError> {
        if self.tree.objects.len() >= MAXIMUM_OBJECTS {
            return Err(EncodeError::TooLarge("the number of its files is"));
        }
        let index = u32::try_from(self.tree.objects.len()).unwrap_or(u32::MAX);
        self.tree.objects.push(object);
        Ok(index)
    }
}

/// Whether a part at `start` of a file, put at `place`, goes on where `last` ends.
fn continues(last: Piece, start: u64, place: Place) -> bool {
    match (last.place, place) {
        (Place::Metadata(from), Place::Metadata(to)) => from + (start - last.start) == to,
        (Place::Fault, Place::Fault) => true,
        _ => false,
    }
}

fn directory_object(node: &Node, parent: u32) -> Object {
    Object {
        kind: Kind::Directory,
        size: 0,
        modified: node.modified,
        links: 2,
        data: Data::Directory { parent, listing: None },
    }
}

fn symlink_object(node: &Node, target: Vec<u8>) -> Object {
    Object {
        kind: Kind::Symlink,
        size: target.len() as u64,
        modified: node.modified,
        links: 1,
        data: Data::Symlink(target.into_boxed_slice()),
    }
}
