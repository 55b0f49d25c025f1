//! One file of the web root: what is there, and its replacement.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::BorrowedFd,
};

use isomirror_core::view::WebRootFile;
use rustix::{
    fs::{
        AtFlags, FileType, Mode, OFlags, RenameFlags, fchmod, fstat, openat, readlinkat, renameat,
        renameat_with, symlinkat, unlinkat,
    },
    io::Errno,
};
use sha2::{Digest as _, Sha256};

/// Bytes of a file of ours; more was not written by us.
const LARGEST: u64 = 64 << 20;

/// The file that is being written, beside its place.
const TEMPORARY: &str = ".isomirror.new";

/// What a file holds: the kind of file, and the first 128 bits of the SHA-256 of its bytes or target.
pub(super) type Digest = String;

/// What is at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// A file or a symbolic link that could be ours.
    File(Digest),
    /// Something that never is: a directory, a device, a file of enormous size.
    Foreign,
}

/// The digest of a file as it is to be.
pub(super) fn digest(file: &WebRootFile) -> Digest {
    use std::os::unix::ffi::OsStrExt;
    match file {
        WebRootFile::Bytes(bytes) => digest_of("file", bytes),
        WebRootFile::Link(target) => digest_of("link", target.as_os_str().as_bytes()),
    }
}

fn digest_of(kind: &str, bytes: &[u8]) -> Digest {
    let sum = Sha256::digest(bytes);
    sum[..16].iter().fold(format!("{kind} "), |text, byte| format!("{text}{byte:02x}"))
}

/// Looks at what is at `name` in `directory`, without following links.
pub(super) fn look(directory: BorrowedFd<'_>, name: &str) -> io::Result<Found> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(directory, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        Err(Errno::LOOP) => {
            let target = readlinkat(directory, name, Vec::new())?;
            return Ok(Found::File(digest_of("link", target.as_bytes())));
        }
        // A socket cannot be opened.
        Err(Errno::NXIO) => return Ok(Found::Foreign),
        Err(error) => return Err(error.into()),
    };
    let status = fstat(&file)?;
    let size = u64::try_from(status.st_size).unwrap_or(u64::MAX);
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile || size > LARGEST {
        return Ok(Found::Foreign);
    }
    let mut bytes = Vec::new();
    File::from(file).take(LARGEST).read_to_end(&mut bytes)?;
    Ok(Found::File(digest_of("file", &bytes)))
}

/// Makes `name` hold `file`. With `replace` something of ours is there, else nothing may be: what came there meanwhile
/// stays, and is an error.
pub(super) fn put(
    directory: BorrowedFd<'_>,
    name: &str,
    file: &WebRootFile,
    replace: bool,
) -> io::Result<()> {
    remove(directory, TEMPORARY)?;
    let put = match file {
        WebRootFile::Bytes(bytes) => write(directory, bytes),
        WebRootFile::Link(target) => {
            symlinkat(target.as_path(), directory, TEMPORARY).map_err(io::Error::from)
        }
    };
    let put = put.and_then(|()| rename(directory, name, replace));
    if put.is_err() {
        // Nobody looks at it, and the next attempt removes it.
        remove(directory, TEMPORARY).ok();
    }
    put
}

fn write(directory: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(directory, TEMPORARY, flags, Mode::from_raw_mode(0o644))?);
    // Whatever the umask: other users' servers are to read it.
    fchmod(&file, Mode::from_raw_mode(0o644))?;
    file.write_all(bytes)
}

fn rename(directory: BorrowedFd<'_>, name: &str, replace: bool) -> io::Result<()> {
    if !replace {
        let flags = RenameFlags::NOREPLACE;
        match renameat_with(directory, TEMPORARY, directory, name, flags) {
            // File systems that cannot do it, like NFS.
            Err(Errno::INVAL | Errno::NOSYS) if look(directory, name)? == Found::Nothing => {}
            done => return done.map_err(io::Error::from),
        }
    }
    Ok(renameat(directory, TEMPORARY, directory, name)?)
}

/// Removes what an interrupted [`put`] left.
pub(super) fn remove_temporary(directory: BorrowedFd<'_>) -> io::Result<()> {
    remove(directory, TEMPORARY)
}

/// Removes a file. That it is gone already is no error.
pub(super) fn remove(directory: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::NOENT) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
