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
        if length < self.left && !length.is_multiple_of(u64::from(self.space.block_size)) {
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

#[cfg(test)]
mod tests {
    use super::{
        super::{
            file_entry::tests::entry,
            space::{Partition, Physical},
            tag::tests::seal,
        },
        *,
    };

    const BLOCK: u64 = 512;

    fn space() -> Space {
        let physical = Physical { number: 0, start: 10, length: 1 << 20, sparing: None };
        Space { block_size: 512, partitions: vec![Partition::Physical(physical)] }
    }

    /// A `short_ad`.
    fn short(kind: u32, length: u32, block: u32) -> Vec<u8> {
        [(kind << 30 | length).to_le_bytes(), block.to_le_bytes()].concat()
    }

    /// Content of a file of `size` bytes with these descriptors, on a medium that holds `image`.
    fn content_of(
        kind: u8,
        size: u64,
        area: &[u8],
        image: &dyn ReadAt,
    ) -> Result<Content, ReadError> {
        let length = u32::try_from(area.len()).unwrap().to_le_bytes();
        let size = size.to_le_bytes();
        let entry = entry(false, &[(34, &[kind]), (56, &size), (172, &length), (176, area)]);
        content(image, &space(), &entry)
    }

    fn extents_of(size: u64, descriptors: &[Vec<u8>]) -> Vec<Extent> {
        match content_of(0, size, &descriptors.concat(), &vec![]).unwrap() {
            Content::Extents(extents) => extents,
            other => panic!("{other:?}"),
        }
    }

    fn at(length: u64, block: u64) -> Extent {
        Extent { length, data: ExtentData::Image((10 + block) * BLOCK) }
    }

    #[test]
    fn neighbours_are_one_run_and_the_end_is_cut_to_size() {
        let zeros = |length| Extent { length, data: ExtentData::Zeros };
        assert_eq!(
            extents_of(1500, &[short(0, 1024, 0), short(0, 512, 2)]),
            [at(1500, 0)],
            "one after the other, and more than the file has"
        );
        assert_eq!(
            extents_of(1536, &[short(0, 512, 5), short(0, 1024, 2)]),
            [at(512, 5), at(1024, 2)]
        );
        assert_eq!(
            extents_of(2048, &[short(1, 512, 5), short(2, 512, 0), short(0, 1024, 7)]),
            [zeros(1024), at(1024, 7)]
        );
        assert_eq!(extents_of(0, &[short(0, 512, 5)]), []);
    }

    #[test]
    fn a_file_of_many_gibibytes_is_one_run() {
        const PIECE: u32 = 0x3FFF_FE00;
        let blocks = PIECE / 512;
        let descriptors: Vec<_> = (0..8).map(|index| short(0, PIECE, index * blocks)).collect();
        let size = u64::from(PIECE) * 8 - 100;
        assert_eq!(extents_of(size, &descriptors), [at(size, 0)]);
    }

    #[test]
    fn descriptors_that_fall_short_or_end_within_a_block_are_damaged() {
        for (size, descriptors) in [
            (513, vec![short(0, 512, 0)]),
            (1024, vec![short(0, 512, 0), short(0, 0, 0), short(0, 512, 1)]),
            (1000, vec![short(0, 500, 0), short(0, 500, 1)]),
            (1, vec![]),
            (u64::MAX, vec![short(2, 512, 0)]),
        ] {
            let refused = content_of(0, size, &descriptors.concat(), &vec![]);
            assert!(matches!(refused, Err(ReadError::Damaged { offset: 1024, .. })), "{size}");
        }
        assert!(matches!(content_of(2, 1, &[], &vec![]), Err(ReadError::Unsupported(_))));
    }

    #[test]
    fn embedded_content_is_as_long_as_the_entry_states() {
        let embedded = |size| content_of(3, size, b"content", &vec![]);
        let Content::Embedded(bytes) = embedded(4).unwrap() else { panic!("not embedded") };
        assert_eq!(&bytes[..], b"cont");
        assert!(embedded(8).is_err());
    }

    /// A medium whose block 11, the partition's block 1, has further descriptors.
    fn continued(descriptors: &[Vec<u8>]) -> Vec<u8> {
        let mut image = vec![0; 12 * 512];
        let area = descriptors.concat();
        let block = &mut image[11 * 512..];
        block[20..24].copy_from_slice(&u32::try_from(area.len()).unwrap().to_le_bytes());
        block[24..24 + area.len()].copy_from_slice(&area);
        seal(block, identifier::ALLOCATION_EXTENT, 1);
        image
    }

    #[test]
    fn descriptors_go_on_elsewhere_and_not_in_a_circle() {
        let area = [short(0, 512, 5), short(3, 512, 1)].concat();
        let good = continued(&[short(0, 512, 9)]);
        let Content::Extents(extents) = content_of(0, 1024, &area, &good).unwrap() else {
            panic!("not in extents")
        };
        assert_eq!(extents, [at(512, 5), at(512, 9)]);
        let circle = continued(&[short(0, 512, 9), short(3, 512, 1)]);
        let damaged = content_of(0, 1 << 30, &area, &circle).unwrap_err();
        assert_eq!(damaged.to_string(), "the allocation extent at byte 5632 is damaged");
        let mut unsound = good;
        unsound[11 * 512 + 100] ^= 1;
        assert!(content_of(0, 1024, &area, &unsound).is_err());
    }
}
