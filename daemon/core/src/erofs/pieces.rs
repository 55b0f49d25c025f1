//! A file's bytes as pieces, and the chunks that they are cut into.

use super::format::ChunkAddress;
use crate::image::{Extent, ExtentData};

/// The largest block size written, where a medium allows it.
pub(super) const LARGEST_BLOCK_LOG2: u8 = 12;
/// The block size of nearly all media. What is in an incomplete block of this size at a medium's end is copied.
pub(super) const SECTOR_LOG2: u8 = 11;
/// The smallest block size that EROFS has.
pub(super) const SMALLEST_BLOCK_LOG2: u8 = 9;
/// Chunks are at most this many times two larger than a block (5 bits of the chunk format).
const LARGEST_CHUNK_SHIFT: u8 = 31;

/// Where the bytes of a piece lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the medium from this byte on.
    Medium(u64),
    /// In the metadata image from this byte on.
    Metadata(u64),
    /// Nowhere: zeros.
    Zeros,
    /// Nowhere: the medium should have them but does not.
    Fault,
}

/// A run of a file's bytes; it ends where the next piece starts, or at the file's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Byte offset in the file.
    pub(super) start: u64,
    /// Where its bytes lie.
    pub(super) place: Place,
}

/// What a file's extents come to on a medium of `medium_size` bytes. A last piece that lies in the medium's last,
/// incomplete block is told as [`Tail`], for blocks are only ever read whole.
pub(super) fn pieces(extents: &[Extent], medium_size: u64) -> (Vec<Piece>, Option<Tail>) {
    let whole = medium_size >> SECTOR_LOG2 << SECTOR_LOG2;
    let mut pieces = Vec::with_capacity(extents.len());
    let mut tail = None;
    let mut start = 0_u64;
    for (index, extent) in extents.iter().enumerate() {
        match extent.data {
            ExtentData::Zeros => pieces.push(Piece { start, place: Place::Zeros }),
            ExtentData::Image(from) => {
                let end = from.saturating_add(extent.length);
                if from < whole {
                    pieces.push(Piece { start, place: Place::Medium(from) });
                }
                if end > whole {
                    let missing_from = from.max(whole);
                    let start = start.saturating_add(missing_from - from);
                    pieces.push(Piece { start, place: Place::Fault });
                    if end <= medium_size && index + 1 == extents.len() {
                        tail = Some(Tail { from: missing_from, length: end - missing_from });
                    }
                }
            }
        }
        start = start.saturating_add(extent.length);
    }
    (pieces, tail)
}

/// Bytes of the medium's last, incomplete block that end a file: they have to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    /// Byte offset in the medium.
    pub(super) from: u64,
    /// Bytes; less than a block.
    pub(super) length: u64,
}

/// Binary logarithm of the largest power of two that divides all addresses and boundaries of `pieces`.
pub(super) fn alignment_log2(pieces: &[Piece]) -> u32 {
    let bits = pieces.iter().fold(0, |bits, piece| {
        bits | piece.start
            | match piece.place {
                Place::Medium(from) | Place::Metadata(from) => from,
                Place::Zeros | Place::Fault => 0,
            }
    });
    bits.trailing_zeros()
}

/// Binary logarithm of the chunk size by which a file of `size` bytes needs the fewest chunks.
pub(super) fn chunk_size_log2(pieces: &[Piece], size: u64, block_size_log2: u8) -> u8 {
    let boundaries = pieces.iter().fold(0, |bits, piece| bits | piece.start);
    let whole_file = 64 - size.saturating_sub(1).leading_zeros();
    let largest = boundaries.trailing_zeros().min(whole_file);
    let largest = u8::try_from(largest).unwrap_or(u8::MAX);
    largest.clamp(block_size_log2, block_size_log2 + LARGEST_CHUNK_SHIFT)
}

/// Number of chunks of a file of `size` bytes.
pub(super) fn chunk_count(size: u64, chunk_size_log2: u8) -> u64 {
    size.div_ceil(1 << chunk_size_log2)
}

