//! zisofs: files that are stored as blocks which zlib compressed one by one (versions 1 and 2).
//!
//! Bytes are given out only if all that can be checked about them is right: header, block pointers, length and
//! checksum of each block.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Extent, ReadAt, ReadError, Zisofs, bytes, content::read_extents};

/// What the System Use field of a compressed file says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Which of the formats.
    pub(super) version: Version,
    /// Bytes of the header in units of 4.
    pub(super) header_quarter: u8,
    /// Binary logarithm of the bytes of a block.
    pub(super) block_size_log2: u8,
    /// Bytes of the uncompressed file.
    pub(super) size: u64,
}

/// Which of the formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// `pz`: up to 4 GiB in blocks of up to 128 KiB.
    One,
    /// `PZ`: any size in blocks of up to 1 MiB.
    Two,
    /// Compressed by something else.
    Unknown,
}

/// Opens the file whose stored bytes lie in `stored`.
///
/// # Errors
/// Where the file's header is not as `field` says.
pub(super) fn open(
    source: &dyn ReadAt,
    field: Field,
    stored: Vec<Extent>,
) -> Result<Zisofs, ReadError> {
    let (shortest_header, pointer_length, largest_block) = match field.version {
        Version::One => (16, 4, 17),
        Version::Two => (24, 8, 20),
        Version::Unknown => return Err(ReadError::Unsupported("an unknown file compression")),
    };
    let zisofs = Zisofs {
        size: field.size,
        block_size_log2: field.block_size_log2,
        header_length: u32::from(field.header_quarter) * 4,
        pointer_length,
        stored,
    };
    let is_sane = (12..=largest_block).contains(&field.block_size_log2)
        && zisofs.header_length >= shortest_header
        && zisofs.data_start().is_some_and(|start| start <= zisofs.stored_size());
    if !is_sane {
        return Err(zisofs.damaged());
    }
    zisofs.check_header(source, field)?;
    Ok(zisofs)
}

impl Zisofs {
    /// Fills `buffer` from byte `offset` of the uncompressed file on, which has at least that much.
    pub(super) fn read(
        &self,
        source: &dyn ReadAt,
        mut offset: u64,
        mut buffer: &mut [u8],
    ) -> Result<(), ReadError> {
        while !buffer.is_empty() {
            let index = offset >> self.block_size_log2;
            let within =
                usize::try_from(offset - (index << self.block_size_log2)).unwrap_or(usize::MAX);
            let length = self.block_length(index);
            let step = (length - within).min(buffer.len());
            let (run, rest) = buffer.split_at_mut(step);
            if step == length {
                self.read_block(source, index, run)?;
            } else {
                let mut block = vec![0; length];
                self.read_block(source, index, &mut block)?;
                run.copy_from_slice(&block[within..within + step]);
            }
            buffer = rest;
            offset += step as u64;
        }
        Ok(())
    }

    /// Uncompresses block `index` into `block`, which has exactly its length.
    fn read_block(
        &self,
        source: &dyn ReadAt,
        index: u64,
        block: &mut [u8],
    ) -> Result<(), ReadError> {
        let (start, end) = self.pointers(source, index)?;
        if start == end {
            block.fill(0);
            return Ok(());
        }
        let most = 2_u64 << self.block_size_log2;
        if self.data_start() > Some(start) || end > self.stored_size() || end - start > most {
            return Err(self.damaged());
        }
        let mut compressed = vec![0; usize::try_from(end - start).unwrap_or_default()];
        read_extents(&self.stored, source, start, &mut compressed)?;
        uncompress(&compressed, block).ok_or_else(|| self.damaged())
    }

    /// Where block `index` begins and ends in the stored file, in order.
    fn pointers(&self, source: &dyn ReadAt, index: u64) -> Result<(u64, u64), ReadError> {
        let length = usize::from(self.pointer_length);
        let mut both = [0; 16];
        let both = &mut both[..2 * length];
        let at = u64::from(self.header_length) + index * length as u64;
        read_extents(&self.stored, source, at, both)?;
        let pointer = |at| match length {
            4 => bytes::u32_le(both, at).map(u64::from),
            _ => bytes::u64_le(both, at),
        };
        match (pointer(0), pointer(length)) {
            (Some(start), Some(end)) if start <= end => Ok((start, end)),
            _ => Err(self.damaged()),
        }
    }

