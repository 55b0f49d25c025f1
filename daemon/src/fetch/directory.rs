//! Files of directories as places to fetch from: a disk, or a share of another machine that somebody has mounted.
//!
//! Each is read by a thread of its own, which nobody waits for: the thread of a share whose server is gone may hang for
//! ever, and then only that transfer goes elsewhere.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use bytes::Bytes;
use isomirror_core::transfer::{
    answer::{Answer, Asked},
    validator::Validator,
};
use tokio::sync::{mpsc, oneshot};

/// Bytes of one read.
const CHUNK: usize = 256 << 10;
/// Reads that wait for being taken.
const AHEAD: usize = 4;

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Reading(mpsc::Receiver<io::Result<Bytes>>);

impl Reading {
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        self.0.recv().await.transpose()
    }
}

/// Opens a file at what is asked for, and tells of it what a server would.
///
/// # Errors
/// A text: it took longer than `patience`, or could not be opened.
pub(super) async fn open(
    path: &Path,
    asked: &Asked,
    patience: Duration,
) -> Result<(Answer, Reading), String> {
    let (answer_sender, answer) = oneshot::channel();
    let (sender, receiver) = mpsc::channel(AHEAD);
    let (path, asked) = (path.to_owned(), asked.clone());
    let work = move || read(&path, &asked, answer_sender, &sender);
    thread::Builder::new().name("read-source".into()).spawn(work).map_err(|e| e.to_string())?;
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(answer)) => Ok((answer, Reading(receiver))),
        Ok(Err(_)) => Err("the directory cannot be read".to_owned()),
        Err(_) => Err("the directory does not answer".to_owned()),
    }
}

fn read(
    path: &PathBuf,
    asked: &Asked,
    answer: oneshot::Sender<Answer>,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) {
    let (file, found) = match File::open(path).and_then(|file| Ok((file.metadata()?, file))) {
        Ok((metadata, file)) if metadata.is_file() => (file, metadata),
        Ok(_) => return drop(answer.send(status(404))),
        Err(error) => return drop(answer.send(status(status_of(&error)))),
    };
    if answer.send(describe(found.len(), &tag(&found), asked)).is_err()
        || asked.offset >= found.len()
    {
        return;
    }
    let mut offset = asked.offset;
    let end = asked.end.unwrap_or(u64::MAX).min(found.len());
    while offset < end {
        let length = usize::try_from(end - offset).map_or(CHUNK, |left| left.min(CHUNK));
        let mut chunk = vec![0; length];
        let result = file.read_at(&mut chunk, offset);
        let result = match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            result => result,
        };
        let is_failure = result.is_err();
        let result = result.map(|read| {
            chunk.truncate(read);
            offset += read as u64;
            Bytes::from(chunk)
        });
        if sender.blocking_send(result).is_err() || is_failure {
            return;
        }
    }
}

/// By what another file of the same name is recognised.
fn tag(found: &Metadata) -> String {
    let size = found.len();
    format!("\"{:x}-{size:x}-{:x}.{:x}\"", found.ino(), found.mtime(), found.mtime_nsec())
}

/// What a server would say about a file of `size` bytes that has this `ETag`.
pub(super) fn describe(size: u64, tag: &str, asked: &Asked) -> Answer {
    let end = asked.end.unwrap_or(size).min(size);
    let (status, content_range) = if !asked.is_range {
        (200, None)
    } else if asked.offset >= end {
        (416, Some(format!("bytes */{size}")))
    } else {
        (206, Some(format!("bytes {}-{}/{size}", asked.offset, end - 1)))
    };
    let content_length = (status != 416).then(|| end - asked.offset);
    let validator = Validator::of_fields(Some(tag), None, None);
    Answer { status, content_length, content_range, validator, ..Answer::default() }
}

/// What a server would say where there is nothing to be had.
pub(super) fn status(status: u16) -> Answer {
    Answer { status, ..Answer::default() }
}

fn status_of(error: &io::Error) -> u16 {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => 404,
        io::ErrorKind::PermissionDenied => 403,
        _ => 500,
    }
}
