//! The anchor volume descriptor pointer (ECMA-167 3/10.2): where the volume descriptors lie, and how long a block is.

use std::io;

use super::{
    fields::u32_at,
    tag::{self, identifier},
};
use crate::image::{OpenError, ReadAt, ReadError};

/// Lengths of a block in bytes, the usual one first.
const BLOCK_SIZES: [u32; 4] = [2048, 512, 1024, 4096];
/// Block in which every medium but write-once ones has its anchor.
const FIRST: u64 = 256;
/// Block of the anchor on a write-once medium that is not closed.
const OPEN_MEDIUM: u64 = 512;

/// Consecutive blocks of the medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BlockExtent {
    /// Bytes.
    pub(super) length: u32,
    /// First block.
    pub(super) location: u32,
}

impl BlockExtent {
    /// Reads an `extent_ad` (ECMA-167 3/7.1) at byte `at` of `structure`.
    pub(super) fn parse(structure: &[u8], at: usize) -> Self {
        Self { length: u32_at(structure, at), location: u32_at(structure, at + 4) }
    }
}

/// What the anchor says, and what the place where it was found tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    /// Bytes of a block: that of the size by which the anchor lies where it says it lies.
    pub(super) block_size: u32,
    /// The main volume descriptor sequence.
    pub(super) main: BlockExtent,
    /// The reserve volume descriptor sequence.
    pub(super) reserve: BlockExtent,
}

/// Looks for the anchor in all places that the standard allows.
pub(super) fn find(source: &dyn ReadAt) -> Result<Anchor, OpenError> {
    let mut failure = None;
    for (block_size, location) in places(source.size()) {
        match read(source, block_size, location) {
            Ok(anchor) => return Ok(anchor),
            Err(ReadError::Read { what, offset, source })
                if source.kind() != io::ErrorKind::UnexpectedEof =>
            {
                failure.get_or_insert(OpenError::Read { what, offset, source });
            }
            Err(_) => {}
        }
    }
    let offset = FIRST * u64::from(BLOCK_SIZES[0]);
    Err(failure.unwrap_or(OpenError::Damaged { what: "UDF anchor", offset }))
}

/// Block sizes and blocks to look at, in the order of their likelihood.
fn places(size: u64) -> impl Iterator<Item = (u32, u64)> {
    let first = BLOCK_SIZES.into_iter().map(|block_size| (block_size, FIRST));
    let last = BLOCK_SIZES.into_iter().flat_map(move |block_size| {
        let last = (size / u64::from(block_size)).saturating_sub(1);
        [last, last.saturating_sub(FIRST), OPEN_MEDIUM].map(|location| (block_size, location))
    });
    first.chain(last)
}

fn read(source: &dyn ReadAt, block_size: u32, location: u64) -> Result<Anchor, ReadError> {
    let what = "UDF anchor";
    let offset = location * u64::from(block_size);
    let damaged = ReadError::Damaged { what, offset };
    let Ok(location) = u32::try_from(location) else { return Err(damaged) };
    let block = tag::read_block(source, offset, block_size, location, what)?;
    if block.identifier != identifier::ANCHOR {
        return Err(damaged);
    }
    let main = BlockExtent::parse(&block.bytes, 16);
    Ok(Anchor { block_size, main, reserve: BlockExtent::parse(&block.bytes, 24) })
}

#[cfg(test)]
mod tests {
    use super::{super::tag::tests::seal, *};

    fn medium(block_size: usize, blocks: usize, location: usize) -> Vec<u8> {
        let mut image = vec![0; block_size * blocks];
        let block = &mut image[location * block_size..(location + 1) * block_size];
        block[16..20].copy_from_slice(&32768_u32.to_le_bytes());
        block[20..24].copy_from_slice(&257_u32.to_le_bytes());
        block[24..28].copy_from_slice(&16384_u32.to_le_bytes());
        block[28..32].copy_from_slice(&300_u32.to_le_bytes());
        seal(block, identifier::ANCHOR, u32::try_from(location).unwrap());
        image
    }

    #[test]
    fn the_anchor_is_found_wherever_it_may_lie_and_tells_the_block_size() {
        for (block_size, blocks, location) in [
            (2048, 300, 256),
            (512, 300, 256),
            (1024, 300, 256),
            (4096, 300, 256),
            (2048, 700, 699),
            (2048, 700, 443),
            (512, 700, 699),
            (2048, 700, 512),
        ] {
            let anchor = find(&medium(block_size, blocks, location)).unwrap();
            let main = BlockExtent { length: 32768, location: 257 };
            let reserve = BlockExtent { length: 16384, location: 300 };
            let block_size = u32::try_from(block_size).unwrap();
            assert_eq!(anchor, Anchor { block_size, main, reserve });
        }
    }

    #[test]
    fn a_medium_without_an_anchor_is_damaged() {
        for image in [medium(2048, 700, 300), vec![], vec![0; 1 << 20]] {
            let error = find(&image).unwrap_err();
            assert_eq!(error.to_string(), "the UDF anchor at byte 524288 is damaged");
        }
    }
}
