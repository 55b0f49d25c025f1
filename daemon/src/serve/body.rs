//! Bodies that are too long to be sent at once, and the steps in which they are.

use std::sync::Arc;

use isomirror_core::{
    http::ByteRange,
    image::{Content, ExtentData},
};
use rustix::{
    fd::BorrowedFd,
    fs::sendfile,
    io::{Errno, pread},
    net::{SendFlags, send},
};

use super::{
    events::EventStream, file_response::ServedFile, listing::ListingBody, published::Served,
};

/// Bytes of a body that is read into memory, at a time.
const BUFFER: usize = 256 << 10;

/// System calls of one step, for files that are scattered over many extents.
const CALLS: usize = 64;

/// Bytes of a page of the page cache. sendfile from within a page is slower by a quarter, and every second sector of an
/// image lies there, so what is left of such a page is copied.
const PAGE: usize = 4096;

/// What parts of a file that are stored nowhere are sent from.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// What is still to be sent after the bytes that are ready in memory.
#[derive(Debug)]
pub(super) enum Body {
    /// Nothing.
    None,
    /// A text that others send too, and how much of it was sent.
    Text(Arc<[u8]>, usize),
    /// Runs of a file's medium, sent from there. Never of a drive's: what sendfile takes from there is not known to
    /// be the same disc's.
    Stored(Stored),
    /// What has to be made from the medium first.
    Reading(Reading),
    /// The page of a large directory.
    Listing(Box<ListingBody>),
    /// News, for as long as there is any.
    Events(Box<EventStream>),
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is left.
    Done,
    /// As much was sent as one turn is worth, or there is something in memory to be sent now.
    More,
    /// There is nothing to send now, but there may be later.
    Idle,
    /// The socket takes nothing more now.
    Blocked,
    /// The bytes that were promised cannot be had, or nobody takes them.
    Broken,
}

impl Body {
    /// The medium that the next step reads.
    pub(super) fn medium(&self) -> Option<&Arc<Served>> {
        match self {
            Self::None | Self::Text(..) | Self::Events(_) => None,
            Self::Stored(stored) => Some(&stored.served),
            Self::Reading(reading) => Some(&reading.served),
            Self::Listing(listing) => Some(listing.medium()),
        }
    }

    /// Sends about `budget` bytes, or puts some into `out` where they have to be made first. Adds what was sent to
    /// `sent`.
    pub(super) fn step(
        &mut self,
        socket: BorrowedFd<'_>,
        out: &mut Vec<u8>,
        budget: u64,
        sent: &mut u64,
    ) -> Step {
        match self {
            Self::None => Step::Done,
            Self::Text(text, done) => step_text(socket, text, done, sent),
            Self::Stored(stored) => stored.step(socket, budget, sent),
            Self::Reading(reading) => reading.step(out),
            Self::Listing(listing) => listing.step(out),
            Self::Events(events) => events.step(out),
        }
    }
}

fn step_text(socket: BorrowedFd<'_>, text: &[u8], done: &mut usize, sent: &mut u64) -> Step {
    while *done < text.len() {
        match send(socket, &text[*done..], SendFlags::NOSIGNAL) {
            Ok(count) => {
                *done += count;
                *sent += count as u64;
            }
            Err(error) => {
                if let Some(step) = failure(error) {
                    return step;
                }
            }
        }
    }
    Step::Done
}

impl Body {
    /// The same body by way of memory, so that none of its medium's pages ever stand in a queue.
    pub(super) fn copied(self) -> Self {
        match self {
            Self::Stored(Stored { served, file, range, .. }) => {
                Self::Reading(Reading { served, file, range })
            }
            other => other,
        }
    }
}

/// What an error of a send means; `None` to try again.
pub(super) fn failure(error: Errno) -> Option<Step> {
    match error {
        Errno::INTR => None,
        Errno::AGAIN => Some(Step::Blocked),
        _ => Some(Step::Broken),
    }
}

/// A part of a file that is being sent from its extents.
#[derive(Debug)]
pub(super) struct Stored {
    served: Arc<Served>,
    file: Arc<ServedFile>,
    /// All that is to be sent.
    range: ByteRange,
    /// The extent that comes next, and how much of it was sent.
    index: usize,
    within: u64,
    remaining: u64,
}

