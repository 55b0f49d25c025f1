//! Where a file's content lies (ECMA-167 4/12 and 4/14.14).

use std::collections::HashSet;

use super::{
    fields::u32_at,
    file_entry::{AllocationKind, FileEntry},
    space::{Address, Space},
    tag::{self, identifier},
};
use crate::image::{Content, Extent, ExtentData, ReadAt, ReadError};

/// Runs of bytes that a file may consist of. A file of 1 TiB on a medium without fragments has 1024.
const MAXIMUM_RUNS: u32 = 1 << 20;
/// Blocks of further descriptors that a file may have: enough for all of its runs.
const MAXIMUM_CONTINUATIONS: usize = 1 << 16;
/// Bytes that a file may have, since file offsets are signed everywhere else.
const MAXIMUM_SIZE: u64 = i64::MAX.cast_unsigned();

/// The content of the object that `entry` describes.
///
/// # Errors
/// [`ReadError::Damaged`] where the descriptors do not describe as many bytes as the entry states, since a shorter
/// file, or zeros, would be wrong content.
pub(super) fn content(
    source: &dyn ReadAt,
    space: &Space,
    entry: &FileEntry,
) -> Result<Content, ReadError> {
    let size = entry.size();
    let damaged = ReadError::Damaged { what: "allocation descriptors", offset: entry.offset };
    if size > MAXIMUM_SIZE {
        return Err(damaged);
    }
    let long = match entry.allocation_kind() {
        AllocationKind::Short => false,
        AllocationKind::Long => true,
        AllocationKind::Extended => {
            return Err(ReadError::Unsupported("an extended allocation descriptor"));
        }
        AllocationKind::Embedded => {
            let end = usize::try_from(size).unwrap_or(usize::MAX);
            let bytes = entry.allocation().get(..end).ok_or(damaged)?;
            return Ok(Content::Embedded(bytes.into()));
        }
    };
    let mut walk = Walk { source, space, entry, long, extents: vec![], left: size, runs: 0 };
    walk.descriptors(entry.allocation(), entry.address.partition)?;
    if walk.left > 0 { Err(damaged) } else { Ok(Content::Extents(walk.extents)) }
}

/// What the two upper bits of an extent's length say (ECMA-167 4/14.14.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recorded {
    Yes,
    /// Allocated or not: reads as zeros.
    No,
    /// More descriptors.
    Continuation,
}

/// One allocation descriptor.
#[derive(Clone, Copy, Debug)]
struct Descriptor {
    recorded: Recorded,
    length: u64,
    address: Address,
}

/// Collects the runs of a file.
struct Walk<'a> {
    source: &'a dyn ReadAt,
    space: &'a Space,
    entry: &'a FileEntry,
    long: bool,
    extents: Vec<Extent>,
    /// Bytes of the file that are not described yet.
    left: u64,
    runs: u32,
}

impl Walk<'_> {
    /// Takes the descriptors in `area` and in all areas that continue it. A `short_ad` means a block of the
    /// partition in which it lies itself.
    fn descriptors(&mut self, area: &[u8], partition: u16) -> Result<(), ReadError> {
        let mut continuation = self.area(area, partition)?;
        let mut visited = HashSet::new();
        while let Some(address) = continuation {
            let offset = self.space.offset(address, "allocation extent")?;
            if !visited.insert(offset) || visited.len() > MAXIMUM_CONTINUATIONS {
                return Err(ReadError::Damaged { what: "allocation extent", offset });
            }
            let block = self.continuation(offset, address)?;
            let end = 24_u64 + u64::from(u32_at(&block, 20));
            let area = usize::try_from(end).ok().and_then(|end| block.get(24..end));
            let damaged = ReadError::Damaged { what: "allocation extent", offset };
            continuation = self.area(area.ok_or(damaged)?, address.partition)?;
        }
        Ok(())
    }

    /// Takes the descriptors in `area`; returns where they go on.
    fn area(&mut self, area: &[u8], partition: u16) -> Result<Option<Address>, ReadError> {
        for descriptor in area.chunks_exact(if self.long { 16 } else { 8 }) {
            let descriptor = Descriptor::parse(descriptor, self.long, partition);
            if descriptor.length == 0 || self.left == 0 {
                break;
            }
            if descriptor.recorded == Recorded::Continuation {
                return Ok(Some(descriptor.address));
            }
            self.take(descriptor)?;
        }
        Ok(None)
    }

    fn continuation(&self, offset: u64, address: Address) -> Result<Vec<u8>, ReadError> {
        let what = "allocation extent";
        let block_size = self.space.block_size;
        let block = tag::read_block(self.source, offset, block_size, address.block, what)?;
        if block.identifier != identifier::ALLOCATION_EXTENT {
            return Err(ReadError::Damaged { what, offset });
        }
        Ok(block.bytes)
    }

    fn take(&mut self, descriptor: Descriptor) -> Result<(), ReadError> {
        let length = descriptor.length.min(self.left);
        // Only the last extent of a file may end within a block (ECMA-167 4/12.1).
        if length < self.left && length % u64::from(self.space.block_size) != 0 {
            return Err(self.damaged());
        }
        self.left -= length;
        if descriptor.recorded == Recorded::No {
            return self.push(Extent { length, data: ExtentData::Zeros });
        }
        let space = self.space;
        space.runs(descriptor.address, length, |offset, length| {
            self.push(Extent { length, data: ExtentData::Image(offset) })
        })
    }

    /// Appends a run, or lengthens the last one where it only goes on.
    fn push(&mut self, extent: Extent) -> Result<(), ReadError> {
        self.runs += 1;
        if self.runs > MAXIMUM_RUNS {
            return Err(self.damaged());
        }
        match self.extents.last_mut() {
            Some(last) if follows(last, &extent) => last.length += extent.length,
            _ => self.extents.push(extent),
        }
        Ok(())
    }

    fn damaged(&self) -> ReadError {
        ReadError::Damaged { what: "allocation descriptors", offset: self.entry.offset }
    }
}

impl Descriptor {
    fn parse(bytes: &[u8], long: bool, partition: u16) -> Self {
        let stated = u32_at(bytes, 0);
        let recorded = match stated >> 30 {
            0 => Recorded::Yes,
            3 => Recorded::Continuation,
            _ => Recorded::No,
        };
        let address = if long {
            Address::parse_long(bytes, 0)
        } else {
            Address { partition, block: u32_at(bytes, 4) }
        };
        Self { recorded, length: u64::from(stated & 0x3FFF_FFFF), address }
    }
}

/// Whether `next` is nothing but the continuation of `last`.
fn follows(last: &Extent, next: &Extent) -> bool {
    match (last.data, next.data) {
        (ExtentData::Zeros, ExtentData::Zeros) => true,
        (ExtentData::Image(start), ExtentData::Image(offset)) => {
            start.checked_add(last.length) == Some(offset)
        }
        _ => false,
    }
}
