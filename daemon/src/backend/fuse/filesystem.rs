//! The answers to the kernel's requests. Nothing is remembered of them, so any number of threads may answer.

use std::{
    cell::RefCell,
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use fuser::{
    Errno, FileHandle, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEntry,
    ReplyOpen, ReplyStatfs, Request,
};
use isomirror_core::image::{Kind, NodeId};

use super::served::{Served, file_type, unreadable};

/// The tree never changes, so the kernel need not ask twice.
const VALID: Duration = Duration::new(86_400, 0);
/// Bytes that the kernel may read ahead.
pub(super) const READ_AHEAD: u32 = 1 << 20;

thread_local! {
    /// What a thread reads into, so that a read allocates nothing.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
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

impl Filesystem for ImageFileSystem {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = InitFlags::FUSE_ASYNC_READ
            | InitFlags::FUSE_DO_READDIRPLUS
            | InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_CACHE_SYMLINKS
            | InitFlags::FUSE_NO_OPEN_SUPPORT;
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

    /// Here ENOSYS would do the same only since Linux 5.1, and the flags tell to keep the listing.
    fn opendir(&self, _request: &Request, _number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
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