    /// Bytes of block `index`: only the last one may be shorter.
    fn block_length(&self, index: u64) -> usize {
        let rest = self.size - (index << self.block_size_log2);
        usize::try_from(rest.min(1 << self.block_size_log2)).unwrap_or_default()
    }

    /// Where the first block's data can begin: after the header and a pointer to each block and to the end.
    fn data_start(&self) -> Option<u64> {
        let pointers = self.size.div_ceil(1 << self.block_size_log2) + 1;
        pointers.checked_mul(self.pointer_length.into())?.checked_add(self.header_length.into())
    }

    fn stored_size(&self) -> u64 {
        self.stored.iter().map(|extent| extent.length).sum()
    }

    fn check_header(&self, source: &dyn ReadAt, field: Field) -> Result<(), ReadError> {
        let mut header = [0; 24];
        let expected: &mut [u8] = match field.version {
            Version::Two => &mut header,
            _ => &mut header[..16],
        };
        read_extents(&self.stored, source, 0, expected)?;
        let (quarter, log2) = (field.header_quarter, field.block_size_log2);
        let is_right = if field.version == Version::Two {
            header.starts_with(&[0xEF, 0x22, 0x55, 0xA1, 0xBC, 0x1B, 0x95, 0xA0])
                && header[8..12] == [0, quarter, 1, log2]
                && bytes::u64_le(&header, 12) == Some(self.size)
        } else {
            header.starts_with(&[0x37, 0xE4, 0x53, 0x96, 0xC9, 0xDB, 0xD6, 0x07])
                && bytes::u32_le(&header, 8).map(u64::from) == Some(self.size)
                && header[12..14] == [quarter, log2]
        };
        if is_right { Ok(()) } else { Err(self.damaged()) }
    }

    fn damaged(&self) -> ReadError {
        let offset = self.stored.first().map_or(0, |extent| match extent.data {
            super::ExtentData::Image(offset) => offset,
            super::ExtentData::Zeros => 0,
        });
        ReadError::Damaged { what: "compressed file", offset }
    }
}

