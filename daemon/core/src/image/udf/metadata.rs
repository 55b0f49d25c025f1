//! The metadata partition (UDF 2.50, 2.2.10): file entries and directories kept together in a file of their own.

use crate::image::{Content, ExtentData};

/// Where the blocks of a metadata file lie.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// In the order of the file; what is missing between them is not recorded.
    runs: Vec<Run>,
    /// Indices into `runs` in the order of the medium.
    by_offset: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    /// First block of the partition.
    block: u64,
    /// Byte offset of that block in the image.
    offset: u64,
    blocks: u64,
}

impl Metadata {
    /// The partition that the metadata file of this content is. A last, incomplete block does not count.
    pub(super) fn new(content: &Content, block_size: u32) -> Self {
        let Content::Extents(extents) = content else { return Self::default() };
        let mut runs = vec![];
        let mut block = 0;
        for extent in extents {
            let blocks = extent.length / u64::from(block_size);
            if let ExtentData::Image(offset) = extent.data {
                runs.push(Run { block, offset, blocks });
            }
            block += blocks;
        }
        let mut by_offset: Vec<_> = (0..u32::try_from(runs.len()).unwrap_or(0)).collect();
        by_offset.sort_by_key(|index| runs[*index as usize].offset);
        Self { runs, by_offset }
    }

    /// Byte offset of `block` and the number of blocks that follow each other from there on.
    pub(super) fn run(&self, block: u64, block_size: u32) -> Option<(u64, u64)> {
        let after = self.runs.partition_point(|run| run.block <= block);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let within = block - run.block;
        let offset = run.offset.checked_add(within.checked_mul(u64::from(block_size))?)?;
        (within < run.blocks).then(|| (offset, run.blocks - within))
    }

    /// The block that lies at byte `offset`.
    pub(super) fn locate(&self, offset: u64, block_size: u32) -> Option<u64> {
        let run = |index: &u32| self.runs[*index as usize];
        let after = self.by_offset.partition_point(|index| run(index).offset <= offset);
        let run = run(self.by_offset.get(after.checked_sub(1)?)?);
        let bytes = offset - run.offset;
        let within = bytes / u64::from(block_size);
        (within < run.blocks && bytes.is_multiple_of(u64::from(block_size)))
            .then(|| run.block + within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Extent;

    #[test]
    fn blocks_are_found_in_a_file_of_several_extents_both_ways() {
        let extent = |length, data| Extent { length, data };
        let content = Content::Extents(vec![
            extent(4 * 512, ExtentData::Image(8192)),
            extent(2 * 512, ExtentData::Zeros),
            extent(3 * 512 + 100, ExtentData::Image(1024)),
        ]);
        let metadata = Metadata::new(&content, 512);
        for (block, place) in [
            (0, Some((8192, 4))),
            (3, Some((8192 + 3 * 512, 1))),
            (4, None),
            (6, Some((1024, 3))),
            (8, Some((2048, 1))),
            (9, None),
            (u64::MAX, None),
        ] {
            assert_eq!(metadata.run(block, 512), place, "block {block}");
            if let Some((offset, _)) = place {
                assert_eq!(metadata.locate(offset, 512), Some(block));
            }
        }
        for nowhere in [0, 512, 8193, 8192 + 4 * 512, 1024 + 3 * 512] {
            assert_eq!(metadata.locate(nowhere, 512), None);
        }
        assert_eq!(Metadata::new(&Content::Extents(vec![]), 512).run(0, 512), None);
    }
}
