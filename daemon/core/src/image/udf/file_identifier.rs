//! File identifier descriptors (ECMA-167 4/14.4): the names in a directory.

use super::{
    fields::{u16_at, u32_at},
    space::Address,
    tag::{Tag, identifier},
};

/// Bytes of a descriptor before its implementation use and its name.
const HEADER: usize = 38;
/// Bytes that a descriptor may have.
pub(super) const MAXIMUM_LENGTH: usize = HEADER + 65535 + 255 + 3;

const HIDDEN: u8 = 1;
const DELETED: u8 = 4;
const PARENT: u8 = 8;

/// One descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileIdentifier<'a> {
    characteristics: u8,
    /// Where the file entry lies; `None` where no place is stated.
    pub(super) entry: Option<Address>,
    /// The name in OSTA compressed Unicode.
    pub(super) name: &'a [u8],
    /// Bytes that the descriptor takes.
    pub(super) length: usize,
}

impl<'a> FileIdentifier<'a> {
    /// The descriptor at the start of `data`. Its tag's location is not looked at: writers disagree about what it
    /// counts from, and Linux does not look either.
    pub(super) fn parse(data: &'a [u8]) -> Option<Self> {
        if u16_at(data, 0) != identifier::FILE_IDENTIFIER || data.len() < HEADER {
            return None;
        }
        let name_start = HEADER + usize::from(u16_at(data, 36));
        let name_end = name_start + usize::from(data[19]);
        let length = name_end.next_multiple_of(4);
        Tag::parse(data.get(..length)?)?;
        let stated = u32_at(data, 20) & 0x3FFF_FFFF != 0;
        Some(Self {
            characteristics: data[18],
            entry: stated.then(|| Address::parse_long(data, 20)),
            name: &data[name_start..name_end],
            length,
        })
    }

    /// Whether a listing shows it: Linux leaves out what is deleted, and what is hidden unless asked for it. The
    /// entry of the parent directory has no name.
    pub(super) fn is_shown(&self) -> bool {
        self.characteristics & (HIDDEN | DELETED | PARENT) == 0
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::tag::tests::seal, *};

    /// A sound descriptor.
    pub(in super::super) fn descriptor(
        characteristics: u8,
        block: u32,
        implementation_use: u16,
        name: &[u8],
    ) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[18] = characteristics;
        bytes[19] = u8::try_from(name.len()).unwrap();
        bytes[20..24].copy_from_slice(&2048_u32.to_le_bytes());
        bytes[24..28].copy_from_slice(&block.to_le_bytes());
        bytes[36..38].copy_from_slice(&implementation_use.to_le_bytes());
        bytes.resize(HEADER + usize::from(implementation_use), 0xEE);
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        seal(&mut bytes, identifier::FILE_IDENTIFIER, 0);
        bytes
    }

    #[test]
    fn a_descriptor_is_read_with_and_without_implementation_use() {
        for implementation_use in [0, 32, 1000] {
            let mut data = descriptor(0, 77, implementation_use, b"\x08name");
            let length = data.len();
            data.extend([1, 2, 3]);
            let found = FileIdentifier::parse(&data).unwrap();
            assert_eq!(found.name, b"\x08name");
            assert_eq!(found.entry, Some(Address { partition: 0, block: 77 }));
            assert_eq!(found.length, length);
            assert_eq!(FileIdentifier::parse(&data[..length - 1]), None);
        }
    }

    #[test]
    fn hidden_deleted_and_parent_entries_are_not_shown() {
        for (characteristics, shown) in [(0, true), (2, true), (1, false), (4, false), (10, false)]
        {
            let data = descriptor(characteristics, 1, 0, b"\x08x");
            assert_eq!(FileIdentifier::parse(&data).unwrap().is_shown(), shown);
        }
    }
}
