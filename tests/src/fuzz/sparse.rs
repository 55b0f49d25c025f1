//! Images as a fuzzer can handle them: only the sectors that are not zero.
//!
//! A packed image is a row of records: the number of a 512-byte sector (LE32), then its bytes; a last record may be
//! cut short. So half a megabyte of UDF becomes a few kilobytes, every mutation hits something, and an image can
//! claim to be as large as a disc without anyone holding that much memory.

use std::{collections::BTreeMap, io};

use isomirror_core::image::ReadAt;

const SECTOR: usize = 512;
const RECORD: usize = 4 + SECTOR;

/// An image of which only some sectors are kept. All others are zeros.
#[derive(Debug)]
pub struct SparseImage {
    sectors: BTreeMap<u64, [u8; SECTOR]>,
    size: u64,
}

impl SparseImage {
    /// Unpacks `packed`. The image ends after the last sector of all; of two records for one sector the later counts.
    #[must_use]
    pub fn unpack(packed: &[u8]) -> Self {
        let mut sectors = BTreeMap::new();
        for record in packed.chunks(RECORD) {
            let Some((number, bytes)) = record.split_first_chunk::<4>() else { break };
            let mut sector = [0; SECTOR];
            sector[..bytes.len()].copy_from_slice(bytes);
            sectors.insert(u64::from(u32::from_le_bytes(*number)), sector);
        }
        let end = sectors.last_key_value().map_or(0, |(number, _)| number + 1);
        Self { sectors, size: end * SECTOR as u64 }
    }

    /// Packs a whole image. Its last sector is always kept, for the sake of the size.
    ///
    /// # Panics
    /// Where the image has 2 TiB or more.
    #[must_use]
    pub fn pack(image: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let last = image.len().div_ceil(SECTOR).saturating_sub(1);
        for (number, sector) in image.chunks(SECTOR).enumerate() {
            if number == last || sector.iter().any(|byte| *byte != 0) {
                let number = u32::try_from(number).expect("images in memory have fewer sectors");
                packed.extend(number.to_le_bytes());
                packed.extend(sector);
                packed.resize(packed.len().next_multiple_of(RECORD), 0);
            }
        }
        packed
    }
}

impl ReadAt for SparseImage {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.fill(0);
        let (first, size) = (offset / SECTOR as u64, SECTOR as u64);
        let after = (offset + buffer.len() as u64).div_ceil(size);
        for (number, sector) in self.sectors.range(first..after) {
            let start = number * size;
            // The part of this sector that was asked for, in the image's bytes.
            let (from, to) = (start.max(offset), (start + size).min(offset + buffer.len() as u64));
            let within =
                |position: u64, base: u64| usize::try_from(position - base).unwrap_or(usize::MAX);
            buffer[within(from, offset)..within(to, offset)]
                .copy_from_slice(&sector[within(from, start)..within(to, start)]);
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_image_reads_like_the_image() {
        let mut image = vec![0; 10 * SECTOR];
        image[700] = 7;
        image[5 * SECTOR..5 * SECTOR + 3].copy_from_slice(b"abc");
        let packed = SparseImage::pack(&image);
        assert_eq!(packed.len(), 3 * RECORD);
        let sparse = SparseImage::unpack(&packed);
        assert_eq!(sparse.size(), image.len() as u64);
        for (offset, length) in [(0, 5120), (699, 3), (511, 2), (2559, 5), (5119, 1), (5120, 0)] {
            let mut buffer = vec![0xff; length];
            sparse.read_exact_at(&mut buffer, offset as u64).unwrap();
            assert_eq!(buffer, image[offset..offset + length], "{length} bytes at {offset}");
        }
        for (offset, length) in [(5119, 2), (5121, 0), (u64::MAX, 1)] {
            let error = sparse.read_exact_at(&mut vec![0; length], offset).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