/// The addresses of all chunks in order.
pub(super) fn chunks(
    pieces: &[Piece],
    size: u64,
    chunk_size_log2: u8,
    block_size_log2: u8,
) -> impl Iterator<Item = ChunkAddress> + '_ {
    let mut piece = 0;
    (0..chunk_count(size, chunk_size_log2)).map(move |chunk| {
        let offset = chunk << chunk_size_log2;
        while pieces.get(piece + 1).is_some_and(|next| next.start <= offset) {
            piece += 1;
        }
        let Some(current) = pieces.get(piece) else { return ChunkAddress::Fault };
        let block = |from: u64| {
            let address = from.checked_add(offset - current.start)? >> block_size_log2;
            u32::try_from(address).ok().filter(|block| *block != u32::MAX)
        };
        match current.place {
            Place::Medium(from) => block(from).map_or(ChunkAddress::Fault, ChunkAddress::Medium),
            Place::Metadata(from) => {
                block(from).map_or(ChunkAddress::Fault, ChunkAddress::Metadata)
            }
            Place::Zeros => ChunkAddress::Zeros,
            Place::Fault => ChunkAddress::Fault,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(from: u64, length: u64) -> Extent {
        Extent { length, data: ExtentData::Image(from) }
    }

    #[test]
    fn what_lies_behind_the_mediums_end_is_a_fault_and_never_zeros() {
        let (found, tail) = pieces(&[image(4096, 9000)], 8192);
        assert_eq!(
            found,
            [
                Piece { start: 0, place: Place::Medium(4096) },
                Piece { start: 4096, place: Place::Fault }
            ]
        );
        assert_eq!(tail, None);
        let (found, _) = pieces(&[image(u64::MAX - 5, 9000)], 8192);
        assert_eq!(found, [Piece { start: 0, place: Place::Fault }]);
    }

    #[test]
    fn a_files_end_in_the_mediums_incomplete_block_is_copied() {
        let (found, tail) = pieces(&[image(4096, 4096 + 100)], 8192 + 100);
        assert_eq!(found.last().unwrap(), &Piece { start: 4096, place: Place::Fault });
        assert_eq!(tail, Some(Tail { from: 8192, length: 100 }));
        assert_eq!(pieces(&[image(4096, 4096 + 101)], 8192 + 100).1, None);
    }

    #[test]
    fn one_run_is_one_chunk() {
        let (found, _) = pieces(&[image(2048, 5 << 30)], 6 << 30);
        let log2 = chunk_size_log2(&found, 5 << 30, 11);
        assert_eq!((log2, chunk_count(5 << 30, log2)), (33, 1));
    }

    proptest! {
        #[test]
        fn chunks_tell_each_blocks_place_as_the_extents_do(
            runs in prop::collection::vec((0_u64..40, 1_u64..9, 0_u8..8), 1..6),
            rest in 1_u64..2048,
            medium_blocks in 1_u64..50,
        ) {
            let mut extents: Vec<_> = runs
                .iter()
                .map(|(from, blocks, kind)| match kind {
                    0 => Extent { length: blocks * 2048, data: ExtentData::Zeros },
                    _ => image(from * 2048, blocks * 2048),
                })
                .collect();
            extents.last_mut().unwrap().length -= 2048 - rest;
            let size: u64 = extents.iter().map(|extent| extent.length).sum();
            let (found, _) = pieces(&extents, medium_blocks * 2048);
            prop_assert!(alignment_log2(&found) >= 11);
            let log2 = chunk_size_log2(&found, size, 11);
            let all: Vec<_> = chunks(&found, size, log2, 11).collect();
            let per_chunk = 1 << (log2 - 11);
            let mut block = 0_u64;
            for extent in &extents {
                for index in 0..extent.length.div_ceil(2048) {
                    let inside = u32::try_from(block % per_chunk).unwrap();
                    let address = all[usize::try_from(block / per_chunk).unwrap()];
                    let expected = match extent.data {
                        ExtentData::Zeros => ChunkAddress::Zeros,
                        ExtentData::Image(from) if from / 2048 + index < medium_blocks => {
                            let at = u32::try_from(from / 2048 + index).unwrap();
                            ChunkAddress::Medium(at.wrapping_sub(inside))
                        }
                        ExtentData::Image(_) => ChunkAddress::Fault,
                    };
                    prop_assert_eq!(address, expected);
                    block += 1;
                }
            }
        }
    }
}
