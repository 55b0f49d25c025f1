//! Listing a directory.

use super::{
    id::Place,
    object,
    record::{Record, SECTOR, Sector, Slot},
    system_use::Continuations,
    tree::IsoTree,
};
use crate::image::{Directory, DirectoryBuilder, ReadAt, ReadError};

/// Bytes of a directory that are read. More than half a million records fit.
const MAXIMUM_LENGTH: u64 = 32 << 20;

/// Names that a directory may have.
const MAXIMUM_ENTRIES: usize = 1 << 20;

/// Bytes that the names of a directory may have together. Continuations let a record have a longer name than itself.
const MAXIMUM_NAMES: usize = 24 << 20;

/// Bytes read at once.
const STEP: u64 = 256 << 10;

/// Reads the directory whose extent begins at byte `offset`. What of it lies outside the image, or beyond what is
/// read of any directory, counts as one damaged record.
pub(super) fn read(
    tree: &IsoTree,
    source: &dyn ReadAt,
    offset: u64,
) -> Result<Directory, ReadError> {
    let mut buffer = [0; 255];
    let stated = u64::from(object::own_record(source, offset, &mut buffer)?.data_length());
    let length = stated.min(MAXIMUM_LENGTH).min(source.size().saturating_sub(offset));
    let mut listing = Listing::new(tree, source, offset);
    let mut data = Vec::new();
    let mut position = 0;
    while position < length && !listing.is_over {
        let step = STEP.min(length - position);
        data.resize(usize::try_from(step).unwrap_or(usize::MAX), 0);
        let start = offset + position;
        source.read_exact_at(&mut data, start).map_err(|source| ReadError::Read {
            what: "directory",
            offset: start,
            source,
        })?;
        listing.push(start, &data)?;
        position += step;
    }
    if position < stated || listing.is_over {
        listing.builder.push_damaged();
    }
    Ok(listing.builder.build())
}

/// A directory in the making.
struct Listing<'a> {
    tree: &'a IsoTree,
    /// Byte offset of the directory's own extent.
    offset: u64,
    continuations: Continuations<'a>,
    builder: DirectoryBuilder,
    /// Identifier of the file that the next record continues; empty if it continues none.
    continued: Vec<u8>,
    /// Bytes of all names.
    names: usize,
    /// Whether no more is taken in.
    is_over: bool,
}

impl<'a> Listing<'a> {
    fn new(tree: &'a IsoTree, source: &'a dyn ReadAt, offset: u64) -> Self {
        Self {
            tree,
            offset,
            continuations: Continuations::of_directory(source, tree.block_size),
            builder: DirectoryBuilder::default(),
            continued: Vec::new(),
            names: 0,
            is_over: false,
        }
    }

    /// Takes in whole sectors, of which the first lies at byte `start`.
    fn push(&mut self, start: u64, data: &[u8]) -> Result<(), ReadError> {
        let mut sector_start = start;
        for sector in data.chunks(SECTOR) {
            for slot in Sector::new(sector) {
                if self.is_over {
                    return Ok(());
                }
                match slot {
                    Slot::Record(at, record) => {
                        self.push_record(sector_start + at as u64, record)?;
                    }
                    Slot::Damaged => self.push_damaged(),
                }
            }
            sector_start += SECTOR as u64;
        }
        Ok(())
    }

    fn push_damaged(&mut self) {
        self.continued.clear();
        self.builder.push_damaged();
    }

    fn push_record(&mut self, offset: u64, record: Record<'_>) -> Result<(), ReadError> {
        if record.is_self() && offset != self.offset {
            // Another directory begins here. Reading on would list its children as this one's, and let a small
            // image of directories that overlap each other look like an endless tree.
            self.is_over = true;
            return Ok(());
        }
        let identifier = record.identifier();
        let is_first = self.continued.is_empty() || self.continued != identifier;
        self.continued.clear();
        if record.is_continued() {
            self.continued.extend_from_slice(identifier);
        }
        if !is_first || matches!(identifier, [0 | 1]) || record.is_associated() {
            return Ok(());
        }
        self.push_object(offset, record)
    }

    fn push_object(&mut self, offset: u64, record: Record<'_>) -> Result<(), ReadError> {
        let rock_ridge = match self.tree.rock_ridge(record, &mut self.continuations) {
            Ok(rock_ridge) => rock_ridge,
            // The source failed, and may do better the next time: half a listing must not pass for the whole.
            Err(error @ ReadError::Read { .. }) => return Err(error),
            Err(_) => {
                self.builder.push_damaged();
                return Ok(());
            }
        };
        if rock_ridge.is_relocated {
            return Ok(());
        }
        match self.tree.place(offset, record, &rock_ridge) {
            Some((place, kind)) if !self.is_loop(place) => {
                let name = self.tree.name(record, &rock_ridge);
                self.names += name.len();
                self.builder.push(&name, place.id(), kind);
                self.is_over = self.builder.len() >= MAXIMUM_ENTRIES || self.names >= MAXIMUM_NAMES;
            }
            _ => self.builder.push_damaged(),
        }
        Ok(())
    }

    /// Whether it is the directory itself or the root, which are nobody's children.
    fn is_loop(&self, place: Place) -> bool {
        [self.offset, self.tree.root].map(Place::Directory).contains(&place)
    }
}
