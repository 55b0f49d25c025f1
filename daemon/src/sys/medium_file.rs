//! An image file or a drive, opened for positional reads.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use isomirror_core::{
    image::ReadAt,
    medium::{Identity, IdentityKey, Source},
};
use nix::libc;
use tokio::sync::Notify;

use super::{
    block_device,
    lease::{self, LeaseOutcome},
};

/// Why a medium could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenMediumError {
    /// The kernel refused.
    #[error("cannot open `{}`", path.display())]
    Open {
        /// File or device node.
        path: PathBuf,
        /// The refusal.
        #[source]
        source: io::Error,
    },
    /// It is open, but does not say what it is.
    #[error("cannot tell what `{}` is", path.display())]
    Inspect {
        /// File or device node.
        path: PathBuf,
        /// The failure of the system call.
        #[source]
        source: io::Error,
    },
    /// A directory, a pipe, a socket or a character device.
    #[error("`{}` is not a {wanted}", path.display())]
    WrongType {
        /// What is at the path.
        path: PathBuf,
        /// What should be.
        wanted: &'static str,
    },
}

/// The bytes of one medium. While it lives, the medium's identity is known, and for image files on file systems that
/// have leases so does the wish of anyone to write to it: whoever needs the bytes to stay what they are keeps it, and
/// the last to drop it lets the writer go on.
#[derive(Debug)]
pub struct MediumFile {
    // The order matters: the file is closed before anybody is told so.
    file: File,
    released: Option<ReleaseSignal>,
    source: Source,
    identity: Identity,
    key: IdentityKey,
    size: u64,
    leased: bool,
    /// Whether it is a block device: then another medium may come behind the descriptor.
    is_device: bool,
}

/// How often a drive whose medium is being changed is opened before that is given up.
const OPENINGS: usize = 4;

/// Tells of its own end.
#[derive(Debug)]
struct ReleaseSignal(Arc<Notify>);

impl Drop for ReleaseSignal {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl MediumFile {
    /// Whether it is a block device, behind whose descriptor another medium may come.
    #[must_use]
    pub fn is_device(&self) -> bool {
        self.is_device
    }

    /// Wraps an opened file or device whose identity was read from the descriptor itself.
    #[must_use]
    pub fn new(file: File, source: Source, identity: Identity, size: u64) -> Self {
        let is_device =
            file.metadata().is_ok_and(|metadata| metadata.file_type().is_block_device());
        let key = identity.key();
        Self { file, released: None, source, identity, key, size, leased: false, is_device }
    }

    /// Wraps a file or device that another process has opened and handed over, with what its descriptor tells of it;
    /// `is_leased` where the lease came with it.
    ///
    /// # Errors
    /// The kernel's, for instance where the drive is gone; also where it is neither a file nor a block device.
    pub fn from_descriptor(file: File, source: Source, is_leased: bool) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let (identity, size) = if metadata.is_file() {
            (file_identity(&metadata), metadata.size())
        } else if metadata.file_type().is_block_device() {
            disc_identity(&file, metadata.rdev())?
        } else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        Ok(Self { leased: is_leased, ..Self::new(file, source, identity, size) })
    }

    /// Opens an image file or a block device, whatever is at the path.
    pub fn open(path: &Path) -> Result<Self, OpenMediumError> {
        let file = open_without_waiting(path)?;
        if inspect(&file, path)?.file_type().is_block_device() {
            Self::open_drive(path)
        } else {
            Self::from_image(file, path)
        }
    }

    /// Opens an image file. Links are followed; a pipe or a device at the path is neither waited for nor touched
    /// further.
    pub fn open_image(path: &Path) -> Result<Self, OpenMediumError> {
        Self::from_image(open_without_waiting(path)?, path)
    }

    /// Opens a drive without closing its tray or waiting for a disc. The identity is that of the medium that is in
    /// it at this moment.
    ///
    /// The descriptor stands in nobody's way: `CDROMEJECT` and the hypervisor open a tray whatever is open, and only
    /// a mount, or `O_EXCL`, claims the device.
    pub fn open_drive(node: &Path) -> Result<Self, OpenMediumError> {
        // The kernel drops the pages of an earlier medium when the drive is opened after it noticed the change. So
        // only an opening after which the identity is one that was known before it surely reads none of them.
        let mut known = Self::from_device(open_without_waiting(node)?, node)?;
        for _ in 1..OPENINGS {
            let again = Self::from_device(open_without_waiting(node)?, node)?;
            if again.identity == known.identity {
                return Ok(again);
            }
            known = again;
        }
        let source = io::Error::other("its medium is being changed");
        Err(OpenMediumError::Inspect { path: node.to_owned(), source })
    }

    fn from_image(file: File, path: &Path) -> Result<Self, OpenMediumError> {
        let metadata = inspect(&file, path)?;
        if !metadata.is_file() {
            let path = path.to_owned();
            return Err(OpenMediumError::WrongType { path, wanted: "regular file" });
        }
        let source = Source::File(path.to_owned());
        Ok(Self::new(file, source, file_identity(&metadata), metadata.size()))
    }

