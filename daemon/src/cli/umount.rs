//! `isomirror umount`: takes away what `isomirror mount` mounted, with all that belongs to it. Leaves mounts of
//! others alone.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use isomirror_core::mountinfo::{self, MountEntry};
use nix::errno::Errno;

use super::mount::{MountCommandError, split};
use crate::backend::{self, MountTarget, UnmountError, UnmountMode};

/// Why a mount was not taken away.
#[derive(Debug, thiserror::Error)]
pub enum UmountCommandError {
    /// The directory cannot be reached.
    #[error(transparent)]
    Directory(#[from] MountCommandError),
    /// The table of mounts cannot be read.
    #[error("cannot read the table of mounts")]
    Table(#[source] io::Error),
    /// There is no mount.
    #[error("nothing is mounted on `{}`", .0.display())]
    NotMounted(PathBuf),
    /// It is not ours.
    #[error("`{}` was not mounted by isomirror", .0.display())]
    Foreign(PathBuf),
    /// The kernel refused.
    #[error(transparent)]
    Unmount(#[from] UnmountError),
    /// The helper that unmounts for ordinary users failed.
    #[error("`fusermount3 -u` failed for `{}`", .0.display())]
    Helper(PathBuf),
}

/// Unmounts `directory`.
pub fn run(directory: &Path) -> Result<(), UmountCommandError> {
    take_away(directory, UnmountMode::Orderly)
}

/// Unmounts `directory` even while it is used.
pub(super) fn detach(directory: &Path) -> Result<(), UmountCommandError> {
    take_away(directory, UnmountMode::Detach)
}

fn take_away(directory: &Path, mode: UnmountMode) -> Result<(), UmountCommandError> {
    let (parent, name) = split(directory)?;
    let target = MountTarget::new(parent.as_fd(), &name)
        .ok_or_else(|| UmountCommandError::NotMounted(directory.to_owned()))?;
    let path = target.real_path().map_err(UmountCommandError::Table)?;
    let table = fs::read("/proc/self/mountinfo").map_err(UmountCommandError::Table)?;
    let entry = mountinfo::parse(&table)
        .into_iter()
        .rfind(|entry| entry.point == path)
        .ok_or_else(|| UmountCommandError::NotMounted(directory.to_owned()))?;
    let state = state_directory(&entry.source);
    let key = backend::recognise(&entry.file_system, &entry.source, entry.device, &state);
    if key.is_none() && !is_drive(&entry) {
        return Err(UmountCommandError::Foreign(directory.to_owned()));
    }
    match target.unmount(mode) {
        Err(UnmountError::Failed { source, .. })
            if source.raw_os_error() == Some(Errno::EPERM as i32) =>
        {
            unmount_as_user(&path, mode)?;
        }
        other => drop(other?),
    }
    if let Some(key) = key.filter(|_| entry.file_system == "erofs") {
        // Metadata that cannot be removed is swept away by the daemon, and overwritten by the next mount.
        let _ = backend::forget(key, &state);
    }
    Ok(())
}

/// The state directory that the metadata at `source` lies in, by the layout of the state directory.
fn state_directory(source: &OsStr) -> PathBuf {
    Path::new(source).ancestors().nth(2).unwrap_or(Path::new("/")).to_owned()
}

/// A disc that the kernel mounted from the drive itself has nothing to mark.
fn is_drive(entry: &MountEntry) -> bool {
    matches!(entry.file_system.as_str(), "iso9660" | "udf")
        && Path::new(&entry.source).starts_with("/dev")
}

/// Ordinary users may take their own FUSE mounts away through the helper that mounted them.
fn unmount_as_user(path: &Path, mode: UnmountMode) -> Result<(), UmountCommandError> {
    let mut arguments = vec![OsString::from("-u")];
    if mode == UnmountMode::Detach {
        arguments.push("-z".into());
    }
    let status = Command::new("fusermount3")
        .args(arguments)
        .arg("--")
        .arg(path)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(UmountCommandError::Helper(path.to_owned())),
    }
}
