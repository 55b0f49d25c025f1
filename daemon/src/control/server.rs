//! The daemon's end: a few clients at a time, each with a line at a time.

use std::{future::Future, io, sync::Arc, time::Duration};

use isomirror_core::control::{Answer, LONGEST_LINE, Request, line, parse_request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{peer::is_admitted, socket::Socket};

/// Clients at a time. One more is told so and let go.
const CLIENTS: usize = 32;

/// How long a client may take to send a request, or to take an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pause after a failure to accept, which may last as long as descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests by `answer` until `cancel`.
pub async fn serve<A, F>(socket: Socket, answer: A, cancel: CancellationToken)
where
    A: Fn(Request) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let listener = match socket.listener.try_clone().and_then(UnixListener::from_std) {
        Ok(listener) => listener,
        Err(error) => {
            warn!(%error, "the control socket cannot be served");
            return cancel.cancelled().await;
        }
    };
    let places = Arc::new(Semaphore::new(CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        // Each branch is cancel-safe: a connection is accepted or still waits, a client that ended stays in its set.
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if is_admitted(&stream, socket.has_group) => {
                    let (places, answer) = (Arc::clone(&places), answer.clone());
                    clients.spawn(async move {
                        match places.try_acquire() {
                            Ok(_place) => converse(stream, answer).await,
                            Err(_) => turn_away(stream).await,
                        }
                    });
                }
                Ok(_) => debug!("somebody who may not control this daemon was turned away"),
                Err(error) => {
                    debug!(%error, "cannot accept a client of the control socket");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = clients.join_next(), if !clients.is_empty() => {}
            () = cancel.cancelled() => return,
        }
    }
}

/// Answers the lines of one client in their order, until it has no more.
async fn converse<A, F>(mut stream: UnixStream, answer: A)
where
    A: Fn(Request) -> F,
    F: Future<Output = Answer>,
{
    let mut received = Vec::new();
    loop {
        let text = match timeout(PATIENCE, next_line(&mut stream, &mut received)).await {
            Ok(Ok(Some(text))) => text,
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                let problem = format!("a request has more than {LONGEST_LINE} bytes");
                send(&mut stream, &Answer::failed(problem, "send a shorter one")).await;
                return;
            }
            _ => return,
        };
        let said = match parse_request(&text) {
            Ok(request) => answer(request).await,
            Err(answer) => *answer,
        };
        if !send(&mut stream, &said).await {
            return;
        }
    }
}

/// The next line without its end; `None` where there is none any more.
async fn next_line(stream: &mut UnixStream, received: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = received.iter().position(|byte| *byte == b'\n') {
            let mut text: Vec<u8> = received.drain(..=end).collect();
            text.pop();
            return Ok(Some(text));
        }
        if received.len() >= LONGEST_LINE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut chunk = [0; 1024];
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Ok(None);
        }
        received.extend_from_slice(&chunk[..count]);
    }
}

/// Says it, and whether it was heard in time.
async fn send(stream: &mut UnixStream, answer: &Answer) -> bool {
    matches!(timeout(PATIENCE, stream.write_all(&line(answer))).await, Ok(Ok(())))
}

async fn turn_away(mut stream: UnixStream) {
    let answer = Answer::failed("too many clients use the control socket", "try again");
    send(&mut stream, &answer).await;
}
