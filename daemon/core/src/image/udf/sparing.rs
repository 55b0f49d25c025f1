//! Sparing tables (UDF 2.2.12): packets of a rewritable disc that wore out and lie elsewhere now.

use std::collections::BTreeMap;

use super::{
    fields::{u16_at, u32_at},
    tag,
};
use crate::image::{ReadAt, ReadError};

/// Entries from here on say that the spare packet is free, or worn out itself.
const UNUSED: u32 = 0xFFFF_FFF0;
/// Bytes of a table before its entries.
const HEADER: usize = 56;
/// Bytes that a table may have: 65535 entries.
const MAXIMUM_TABLE: usize = HEADER + 65535 * 8;

/// Packets that lie elsewhere.
#[derive(Debug, Default)]
pub(super) struct Sparing {
    /// Blocks of a packet; at least 1.
    pub(super) packet: u32,
    /// First block of the packet on the medium, by its first block in the partition.
    moved: BTreeMap<u32, u32>,
    /// The reverse.
    origins: BTreeMap<u32, u32>,
}

impl Sparing {
    /// Reads the tables that the partition map `map` lists, and takes the one with the highest sequence number.
    pub(super) fn read(
        source: &dyn ReadAt,
        block_size: u32,
        map: &[u8],
    ) -> Result<Self, ReadError> {
        let packet = u32::from(u16_at(map, 40)).max(1);
        let count = usize::from(map.get(42).copied().unwrap_or(0)).min(4);
        let size = u32_at(map, 44) as usize;
        let locations = (0..count).map(|index| u32_at(map, 48 + index * 4));
        let tables = locations.map(|location| read_table(source, block_size, location, size));
        let mut failure = None;
        let mut best: Option<(u32, Vec<u8>)> = None;
        for table in tables {
            match table {
                Ok(table) => {
                    let sequence = u32_at(&table, 52);
                    if best.as_ref().is_none_or(|(known, _)| *known < sequence) {
                        best = Some((sequence, table));
                    }
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match (best, failure) {
            (Some((_, table)), _) => Ok(Self::parse(packet, &table)),
            // Without its table a worn-out packet would be read where it no longer is.
            (None, Some(failure)) => Err(failure),
            (None, None) => Ok(Self { packet, ..Self::default() }),
        }
    }

    fn parse(packet: u32, table: &[u8]) -> Self {
        let mut sparing = Self { packet, ..Self::default() };
        let count = usize::from(u16_at(table, 48));
        let entries = table.get(HEADER..).unwrap_or_default();
        for entry in entries.chunks_exact(8).take(count) {
            let (original, mapped) = (u32_at(entry, 0), u32_at(entry, 4));
            if original < UNUSED && original % packet == 0 {
                sparing.moved.entry(original).or_insert(mapped);
            }
        }
        sparing.origins = sparing.moved.iter().map(|(from, to)| (*to, *from)).collect();
        sparing
    }

    /// Where block `block` of the partition lies on the medium if it was moved, and the number of blocks that follow
    /// it in the same way, itself included.
    pub(super) fn lookup(&self, block: u64) -> (Option<u64>, u64) {
        let packet = u64::from(self.packet.max(1));
        let within = block % packet;
        let first = u32::try_from(block - within).ok();
        if let Some(mapped) = first.and_then(|first| self.moved.get(&first)) {
            return (Some(u64::from(*mapped) + within), packet - within);
        }
        let following = first.and_then(|first| self.moved.range(first..).next());
        (None, following.map_or(u64::MAX, |(original, _)| u64::from(*original) - block))
    }

    /// The block of the partition that was moved to block `block` of the medium.
    pub(super) fn origin(&self, block: u64) -> Option<u64> {
        let block = u32::try_from(block).ok()?;
        let (mapped, original) = self.origins.range(..=block).next_back()?;
        let within = block - mapped;
        (within < self.packet).then(|| u64::from(*original) + u64::from(within))
    }
}

fn read_table(
    source: &dyn ReadAt,
    block_size: u32,
    location: u32,
    size: usize,
) -> Result<Vec<u8>, ReadError> {
    let what = "UDF sparing table";
    let offset = u64::from(location) * u64::from(block_size);
    if !(HEADER..=MAXIMUM_TABLE).contains(&size) {
        return Err(ReadError::Damaged { what, offset });
    }
    let mut table = vec![0; size];
    source.read_exact_at(&mut table, offset).map_err(|source| ReadError::Read {
        what,
        offset,
        source,
    })?;
    let tag = tag::Tag::parse(&table).filter(|tag| (tag.identifier, tag.location) == (0, location));
    if tag.is_none() || !table[17..].starts_with(b"*UDF Sparing Table") {
        return Err(ReadError::Damaged { what, offset });
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::{super::tag::tests::seal, *};

    fn table(location: u32, sequence: u32, entries: &[(u32, u32)]) -> Vec<u8> {
        let mut table = vec![0; 512];
        table[17..35].copy_from_slice(b"*UDF Sparing Table");
        table[48..50].copy_from_slice(&u16::try_from(entries.len()).unwrap().to_le_bytes());
        table[52..56].copy_from_slice(&sequence.to_le_bytes());
        for (index, (original, mapped)) in entries.iter().enumerate() {
            let at = HEADER + index * 8;
            table[at..at + 4].copy_from_slice(&original.to_le_bytes());
            table[at + 4..at + 8].copy_from_slice(&mapped.to_le_bytes());
        }
        seal(&mut table, 0, location);
        table
    }

    fn map(locations: &[u32]) -> Vec<u8> {
        let mut map = vec![0; 64];
        map[40] = 32;
        map[42] = u8::try_from(locations.len()).unwrap();
        map[45] = 2;
        for (index, location) in locations.iter().enumerate() {
            map[48 + index * 4..52 + index * 4].copy_from_slice(&location.to_le_bytes());
        }
        map
    }

    #[test]
    fn moved_packets_are_found_both_ways() {
        let mut image = vec![0; 512];
        image.extend(table(1, 5, &[(64, 1000), (128, 2000), (0xFFFF_FFFF, 3000)]));
        let sparing = Sparing::read(&image, 512, &map(&[1])).unwrap();
        assert_eq!(sparing.lookup(0), (None, 64));
        assert_eq!(sparing.lookup(63), (None, 1));
        assert_eq!(sparing.lookup(64), (Some(1000), 32));
        assert_eq!(sparing.lookup(95), (Some(1031), 1));
        assert_eq!(sparing.lookup(96), (None, 32));
        assert_eq!(sparing.lookup(160), (None, u64::MAX));
        assert_eq!(sparing.origin(1031), Some(95));
        assert_eq!(sparing.origin(1032), None);
        assert_eq!(sparing.origin(3000), None);
    }

    #[test]
    fn the_newest_sound_table_counts() {
        let mut image = table(0, 5, &[(64, 1000)]);
        image.extend(table(1, 6, &[(64, 2000)]));
        let read =
            |image: &Vec<u8>| Sparing::read(image, 512, &map(&[0, 1])).map(|s| s.lookup(64).0);
        assert_eq!(read(&image).unwrap(), Some(2000));
        image[512 + 60] ^= 1;
        assert_eq!(read(&image).unwrap(), Some(1000));
        image[60] ^= 1;
        assert!(matches!(read(&image), Err(ReadError::Damaged { offset: 0, .. })));
    }
}
