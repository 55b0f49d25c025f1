//! The names of a directory.
//!
//! A directory is read in pieces, and the file entries that it names are read for their kinds, neighbours together:
//! writers put them one after another, and a drive takes a tenth of a second for every step aside.

use std::collections::HashMap;

use super::{
    allocation, characters,
    file_entry::FileEntry,
    file_identifier::{self, FileIdentifier},
    space::Space,
};
use crate::image::{
    Content, Directory, DirectoryBuilder, ExtentData, Kind, NodeId, ReadAt, ReadError,
};

/// Bytes that a directory may have.
const MAXIMUM_SIZE: u64 = 32 << 20;
/// Names that a directory may have.
const MAXIMUM_ENTRIES: usize = 1 << 20;
/// Bytes of a directory that are read at once; more than any descriptor has.
const PIECE: usize = 128 << 10;

/// Reads the directory that `entry` describes.
///
/// An entry of it that leads back to itself or to `root` is left out and counted as damaged, as is what cannot be
/// read.
pub(super) fn read(
    source: &dyn ReadAt,
    space: &Space,
    entry: &FileEntry,
    root: NodeId,
) -> Result<Directory, ReadError> {
    let damaged = ReadError::Damaged { what: "directory", offset: entry.offset };
    if entry.size() > MAXIMUM_SIZE {
        return Err(damaged);
    }
    let content = allocation::content(source, space, entry)?;
    if !is_recorded_once(&content) {
        return Err(damaged);
    }
    let mut builder = DirectoryBuilder::default();
    let mut kinds = Kinds { source, space, known: HashMap::new(), window: Window::default() };
    let mut identifiers = Identifiers::new(source, &content);
    let mut entries = 0;
    while let Some(found) = identifiers.next()? {
        entries += 1;
        if entries > MAXIMUM_ENTRIES {
            return Err(damaged);
        }
        let Found::Identifier(identifier) = found else {
            builder.push_damaged();
            continue;
        };
        if !identifier.is_shown() {
            continue;
        }
        match kinds.named(&identifier) {
            Some((id, kind, name)) if id != root && id.0 != entry.offset => {
                builder.push(&name, id, kind);
            }
            _ => builder.push_damaged(),
        }
    }
    Ok(builder.build())
}

/// Whether all bytes of a directory are somewhere, and none of them twice: so no small image can have a large one.
fn is_recorded_once(content: &Content) -> bool {
    let Content::Extents(extents) = content else { return true };
    let mut places = vec![];
    for extent in extents {
        let ExtentData::Image(start) = extent.data else { return false };
        places.push((start, start.saturating_add(extent.length)));
    }
    places.sort_unstable();
    places.is_sorted_by(|(_, end), (start, _)| end <= start)
}

/// What comes next in a directory.
#[derive(Debug, PartialEq, Eq)]
enum Found<'a> {
    Identifier(FileIdentifier<'a>),
    /// Bytes that are no descriptor, up to the next one.
    Rubbish,
}

/// The descriptors of a directory, one after another.
struct Identifiers<'a> {
    source: &'a dyn ReadAt,
    content: &'a Content,
    size: u64,
    /// Bytes read so far.
    read: u64,
    /// Bytes that were read last, of which those before `position` are done with.
    piece: Vec<u8>,
    position: usize,
}

impl<'a> Identifiers<'a> {
    fn new(source: &'a dyn ReadAt, content: &'a Content) -> Self {
        Self { source, content, size: content.size(), read: 0, piece: vec![], position: 0 }
    }

    /// The next descriptor or run of rubbish; `None` at the end. Zeros up to the end are no rubbish.
    fn next(&mut self) -> Result<Option<Found<'_>>, ReadError> {
        let mut lost = false;
        let mut all_zero = true;
        loop {
            self.fill()?;
            let rest = &self.piece[self.position..];
            if rest.is_empty() {
                return Ok((lost && !all_zero).then_some(Found::Rubbish));
            }
            if let Some(identifier) = FileIdentifier::parse(rest) {
                if lost {
                    return Ok(Some(Found::Rubbish));
                }
                let start = self.position;
                self.position += identifier.length;
                // Parsed again, for a borrow that a loop may not return.
                return Ok(FileIdentifier::parse(&self.piece[start..]).map(Found::Identifier));
            }
            lost = true;
            let step = rest.len().min(4);
            all_zero &= rest[..step].iter().all(|byte| *byte == 0);
            self.position += step;
        }
    }

    /// Sees to it that a whole descriptor is in memory, if there is one.
    fn fill(&mut self) -> Result<(), ReadError> {
        let left = self.piece.len() - self.position;
        if left >= file_identifier::MAXIMUM_LENGTH || self.read == self.size {
            return Ok(());
        }
        self.piece.drain(..self.position);
        self.position = 0;
        let wanted = (self.size - self.read).min(PIECE as u64);
        self.piece.resize(left + usize::try_from(wanted).unwrap_or(PIECE), 0);
        let count = self.content.read(self.source, self.read, &mut self.piece[left..])?;
        self.piece.truncate(left + count);
        self.read += wanted;
        Ok(())
    }
}

/// Finds out what the objects of one directory are.
struct Kinds<'a> {
    source: &'a dyn ReadAt,
    space: &'a Space,
    /// A hostile directory may name one object a million times.
    known: HashMap<u64, Option<Kind>>,
    window: Window,
}