impl Stored {
    pub(super) fn new(served: Arc<Served>, file: Arc<ServedFile>, range: ByteRange) -> Self {
        let mut stored =
            Self { served, file, range, index: 0, within: range.start, remaining: range.length() };
        while let Some((length, _)) = stored.extent()
            && stored.within >= length
        {
            stored.within -= length;
            stored.index += 1;
        }
        stored
    }

    fn extent(&self) -> Option<(u64, ExtentData)> {
        let Content::Extents(extents) = &self.file.content else { return None };
        extents.get(self.index).map(|extent| (extent.length, extent.data))
    }

    fn step(&mut self, socket: BorrowedFd<'_>, mut budget: u64, sent: &mut u64) -> Step {
        for _ in 0..CALLS {
            if self.remaining == 0 {
                return Step::Done;
            }
            if budget == 0 {
                break;
            }
            let Some((length, data)) = self.extent() else { return Step::Broken };
            let wanted = (length - self.within).min(self.remaining).min(budget);
            match self.transfer(socket, data, wanted) {
                // The medium ends before the file does: it was truncated. What is missing is never made up.
                Ok(0) => return Step::Broken,
                Ok(count) => {
                    *sent += count;
                    // What is copied does not count, so that a turn which begins at a page ends at one.
                    if count >= PAGE as u64 {
                        budget = budget.saturating_sub(count);
                    }
                    self.advance(count, length);
                }
                Err(error) => {
                    if let Some(step) = failure(error) {
                        return step;
                    }
                }
            }
        }
        if self.remaining == 0 { Step::Done } else { Step::More }
    }

    /// One call. A signal for a socket that nobody reads any more is ignored by the Rust runtime.
    fn transfer(
        &self,
        socket: BorrowedFd<'_>,
        data: ExtentData,
        wanted: u64,
    ) -> Result<u64, Errno> {
        let length = usize::try_from(wanted).unwrap_or(usize::MAX);
        let count = match data {
            ExtentData::Image(start) => {
                let mut offset = start.checked_add(self.within).ok_or(Errno::OVERFLOW)?;
                let lead = offset.next_multiple_of(PAGE as u64) - offset;
                if lead > 0 && lead < wanted {
                    return self.copy(socket, offset, lead);
                }
                sendfile(socket, &**self.served.medium.file(), Some(&mut offset), length)?
            }
            ExtentData::Zeros => {
                send(socket, &ZEROS[..length.min(ZEROS.len())], SendFlags::NOSIGNAL)?
            }
        };
        Ok(count as u64)
    }

    /// Sends the `length` bytes at `offset` of the medium, which are less than a page, by way of memory.
    fn copy(&self, socket: BorrowedFd<'_>, offset: u64, length: u64) -> Result<u64, Errno> {
        let mut page = [0; PAGE];
        let length = usize::try_from(length).unwrap_or(page.len()).min(page.len());
        let count = pread(&**self.served.medium.file(), &mut page[..length], offset)?;
        if count == 0 {
            return Ok(0);
        }
        let sent = send(socket, &page[..count], SendFlags::NOSIGNAL | SendFlags::MORE)?;
        Ok(sent as u64)
    }

    fn advance(&mut self, count: u64, extent_length: u64) {
        self.remaining -= count;
        self.within += count;
        if self.within == extent_length {
            self.within = 0;
            self.index += 1;
        }
    }
}

/// A part of a file that is uncompressed, lies within its own description, or on a disc, where every read is checked to
/// be of that disc before anything of it is sent.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) served: Arc<Served>,
    pub(super) file: Arc<ServedFile>,
    pub(super) range: ByteRange,
}

impl Reading {
    fn step(&mut self, out: &mut Vec<u8>) -> Step {
        let length = usize::try_from(self.range.length()).unwrap_or(BUFFER).min(BUFFER);
        if length == 0 {
            return Step::Done;
        }
        let start = out.len();
        out.resize(start + length, 0);
        let image = self.served.medium.image();
        match image.read(&self.file.content, self.range.start, &mut out[start..]) {
            Ok(count) if count == length => {
                self.range.start += length as u64;
                Step::More
            }
            Ok(_) | Err(_) => {
                out.truncate(start);
                Step::Broken
            }
        }
    }
}
