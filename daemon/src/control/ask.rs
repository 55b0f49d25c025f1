//! The other end: asks a running daemon. Blocks, but never for longer than it was told.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use isomirror_core::control::{Answer, LONGEST_LINE, Request, line};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens, or who asks may not.
    #[error("cannot connect to the control socket `{}`", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It ended, or took too long.
    #[error("the daemon did not answer")]
    Silent(#[source] io::Error),
    /// What came is no answer.
    #[error("the daemon's answer cannot be understood")]
    Garbled(#[source] serde_json::Error),
}

impl AskError {
    /// Whether there is no daemon: no socket, or one that nobody listens on.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        let kinds = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        matches!(self, Self::Connect { source, .. } if kinds.contains(&source.kind()))
    }
}

/// Asks the daemon that listens on `socket`, and waits for at most `patience` in all.
pub fn ask(socket: &Path, request: &Request, patience: Duration) -> Result<Answer, AskError> {
    let deadline = Instant::now() + patience;
    let mut stream = connected(socket)
        .map_err(|source| AskError::Connect { path: socket.to_owned(), source })?;
    let answer = exchange(&mut stream, request, deadline).map_err(AskError::Silent)?;
    serde_json::from_slice(&answer).map_err(AskError::Garbled)
}

/// A connection. A daemon that does not accept any more is not waited for: it is as good as none.
fn connected(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn exchange(stream: &mut UnixStream, request: &Request, deadline: Instant) -> io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(left(deadline)?))?;
    stream.write_all(&line(request))?;
    let mut received = Vec::new();
    while !received.contains(&b'\n') {
        let mut chunk = [0; 4096];
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => received.extend_from_slice(&chunk[..count]),
        }
        if received.len() > LONGEST_LINE {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(received)
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