    fn from_device(file: File, node: &Path) -> Result<Self, OpenMediumError> {
        let metadata = inspect(&file, node)?;
        if !metadata.file_type().is_block_device() {
            let path = node.to_owned();
            return Err(OpenMediumError::WrongType { path, wanted: "block device" });
        }
        let (identity, size) = disc_identity(&file, metadata.rdev())
            .map_err(|source| OpenMediumError::Inspect { path: node.to_owned(), source })?;
        Ok(Self::new(file, Source::Drive(node.to_owned()), identity, size))
    }

    /// Asks the kernel to tell before anybody writes to this image file. With the lease, identity and size are read
    /// anew: from then on they hold. The process must handle SIGIO before; see [`lease`].
    ///
    /// # Errors
    /// The kernel's, where it neither grants nor refuses.
    pub fn take_lease(&mut self) -> io::Result<LeaseOutcome> {
        let outcome = lease::take_read_lease(self.as_fd())?;
        self.leased = outcome == LeaseOutcome::Granted;
        let metadata = self.file.metadata()?;
        self.identity = file_identity(&metadata);
        self.size = metadata.size();
        Ok(outcome)
    }

    /// Whether somebody waits to write to this file until all copies of it are dropped, or was let in because that
    /// took too long. Never so without a lease.
    #[must_use]
    pub fn lease_is_breaking(&self) -> bool {
        self.leased && !lease::holds_read_lease(self.as_fd())
    }

    /// Has `notify` told when this file is closed for good.
    pub fn notify_on_release(&mut self, notify: Arc<Notify>) {
        self.released = Some(ReleaseSignal(notify));
    }

    /// Whether the bytes behind the descriptor are still those of [`MediumFile::identity`]: the same disc in the
    /// drive, the same length and time of the file, and nobody let in to write.
    ///
    /// # Errors
    /// The kernel's, for instance where the drive is gone.
    pub fn is_unchanged(&self) -> io::Result<bool> {
        Ok(self.is_same_medium()? && !self.lease_is_breaking())
    }

    /// The same where nobody tells of the file's end: it also has to have a name.
    #[must_use]
    pub fn is_still_there(&self) -> bool {
        let has_name = self.is_device || self.metadata().is_ok_and(|metadata| metadata.nlink() > 0);
        has_name && self.is_unchanged().unwrap_or(false)
    }

    /// Whether it was opened with a lease.
    #[must_use]
    pub fn is_leased(&self) -> bool {
        self.leased
    }

    fn is_same_medium(&self) -> io::Result<bool> {
        let current = match self.identity {
            Identity::File { .. } => file_identity(&self.metadata()?),
            Identity::Disc { device, .. } => disc_identity(&self.file, device)?.0,
        };
        Ok(current == self.identity)
    }

    /// What the kernel says of the open file.
    ///
    /// # Errors
    /// That of fstat(2).
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Where the medium was found.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Path of the image file or device node.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// What makes it this medium.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The key of its identity.
    #[must_use]
    pub fn key(&self) -> IdentityKey {
        self.key
    }

    /// A path through which this process reaches the very file that is open here, whatever its name is by now.
    #[must_use]
    pub fn descriptor_path(&self) -> PathBuf {
        use std::os::fd::AsRawFd;
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

/// Identity of an image file with these attributes.
#[must_use]
pub fn file_identity(metadata: &Metadata) -> Identity {
    let nanoseconds = i128::from(metadata.mtime()) * 1_000_000_000;
    Identity::File {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: nanoseconds + i128::from(metadata.mtime_nsec()),
    }
}

/// `O_NONBLOCK` keeps a pipe from waiting for a writer and a drive from closing its tray; `O_NOCTTY` keeps a terminal
/// from becoming ours.
fn open_without_waiting(path: &Path) -> Result<File, OpenMediumError> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|source| OpenMediumError::Open { path: path.to_owned(), source })
}

fn inspect(file: &File, path: &Path) -> Result<Metadata, OpenMediumError> {
    file.metadata().map_err(|source| OpenMediumError::Inspect { path: path.to_owned(), source })
}

fn disc_identity(file: &File, device: u64) -> io::Result<(Identity, u64)> {
    let sequence = block_device::disk_sequence(file.as_fd())?.unwrap_or(0);
    let size = block_device::size(file.as_fd())?;
    Ok((Identity::Disc { device, sequence, size }, size))
}

impl ReadAt for MediumFile {
    /// Of a drive it yields bytes of the identity's medium only: whether that is still the one behind the descriptor
    /// is asked after the bytes were read, and else they are thrown away.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)?;
        if self.is_device && !self.is_same_medium()? {
            buffer.fill(0);
            return Err(io::Error::other("another medium is in the drive"));
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        self.size
    }
}

impl AsFd for MediumFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
