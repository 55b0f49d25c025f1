//! Where the structures of a sound ISO 9660 image lie. It trusts the image: it is only for what a writer just wrote.

use std::collections::{HashSet, VecDeque};

const SECTOR: usize = 2048;

/// Byte offsets of what can be damaged.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Volume descriptors, with their types.
    pub(super) descriptors: Vec<(usize, u8)>,
    /// Directory records, of all trees.
    pub(super) records: Vec<usize>,
    /// Extents of directories.
    pub(super) directories: Vec<usize>,
    /// System Use fields within records, with their signatures.
    pub(super) fields: Vec<(usize, [u8; 2])>,
}

impl Layout {
    /// Goes through an image.
    pub(super) fn of(image: &[u8]) -> Self {
        let mut layout = Self::default();
        let mut pending = VecDeque::new();
        for offset in (16 * SECTOR..).step_by(SECTOR) {
            let kind = image[offset];
            layout.descriptors.push((offset, kind));
            match kind {
                1 | 2 => pending.push_back(extent(image, offset + 156)),
                255 => break,
                _ => {}
            }
        }
        let mut seen = HashSet::new();
        while let Some((start, length)) = pending.pop_front() {
            if seen.insert(start) {
                layout.directories.push(start);
                pending.extend(layout.add_directory(image, start, length));
            }
        }
        layout
    }

    /// Takes in the records of a directory, and returns where its children lie.
    fn add_directory(&mut self, image: &[u8], start: usize, length: usize) -> Vec<(usize, usize)> {
        let mut children = Vec::new();
        let mut at = start;
        while at < start + length {
            let record_length = usize::from(image[at]);
            if record_length == 0 {
                at = (at / SECTOR + 1) * SECTOR;
                continue;
            }
            self.records.push(at);
            if image[at + 25] & 2 != 0 && image[at + 33] > 1 {
                children.push(extent(image, at));
            }
            self.add_fields(image, at, record_length);
            at += record_length;
        }
        children
    }

    fn add_fields(&mut self, image: &[u8], record: usize, length: usize) {
        let name_end = 33 + usize::from(image[record + 32]);
        let mut at = record + name_end + name_end % 2;
        while at + 4 <= record + length && image[at + 2] >= 4 {
            self.fields.push((at, [image[at], image[at + 1]]));
            at += usize::from(image[at + 2]);
        }
    }

    /// Offsets of the fields with this signature.
    pub(super) fn fields_called(&self, signature: [u8; 2]) -> impl Iterator<Item = usize> + '_ {
        self.fields.iter().filter(move |field| field.1 == signature).map(|field| field.0)
    }
}

/// Byte offset and length of what the record at `record` names.
fn extent(image: &[u8], record: usize) -> (usize, usize) {
    let number = |at: usize| {
        let bytes = image[record + at..record + at + 4].try_into().expect("they are four");
        u32::from_le_bytes(bytes) as usize
    };
    (number(2) * SECTOR, number(10))
}
