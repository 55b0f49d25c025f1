//! The sections of a file: a file of more than 4 GiB has several records, each with a part of its bytes.

use super::record::{Record, SECTOR};
use crate::image::{Extent, ExtentData, ReadAt, ReadError};

/// Sections that a file may have. The largest volume (8 TiB) holds 2,048 of full length.
const MAXIMUM_SECTIONS: usize = 1 << 16;

/// Where a file's bytes lie.
#[derive(Debug, Default)]
pub(super) struct Sections {
    /// Bytes of all sections that were found.
    pub(super) size: u64,
    extents: Vec<Extent>,
    fault: Option<Fault>,
}

/// Why the bytes cannot be given out.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Bytes of other files lie between them.
    Interleaved,
    /// The record of a later section is missing.
    Incomplete,
}

impl Sections {
    /// Goes from the `first` record, at byte `offset`, to the last one of its file.
    pub(super) fn read(
        source: &dyn ReadAt,
        block_size: u32,
        offset: u64,
        first: Record<'_>,
    ) -> Result<Self, ReadError> {
        let mut sections = Self::default();
        sections.push(first, block_size);
        let mut next = offset + first.length() as u64;
        let mut is_continued = first.is_continued();
        let mut buffer = [0; 255];
        for _ in 1..MAXIMUM_SECTIONS {
            if !is_continued {
                return Ok(sections);
            }
            let found = following_record(source, block_size, next, &mut buffer)?;
            let Some((at, record)) = found.filter(|(_, it)| it.identifier() == first.identifier())
            else {
                break;
            };
            sections.push(record, block_size);
            next = at + record.length() as u64;
            is_continued = record.is_continued();
        }
        sections.fault = Some(Fault::Incomplete);
        Ok(sections)
    }

    /// Runs of bytes from the first to the last, neighbours merged. The first record lies at byte `offset`.
    pub(super) fn extents(self, offset: u64) -> Result<Vec<Extent>, ReadError> {
        match self.fault {
            None => Ok(self.extents),
            Some(Fault::Interleaved) => Err(ReadError::Unsupported("an interleaved file")),
            Some(Fault::Incomplete) => {
                Err(ReadError::Damaged { what: "chain of file sections", offset })
            }
        }
    }

    fn push(&mut self, record: Record<'_>, block_size: u32) {
        if record.is_interleaved() {
            self.fault = Some(Fault::Interleaved);
        }
        let length = u64::from(record.data_length());
        if length == 0 {
            return;
        }
        self.size += length;
        let start = record.block() * u64::from(block_size);
        if let Some(Extent { length: before, data: ExtentData::Image(offset) }) =
            self.extents.last_mut()
            && *offset + *before == start
        {
            *before += length;
            return;
        }
        self.extents.push(Extent { length, data: ExtentData::Image(start) });
    }
}

/// The record at byte `offset`, or where that has no more in its sector, the one that begins the next sector.
fn following_record<'a>(
    source: &dyn ReadAt,
    block_size: u32,
    offset: u64,
    buffer: &'a mut [u8; 255],
) -> Result<Option<(u64, Record<'a>)>, ReadError> {
    let block_size = u64::from(block_size);
    let end = offset.next_multiple_of(SECTOR as u64) + SECTOR as u64;
    let mut at = offset;
    // Blocks may be smaller than sectors, and directories then begin anywhere: where a sector ends is not known here.
    while at < end {
        if Record::read(source, at, buffer)?.is_some() {
            return Ok(Record::parse(buffer).map(|record| (at, record)));
        }
        if buffer[0] != 0 {
            return Ok(None);
        }
        at = (at / block_size + 1) * block_size;
    }
    Ok(None)
}
