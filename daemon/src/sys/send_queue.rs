//! How much of what was written to a TCP socket its peer has not acknowledged (SIOCOUTQ, tcp(7)).
#![expect(unsafe_code, reason = "an ioctl that no safe crate wraps")]

use std::{io, os::fd::AsRawFd};

use rustix::fd::BorrowedFd;

mod request {
    // SIOCOUTQ has the number of TIOCOUTQ and, like it, writes one int.
    nix::ioctl_read_bad!(queued, nix::libc::TIOCOUTQ, nix::libc::c_int);
}

/// Bytes in the socket's send queue. Pages that sendfile put there are still those of the file.
pub fn unacknowledged(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut bytes = 0;
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel writes one int to a valid place.
    unsafe { request::queued(socket.as_raw_fd(), &raw mut bytes) }?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        os::fd::AsFd,
    };

    use super::*;

    #[test]
    fn bytes_that_the_peer_has_no_room_for_stay_counted_until_it_reads() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut receiver = listener.accept().unwrap().0;
        assert_eq!(unacknowledged(sender.as_fd()).unwrap(), 0);
        sender.set_nonblocking(true).unwrap();
        let bytes = vec![0; 65536];
        while sender.write(&bytes).is_ok() {}
        assert!(unacknowledged(sender.as_fd()).unwrap() > 0);
        let mut buffer = vec![0; 1 << 20];
        while unacknowledged(sender.as_fd()).unwrap() > 0 {
            assert!(receiver.read(&mut buffer).unwrap() > 0);
        }
    }
}