/// Uncompresses one zlib stream that has to fill `block` and to end there, as its input has to.
fn uncompress(compressed: &[u8], block: &mut [u8]) -> Option<()> {
    let mut stream = Decompress::new(true);
    let status = stream.decompress(compressed, block, FlushDecompress::Finish).ok()?;
    let whole = status == Status::StreamEnd
        && stream.total_out() == block.len() as u64
        && stream.total_in() == compressed.len() as u64;
    whole.then_some(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::ZlibEncoder};
    use proptest::prelude::*;

    use super::*;
    use crate::image::{Content, ExtentData};

    const LOG2: u8 = 15;

    fn compress(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn field(version: Version, size: usize) -> Field {
        let header_quarter = if version == Version::Two { 6 } else { 4 };
        Field { version, header_quarter, block_size_log2: LOG2, size: size as u64 }
    }

    /// A stored file as mkzftree (1) or xorriso (2) writes it.
    fn stored(version: Version, bytes: &[u8]) -> Vec<u8> {
        let size = bytes.len();
        let mut file = match version {
            Version::Two => [
                &[0xEF, 0x22, 0x55, 0xA1, 0xBC, 0x1B, 0x95, 0xA0, 0, 6, 1, LOG2][..],
                &(size as u64).to_le_bytes(),
                &[0; 4],
            ]
            .concat(),
            _ => [
                &[0x37, 0xE4, 0x53, 0x96, 0xC9, 0xDB, 0xD6, 0x07][..],
                &u32::try_from(size).unwrap().to_le_bytes(),
                &[4, LOG2, 0, 0],
            ]
            .concat(),
        };
        let blocks: Vec<_> = bytes
            .chunks(1 << LOG2)
            .map(|block| if block.iter().all(|b| *b == 0) { vec![] } else { compress(block) })
            .collect();
        let width = if version == Version::Two { 8 } else { 4 };
        let mut pointer = file.len() + width * (blocks.len() + 1);
        for length in blocks.iter().map(Vec::len).chain([0]) {
            file.extend_from_slice(&pointer.to_le_bytes()[..width]);
            pointer += length;
        }
        file.extend(blocks.concat());
        file
    }

    fn open_stored(file: &dyn ReadAt, field: Field) -> Result<Content, ReadError> {
        // Two extents, so that nothing may rely on the stored file being in one piece.
        let (head, tail) = (20.min(file.size()), file.size().saturating_sub(20));
        let extents = [(head, 0), (tail, head)]
            .into_iter()
            .filter(|(length, _)| *length > 0)
            .map(|(length, start)| Extent { length, data: ExtentData::Image(start) })
            .collect();
        open(file, field, extents).map(Content::Zisofs)
    }

    fn read_all(file: &dyn ReadAt, field: Field) -> Result<Vec<u8>, ReadError> {
        let content = open_stored(file, field)?;
        let mut bytes = vec![0xAA; usize::try_from(content.size().min(1 << 20)).unwrap()];
        content.read(file, 0, &mut bytes)?;
        Ok(bytes)
    }

    fn sample() -> Vec<u8> {
        let mut bytes: Vec<u8> =
            (0..100_000_u32).flat_map(|n| n.wrapping_mul(n).to_be_bytes()).collect();
        bytes[2 << LOG2..3 << LOG2].fill(0);
        bytes.truncate(300_001);
        bytes
    }

    #[test]
    fn any_part_of_both_versions_is_read() {
        let sample = sample();
        for version in [Version::One, Version::Two] {
            let file = stored(version, &sample);
            let content = open_stored(&file, field(version, sample.len())).unwrap();
            for (offset, length) in
                [(0, 300_001), (0, 1), (32_767, 2), (65_000, 70_000), (300_000, 10), (300_001, 5)]
            {
                let mut buffer = vec![0xAA; length];
                let read = content.read(&file, offset as u64, &mut buffer).unwrap();
                let end = (offset + length).min(sample.len());
                assert_eq!(buffer[..read], sample[offset..end], "{offset} {length}");
            }
            assert_eq!(read_all(&stored(version, b""), field(version, 0)).unwrap(), b"");
        }
    }

    #[test]
    fn a_header_that_contradicts_the_field_is_refused() {
        let sample = sample();
        for version in [Version::One, Version::Two] {
            let file = stored(version, &sample);
            let right = field(version, sample.len());
            let wrong = [
                Field { size: right.size + 1, ..right },
                Field { size: u64::MAX, ..right },
                Field { header_quarter: 5, ..right },
                Field { header_quarter: 0, ..right },
                Field { header_quarter: 255, ..right },
                Field { block_size_log2: 16, ..right },
                Field { block_size_log2: 0, ..right },
                Field { block_size_log2: 255, ..right },
                Field { version: Version::Unknown, ..right },
            ];
            for field in wrong {
                assert!(open_stored(&file, field).is_err(), "{field:?}");
            }
            for at in [0, 7, 9] {
                let mut file = file.clone();
                file[at] ^= 1;
                assert!(open_stored(&file, right).is_err(), "byte {at}");
            }
        }
        assert!(open(&vec![0; 0], field(Version::One, 0), vec![]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn damage_gives_an_error_or_the_right_bytes(at in 0_usize..4000, value: u8, two: bool) {
            let version = if two { Version::Two } else { Version::One };
            let sample: Vec<u8> = sample()[..70_000].to_vec();
            let mut file = stored(version, &sample);
            let at = at % file.len();
            file[at] = value;
            if let Ok(bytes) = read_all(&file, field(version, sample.len())) {
                prop_assert!(bytes == sample);
            }
        }

        #[test]
        fn a_truncated_file_gives_an_error(keep in 0_usize..1000) {
            let sample: Vec<u8> = sample()[..70_000].to_vec();
            let mut file = stored(Version::One, &sample);
            file.truncate(keep.min(file.len() - 1));
            prop_assert!(read_all(&file, field(Version::One, sample.len())).is_err());
        }
    }
}
