//! Where the blocks of a logical volume lie on the medium (ECMA-167 3/10.7, UDF 2.2.8 to 2.2.10).
//!
//! An address names a partition map and a block in it. A map leads to a partition of the medium (type 1), to one of
//! which some packets lie elsewhere (sparable), or to the blocks of a file in another partition (metadata).

use super::{
    fields::{u16_at, u32_at},
    metadata::Metadata,
    sparing::Sparing,
};
use crate::image::ReadError;

/// A block of a logical volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// Index of the partition map.
    pub(super) partition: u16,
    /// Block within it.
    pub(super) block: u32,
}

impl Address {
    /// Reads the place in a `long_ad` (ECMA-167 4/14.14.2) at byte `at` of `structure`.
    pub(super) fn parse_long(structure: &[u8], at: usize) -> Self {
        Self { partition: u16_at(structure, at + 8), block: u32_at(structure, at + 4) }
    }
}

/// What a partition map leads to.
#[derive(Debug)]
pub(super) enum Partition {
    /// Blocks of the medium.
    Physical(Physical),
    /// Blocks of a metadata file.
    Metadata(Metadata),
}

/// A partition of the medium.
#[derive(Debug)]
pub(super) struct Physical {
    /// Number by which metadata maps name it.
    pub(super) number: u16,
    /// First block on the medium.
    pub(super) start: u32,
    /// Blocks.
    pub(super) length: u32,
    /// Packets that lie elsewhere.
    pub(super) sparing: Option<Sparing>,
}

/// All partition maps of a logical volume.
#[derive(Debug)]
pub(super) struct Space {
    /// Bytes of a block.
    pub(super) block_size: u32,
    /// The maps in their order.
    pub(super) partitions: Vec<Partition>,
}

impl Space {
    /// Byte offset of a block that has to lie within its partition.
    pub(super) fn offset(&self, address: Address, what: &'static str) -> Result<u64, ReadError> {
        let partition = self.partitions.get(usize::from(address.partition));
        let partition = partition.filter(|partition| partition.contains(address.block));
        partition
            .and_then(|partition| partition.run(u64::from(address.block), self.block_size))
            .map(|(offset, _)| offset)
            .ok_or(ReadError::Damaged { what, offset: u64::from(address.block) * self.bytes() })
    }

    /// Passes to `take` the byte offset and the length of each run of the `length` bytes that begin at `address`.
    ///
    /// Data may lie beyond the length that a partition states, as it may for Linux: the end of the image is what
    /// bounds reading.
    pub(super) fn runs(
        &self,
        address: Address,
        length: u64,
        mut take: impl FnMut(u64, u64) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut block = u64::from(address.block);
        let mut left = length;
        while left > 0 {
            let partition = self.partitions.get(usize::from(address.partition));
            let run = partition.and_then(|partition| partition.run(block, self.block_size));
            let what = "allocation descriptor's extent";
            let damaged = ReadError::Damaged { what, offset: block * self.bytes() };
            let (offset, blocks) = run.ok_or(damaged)?;
            let bytes = blocks.saturating_mul(self.bytes()).min(left);
            take(offset, bytes)?;
            left -= bytes;
            block = block.saturating_add(blocks);
        }
        Ok(())
    }

    /// The address of the block at byte `offset`: the reverse of [`Space::offset`].
    pub(super) fn locate(&self, offset: u64) -> Option<Address> {
        if !offset.is_multiple_of(self.bytes()) {
            return None;
        }
        let find = |in_metadata: bool| {
            let partitions = self.partitions.iter().enumerate();
            partitions.filter(|(_, partition)| partition.is_metadata() == in_metadata).find_map(
                |(index, partition)| {
                    let block = partition.locate(offset, self.block_size)?;
                    Some(Address { partition: u16::try_from(index).ok()?, block })
                },
            )
        };
        // What lies in a metadata file lies in the partition of that file too, but is meant as metadata.
        find(true).or_else(|| find(false))
    }

    fn bytes(&self) -> u64 {
        u64::from(self.block_size)
    }
}

impl Partition {
    fn is_metadata(&self) -> bool {
        matches!(self, Self::Metadata(_))
    }

    fn contains(&self, block: u32) -> bool {
        match self {
            Self::Physical(physical) => block < physical.length,
            // A metadata partition is as long as its file: `run` knows.
            Self::Metadata(_) => true,
        }
    }

    /// Byte offset of `block` and the number of blocks, at least 1, that follow each other from there on.
    fn run(&self, block: u64, block_size: u32) -> Option<(u64, u64)> {
        match self {
            Self::Physical(physical) => physical.run(block, block_size),
            Self::Metadata(metadata) => metadata.run(block, block_size),
        }
    }

    /// The block that lies at byte `offset`, a multiple of `block_size`.
    fn locate(&self, offset: u64, block_size: u32) -> Option<u32> {
        let block = match self {
            Self::Physical(physical) => physical.locate(offset / u64::from(block_size))?,
            Self::Metadata(metadata) => metadata.locate(offset, block_size)?,
        };
        u32::try_from(block).ok()
    }
}

impl Physical {
    fn run(&self, block: u64, block_size: u32) -> Option<(u64, u64)> {
        let (moved, blocks) = self.sparing.as_ref().map_or((None, u64::MAX), |s| s.lookup(block));
        let on_medium = match moved {
            Some(moved) => moved,
            None => block.checked_add(u64::from(self.start))?,
        };
        Some((on_medium.checked_mul(u64::from(block_size))?, blocks))
    }

    fn locate(&self, on_medium: u64) -> Option<u64> {
        let sparing = self.sparing.as_ref();
        if let Some(origin) = sparing.and_then(|sparing| sparing.origin(on_medium)) {
            return Some(origin);
        }
        let block = on_medium.checked_sub(u64::from(self.start))?;
        let stays = sparing.is_none_or(|sparing| sparing.lookup(block).0.is_none());
        (block < u64::from(self.length) && stays).then_some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(partitions: Vec<Partition>) -> Space {
        Space { block_size: 2048, partitions }
    }

    fn physical(start: u32, length: u32) -> Partition {
        Partition::Physical(Physical { number: 0, start, length, sparing: None })
    }

    #[test]
    fn blocks_of_a_plain_partition_follow_its_start() {
        let space = space(vec![physical(257, 100), physical(500, 10)]);
        let at = |partition, block| Address { partition, block };
        assert_eq!(space.offset(at(0, 3), "x").unwrap(), 260 * 2048);
        assert_eq!(space.offset(at(1, 9), "x").unwrap(), 509 * 2048);
        for outside in [at(0, 100), at(1, 10), at(2, 0)] {
            assert!(space.offset(outside, "x").is_err());
        }
        assert_eq!(space.locate(260 * 2048), Some(at(0, 3)));
        assert_eq!(space.locate(509 * 2048), Some(at(1, 9)));
        for nowhere in [0, 256 * 2048, 260 * 2048 + 1, 357 * 2048, 510 * 2048, u64::MAX] {
            assert_eq!(space.locate(nowhere), None);
        }
    }

    #[test]
    fn a_run_of_a_plain_partition_is_whole() {
        let mut runs = vec![];
        let address = Address { partition: 0, block: u32::MAX };
        space(vec![physical(1, 1)])
            .runs(address, 1 << 30, |offset, length| {
                runs.push((offset, length));
                Ok(())
            })
            .unwrap();
        assert_eq!(runs, [((1 << 32) * 2048, 1 << 30)]);
    }
}
