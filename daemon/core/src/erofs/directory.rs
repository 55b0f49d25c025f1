//! Directory blocks: entries of 12 bytes, then their names, in each block for itself; sorted by the names' bytes
//! over the whole directory, `.` and `..` among them.

use super::format::entry_type;
use crate::image::Kind;

const ENTRY: usize = 12;

/// An entry to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: Kind,
    /// Inode number.
    pub(super) number: u64,
}

/// Puts `.` and `..` where they belong among `entries`, which are sorted already.
pub(super) fn with_dots<'a>(
    entries: impl Iterator<Item = Entry<'a>>,
    own: u64,
    parent: u64,
) -> impl Iterator<Item = Entry<'a>> {
    let dot = |name: &'a [u8], number| Entry { name, kind: Kind::Directory, number };
    let mut dots = [dot(b".", own), dot(b"..", parent)].into_iter().peekable();
    let mut entries = entries.peekable();
    std::iter::from_fn(move || match (dots.peek(), entries.peek()) {
        (Some(dot), Some(entry)) if entry.name < dot.name => entries.next(),
        (Some(_), _) => dots.next(),
        (None, _) => entries.next(),
    })
}

/// Bytes of the directory whose names have these lengths: whole blocks and a rest.
pub(super) fn size(name_lengths: impl Iterator<Item = usize>, block_size: usize) -> u64 {
    let (mut full, mut used) = (0_u64, 0);
    for length in name_lengths {
        if used + ENTRY + length > block_size {
            full += 1;
            used = 0;
        }
        used += ENTRY + length;
    }
    full * block_size as u64 + used as u64
}

/// The bytes of the directory that holds `entries` in this order. The last block is not filled up.
pub(super) fn bytes<'a>(entries: impl Iterator<Item = Entry<'a>>, block_size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut block: Vec<Entry<'a>> = Vec::new();
    let mut used = 0;
    for entry in entries {
        if used + ENTRY + entry.name.len() > block_size {
            push_block(&mut bytes, &block);
            bytes.resize(bytes.len().next_multiple_of(block_size), 0);
            block.clear();
            used = 0;
        }
        used += ENTRY + entry.name.len();
        block.push(entry);
    }
    push_block(&mut bytes, &block);
    bytes
}

fn push_block(bytes: &mut Vec<u8>, block: &[Entry<'_>]) {
    // A block is at most 2048 bytes, so every offset in it fits.
    let mut name_offset = u16::try_from(block.len() * ENTRY).unwrap_or(u16::MAX);
    for entry in block {
        bytes.extend_from_slice(&entry.number.to_le_bytes());
        bytes.extend_from_slice(&name_offset.to_le_bytes());
        bytes.extend_from_slice(&[entry_type(entry.kind), 0]);
        name_offset += u16::try_from(entry.name.len()).unwrap_or(0);
    }
    for entry in block {
        bytes.extend_from_slice(entry.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(names: &[Vec<u8>]) -> Vec<Entry<'_>> {
        (100..).zip(names).map(|(number, name)| Entry { name, kind: Kind::File, number }).collect()
    }

    #[test]
    fn dots_are_sorted_among_the_names() {
        let names: Vec<Vec<u8>> =
            ["!", ".-", "..a", ".a", "a"].iter().map(|name| name.as_bytes().to_vec()).collect();
        let all: Vec<_> = with_dots(entries(&names).into_iter(), 1, 2).map(|e| e.name).collect();
        assert_eq!(all, [&b"!"[..], b".", b".-", b"..", b"..a", b".a", b"a"]);
        let alone: Vec<_> = with_dots(std::iter::empty(), 1, 2).map(|e| e.number).collect();
        assert_eq!(alone, [1, 2]);
    }

    proptest! {
        #[test]
        fn every_entry_is_found_in_its_block_again(
            names in prop::collection::btree_set("[a-z]{1,255}", 1..60),
            block_size in prop::sample::select(vec![512_usize, 1024, 2048]),
        ) {
            let names: Vec<_> = names.into_iter().map(String::into_bytes).collect();
            let bytes = bytes(entries(&names).into_iter(), block_size);
            let lengths = names.iter().map(Vec::len);
            prop_assert_eq!(bytes.len() as u64, size(lengths, block_size));
            let mut found = Vec::new();
            for block in bytes.chunks(block_size) {
                let offset = |index: usize| {
                    usize::from(u16::from_le_bytes([block[12 * index + 8], block[12 * index + 9]]))
                };
                let count = offset(0) / 12;
                for index in 0..count {
                    let end = if index + 1 < count { offset(index + 1) } else { block.len() };
                    let name = &block[offset(index)..end];
                    let length = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                    found.push(name[..length].to_vec());
                }
            }
            prop_assert_eq!(found, names);
        }
    }
}
