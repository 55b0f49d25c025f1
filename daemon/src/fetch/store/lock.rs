//! That one process only works in a store.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

use nix::libc::EBADF;
use serde::{Deserialize, Serialize};

use super::StoreError;

const LOCK: &str = ".lock";
const OWNER: &str = ".owner.json";

/// The right to work in a store. Where the file system has locks, the kernel takes it back when the process ends;
/// elsewhere a file tells who has it, which is believed until that process or that boot is gone.
#[derive(Debug)]
pub(super) enum StoreLock {
    Kernel { _file: File },
    Owner(PathBuf),
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    host: String,
    boot: String,
    process: u32,
}

impl StoreLock {
    pub(super) fn acquire(store: &Path) -> Result<Self, StoreError> {
        let path = store.join(LOCK);
        let failed = StoreError::io("lock", &path);
        let writable = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false).open(&path)
        };
        // A file that is open for writing would keep a disk from becoming read-only.
        let mut file = writable().and_then(|_| File::open(&path)).map_err(&failed)?;
        let mut locked = file.try_lock();
        if matches!(&locked, Err(TryLockError::Error(error)) if error.raw_os_error() == Some(EBADF))
        {
            // NFS locks only what is open for writing.
            file = writable().map_err(&failed)?;
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => Ok(Self::Kernel { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
                store: store.to_owned(),
                owner: "it is locked".to_owned(),
            }),
            Err(TryLockError::Error(error)) if is_unsupported(&error) => Self::own(store),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    fn own(store: &Path) -> Result<Self, StoreError> {
        let path = store.join(OWNER);
        let failed = StoreError::io("own", &path);
        let own = Owner::of_this_process().map_err(&failed)?;
        let text = serde_json::to_vec(&own).map_err(|error| failed(error.into()))?;
        // A second try follows when what an ended process left was removed.
        for _ in 0..2 {
            match File::create_new(&path).and_then(|mut file| file.write_all(&text)) {
                Ok(()) => return Ok(Self::Owner(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
            let found: Option<Owner> =
                fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
            if found.as_ref().is_some_and(|found| !found.is_gone(&own)) {
                break;
            }
            fs::remove_file(&path).map_err(&failed)?;
        }
        let owner = fs::read_to_string(&path).unwrap_or_default();
        Err(StoreError::Locked { store: store.to_owned(), owner })
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        if let Self::Owner(path) = self {
            // What stays is recognised as an ended process's by the next one.
            let _ = fs::remove_file(path);
        }
    }
}

impl Owner {
    fn of_this_process() -> io::Result<Self> {
        let text = |path| Ok::<_, io::Error>(fs::read_to_string(path)?.trim().to_owned());
        Ok(Self {
            host: text("/proc/sys/kernel/hostname")?,
            boot: text("/proc/sys/kernel/random/boot_id")?,
            process: process::id(),
        })
    }

    /// Whether it surely works no more. Of another host nobody here can tell.
    fn is_gone(&self, own: &Self) -> bool {
        let is_alive = || Path::new("/proc").join(self.process.to_string()).exists();
        self.host == own.host && (self.boot != own.boot || !is_alive())
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    use nix::libc::{ENOLCK, ENOSYS, EOPNOTSUPP};
    matches!(error.raw_os_error(), Some(ENOLCK | ENOSYS | EOPNOTSUPP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_has_one_process() {
        let store = tempfile::tempdir().unwrap();
        let first = StoreLock::acquire(store.path()).unwrap();
        let second = StoreLock::acquire(store.path());
        assert!(matches!(second, Err(StoreError::Locked { .. })));
        drop(first);
        StoreLock::acquire(store.path()).unwrap();
    }

    #[test]
    fn without_locks_an_owner_is_believed_until_it_is_gone() {
        let store = tempfile::tempdir().unwrap();
        let first = StoreLock::own(store.path()).unwrap();
        assert!(matches!(StoreLock::own(store.path()), Err(StoreError::Locked { .. })));
        drop(first);
        let own = Owner::of_this_process().unwrap();
        let before = Owner { boot: "earlier".into(), ..own };
        let path = store.path().join(OWNER);
        fs::write(&path, serde_json::to_vec(&before).unwrap()).unwrap();
        drop(StoreLock::own(store.path()).unwrap());
        let elsewhere = Owner { host: "elsewhere".into(), ..before };
        fs::write(&path, serde_json::to_vec(&elsewhere).unwrap()).unwrap();
        assert!(matches!(StoreLock::own(store.path()), Err(StoreError::Locked { .. })));
        fs::write(&path, b"torn").unwrap();
        StoreLock::own(store.path()).unwrap();
    }
}
