//! The one thread of a download that writes: bytes come in by a bounded queue, in whatever order connections get them,
//! and are on the disk and hashed when the thread ends.

mod comparison;
mod stage;

use std::{io, path::PathBuf, sync::Arc, thread};

use bytes::Bytes;
use isomirror_core::{
    digest::{Algorithm, Hasher},
    transfer::{checkpoint::Origin, extents::Extents},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

pub(super) use stage::{CHECKPOINT, IMAGE, Stage, StageError, StageFor};

/// Bytes that may wait for being written, so that memory is bounded whatever the disk does.
const QUEUE: usize = 4 << 20;
/// Bytes that are written by one call.
const COALESCED: usize = 1 << 20;

enum Command {
    Bytes(Chunk),
    /// The size has become known: its blocks are reserved.
    Size(u64),
    /// Where bytes come from, for the checkpoint.
    Origin(Origin),
}

struct Chunk {
    offset: u64,
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// What is known when all is written.
#[derive(Debug)]
pub(super) struct Written {
    /// The file.
    pub(super) stage: Stage,
    /// What has taken in all of the complete part; a signature adds to it.
    pub(super) hashers: Vec<Hasher>,
}

/// The way to the thread, for connections.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    sender: mpsc::Sender<Command>,
    budget: Arc<Semaphore>,
}

/// The thread has ended early; it tells why when it is waited for.
#[derive(Debug)]
pub(super) struct WriterGone;

impl Queue {
    /// Hands bytes over, and waits while too many wait already.
    pub(super) async fn bytes(&self, offset: u64, bytes: Bytes) -> Result<(), WriterGone> {
        let length = u32::try_from(bytes.len().min(QUEUE)).unwrap_or(u32::MAX);
        let budget = Arc::clone(&self.budget);
        let permit = tokio::select! {
            permit = budget.acquire_many_owned(length) => permit.map_err(|_| WriterGone)?,
            () = self.sender.closed() => return Err(WriterGone),
        };
        let chunk = Chunk { offset, bytes, _permit: permit };
        self.sender.send(Command::Bytes(chunk)).await.map_err(|_| WriterGone)
    }

    /// Tells the size of the whole.
    pub(super) async fn size(&self, size: u64) -> Result<(), WriterGone> {
        self.sender.send(Command::Size(size)).await.map_err(|_| WriterGone)
    }

    /// Tells where bytes come from.
    pub(super) async fn origin(&self, origin: Origin) -> Result<(), WriterGone> {
        self.sender.send(Command::Origin(origin)).await.map_err(|_| WriterGone)
    }

    /// Resolves when the thread has ended.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }
}

/// A running thread.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) queue: Queue,
    ended: oneshot::Receiver<Result<Written, StageError>>,
}

/// What a writer begins with.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) writer: Writer,
    pub(super) present: Extents,
    pub(super) origins: Vec<Origin>,
    pub(super) size: Option<u64>,
}

/// Opens the stage, with what is in it of an earlier attempt, and starts the thread.
///
/// # Errors
/// Those of the disk.
pub(super) async fn begin(
    directory: PathBuf,
    purpose: StageFor,
    algorithms: Vec<Algorithm>,
    resume: bool,
) -> Result<Begun, StageError> {
    let (sender, receiver) = mpsc::channel(256);
    let (opened_sender, opened) = oneshot::channel();
    let (ended_sender, ended) = oneshot::channel();
    let work = move || {
        let health = purpose.health.clone();
        let failed = |error: StageError| {
            if health.note(&error.source) {
                stage::discard(&directory);
            }
            error
        };
        // Both receivers are gone only when the download was dropped.
        match Stage::open(&directory, purpose, &algorithms, resume) {
            Ok(stage) => {
                let found = (stage.present().clone(), stage.origins().to_vec(), stage.size());
                if opened_sender.send(Ok(found)).is_ok() {
                    let _ = ended_sender.send(run(stage, receiver).map_err(failed));
                }
            }
            Err(error) => drop(opened_sender.send(Err(failed(error)))),
        }
    };
    thread::Builder::new()
        .name("write-stage".into())
        .spawn(work)
        .map_err(|error| StageError::new(error, 0))?;
    let gone = |_| StageError::new(io::ErrorKind::BrokenPipe.into(), 0);
    let (present, origins, size) = opened.await.map_err(gone)??;
    let queue = Queue { sender, budget: Arc::new(Semaphore::new(QUEUE)) };
    Ok(Begun { writer: Writer { queue, ended }, present, origins, size })
}

impl Writer {
    /// Waits until all that was handed over is on the disk. Every other [`Queue`] has to be gone.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) async fn finish(self) -> Result<Written, StageError> {
        drop(self.queue);
        let gone = |_| StageError::new(io::ErrorKind::BrokenPipe.into(), 0);
        self.ended.await.map_err(gone)?
    }
}

fn run(mut stage: Stage, mut receiver: mpsc::Receiver<Command>) -> Result<Written, StageError> {
    let mut next = receiver.blocking_recv();
    while let Some(command) = next.take() {
        match command {
            Command::Size(size) => stage.reserve(size)?,
            Command::Origin(origin) => stage.note_origin(origin),
            Command::Bytes(first) => {
                let mut chunks = vec![first];
                next = coalesce(&mut chunks, &mut receiver);
                let buffers: Vec<&[u8]> = chunks.iter().map(|chunk| &*chunk.bytes).collect();
                stage.write(chunks[0].offset, &buffers)?;
            }
        }
        if next.is_none() {
            next = receiver.blocking_recv();
        }
    }
    stage.save()?;
    let hashers = stage.hashers().to_vec();
    Ok(Written { stage, hashers })
}

/// Adds what is there already and follows, and returns what is there and does not.
fn coalesce(chunks: &mut Vec<Chunk>, receiver: &mut mpsc::Receiver<Command>) -> Option<Command> {
    let mut total: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
    let mut end = chunks.last().map_or(0, Chunk::end);
    while total < COALESCED {
        match receiver.try_recv().ok()? {
            Command::Bytes(chunk) if chunk.offset == end => {
                total += chunk.bytes.len();
                end = chunk.end();
                chunks.push(chunk);
            }
            other => return Some(other),
        }
    }
    None
}