impl Kinds<'_> {
    /// Id, kind and name of what `identifier` names, if it can be read and named.
    fn named(&mut self, identifier: &FileIdentifier<'_>) -> Option<(NodeId, Kind, Vec<u8>)> {
        let name = characters::name(identifier.name)?;
        let offset = self.space.offset(identifier.entry?, "file entry").ok()?;
        let known = self.known.get(&offset).copied();
        let kind = known.unwrap_or_else(|| self.read(offset));
        self.known.insert(offset, kind);
        Some((NodeId(offset), kind?, name))
    }

    fn read(&mut self, offset: u64) -> Option<Kind> {
        let block_size = u64::from(self.space.block_size);
        self.window.prepare(self.source, offset, block_size);
        let view = WindowView { source: self.source, window: &self.window };
        FileEntry::read(&view, self.space, offset).ok()?.kind().ok()
    }
}

/// Bytes of the image around the entries that were read last.
#[derive(Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
    last: u64,
}

impl Window {
    /// Bytes that are read ahead.
    const LENGTH: u64 = 64 << 10;
    /// Blocks that entries may lie apart to count as neighbours.
    const NEIGHBOURHOOD: u64 = 8;

    /// Reads ahead from `offset` if it follows the last entry closely and is not in memory yet.
    fn prepare(&mut self, source: &dyn ReadAt, offset: u64, block_size: u64) {
        let distance = offset.checked_sub(self.last);
        self.last = offset;
        let close = distance.is_some_and(|bytes| bytes <= Self::NEIGHBOURHOOD * block_size);
        if !close || self.slice(offset, block_size).is_some() {
            return;
        }
        let length = Self::LENGTH.min(source.size().saturating_sub(offset));
        self.bytes.resize(usize::try_from(length).unwrap_or(0), 0);
        self.start = offset;
        if source.read_exact_at(&mut self.bytes, offset).is_err() {
            self.bytes.clear();
        }
    }

    fn slice(&self, offset: u64, length: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    }
}

/// The image, read through a window where that has the bytes.
struct WindowView<'a> {
    source: &'a dyn ReadAt,
    window: &'a Window,
}

impl ReadAt for WindowView<'_> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        match self.window.slice(offset, buffer.len() as u64) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            None => self.source.read_exact_at(buffer, offset),
        }
    }

    fn size(&self) -> u64 {
        self.source.size()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::file_identifier::tests::descriptor, *};
    use crate::image::Extent;

    fn found(data: &[u8]) -> Vec<Option<Vec<u8>>> {
        let content = Content::Embedded(data.into());
        let source: &[u8] = &[];
        let source = source.to_vec();
        let mut identifiers = Identifiers::new(&source, &content);
        let mut names = vec![];
        while let Some(found) = identifiers.next().unwrap() {
            names.push(match found {
                Found::Identifier(identifier) => Some(identifier.name.to_vec()),
                Found::Rubbish => None,
            });
        }
        names
    }

    #[test]
    fn a_damaged_descriptor_costs_only_itself() {
        let one = descriptor(0, 1, 0, b"\x08one");
        let mut two = descriptor(0, 1, 40, b"\x08two");
        two[30] ^= 1;
        let three = descriptor(0, 1, 0, b"\x08three");
        let names = found(&[one, two, three].concat());
        assert_eq!(names, [Some(b"\x08one".to_vec()), None, Some(b"\x08three".to_vec())]);
    }

    #[test]
    fn zeros_at_the_end_are_nothing_and_other_rubbish_counts_once() {
        let one = descriptor(0, 1, 0, b"\x08one");
        assert_eq!(found(&[&one[..], &[0; 999]].concat()).len(), 1);
        assert_eq!(found(&[&one[..], &[0, 0, 0, 0, 1, 2, 3]].concat()).len(), 2);
        assert_eq!(found(&[]), []);
        assert_eq!(found(&one[..one.len() - 1]), [None]);
    }

    #[test]
    fn directories_with_holes_or_with_the_same_block_twice_are_refused() {
        let of = |places: &[(u64, ExtentData)]| {
            let extents =
                places.iter().map(|(length, data)| Extent { length: *length, data: *data });
            is_recorded_once(&Content::Extents(extents.collect()))
        };
        let image = ExtentData::Image;
        assert!(of(&[]));
        assert!(of(&[(10, image(100)), (10, image(80)), (10, image(90))]));
        assert!(!of(&[(10, image(100)), (10, ExtentData::Zeros)]));
        assert!(!of(&[(10, image(100)), (10, image(0)), (10, image(100))]));
        assert!(!of(&[(10, image(100)), (11, image(90))]));
        assert!(is_recorded_once(&Content::Embedded([1].into())));
    }

    #[test]
    fn descriptors_are_found_across_pieces() {
        let data: Vec<u8> = (0..9000_u32)
            .flat_map(|index| descriptor(0, 1, 0, format!("\x08{index:06}").as_bytes()))
            .collect();
        assert!(data.len() > 3 * PIECE);
        let names = found(&data);
        assert_eq!(names.len(), 9000);
        assert_eq!(names[8999].as_deref(), Some(&b"\x08008999"[..]));
    }

    #[test]
    fn a_descriptor_may_be_longer_than_a_piece_has_left() {
        let long = descriptor(0, 1, 65000, b"\x08long");
        let names = found(&[long.clone(), long.clone(), long].concat());
        assert_eq!(names, vec![Some(b"\x08long".to_vec()); 3]);
    }
}
