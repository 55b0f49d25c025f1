//! A file of a share that is being read.

use std::{collections::VecDeque, fmt, ops::Range, sync::Arc};

use bytes::Bytes;
use smb2::{Error, FileReader};
use tokio::task::JoinHandle;

/// Bytes of one read.
const CHUNK: u64 = 256 << 10;
/// Reads that are under way at once, so that no time is lost with waiting for answers.
const AHEAD: usize = 8;

/// A file that is being read, from one byte to another. Each read ends by itself, when the server falls silent.
pub(in crate::fetch) struct Reading {
    reader: Option<Arc<FileReader>>,
    /// What has not been asked for.
    left: Range<u64>,
    under_way: VecDeque<(u64, Read)>,
}

type Read = JoinHandle<Result<Vec<u8>, Error>>;

impl Reading {
    pub(super) fn new(reader: Arc<FileReader>, range: Range<u64>) -> Self {
        Self { reader: Some(reader), left: range, under_way: VecDeque::new() }
    }

    pub(super) fn nothing() -> Self {
        Self { reader: None, left: 0..0, under_way: VecDeque::new() }
    }

    /// What comes next; `None` at the end, which may come early.
    pub(in crate::fetch) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        self.ask();
        let Some((length, read)) = self.under_way.front_mut() else { return Ok(None) };
        let (length, read) = (*length, read.await);
        self.under_way.pop_front();
        let bytes = read.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        if (bytes.len() as u64) < length {
            // Somebody has cut the file meanwhile.
            self.left = 0..0;
            self.under_way.clear();
        }
        Ok((!bytes.is_empty()).then(|| Bytes::from(bytes)))
    }

    fn ask(&mut self) {
        let Some(reader) = &self.reader else { return };
        while self.under_way.len() < AHEAD && !self.left.is_empty() {
            let (offset, length) = (self.left.start, CHUNK.min(self.left.end - self.left.start));
            self.left.start += length;
            let reader = Arc::clone(reader);
            let read = tokio::spawn(async move { reader.read_at(offset, length).await });
            self.under_way.push_back((length, read));
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.under_way.iter().for_each(|(_, read)| read.abort());
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reading").field("left", &self.left).finish_non_exhaustive()
    }
}
