//! What is at each name below the web root now. The kernel is asked for the mount at each name, so that a mount that
//! hides another, or one that was made a moment ago, is seen for what it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use isomirror_core::{
    medium::IdentityKey,
    mountinfo::{self, MountEntry},
    name::Name,
    plan::{Actual, Occupant},
};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, StatxFlags, openat, statx};

use super::{
    on_demand::AutomountPoint,
    web_root::{WebRoot, WebRootError},
};
use crate::{
    backend::{self, BackendKind},
    sys::loop_device,
};

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
    let table = fs::read("/proc/self/mountinfo")
        .map_err(|source| WebRootError::Read { path: "/proc/self/mountinfo".into(), source })?;
    let table = mountinfo::parse(&table);
    let resolved = fs::canonicalize(web_root.path()).unwrap_or_else(|_| web_root.path().to_owned());
    let is_private = mountinfo::is_private(&table, &resolved);
    let mut observation = Observation { is_private, ..Observation::default() };
    let by_id: BTreeMap<u64, &MountEntry> =
        table.iter().map(|entry| (u64::from(entry.id), entry)).collect();
    let own_mount = mount_id(web_root, OsStr::new("."));
    observation.automount = own_mount.and_then(|own| point(by_id.get(&own)?));
    if observation.automount.is_some() {
        observe_automounts(web_root, &resolved, &table, state_directory, known, &mut observation)?;
        return Ok(observation);
    }
    for name in web_root.names()? {
        let Some(published) = name.to_str().and_then(|text| Name::try_from(text.to_owned()).ok())
        else {
            continue;
        };
        let mount = mount_id(web_root, &name);
        let occupant = match mount.filter(|mount| own_mount.is_none_or(|own| own != *mount)) {
            Some(mount) => {
                let found = by_id
                    .get(&mount)
                    .map(|entry| recognised(entry, &published, state_directory, known));
                found.flatten().map_or(Occupant::Foreign, |(occupant, backend)| {
                    observation.backends.insert(published.clone(), backend);
                    occupant
                })
            }
            None => unmounted(web_root, &name, known.directories.contains(&published)),
        };
        observation.actual.insert(published, occupant);
    }
    Ok(observation)
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

fn unmounted(web_root: &WebRoot, name: &OsStr, ours: bool) -> Occupant {
    let flags =
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let directory = openat(web_root.as_fd(), name, flags, Mode::empty()).and_then(Dir::new);
    match directory {
        Ok(entries) => {
            let is_entry = |name: &[u8]| name != b"." && name != b"..";
            let empty = !entries.flatten().any(|entry| is_entry(entry.file_name().to_bytes()));
            Occupant::Directory { ours, empty }
        }
        Err(_) => Occupant::Foreign,
    }
}

/// The kernel's number of the mount at `name`; asks no file system for anything that it would have to fetch.
fn mount_id(web_root: &WebRoot, name: &OsStr) -> Option<u64> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let found = statx(web_root.as_fd(), name, flags, StatxFlags::MNT_ID).ok()?;
    (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
}
