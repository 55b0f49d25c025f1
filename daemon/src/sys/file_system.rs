//! The mount interface of Linux 5.2: a file system is configured, made and attached by descriptors, so that no path
//! is looked up twice, and the kernel says in words what it does not like.

use std::{
    ffi::OsStr,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount,
};

/// Words of the kernel that are kept of one failure, in bytes.
const MAXIMUM_MESSAGES: usize = 1024;

/// The kernel refused a step of making a file system.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} a file system of type `{file_system}`{}", said(.messages))]
pub struct FileSystemError {
    operation: &'static str,
    file_system: String,
    messages: String,
    #[source]
    source: io::Error,
}

impl FileSystemError {
    /// The error number.
    #[must_use]
    pub fn error_number(&self) -> Option<i32> {
        self.source.raw_os_error()
    }
}

fn said(messages: &str) -> String {
    if messages.is_empty() { String::new() } else { format!(": {messages}") }
}

/// A file system that is being configured.
#[derive(Debug)]
pub struct FileSystemContext {
    descriptor: OwnedFd,
    file_system: String,
}

impl FileSystemContext {
    /// Asks the kernel for `file_system`, which makes it load the module where there is one. ENODEV tells that the
    /// kernel does not know it, EPERM that this process may not mount.
    pub fn open(file_system: &str) -> Result<Self, FileSystemError> {
        let descriptor =
            fsopen(file_system, FsOpenFlags::FSOPEN_CLOEXEC).map_err(|error| FileSystemError {
                operation: "open",
                file_system: file_system.to_owned(),
                messages: String::new(),
                source: error.into(),
            })?;
        Ok(Self { descriptor, file_system: file_system.to_owned() })
    }

    /// Sets an option that has a value; `source` is one of them.
    pub fn set(&self, key: &str, value: impl AsRef<OsStr>) -> Result<(), FileSystemError> {
        self.checked("configure", fsconfig_set_string(&self.descriptor, key, value.as_ref()))
    }

    /// Sets an option that has no value.
    pub fn set_flag(&self, key: &str) -> Result<(), FileSystemError> {
        self.checked("configure", fsconfig_set_flag(&self.descriptor, key))
    }

    /// Sets options as mount(8) takes them: separated by commas, some with a value.
    pub fn set_all(&self, options: &str) -> Result<(), FileSystemError> {
        options.split(',').filter(|option| !option.is_empty()).try_for_each(|option| {
            match option.split_once('=') {
                Some((key, value)) => self.set(key, value),
                None => self.set_flag(option),
            }
        })
    }

    /// Makes the file system and mounts it nowhere yet: always read-only, without devices, setuid and programs.
    pub fn mount(self, follow_links: bool) -> Result<DetachedMount, FileSystemError> {
        self.set_flag("ro")?;
        self.checked("make", fsconfig_create(&self.descriptor))?;
        let mut attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
            | MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC
            | MountAttrFlags::MOUNT_ATTR_RELATIME;
        if !follow_links {
            attributes |= MountAttrFlags::MOUNT_ATTR_NOSYMFOLLOW;
        }
        let mounted = fsmount(&self.descriptor, FsMountFlags::FSMOUNT_CLOEXEC, attributes);
        mounted.map(DetachedMount).map_err(|error| self.failure("mount", error))
    }

    fn checked(
        &self,
        operation: &'static str,
        result: rustix::io::Result<()>,
    ) -> Result<(), FileSystemError> {
        result.map_err(|error| self.failure(operation, error))
    }

    fn failure(&self, operation: &'static str, error: rustix::io::Errno) -> FileSystemError {
        FileSystemError {
            operation,
            file_system: self.file_system.clone(),
            messages: self.messages(),
            source: error.into(),
        }
    }

    /// What the kernel says of the last failure. Each read gives one line that starts with its level, like `e `.
    fn messages(&self) -> String {
        let mut messages = Vec::new();
        let mut line = [0; 512];
        while let Ok(length) = rustix::io::read(&self.descriptor, &mut line)
            && length > 0
            && messages.len() < MAXIMUM_MESSAGES
        {
            let text = line[..length].trim_ascii();
            if !messages.is_empty() {
                messages.extend_from_slice(b"; ");
            }
            messages.extend_from_slice(text.get(2..).unwrap_or(text));
        }
        String::from_utf8_lossy(&messages).into_owned()
    }
}

/// A file system that is mounted but attached nowhere. Dropped, it is gone.
#[derive(Debug)]
pub struct DetachedMount(OwnedFd);

impl DetachedMount {
    /// Attaches the mount to the directory that `target` is open on.
    pub fn attach(self, target: BorrowedFd<'_>) -> io::Result<()> {
        let flags =
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        Ok(move_mount(&self.0, "", target, "", flags)?)
    }
}

impl AsFd for DetachedMount {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
