//! A Unix socket to the hypervisor, read by lines with a deadline that no half line can break.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Our end of one of the hypervisor's character devices.
#[derive(Debug)]
pub(super) struct LineStream {
    reader: BufReader<UnixStream>,
    /// What came of a line before its deadline passed.
    partial: Vec<u8>,
}

impl LineStream {
    /// Waits for the hypervisor to connect to `listener`. `alive` is asked in between, so that a process which
    /// ended at once is told as such and not as a timeout.
    pub(super) fn accept(
        listener: &UnixListener,
        deadline: Instant,
        mut alive: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    return Ok(Self { reader: BufReader::new(stream), partial: Vec::new() });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => alive()?,
                Err(error) => return Err(error),
            }
            if Instant::now() >= deadline {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the hypervisor did not connect",
                ));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Listens at `path`, for the hypervisor to connect to.
    pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
        UnixListener::bind(path)
    }

    /// The next line without its end; `TimedOut` where it is not complete by `deadline`.
    pub(super) fn line(&mut self, deadline: Instant) -> io::Result<String> {
        self.wait_at_most(deadline)?;
        match self.reader.read_until(b'\n', &mut self.partial) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) if self.partial.last() != Some(&b'\n') => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
        let line = String::from_utf8_lossy(&self.partial).trim_end().to_owned();
        self.partial.clear();
        Ok(line)
    }

    /// Exactly `length` bytes.
    pub(super) fn bytes(&mut self, length: usize, deadline: Instant) -> io::Result<Vec<u8>> {
        self.wait_at_most(deadline)?;
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Sends all of `bytes`.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    fn wait_at_most(&mut self, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        // A timeout of zero would mean to wait for ever.
        self.reader.get_mut().set_read_timeout(Some(left.max(Duration::from_millis(1))))
    }
}
