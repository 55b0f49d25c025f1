//! The socket in the runtime directory.

use std::{
    fs, io,
    os::unix::{
        fs::{PermissionsExt, chown},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use isomirror_core::control::SOCKET;
use nix::unistd::Group;

use super::peer::GROUP;

/// Root, or the daemon's own user, and the group.
const MODE: u32 = 0o660;

/// A socket that is listened on. Dropped, it is gone from its directory.
#[derive(Debug)]
pub struct Socket {
    pub(super) listener: UnixListener,
    pub(super) has_group: bool,
    path: PathBuf,
}

/// Why nobody can control this daemon.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on the control socket `{}`", path.display())]
pub struct ListenError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Socket {
    /// Listens in `runtime_directory`, which must be this daemon's alone; what an earlier one left there is replaced.
    /// Whoever connects waits until the socket is served.
    pub fn listen(runtime_directory: &Path) -> Result<Self, ListenError> {
        let path = runtime_directory.join(SOCKET);
        let failed = |source| ListenError { path: path.clone(), source };
        // Made under another name, so that nobody can connect before its mode is right.
        let new = runtime_directory.join(format!("{SOCKET}.new"));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&new).map_err(failed)?;
        let has_group = give_to_group(&new);
        fs::set_permissions(&new, fs::Permissions::from_mode(MODE)).map_err(failed)?;
        fs::rename(&new, &path).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { listener, has_group, path })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A socket that nobody listens on refuses, as one that is not there does.
        let _ = fs::remove_file(&self.path);
    }
}

/// Gives the socket to the group, if there is one. An ordinary user's daemon cannot, and needs none.
fn give_to_group(path: &Path) -> bool {
    let group = Group::from_name(GROUP).ok().flatten();
    group.is_some_and(|group| chown(path, None, Some(group.gid.as_raw())).is_ok())
}
