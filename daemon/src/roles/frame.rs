//! Frames: a length of four bytes, the most significant first, so many bytes, and a descriptor beside them or none.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::{
    cmsg_space,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};
use tokio::{io::Interest, net::UnixStream};

/// Bytes of a frame's length.
const HEAD: usize = 4;

/// A frame that came in.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) body: Vec<u8>,
    pub(super) descriptor: Option<OwnedFd>,
}

/// Sends a frame. Not cancel-safe: one that was sent in part ends the conversation.
pub(super) async fn send(
    stream: &UnixStream,
    body: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let head = length.to_be_bytes();
    let mut sent =
        stream.async_io(Interest::WRITABLE, || send_first(stream, &head, body, descriptor)).await?;
    while sent < HEAD + body.len() {
        let rest = if sent < HEAD { &head[sent..] } else { &body[sent - HEAD..] };
        sent += stream.async_io(Interest::WRITABLE, || stream.try_write(rest)).await?;
    }
    Ok(())
}

/// The descriptor goes with the first byte.
fn send_first(
    stream: &UnixStream,
    head: &[u8],
    body: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|descriptor| [descriptor]);
    if let Some(descriptors) = &descriptors {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let parts = [IoSlice::new(head), IoSlice::new(body)];
    Ok(sendmsg(stream, &parts, &mut control, SendFlags::NOSIGNAL)?)
}

/// Receives a frame of at most `longest` bytes; `None` where there are no more. Not cancel-safe.
///
/// # Errors
/// Also one that is longer, or ends early.
pub(super) async fn receive(stream: &UnixStream, longest: usize) -> io::Result<Option<Frame>> {
    let mut head = [0; HEAD];
    let (count, descriptor) =
        stream.async_io(Interest::READABLE, || receive_first(stream, &mut head)).await?;
    if count == 0 {
        return Ok(None);
    }
    fill(stream, &mut head[count..]).await?;
    let length = u32::from_be_bytes(head) as usize;
    if length > longest {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut body = vec![0; length];
    fill(stream, &mut body).await?;
    Ok(Some(Frame { body, descriptor }))
}

fn receive_first(
    stream: &UnixStream,
    head: &mut [u8; HEAD],
) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(stream, &mut [IoSliceMut::new(head)], &mut control, flags)?;
    // Further ones are closed as they are dropped.
    let mut descriptors = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    Ok((received.bytes, descriptors.next()))
}

async fn fill(stream: &UnixStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        let rest = &mut buffer[filled..];
        match stream.async_io(Interest::READABLE, || stream.try_read(rest)).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::Read,
        os::fd::{AsFd, AsRawFd},
    };

    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn frames_arrive_whole_and_with_their_own_descriptors() {
        let (near, far) = UnixStream::pair().unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a"), "what is in it").unwrap();
        let file = File::open(directory.path().join("a")).unwrap();
        let large = vec![7; 3 << 20];
        let sending = async {
            send(&near, b"first", None).await.unwrap();
            send(&near, b"second", Some(file.as_fd())).await.unwrap();
            send(&near, &large, None).await.unwrap();
            send(&near, b"", Some(file.as_fd())).await.unwrap();
        };
        let receiving = async {
            let mut frames = Vec::new();
            for _ in 0..4 {
                frames.push(receive(&far, 4 << 20).await.unwrap().unwrap());
            }
            frames
        };
        let ((), frames) = tokio::join!(sending, receiving);
        let bodies: Vec<_> = frames.iter().map(|frame| frame.body.len()).collect();
        assert_eq!(bodies, [5, 6, large.len(), 0]);
        let has: Vec<_> = frames.iter().map(|frame| frame.descriptor.is_some()).collect();
        assert_eq!(has, [false, true, false, true]);
        let descriptor = frames.into_iter().nth(1).unwrap().descriptor.unwrap();
        assert_ne!(descriptor.as_raw_fd(), file.as_raw_fd());
        let mut text = String::new();
        File::from(descriptor).read_to_string(&mut text).unwrap();
        assert_eq!(text, "what is in it");
    }

    #[tokio::test]
    async fn what_is_too_long_or_ends_early_is_an_error_and_an_orderly_end_none() {
        let (near, far) = UnixStream::pair().unwrap();
        send(&near, b"12345", None).await.unwrap();
        assert_eq!(receive(&far, 4).await.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        for (said, expected) in [
            (&b""[..], None),
            (b"\0\0", Some(io::ErrorKind::UnexpectedEof)),
            (b"\0\0\0\x05abc", Some(io::ErrorKind::UnexpectedEof)),
        ] {
            let (mut near, far) = UnixStream::pair().unwrap();
            near.write_all(said).await.unwrap();
            drop(near);
            let received = receive(&far, 100).await;
            assert_eq!(received.as_ref().err().map(io::Error::kind), expected, "{said:?}");
            assert!(!matches!(received, Ok(Some(_))));
        }
    }
}
