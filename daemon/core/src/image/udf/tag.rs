//! The descriptor tag that opens every structure of UDF (ECMA-167 3/7.2), and the blocks that begin with one.
//!
//! A structure counts only if its tag's checksum is right, its CRC is right where the CRC's length fits, and it lies
//! where its tag says it lies: the last is what tells a structure from a stale copy of one.

use super::fields::{u16_at, u32_at};
use crate::image::{ReadAt, ReadError};

/// Bytes of a tag.
pub(super) const LENGTH: usize = 16;

/// Tag identifiers of ECMA-167 3/7.2.1 and 4/7.2.1.
pub(super) mod identifier {
    pub(in super::super) const PRIMARY_VOLUME: u16 = 1;
    pub(in super::super) const ANCHOR: u16 = 2;
    pub(in super::super) const VOLUME_POINTER: u16 = 3;
    pub(in super::super) const IMPLEMENTATION_USE: u16 = 4;
    pub(in super::super) const PARTITION: u16 = 5;
    pub(in super::super) const LOGICAL_VOLUME: u16 = 6;
    pub(in super::super) const TERMINATING: u16 = 8;
    pub(in super::super) const INTEGRITY: u16 = 9;
    pub(in super::super) const FILE_SET: u16 = 256;
    pub(in super::super) const FILE_IDENTIFIER: u16 = 257;
    pub(in super::super) const ALLOCATION_EXTENT: u16 = 258;
    pub(in super::super) const FILE_ENTRY: u16 = 261;
    pub(in super::super) const EXTENDED_ATTRIBUTES: u16 = 262;
    pub(in super::super) const EXTENDED_FILE_ENTRY: u16 = 266;
}

/// What a sound tag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// One of [`identifier`].
    pub(super) identifier: u16,
    /// Block in which the structure lies, counted as its kind is: on the medium or within a partition.
    pub(super) location: u32,
}

impl Tag {
    /// The tag of `structure`, if its checksum and its CRC are right.
    pub(super) fn parse(structure: &[u8]) -> Option<Self> {
        let (tag, body) = structure.split_at_checked(LENGTH)?;
        if checksum(tag) != tag[4] {
            return None;
        }
        // Writers that leave the CRC out state a length of 0, or one of more than there is.
        let covered = body.get(..usize::from(u16_at(tag, 10))).unwrap_or_default();
        if !covered.is_empty() && crc(covered) != u16_at(tag, 8) {
            return None;
        }
        Some(Self { identifier: u16_at(tag, 0), location: u32_at(tag, 12) })
    }
}

/// A block that opens with a sound tag.
#[derive(Debug)]
pub(super) struct TaggedBlock {
    pub(super) identifier: u16,
    pub(super) bytes: Vec<u8>,
}

/// Reads the block at byte `offset`, which has to say of itself that it lies in block `location`.
pub(super) fn read_block(
    source: &dyn ReadAt,
    offset: u64,
    block_size: u32,
    location: u32,
    what: &'static str,
) -> Result<TaggedBlock, ReadError> {
    let mut bytes = vec![0; block_size as usize];
    source.read_exact_at(&mut bytes, offset).map_err(|source| ReadError::Read {
        what,
        offset,
        source,
    })?;
    match Tag::parse(&bytes) {
        Some(tag) if tag.location == location => {
            Ok(TaggedBlock { identifier: tag.identifier, bytes })
        }
        _ => Err(ReadError::Damaged { what, offset }),
    }
}

/// Sum of a tag's bytes but the checksum itself.
fn checksum(tag: &[u8]) -> u8 {
    tag.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_sub(tag[4])
}

/// CRC of ECMA-167 1/7.2.6: polynomial 0x1021, most significant bit first, from 0.
pub(super) fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        let [high, low] = u16::to_be_bytes(crc);
        u16::from_be_bytes([low, 0]) ^ CRC_OF_BYTE[usize::from(high ^ byte)]
    })
}

const CRC_OF_BYTE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte: u16 = 0;
    while byte < 256 {
        let mut crc = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Gives `structure` a sound tag whose CRC covers all the rest.
    pub(in super::super) fn seal(structure: &mut [u8], identifier: u16, location: u32) {
        structure[..LENGTH].fill(0);
        let crc_length = u16::try_from(structure.len() - LENGTH).unwrap();
        let crc = crc(&structure[LENGTH..]);
        structure[0..2].copy_from_slice(&identifier.to_le_bytes());
        structure[2..4].copy_from_slice(&2_u16.to_le_bytes());
        structure[8..10].copy_from_slice(&crc.to_le_bytes());
        structure[10..12].copy_from_slice(&crc_length.to_le_bytes());
        structure[12..16].copy_from_slice(&location.to_le_bytes());
        structure[4] = checksum(&structure[..LENGTH]);
    }

    #[test]
    fn the_crc_is_the_one_of_the_standard() {
        // The example of ECMA-167 1/7.2.6, and the catalogued check value of CRC-16/XMODEM.
        assert_eq!(crc(&[0x70, 0x6A, 0x77]), 0x3299);
        assert_eq!(crc(b"123456789"), 0x31C3);
    }

    #[test]
    fn a_changed_bit_anywhere_makes_the_tag_unsound() {
        let mut block = vec![7; 512];
        seal(&mut block, identifier::FILE_ENTRY, 99);
        assert_eq!(Tag::parse(&block), Some(Tag { identifier: 261, location: 99 }));
        for at in 0..block.len() {
            block[at] ^= 0x10;
            assert_eq!(Tag::parse(&block), None, "byte {at}");
            block[at] ^= 0x10;
        }
    }

    #[test]
    fn a_crc_that_covers_more_than_there_is_is_not_checked() {
        let mut block = vec![7; 64];
        seal(&mut block, identifier::FILE_ENTRY, 1);
        block[10..12].copy_from_slice(&49_u16.to_le_bytes());
        block[8] ^= 0xFF;
        block[4] = checksum(&block[..LENGTH]);
        assert!(Tag::parse(&block).is_some());
        assert!(Tag::parse(&block[..15]).is_none());
    }

    #[test]
    fn a_block_that_lies_elsewhere_than_it_says_is_refused() {
        let mut image = vec![0; 4096];
        seal(&mut image[2048..], identifier::ANCHOR, 1);
        assert_eq!(read_block(&image, 2048, 2048, 1, "x").unwrap().identifier, 2);
        assert!(matches!(
            read_block(&image, 2048, 2048, 2, "x"),
            Err(ReadError::Damaged { what: "x", offset: 2048 })
        ));
        assert!(matches!(read_block(&image, 2049, 2048, 1, "x"), Err(ReadError::Read { .. })));
    }
}
