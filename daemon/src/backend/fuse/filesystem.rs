//! The answers to the kernel's requests. Nothing is remembered of them: an inode number says where its object lies.

use std::{
    cell::RefCell,
    collections::HashMap,
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus,
    ReplyEntry, ReplyOpen, ReplyStatfs, Request,
};
use isomirror_core::{
    containment::SymlinkPolicy,
    image::{Directory, Image, Kind, Node, NodeId, Timestamp, TreeFormat},
    survey::Survey,
};

use super::contents::Contents;
use crate::open_medium::OpenMedium;

/// The tree never changes, so the kernel need not ask twice.
const VALID: Duration = Duration::new(86_400, 0);
/// Bytes that the kernel may read ahead.
pub(super) const READ_AHEAD: u32 = 1 << 20;
const BLOCK: u32 = 4096;
/// Offsets in a directory's listing: `.` and `..` come first, and an entry's offset is that of the next one.
const DOTS: u64 = 2;

thread_local! {
    /// What a thread reads into, so that a read allocates nothing.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is served.
#[derive(Debug)]
pub(super) struct Served {
    medium: Arc<OpenMedium>,
    survey: Survey,
    subdirectories: HashMap<NodeId, u32>,
    symlinks: SymlinkPolicy,
    contents: Contents,
}

impl Served {
    pub(super) fn new(medium: Arc<OpenMedium>, survey: Survey, symlinks: SymlinkPolicy) -> Self {
        let subdirectories = survey.subdirectories();
        Self { medium, survey, subdirectories, symlinks, contents: Contents::default() }
    }
}

/// A medium until it is taken away; from then on every request fails.
#[derive(Debug, Default)]
pub(super) struct Shelf(RwLock<Option<Arc<Served>>>);

impl Shelf {
    pub(super) fn new(served: Served) -> Self {
        Self(RwLock::new(Some(Arc::new(served))))
    }

    /// Lets go of the medium, at the latest when the requests that are running have been answered.
    pub(super) fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn get(&self) -> Result<Arc<Served>, Errno> {
        let served = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        served.ok_or(Errno::EIO)
    }
}

/// The file system as fuser sees it.
#[derive(Debug)]
pub(super) struct ImageFileSystem(pub(super) Arc<Shelf>);

impl Served {
    fn image(&self) -> &Image {
        self.medium.image()
    }

    fn number(&self, id: NodeId) -> INodeNo {
        // 0 is no inode and 1 the root; offsets in an image do not come near the end of the range.
        if id == self.image().root() { INodeNo::ROOT } else { INodeNo(id.0.wrapping_add(2)) }
    }

    fn id(&self, number: INodeNo) -> NodeId {
        if number == INodeNo::ROOT {
            return self.image().root();
        }
        NodeId(number.0.wrapping_sub(2))
    }

    fn node(&self, id: NodeId) -> Result<Node, Errno> {
        self.image().node(id).map_err(|_| Errno::EIO)
    }

    fn directory(&self, id: NodeId) -> Result<Arc<Directory>, Errno> {
        // Numbers come from our own answers, so no other directory is ever asked for.
        if !self.survey.parents.contains_key(&id) {
            return Err(Errno::ENOENT);
        }
        self.image().directory(id).map_err(|_| Errno::EIO)
    }

    fn attributes(&self, node: &Node) -> FileAttr {
        let links = match node.kind {
            Kind::Directory => self.subdirectories.get(&node.id).map_or(2, |count| count + 2),
            // Where two names of ISO 9660 mean one file, each still is an object of its own.
            _ if self.image().volume().tree == TreeFormat::Udf => node.links,
            _ => 1,
        };
        attributes(self.number(node.id), node, links)
    }

    fn find(&self, parent: INodeNo, name: &OsStr) -> Result<Option<FileAttr>, Errno> {
        let id = self.id(parent);
        let directory = self.directory(id)?;
        let entry = self.survey.find(id, &directory, name.as_bytes(), self.symlinks);
        entry.map(|entry| Ok(self.attributes(&self.node(entry.id)?))).transpose()
    }

    /// Calls `add` with offset, name, and node or kind of each entry from `offset` on until it says that it is full.
    fn list(
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

fn file_type(kind: Kind) -> FileType {
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
fn unreadable(number: INodeNo, id: NodeId, kind: Kind) -> FileAttr {
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

impl Filesystem for ImageFileSystem {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = InitFlags::FUSE_ASYNC_READ
            | InitFlags::FUSE_DO_READDIRPLUS
            | InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_CACHE_SYMLINKS
            | InitFlags::FUSE_NO_OPEN_SUPPORT
            | InitFlags::FUSE_NO_OPENDIR_SUPPORT;
        // What the kernel does not offer makes things slower, not wrong.
        let _ = config.add_capabilities(wanted & config.capabilities());
        if let Err(most) = config.set_max_readahead(READ_AHEAD) {
            let _ = config.set_max_readahead(most);
        }
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.0.get().and_then(|served| served.find(parent, name)) {
            Ok(Some(attributes)) => reply.entry(&VALID, &attributes, Generation(0)),
            // An entry without inode tells the kernel to remember that there is none.
            Ok(None) => {
                let none = unreadable(INodeNo(0), NodeId(0), Kind::File);
                reply.entry(&VALID, &none, Generation(0));
            }
            Err(error) => reply.error(error),
        }
    }

    fn getattr(
        &self,
        _request: &Request,
        number: INodeNo,
        _handle: Option<FileHandle>,
        reply: ReplyAttr,
    ) {
        let found = self.0.get().and_then(|served| {
            let node = served.node(served.id(number))?;
            Ok(served.attributes(&node))
        });
        match found {
            Ok(attributes) => reply.attr(&VALID, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn readlink(&self, _request: &Request, number: INodeNo, reply: ReplyData) {
        let target = self.0.get().and_then(|served| {
            served.image().link_target(served.id(number)).map_err(|_| Errno::EIO)
        });
        match target {
            Ok(target) => reply.data(&target),
            Err(error) => reply.error(error),
        }
    }

    /// ENOSYS tells the kernel to open without asking from now on.
    fn open(&self, _request: &Request, _number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.error(Errno::ENOSYS);
    }

    fn opendir(&self, _request: &Request, _number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        // A kernel older than 5.1 asks each time, and would fail on ENOSYS.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR);
    }

    fn read(
        &self,
        _request: &Request,
        number: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        BUFFER.with_borrow_mut(|buffer| {
            let size = size as usize;
            if buffer.len() < size {
                buffer.resize(size, 0);
            }
            let read = self.0.get().and_then(|served| {
                let content = served.contents.get(served.image(), served.id(number));
                let content = content.map_err(|_| Errno::EIO)?;
                let read = served.image().read(&content, offset, &mut buffer[..size]);
                read.map_err(|_| Errno::EIO)
            });
            match read {
                Ok(length) => reply.data(&buffer[..length]),
                Err(error) => reply.error(error),
            }
        });
    }

    fn readdir(
        &self,
        _request: &Request,
        number: INodeNo,
        _handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = self.0.get().and_then(|served| {
            served.list(number, offset, |next, name, id, kind| {
                let name = OsStr::from_bytes(name);
                reply.add(served.number(id), next, file_type(kind), name)
            })
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn readdirplus(
        &self,
        _request: &Request,
        number: INodeNo,
        _handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let listed = self.0.get().and_then(|served| {
            served.list(number, offset, |next, name, id, kind| {
                let number = served.number(id);
                let (valid, attributes) = match served.node(id) {
                    Ok(node) => (VALID, served.attributes(&node)),
                    Err(_) => (Duration::ZERO, unreadable(number, id, kind)),
                };
                let name = OsStr::from_bytes(name);
                reply.add(number, next, name, &valid, &attributes, Generation(0))
            })
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn statfs(&self, _request: &Request, _number: INodeNo, reply: ReplyStatfs) {
        match self.0.get() {
            Ok(served) => {
                let blocks = served.image().source().size().div_ceil(2048);
                let survey = &served.survey;
                let files = survey.files + survey.directories + survey.symlinks + survey.others;
                reply.statfs(blocks, 0, 0, files, 0, 2048, 255, 2048);
            }
            Err(error) => reply.error(error),
        }
    }
}
