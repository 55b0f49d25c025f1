//! That one daemon only works in a runtime directory, and that others can tell whether one does.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    libc,
};

/// Name of the lock file in the runtime directory.
const LOCK_FILE: &str = "lock";

/// The right to work in a runtime directory; the kernel takes it back when the process ends, however it does.
#[derive(Debug)]
pub struct Instance {
    _lock: File,
}

/// Why this process must not work in the runtime directory.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// Another daemon does.
    #[error("another isomirrord works in `{}` already", .0.display())]
    Running(PathBuf),
    /// The lock file cannot be made or locked.
    #[error("cannot lock `{}`", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Instance {
    /// Makes `runtime_directory` if it is missing, and takes the right to work in it.
    pub fn acquire(runtime_directory: &Path) -> Result<Self, InstanceError> {
        let path = runtime_directory.join(LOCK_FILE);
        let failed = |source| InstanceError::Lock { path: path.clone(), source };
        fs::create_dir_all(runtime_directory).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o644);
        let lock = options.custom_flags(libc::O_NOFOLLOW).open(&path).map_err(failed)?;
        match fcntl(&lock, FcntlArg::F_OFD_SETLK(&whole_file())) {
            Ok(_) => Ok(Self { _lock: lock }),
            Err(Errno::EAGAIN | Errno::EACCES) => {
                Err(InstanceError::Running(runtime_directory.to_owned()))
            }
            Err(errno) => Err(failed(errno.into())),
        }
    }
}

/// Whether a daemon works in `runtime_directory`. Asking never stands in the way of one that starts.
pub fn is_running(runtime_directory: &Path) -> io::Result<bool> {
    let lock = match File::open(runtime_directory.join(LOCK_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    let mut found = whole_file();
    fcntl(&lock, FcntlArg::F_OFD_GETLK(&mut found))?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

#[expect(clippy::cast_possible_truncation, reason = "both constants are below 5")]
fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_daemon_a_directory_and_anyone_can_tell() {
        let directory = tempfile::tempdir().unwrap();
        let runtime = directory.path().join("run");
        assert!(!is_running(&runtime).unwrap());
        let first = Instance::acquire(&runtime).unwrap();
        assert!(is_running(&runtime).unwrap());
        assert!(matches!(Instance::acquire(&runtime), Err(InstanceError::Running(_))));
        drop(first);
        assert!(!is_running(&runtime).unwrap());
        Instance::acquire(&runtime).unwrap();
    }
}
