//! The access log: written by a thread of its own, so that a disk that hangs holds up no response.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use tracing::warn;

/// Batches of lines that may wait for the disk; further ones are left out. One is what a worker answered in a round.
const WAITING: usize = 1024;

/// Lines tell who fetched what: that is for the administrator, and for who is given the file.
const MODE: u32 = 0o640;

/// Where lines go, if anywhere.
#[derive(Debug, Default)]
pub(super) struct AccessLog {
    is_on: AtomicBool,
    left_out: AtomicU64,
    writer: Mutex<Option<SyncSender<Vec<u8>>>>,
}

impl AccessLog {
    /// Whether lines are wanted.
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Appends to the file at `path` from now on, or to none. A file that was open is closed when what was said is written.
    /// One that cannot be opened is told of in the daemon's log: nobody is refused an answer for that.
    pub(super) fn direct(&self, path: Option<&Path>) {
        let writer = path.and_then(|path| {
            let refused = |error: &io::Error| {
                warn!(path = %path.display(), %error, "cannot open the access log, nothing is logged");
            };
            start(path).inspect_err(refused).ok()
        });
        self.is_on.store(writer.is_some(), Ordering::Relaxed);
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = writer;
    }

    /// Writes whole lines, soon.
    pub(super) fn write(&self, lines: Vec<u8>) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = writer.as_ref() else { return };
        if writer.try_send(lines).is_err() && self.left_out.fetch_add(1, Ordering::Relaxed) == 0 {
            warn!("the access log has gaps: its disk is slower than the clients");
        }
    }
}

fn start(path: &Path) -> io::Result<SyncSender<Vec<u8>>> {
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    let (sender, receiver) = sync_channel(WAITING);
    thread::Builder::new().name("access-log".into()).spawn(move || run(file, &receiver))?;
    Ok(sender)
}

fn run(mut file: File, batches: &Receiver<Vec<u8>>) {
    let mut has_failed = false;
    while let Ok(lines) = batches.recv() {
        match file.write_all(&lines) {
            Ok(()) => has_failed = false,
            Err(error) if !has_failed => {
                warn!(%error, "cannot write to the access log, lines are lost");
                has_failed = true;
            }
            Err(_) => {}
        }
    }
}
