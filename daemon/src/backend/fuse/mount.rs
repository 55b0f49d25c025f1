//! Starting a server and mounting it: by descriptors as root, else with the help of fusermount3.

use std::{
    fs::OpenOptions,
    io,
    os::fd::{AsRawFd, OwnedFd},
    sync::Arc,
    thread::available_parallelism,
};

use fuser::{Config, MountOption, Session, SessionACL};
use isomirror_core::survey::Survey;
use rustix::fs::{AtFlags, StatxFlags, statx};

use super::{
    filesystem::{ImageFileSystem, READ_AHEAD, Shelf},
    served::Served,
    session::{FuseSession, Place},
};
use crate::{
    backend::{
        BackendKind, Capabilities, MountError, MountRequest, Mounted, SymlinkPolicy, mount::attach,
    },
    sys::{
        file_system::{DetachedMount, FileSystemContext, FileSystemError},
        mount_target::MountTarget,
    },
};

const SUBTYPE: &str = "isomirror";

/// Threads that answer the kernel. The readers need the other half of the processors: with two processors a second
/// thread made one sequential reader slower by a tenth.
fn threads() -> usize {
    available_parallelism().map_or(1, |processors| (processors.get() / 2).clamp(1, 4))
}

/// Mounts the request's medium and serves it until the session ends.
pub(in crate::backend) fn mount(
    request: &MountRequest<'_>,
    survey: &Survey,
    capabilities: &Capabilities,
) -> Result<Mounted, MountError> {
    if let Err(reason) = &capabilities.fuse {
        let reason = reason.clone();
        return Err(MountError::Unavailable { backend: BackendKind::Fuse, reason });
    }
    let served = Served::new(Arc::clone(request.medium), survey.clone(), request.symlinks);
    let shelf = Arc::new(Shelf::new(served));
    let session = if capabilities.root {
        mount_as_root(request, shelf)?
    } else {
        mount_as_user(request, shelf)?
    };
    Ok(Mounted { backend: BackendKind::Fuse, reason: None, session: Some(session) })
}

fn mount_as_root(request: &MountRequest<'_>, shelf: Arc<Shelf>) -> Result<FuseSession, MountError> {
    let failed = |source| MountError::Fuse { medium: medium_of(request), source };
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").map_err(failed)?;
    let device = OwnedFd::from(device);
    let detached = make(request, &device).map_err(|source| MountError::FileSystem {
        medium: medium_of(request),
        source: Box::new(source),
    })?;
    let mut config = Config::default();
    config.acl = SessionACL::All;
    config.n_threads = Some(threads());
    config.clone_fd = true;
    let file_system = ImageFileSystem(Arc::clone(&shelf));
    let connection = device.try_clone().map_err(failed)?;
    let session = Session::from_fd(file_system, device, SessionACL::All, config)
        .and_then(Session::spawn)
        .map_err(failed)?;
    // The first request that the server answers: whatever is wrong with it shows before anyone can see the mount.
    let device = device_number(&detached).map_err(failed)?;
    raise_read_ahead(device);
    let place = place(request.target, device, connection).map_err(failed)?;
    attach(detached, request)?;
    Ok(FuseSession::new(shelf, session, Some(place)))
}

fn medium_of(request: &MountRequest<'_>) -> String {
    request.medium.file().path().display().to_string()
}

fn make(request: &MountRequest<'_>, device: &OwnedFd) -> Result<DetachedMount, FileSystemError> {
    let context = FileSystemContext::open("fuse")?;
    context.set("source", request.key.mark())?;
    context.set("subtype", SUBTYPE)?;
    context.set("fd", device.as_raw_fd().to_string())?;
    context.set("rootmode", "40000")?;
    context.set("user_id", "0")?;
    context.set("group_id", "0")?;
    context.set_flag("allow_other")?;
    context.set_flag("default_permissions")?;
    context.mount(request.symlinks != SymlinkPolicy::Off)
}

fn device_number(detached: &DetachedMount) -> io::Result<(u32, u32)> {
    let found = statx(detached, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    Ok((found.stx_dev_major, found.stx_dev_minor))
}

/// The kernel caps what a server may ask for at 128 KiB, but lets root raise it. Half the speed is no failure.
fn raise_read_ahead((major, minor): (u32, u32)) {
    let path = format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb");
    let _ = std::fs::write(path, (READ_AHEAD >> 10).to_string());
}

fn place(target: MountTarget<'_>, device: (u32, u32), connection: OwnedFd) -> io::Result<Place> {
    let parent = target.parent().try_clone_to_owned()?;
    Ok(Place { parent, name: target.name().to_owned(), device, connection })
}

/// The helper is another process, which needs a path of its own. It checks itself that the user may mount there.
fn mount_as_user(request: &MountRequest<'_>, shelf: Arc<Shelf>) -> Result<FuseSession, MountError> {
    let failed = |source| MountError::Fuse { medium: medium_of(request), source };
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::RO,
        MountOption::NoDev,
        MountOption::NoSuid,
        MountOption::NoExec,
        MountOption::DefaultPermissions,
        MountOption::FSName(request.key.mark()),
        MountOption::Subtype(SUBTYPE.to_owned()),
    ];
    config.n_threads = Some(threads());
    config.clone_fd = true;
    let path = request.target.real_path().map_err(failed)?;
    let session = Session::new(ImageFileSystem(Arc::clone(&shelf)), path, &config)
        .and_then(Session::spawn)
        .map_err(failed)?;
    Ok(FuseSession::new(shelf, session, None))
}
