//! What is at each name below the web root now. The kernel is asked for the mount at each name, so that a mount that
//! hides another, or one that was made a moment ago, is seen for what it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
};

use isomirror_core::{
    medium::IdentityKey,
    mountinfo::{self, MountEntry},
    name::Name,
    plan::{Actual, Occupant},
};
use rustix::{
    fs::{AtFlags, Dir, Mode, OFlags, StatxFlags, openat, statx},
    io::Errno,
};

use super::{
    occupancy::{Found, Sight, look_at},
    on_demand::AutomountPoint,
    web_root::{WebRoot, WebRootError},
};
use crate::{
    backend::{self, BackendKind},
    sys::loop_device,
};

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// What is known beforehand of what may be found.
#[derive(Debug)]
pub(super) struct Known {
    /// Directories that we made.
    pub(super) directories: BTreeSet<Name>,
    /// Discs that we mounted.
    pub(super) discs: BTreeMap<Name, IdentityKey>,
    /// FUSE mounts that this process serves.
    pub(super) served: BTreeSet<Name>,
}

/// What is there.
#[derive(Debug, Default)]
pub(super) struct Observation {
    /// By name.
    pub(super) actual: Actual,
    /// How our mounts are made.
    pub(super) backends: BTreeMap<Name, BackendKind>,
    /// Whether mounts made below the web root stay invisible to the host.
    pub(super) is_private: bool,
    /// The automount that the web root is the mount point of; its directories are not ours to make or remove.
    pub(super) automount: Option<AutomountPoint>,
}

/// Looks at the web root. Blocks, but reads no medium.
pub(super) fn observe(
    web_root: &WebRoot,
    state_directory: &Path,
    known: &Known,
) -> Result<Observation, WebRootError> {
    let table = mount_table()?;
    let resolved = fs::canonicalize(web_root.path()).unwrap_or_else(|_| web_root.path().to_owned());
    let is_private = mountinfo::is_private(&table, &resolved);
    let mut observation = Observation { is_private, ..Observation::default() };
    let own_mount = mount_id(web_root.as_fd(), OsStr::new(".")).ok().flatten();
    observation.automount =
        own_mount.and_then(|own| point(table.iter().find(|entry| u64::from(entry.id) == own)?));
    if observation.automount.is_some() {
        observe_automounts(web_root, &resolved, &table, state_directory, known, &mut observation)?;
        return Ok(observation);
    }
    let found = look_at(web_root.names()?, |name| sight(web_root, own_mount, name), mount_table)?;
    for (name, found) in found {
        let Some(published) = name.to_str().and_then(|text| Name::try_from(text.to_owned()).ok())
        else {
            continue;
        };
        let ours = known.directories.contains(&published);
        let occupant = match found {
            Found::Directory { empty } => Occupant::Directory { ours, empty },
            Found::Other => Occupant::Foreign,
            Found::Mount(entry) => match recognised(&entry, &published, state_directory, known) {
                Some((occupant, backend)) => {
                    observation.backends.insert(published.clone(), backend);
                    occupant
                }
                None => Occupant::Foreign,
            },
        };
        observation.actual.insert(published, occupant);
    }
    Ok(observation)
}

fn mount_table() -> Result<Vec<MountEntry>, WebRootError> {
    let table = fs::read(MOUNTINFO)
        .map_err(|source| WebRootError::Read { path: MOUNTINFO.into(), source })?;
    Ok(mountinfo::parse(&table))
}

fn point(entry: &MountEntry) -> Option<AutomountPoint> {
    let group = entry.automount_group()?;
    Some(AutomountPoint { map: PathBuf::from(&entry.source), group })
}

/// What automount has made and mounted. Nothing but the list of names and the mount table is looked at: to open one of
/// its directories is to have it mounted, and to ask after one that is being mounted is to wait for that.
fn observe_automounts(
    web_root: &WebRoot,
    resolved: &Path,
    table: &[MountEntry],
    state_directory: &Path,
    known: &Known,
    observation: &mut Observation,
) -> Result<(), WebRootError> {
    for name in web_root.names()? {
        let path = resolved.join(&name);
        let Some(name) = name.to_str().and_then(|text| Name::try_from(text.to_owned()).ok()) else {
            continue;
        };
        let occupant = match table.iter().rfind(|entry| entry.point == path) {
            None => Occupant::Directory { ours: false, empty: true },
            Some(entry) => match recognised(entry, &name, state_directory, known) {
                Some((Occupant::Mounted { mount, medium, on_disc, .. }, backend)) => {
                    observation.backends.insert(name.clone(), backend);
                    // FUSE mounts have a process of their own, which mount.isomirror started.
                    Occupant::Mounted { mount, medium, dead: false, on_disc }
                }
                _ => Occupant::Foreign,
            },
        };
        observation.actual.insert(name, occupant);
    }
    Ok(())
}

/// The mount at a name, if it is one of ours.
fn recognised(
    entry: &MountEntry,
    name: &Name,
    state_directory: &Path,
    known: &Known,
) -> Option<(Occupant, BackendKind)> {
    let medium =
        backend::recognise(&entry.file_system, &entry.source, entry.device, state_directory)?;
    let backend = kind_of(entry);
    let dead = match backend {
        BackendKind::Fuse => !known.served.contains(name),
        // Its disc seemed to be gone for a moment.
        _ => entry.device.0 == loop_device::MAJOR && loop_device::is_cut_off(entry.device.1),
    };
    let on_disc = known.discs.get(name) == Some(&medium);
    Some((Occupant::Mounted { mount: entry.id, medium, dead, on_disc }, backend))
}

fn kind_of(entry: &MountEntry) -> BackendKind {
    match entry.file_system.as_str() {
        "erofs" => BackendKind::Erofs,
        "fuse.isomirror" => BackendKind::Fuse,
        _ => BackendKind::Kernel,
    }
}

/// One look at a name.
fn sight(web_root: &WebRoot, own_mount: Option<u64>, name: &OsStr) -> Sight {
    let lies_here = |id: u64| own_mount.is_none_or(|own| own == id);
    match mount_id(web_root.as_fd(), name) {
        Ok(Some(id)) if !lies_here(id) => return Sight::Mount(id),
        Err(Errno::NOENT) => return Sight::Gone,
        _ => {}
    }
    let flags =
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let directory = match openat(web_root.as_fd(), name, flags, Mode::empty()) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Sight::Gone,
        Err(_) => return Sight::Other,
    };
    // What was opened may have been mounted a moment ago, and its content is not that of the directory below.
    match mount_id(directory.as_fd(), OsStr::new("")) {
        Ok(Some(id)) if !lies_here(id) => return Sight::Changed,
        _ => {}
    }
    let Ok(entries) = Dir::new(directory) else { return Sight::Other };
    let is_entry = |name: &[u8]| name != b"." && name != b"..";
    let empty = !entries.flatten().any(|entry| is_entry(entry.file_name().to_bytes()));
    Sight::Directory { empty }
}

/// The kernel's number of the mount at `name`, or of `directory` itself where `name` is empty; `None` where the kernel
/// does not tell. Asks no file system for anything that it would have to fetch.
fn mount_id(directory: BorrowedFd<'_>, name: &OsStr) -> Result<Option<u64>, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW
        | AtFlags::NO_AUTOMOUNT
        | AtFlags::STATX_DONT_SYNC
        | AtFlags::EMPTY_PATH;
    let found = statx(directory, name, flags, StatxFlags::MNT_ID)?;
    Ok((found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id))
}
