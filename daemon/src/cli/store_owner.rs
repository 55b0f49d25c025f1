//! Fetching as whoever owns the store: what root leaves in another user's store that user can neither replace nor remove,
//! and what comes from the internet is better not read by root.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use rustix::process::geteuid;

use super::CommandError;

/// Gives up being root for the owner of `store`, for good; nothing where this is not root, or root's is the store.
pub(super) fn become_owner(store: &Path) -> Result<(), CommandError> {
    let Ok(metadata) = fs::metadata(store) else { return Ok(()) };
    if !geteuid().is_root() || metadata.uid() == 0 {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
    setgroups(&[group]).and_then(|()| setgid(group)).and_then(|()| setuid(user)).map_err(|errno| {
        let what = "this process as the owner of the store";
        CommandError::System { what, source: io::Error::from(errno) }
    })
}
