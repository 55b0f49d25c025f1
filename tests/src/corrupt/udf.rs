//! Damage to UDF that the checksums do not show: what a hostile writer would make, not what wears out.

use std::{io, sync::Arc};

use isomirror_core::image::ReadAt;

use super::Random;
use crate::images::udf_encoder::reseal;

/// An image with some bytes changed.
#[derive(Clone, Debug)]
pub struct Damaged {
    image: Arc<Vec<u8>>,
    start: usize,
    bytes: Vec<u8>,
    /// What was done, for the report of a failure.
    pub description: String,
}

impl ReadAt for Damaged {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.image.read_exact_at(buffer, offset)?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let from = self.start.max(offset);
        let to = (self.start + self.bytes.len()).min(offset + buffer.len());
        if from < to {
            buffer[from - offset..to - offset]
                .copy_from_slice(&self.bytes[from - self.start..to - self.start]);
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        self.image.size()
    }
}

/// A structure with a sound tag.
#[derive(Clone, Copy, Debug)]
struct Structure {
    start: usize,
    identifier: u16,
    crc_length: usize,
}

/// All structures of an image that have a tag with a sound checksum, by an even chance for each kind.
#[derive(Clone, Debug)]
pub struct Target {
    image: Arc<Vec<u8>>,
    kinds: Vec<Vec<Structure>>,
}

impl Target {
    /// Finds the structures of `image`.
    #[must_use]
    pub fn new(image: Vec<u8>) -> Self {
        let mut kinds = std::collections::BTreeMap::<u16, Vec<Structure>>::new();
        for start in (0..image.len().saturating_sub(512)).step_by(4) {
            if let Some(structure) = structure(&image, start) {
                kinds.entry(structure.identifier).or_default().push(structure);
            }
        }
        Self { image: Arc::new(image), kinds: kinds.into_values().collect() }
    }

    /// The identifiers of the kinds that were found.
    #[must_use]
    pub fn identifiers(&self) -> Vec<u16> {
        self.kinds.iter().map(|kind| kind[0].identifier).collect()
    }

    /// Changes a structure somewhere and makes its checksums right again.
    ///
    /// # Panics
    /// Where the image has no structures.
    pub fn sealed(&self, random: &mut Random) -> Damaged {
        let kind = &self.kinds[random.below(self.kinds.len())];
        let structure = kind[random.below(kind.len())];
        let length = 16 + structure.crc_length;
        let mut bytes = self.image[structure.start..structure.start + length].to_vec();
        let mut changes = vec![];
        for _ in 0..=random.below(3) {
            let at = if random.below(20) == 0 { 12 } else { 16 + random.below(length - 16) };
            let value = [0, 1, 0x7F, 0x80, 0xFE, 0xFF, random.below(256)][random.below(7)];
            bytes[at] = u8::try_from(value).expect("a byte");
            changes.push(format!("{at}={value:#x}"));
        }
        reseal(&mut bytes, structure.crc_length);
        let Structure { start, identifier, .. } = structure;
        let description = format!("tag {identifier} at {start}: {}", changes.join(" "));
        Damaged { image: Arc::clone(&self.image), start, bytes, description }
    }

    /// Changes some bytes in a row anywhere.
    ///
    /// # Panics
    /// Where the image has no structures.
    pub fn unsealed(&self, random: &mut Random) -> Damaged {
        // Structures are few among contents, so most of the damage goes near them.
        let start = if random.below(4) > 0 {
            let kind = &self.kinds[random.below(self.kinds.len())];
            kind[random.below(kind.len())].start + random.below(64)
        } else {
            random.below(self.image.len() - 8)
        };
        let bytes: Vec<u8> = (0..=random.below(8))
            .map(|_| u8::try_from(random.below(256)).expect("a byte"))
            .collect();
        let description = format!("{bytes:x?} at {start}");
        Damaged { image: Arc::clone(&self.image), start, bytes, description }
    }
}

fn structure(image: &[u8], start: usize) -> Option<Structure> {
    let tag = &image[start..start + 16];
    let sum = tag.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_sub(tag[4]);
    let identifier = u16::from_le_bytes([tag[0], tag[1]]);
    let crc_length = usize::from(u16::from_le_bytes([tag[10], tag[11]]));
    let known = matches!(identifier, 1..=9 | 256..=266);
    let fits = start + 16 + crc_length <= image.len() && crc_length > 0;
    (known && fits && sum == tag[4] && matches!(tag[2], 2 | 3)).then_some(Structure {
        start,
        identifier,
        crc_length,
    })
}
