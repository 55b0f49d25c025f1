//! A mount namespace of a test's own, with `mount.isomirror` installed in it: what is mounted in it is seen by nobody
//! else, and goes with the last process in it, however the test ends.

use std::{io, os::unix::fs::symlink, path::Path};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use tempfile::TempDir;

use crate::{binaries, scratch};

/// The namespace of the thread that entered it, and of the processes that this thread starts.
#[derive(Debug)]
pub struct PrivateMounts {
    layers: TempDir,
}

impl PrivateMounts {
    /// Moves the calling thread into a new namespace, for good, where `mount -t isomirror` works and `/run` is empty.
    pub fn enter() -> io::Result<Self> {
        let helper = binaries::path("isomirror")?;
        let layers = scratch::directory()?;
        unshare(CloneFlags::CLONE_NEWNS)?;
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), none)?;
        // mount(8) looks for its helpers in /sbin and nowhere else.
        let path = layers.path();
        mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::empty(), none)?;
        for layer in ["upper", "work"] {
            std::fs::create_dir(path.join(layer))?;
        }
        symlink(helper, path.join("upper/mount.isomirror"))?;
        let options = format!("lowerdir=/sbin,upperdir={0}/upper,workdir={0}/work", path.display());
        let sbin = Path::new("/sbin").canonicalize()?;
        mount(Some("overlay"), &sbin, Some("overlay"), MsFlags::empty(), Some(options.as_str()))?;
        Ok(Self { layers })
    }
}

impl Drop for PrivateMounts {
    fn drop(&mut self) {
        // The directory can go only when nothing is mounted on it; the rest goes with the namespace.
        let detach = nix::mount::MntFlags::MNT_DETACH;
        if let Ok(sbin) = Path::new("/sbin").canonicalize() {
            nix::mount::umount2(&sbin, detach).ok();
        }
        nix::mount::umount2(self.layers.path(), detach).ok();
    }
}
