//! A Unix socket's place in the file system.

use std::{
    fs::{self, Permissions},
    io,
    os::{
        fd::OwnedFd,
        unix::{
            fs::{FileTypeExt, MetadataExt, PermissionsExt},
            net::UnixStream,
        },
    },
    path::{Path, PathBuf},
};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, socket_with};

/// Every user of this host may connect, as every user may to a port: what is served is public. Who wants it otherwise puts
/// the socket into a directory that only some may enter, or has the service manager make it.
const MODE: u32 = 0o666;

/// A socket that was made in a directory. Dropped, it is gone from there, unless it is another one by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    /// Makes a socket at `path`. One that nobody listens on any more is replaced; whatever else lies there stays.
    pub(super) fn bind(path: &Path) -> io::Result<(OwnedFd, Self)> {
        clear(path)?;
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        bind(&socket, &SocketAddrUnix::new(path)?)?;
        let metadata = fs::symlink_metadata(path)?;
        let file = Self { path: path.to_owned(), identity: (metadata.dev(), metadata.ino()) };
        // Nobody is listening yet, so nobody has been turned away by the old mode.
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        Ok((socket, file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity);
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what an earlier server left behind.
fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(io::ErrorKind::AlreadyExists.into())
        }
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            Err(error) => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_socket_that_is_left_over_is_replaced_and_nothing_else_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("http.sock");
        drop(UnixListener::bind(&path).unwrap());
        let (socket, file) = SocketFile::bind(&path).unwrap();
        rustix::net::listen(&socket, 1).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(SocketFile::bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(&path).unwrap();
        drop(file);
        assert!(!path.exists());
        fs::write(&path, "a file").unwrap();
        assert_eq!(SocketFile::bind(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"a file");
    }

    #[test]
    fn a_socket_of_somebody_else_stays_where_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("http.sock");
        let (_socket, file) = SocketFile::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _other = UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
    }
}
