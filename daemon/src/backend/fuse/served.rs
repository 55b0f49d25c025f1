//! What a mounted tree shows of a medium, in the terms of FUSE. An inode number says where its object lies.

use std::{
    collections::HashMap,
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuser::{Errno, FileAttr, FileType, INodeNo};
use isomirror_core::{
    containment::SymlinkPolicy,
    image::{Directory, Image, Kind, Node, NodeId, Timestamp, TreeFormat},
    survey::Survey,
};

use super::contents::Contents;
use crate::open_medium::OpenMedium;

const BLOCK: u32 = 4096;
/// Offsets in a directory's listing: `.` and `..` come first, and an entry's offset is that of the next one.
const DOTS: u64 = 2;

/// What is served.
#[derive(Debug)]
pub(super) struct Served {
    medium: Arc<OpenMedium>,
    pub(super) survey: Survey,
    subdirectories: HashMap<NodeId, u32>,
    symlinks: SymlinkPolicy,
    pub(super) contents: Contents,
}

impl Served {
    pub(super) fn new(medium: Arc<OpenMedium>, survey: Survey, symlinks: SymlinkPolicy) -> Self {
        let subdirectories = survey.subdirectories();
        Self { medium, survey, subdirectories, symlinks, contents: Contents::default() }
    }
}

impl Served {
    pub(super) fn image(&self) -> &Image {
        self.medium.image()
    }

    pub(super) fn number(&self, id: NodeId) -> INodeNo {
        // 0 is no inode and 1 the root; offsets in an image do not come near the end of the range.
        if id == self.image().root() { INodeNo::ROOT } else { INodeNo(id.0.wrapping_add(2)) }
    }

    pub(super) fn id(&self, number: INodeNo) -> NodeId {
        if number == INodeNo::ROOT {
            return self.image().root();
        }
        NodeId(number.0.wrapping_sub(2))
    }

    pub(super) fn node(&self, id: NodeId) -> Result<Node, Errno> {
        self.image().node(id).map_err(|_| Errno::EIO)
    }

    fn directory(&self, id: NodeId) -> Result<Arc<Directory>, Errno> {
        // Numbers come from our own answers, so no other directory is ever asked for.
        if !self.survey.parents.contains_key(&id) {
            return Err(Errno::ENOENT);
        }
        self.image().directory(id).map_err(|_| Errno::EIO)
    }

    pub(super) fn attributes(&self, node: &Node) -> FileAttr {
        let links = match node.kind {
            Kind::Directory => self.subdirectories.get(&node.id).map_or(2, |count| count + 2),
            // Where two names of ISO 9660 mean one file, each still is an object of its own.
            _ if self.image().volume().tree == TreeFormat::Udf => node.links,
            _ => 1,
        };
        attributes(self.number(node.id), node, links)
    }

    pub(super) fn find(&self, parent: INodeNo, name: &OsStr) -> Result<Option<FileAttr>, Errno> {
        let id = self.id(parent);
        let directory = self.directory(id)?;
        let entry = self.survey.find(id, &directory, name.as_bytes(), self.symlinks);
        entry.map(|entry| Ok(self.attributes(&self.node(entry.id)?))).transpose()
    }

    /// Calls `add` with offset, name, and node or kind of each entry from `offset` on until it says that it is full.
    pub(super) fn list(
        &self,
        number: INodeNo,
        offset: u64,
        mut add: impl FnMut(u64, &[u8], NodeId, Kind) -> bool,
    ) -> Result<(), Errno> {
        let id = self.id(number);
        let directory = self.directory(id)?;
        let parent = self.survey.parents.get(&id).map_or(id, |parent| parent.directory);
        let dots = [(&b"."[..], id), (&b".."[..], parent)];
        for ((name, id), next) in dots.into_iter().zip(1..) {
            if offset < next && add(next, name, id, Kind::Directory) {
                return Ok(());
            }
        }
        let start = usize::try_from(offset.saturating_sub(DOTS)).unwrap_or(usize::MAX);
        for (index, entry) in self.survey.shown(id, &directory, start, self.symlinks) {
            if add(index as u64 + DOTS + 1, entry.name, entry.id, entry.kind) {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn attributes(number: INodeNo, node: &Node, links: u32) -> FileAttr {
    let modified = system_time(node.modified);
    let (major, minor) = node.device;
    FileAttr {
        ino: number,
        size: node.size,
        blocks: node.size.div_ceil(512),
        atime: modified,
        mtime: modified,
        ctime: modified,
        crtime: modified,
        kind: file_type(node.kind),
        perm: match node.kind {
            Kind::Directory => 0o555,
            Kind::Symlink => 0o777,
            _ => 0o444,
        },
        nlink: links,
        uid: 0,
        gid: 0,
        rdev: (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xf_ff00) << 12,
        blksize: BLOCK,
        flags: 0,
    }
}

pub(super) fn file_type(kind: Kind) -> FileType {
    match kind {
        Kind::File => FileType::RegularFile,
        Kind::Directory => FileType::Directory,
        Kind::Symlink => FileType::Symlink,
        Kind::CharacterDevice => FileType::CharDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        Kind::Fifo => FileType::NamedPipe,
        Kind::Socket => FileType::Socket,
    }
}

fn system_time(time: Timestamp) -> SystemTime {
    let whole = Duration::from_secs(time.seconds.unsigned_abs());
    let moment = if time.seconds < 0 {
        UNIX_EPOCH.checked_sub(whole)
    } else {
        UNIX_EPOCH.checked_add(whole)
    };
    let nanoseconds = Duration::from_nanos(time.nanoseconds.into());
    moment.and_then(|moment| moment.checked_add(nanoseconds)).unwrap_or(UNIX_EPOCH)
}

/// What is known of an object that cannot be read: enough to list it, not for longer than that.
pub(super) fn unreadable(number: INodeNo, id: NodeId, kind: Kind) -> FileAttr {
    let node = Node {
        id,
        kind,
        size: 0,
        permissions: 0,
        owner: 0,
        group: 0,
        links: 1,
        modified: Timestamp::default(),
        device: (0, 0),
    };
    attributes(number, &node, 1)
}
