//! Discs that differ in every block: whoever reads one knows whose it is, and which one it is.

use std::{fmt, fs, io, path::Path, str::FromStr};

use crate::tool;

/// Bytes of a block: a sector of a disc.
pub const BLOCK: usize = 2048;
/// Blocks of the file `blocks` of every disc. Udev gives no labels to hybrid images under 1.5 MB.
pub const BLOCKS: u32 = 2048;

/// So many labels there are; discs whose numbers differ by this many have the same.
const LABELS: u32 = 10;
/// From this number on discs have labels of their own.
const FIRST_SINGLE: u32 = 500;
/// From this number on discs are releases, each with a label of its own.
const FIRST_RELEASE: u32 = 1000;
/// Offset of the primary volume descriptor (ECMA-119 8.4), and in it of the label and of two dates: when the volume
/// was made and changed. The last one makes its UUID.
const DESCRIPTOR: usize = 16 * BLOCK;
const LABEL: std::ops::Range<usize> = DESCRIPTOR + 40..DESCRIPTOR + 72;
const DATES: [usize; 2] = [DESCRIPTOR + 813, DESCRIPTOR + 830];
const MAGIC: u64 = u64::from_le_bytes(*b"soakdisc");

/// A disc, or an image with the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Disc(pub u32);

impl Disc {
    /// A disc whose label no other one has.
    #[must_use]
    pub fn single(number: u32) -> Self {
        Self(FIRST_SINGLE + number)
    }

    /// The disc that is fetched as the release `number`.
    #[must_use]
    pub fn release(number: u32) -> Self {
        Self(FIRST_RELEASE + number)
    }

    /// Its label.
    #[must_use]
    pub fn label(self) -> String {
        match self.0 {
            FIRST_RELEASE.. => format!("SOAK RELEASE {}", self.0 - FIRST_RELEASE),
            FIRST_SINGLE.. => format!("SOAK LAST {}", self.0 - FIRST_SINGLE),
            _ => format!("SOAK {}", self.0 % LABELS),
        }
    }

    /// Whether it may be published under `name`: its label made safe, perhaps with eight digits after it.
    #[must_use]
    pub fn may_be_called(self, name: &str) -> bool {
        let plain = self.label().replace(' ', "_");
        name.strip_prefix(&plain).is_some_and(|rest| {
            let digits = rest.strip_prefix('~').unwrap_or_default();
            rest.is_empty()
                || digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
    }

    /// A block of its file.
    #[must_use]
    pub fn block(self, number: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BLOCK);
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        bytes.extend_from_slice(&self.0.to_le_bytes());
        bytes.extend_from_slice(&number.to_le_bytes());
        let mut state = (u64::from(self.0) << 32 | u64::from(number)) ^ 0x9E37_79B9_7F4A_7C15;
        while bytes.len() < BLOCK {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes
    }
}

impl fmt::Display for Disc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "disc {} ({})", self.0, self.label())
    }
}

impl FromStr for Disc {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Whose block number `number` these bytes are, where all of them are as they should be.
#[must_use]
pub fn whose(bytes: &[u8], number: u32) -> Option<Disc> {
    let word = bytes.get(8..12)?.try_into().ok()?;
    let disc = Disc(u32::from_le_bytes(word));
    (disc.block(number) == bytes).then_some(disc)
}

/// An image from which discs are stamped.
#[derive(Debug)]
pub struct Template {
    image: Vec<u8>,
    /// Where `blocks` begins in it.
    blocks: usize,
}

impl Template {
    /// Makes one, and writes it to `path`; `directory` is for what it is made of.
    ///
    /// # Errors
    /// Where xorriso does not work.
    pub fn make(directory: &Path, path: &Path) -> io::Result<Self> {
        let tree = directory.join("template");
        fs::create_dir(&tree)?;
        let blocks: Vec<u8> = (0..BLOCKS).flat_map(|number| Disc(0).block(number)).collect();
        fs::write(tree.join("blocks"), blocks)?;
        tool::run("xorriso", |command| {
            command
                .args(["-as", "mkisofs", "-quiet", "-R", "-V", "SOAK", "-o"])
                .arg(path)
                .arg(&tree)
        })?;
        fs::remove_dir_all(tree)?;
        Self::read(path)
    }

    /// The one that was written to `path`.
    ///
    /// # Errors
    /// Where it cannot be read, or is none.
    pub fn read(path: &Path) -> io::Result<Self> {
        let image = fs::read(path)?;
        let mut sectors = image.chunks(BLOCK).enumerate();
        let first = sectors.find(|(_, sector)| whose(sector, 0) == Some(Disc(0)));
        let (sector, _) = first.ok_or_else(|| io::Error::other("there is no first block"))?;
        Ok(Self { image, blocks: sector * BLOCK })
    }

    /// Where `blocks` begins in every image.
    #[must_use]
    pub fn blocks_offset(&self) -> usize {
        self.blocks
    }

    /// The image of `disc`.
    #[must_use]
    pub fn stamp(&self, disc: Disc) -> Vec<u8> {
        let mut image = self.image.clone();
        let label = format!("{:<32}", disc.label());
        image[LABEL].copy_from_slice(label.as_bytes());
        let date = format!("20260101{:08}", disc.0);
        for offset in DATES {
            image[offset..offset + 16].copy_from_slice(date.as_bytes());
        }
        for number in 0..BLOCKS {
            let start = self.blocks + number as usize * BLOCK;
            image[start..start + BLOCK].copy_from_slice(&disc.block(number));
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_tells_whose_it_is_and_which_and_no_other_one_does() {
        let block = Disc(7).block(3);
        assert_eq!(whose(&block, 3), Some(Disc(7)));
        assert_eq!(whose(&block, 4), None);
        let mut damaged = block;
        damaged[BLOCK - 1] ^= 1;
        assert_eq!(whose(&damaged, 3), None);
        assert_eq!(whose(&[], 0), None);
    }

    #[test]
    fn a_name_is_the_label_perhaps_with_its_identity() {
        for (name, may_be) in [
            ("SOAK_7", true),
            ("SOAK_7~0123abcd", true),
            ("SOAK_7~0123abc", false),
            ("SOAK_77", false),
            ("SOAK_8", false),
            ("SOAK_7~", false),
        ] {
            assert_eq!(Disc(17).may_be_called(name), may_be, "{name}");
        }
        assert!(Disc::release(12).may_be_called("SOAK_RELEASE_12"));
    }

    #[test]
    fn stamped_images_have_their_label_and_their_blocks() {
        let directory = crate::scratch::directory().unwrap();
        let template =
            Template::make(directory.path(), &directory.path().join("template.iso")).unwrap();
        let image = template.stamp(Disc(12));
        assert_eq!(&image[LABEL][..7], b"SOAK 2 ");
        let last = template.blocks_offset() + (BLOCKS as usize - 1) * BLOCK;
        assert_eq!(whose(&image[last..last + BLOCK], BLOCKS - 1), Some(Disc(12)));
    }
}
