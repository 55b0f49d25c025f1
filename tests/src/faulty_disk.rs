//! A disk that fails when it is told to: a file system in memory, by FUSE. As on a share of a network there are no locks
//! and nothing can be reserved; syncing tells of an error once, as fsync(2) does.

mod nodes;

use std::{
    ffi::OsStr,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, InitFlags, KernelConfig, LockOwner, MountOption, OpenFlags, RenameFlags,
    ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use tempfile::TempDir;

use crate::scratch;
use nodes::Nodes;

/// The kernel asks every time.
const VALID: Duration = Duration::ZERO;
const BLOCK: u32 = 4096;
/// What the disk says that it has, in blocks.
const BLOCKS: u64 = 1 << 20;

/// What goes wrong with it. Errors are numbers of errno(3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskFault {
    /// Nothing.
    #[default]
    None,
    /// Writing fails, once so many bytes have been written.
    WriteAfter(u64, i32),
    /// Others have filled it: nothing is left, though what is written still succeeds.
    NoRoom,
    /// The next request to sync a file fails, and those after it do not.
    NextSync(i32),
}

/// A disk. It is unmounted with the value.
#[derive(Debug)]
pub struct FaultyDisk {
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
    directory: TempDir,
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    nodes: Nodes,
    fault: DiskFault,
    written: u64,
}

impl FaultyDisk {
    /// One without faults.
    ///
    /// # Errors
    /// Where there is no FUSE.
    pub fn new() -> io::Result<Self> {
        let directory = scratch::directory()?;
        let shared = Arc::new(Shared::default());
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("faulty".into())];
        let files = Files(Arc::clone(&shared));
        let session = Some(fuser::spawn_mount(files, directory.path(), &config)?);
        Ok(Self { shared, session, directory })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Lets something go wrong from now on.
    pub fn fails(&self, fault: DiskFault) {
        let mut state = self.shared.state();
        (state.fault, state.written) = (fault, 0);
    }

    /// Bytes that were written, or tried to, since the last change of the fault.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.shared.state().written
    }
}

impl Drop for FaultyDisk {
    fn drop(&mut self) {
        // Unmounts, before the directory is removed.
        drop(self.session.take());
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sync(&mut self) -> Result<(), Errno> {
        if let DiskFault::NextSync(error) = self.fault {
            self.fault = DiskFault::None;
            return Err(Errno::from_i32(error));
        }
        Ok(())
    }

    fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.written += bytes.len() as u64;
        match self.fault {
            DiskFault::WriteAfter(limit, error) if self.written > limit => {
                Err(Errno::from_i32(error))
            }
            _ => self.nodes.write(number, offset, bytes),
        }
    }
}

/// The file system as fuser sees it.
#[derive(Debug)]
struct Files(Arc<Shared>);

impl Files {
    fn made(&self, made: Result<u64, Errno>, reply: ReplyEntry) {
        match made.and_then(|number| self.0.state().nodes.attributes(number)) {
            Ok(attributes) => reply.entry(&VALID, &attributes, Generation(0)),
            Err(error) => reply.error(error),
        }
    }
}

fn done(result: Result<(), Errno>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for Files {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Locks are asked of us, and we have none.
        let locks = InitFlags::FUSE_POSIX_LOCKS | InitFlags::FUSE_FLOCK_LOCKS;
        let _ = config.add_capabilities(locks & config.capabilities());
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.0.state().nodes.find(parent.0, name);
        self.made(found, reply);
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.0.state().nodes.attributes(number.0) {
            Ok(attributes) => reply.attr(&VALID, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut state = self.0.state();
        let changed = state.nodes.change(number.0, mode, size);
        match changed.and_then(|()| state.nodes.attributes(number.0)) {
            Ok(attributes) => reply.attr(&VALID, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let number = self.0.state().nodes.make(parent.0, name, FileType::Directory, mode);
        self.made(number, reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let mut state = self.0.state();
        let number = state.nodes.make(parent.0, name, FileType::RegularFile, mode);
        match number.and_then(|number| state.nodes.attributes(number)) {
            Ok(found) => {
                reply.created(&VALID, &found, Generation(0), FileHandle(0), FopenFlags::empty());
            }
            Err(error) => reply.error(error),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.state().nodes.read(number.0, offset, size) {
            Ok(bytes) => reply.data(bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self.0.state().write(number.0, offset, bytes);
        match written {
            Ok(()) => reply.written(u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self.0.state().sync();
        done(synced, reply);
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.0.state().nodes.remove(parent.0, name), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.0.state().nodes.remove(parent.0, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        // As shares of networks answer.
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let from = (parent.0, name);
        done(self.0.state().nodes.rename(from, (new_parent.0, new_name)), reply);
    }

    fn readdir(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let state = self.0.state();
        match state.nodes.list(number.0) {
            Ok(entries) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                for (next, (name, number, kind)) in (1..).zip(entries).skip(from) {
                    if reply.add(INodeNo(number), next, kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(error) => reply.error(error),
        }
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let is_full = self.0.state().fault == DiskFault::NoRoom;
        let free = if is_full { 0 } else { BLOCKS };
        reply.statfs(BLOCKS, free, free, 1 << 20, 1 << 20, BLOCK, 255, BLOCK);
    }
}
