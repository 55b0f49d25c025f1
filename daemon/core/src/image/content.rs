//! Where a file's bytes lie.

use std::sync::Arc;

use super::{ReadAt, ReadError};

/// What a run of a file's bytes is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtentData {
    /// Bytes of the image, from this byte offset on. They may lie beyond the image's end, where reading fails.
    Image(u64),
    /// Zeros that are stored nowhere.
    Zeros,
}

/// A run of a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Bytes; never 0.
    pub length: u64,
    /// Where they come from.
    pub data: ExtentData,
}

/// A file's bytes from first to last.
#[derive(Clone, Debug)]
pub enum Content {
    /// Runs in order, neighbours merged; their lengths sum up to the file's size.
    Extents(Vec<Extent>),
    /// A small file that UDF keeps inside its file entry.
    Embedded(Arc<[u8]>),
    /// A zisofs file: stored in blocks that are compressed one by one.
    Zisofs(Zisofs),
}

impl Content {
    /// Bytes that a reader gets.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Extents(extents) => extents.iter().map(|extent| extent.length).sum(),
            Self::Embedded(bytes) => bytes.len() as u64,
            Self::Zisofs(zisofs) => zisofs.size,
        }
    }
}

/// How a zisofs file is stored (ZF field of the System Use area and the file's own header).
#[derive(Clone, Debug)]
pub struct Zisofs {
    /// Bytes of the uncompressed file.
    pub size: u64,
    /// Binary logarithm of the bytes that one block holds uncompressed.
    pub block_size_log2: u8,
    /// Bytes of the file's header, before its block pointers.
    pub header_length: u32,
    /// Bytes of a block pointer: 4 in version 1, 8 in version 2.
    pub pointer_length: u8,
    /// The stored, compressed file.
    pub stored: Vec<Extent>,
}

impl Content {
    /// Reads from byte `offset` of the file on; fewer bytes than asked for only at the file's end.
    pub(super) fn read(
        &self,
        source: &dyn ReadAt,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, ReadError> {
        let wanted = self.size().saturating_sub(offset).min(buffer.len() as u64);
        let buffer = &mut buffer[..usize::try_from(wanted).unwrap_or(usize::MAX)];
        match self {
            Self::Extents(extents) => read_extents(extents, source, offset, buffer)?,
            Self::Embedded(bytes) => {
                let start = usize::try_from(offset).unwrap_or(bytes.len()).min(bytes.len());
                buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
            }
            Self::Zisofs(zisofs) => zisofs.read(source, offset, buffer)?,
        }
        Ok(buffer.len())
    }
}

/// Fills `buffer` from byte `offset` of the concatenated `extents` on, which hold at least that much.
pub(super) fn read_extents(
    extents: &[Extent],
    source: &dyn ReadAt,
    mut offset: u64,
    mut buffer: &mut [u8],
) -> Result<(), ReadError> {
    for extent in extents {
        if buffer.is_empty() {
            break;
        }
        if offset >= extent.length {
            offset -= extent.length;
            continue;
        }
        let length = (extent.length - offset).min(buffer.len() as u64);
        let (run, rest) = buffer.split_at_mut(usize::try_from(length).unwrap_or(usize::MAX));
        match extent.data {
            ExtentData::Zeros => run.fill(0),
            ExtentData::Image(start) => {
                let start = start.saturating_add(offset);
                source.read_exact_at(run, start).map_err(|error| ReadError::Read {
                    what: "file's content",
                    offset: start,
                    source: error,
                })?;
            }
        }
        buffer = rest;
        offset = 0;
    }
    Ok(())
}
