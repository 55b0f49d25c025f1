//! File entries (ECMA-167 4/14.9 and 4/14.17): the attributes of an object, and where its content is described.

use super::{
    fields::{u16_at, u32_at, u64_at},
    space::{Address, Space},
    tag::{self, identifier},
    timestamp,
};
use crate::image::{Kind, ReadAt, ReadError, Timestamp};

/// What an object is, by the ICB tag (ECMA-167 4/14.6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileType {
    /// What a directory may name.
    Named(Kind),
    /// The metadata file or its mirror.
    Metadata,
    /// Anything else.
    Other,
}

/// How the content is described, by the flags of the ICB tag (ECMA-167 4/14.6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AllocationKind {
    /// By `short_ad`s, in the entry's own partition.
    Short,
    /// By `long_ad`s.
    Long,
    /// By `ext_ad`s, which UDF does not permit.
    Extended,
    /// Not at all: it is there itself.
    Embedded,
}

/// One file entry, sound as far as its tag and its lengths go.
#[derive(Debug)]
pub(super) struct FileEntry {
    /// Byte offset in the image, by which the object is known.
    pub(super) offset: u64,
    /// Where it lies in the logical volume.
    pub(super) address: Address,
    layout: Layout,
    bytes: Vec<u8>,
}

/// Where an entry's fields lie.
#[derive(Clone, Copy, Debug)]
struct Layout {
    modified: usize,
    /// Length of the extended attributes; the length of the allocation descriptors follows.
    lengths: usize,
    /// The extended attributes; the allocation descriptors follow them.
    attributes: usize,
}

const PLAIN: Layout = Layout { modified: 84, lengths: 168, attributes: 176 };
const EXTENDED: Layout = Layout { modified: 92, lengths: 208, attributes: 216 };

/// Bytes of an entry that tell what an object is.
const WHAT: &str = "file entry";

impl FileEntry {
    /// Reads the entry at byte `offset`.
    pub(super) fn read(source: &dyn ReadAt, space: &Space, offset: u64) -> Result<Self, ReadError> {
        let address = space.locate(offset).ok_or(ReadError::Damaged { what: WHAT, offset })?;
        let block = tag::read_block(source, offset, space.block_size, address.block, WHAT)?;
        Self::parse(block.identifier, block.bytes, offset, address)
    }

    /// Takes the block `bytes`, whose tag was checked, for an entry.
    fn parse(
        identifier: u16,
        bytes: Vec<u8>,
        offset: u64,
        address: Address,
    ) -> Result<Self, ReadError> {
        let layout = match identifier {
            identifier::FILE_ENTRY => PLAIN,
            identifier::EXTENDED_FILE_ENTRY => EXTENDED,
            _ => return Err(ReadError::Damaged { what: WHAT, offset }),
        };
        match u16_at(&bytes, 20) {
            4 => {}
            4096 => return Err(ReadError::Unsupported("a file entry of UDF strategy 4096")),
            _ => return Err(ReadError::Damaged { what: WHAT, offset }),
        }
        let entry = Self { offset, address, layout, bytes };
        let end = (layout.attributes as u64)
            + u64::from(u32_at(&entry.bytes, layout.lengths))
            + u64::from(u32_at(&entry.bytes, layout.lengths + 4));
        if end > entry.bytes.len() as u64 {
            return Err(ReadError::Damaged { what: WHAT, offset });
        }
        Ok(entry)
    }

    pub(super) fn file_type(&self) -> FileType {
        match self.bytes[27] {
            4 => FileType::Named(Kind::Directory),
            // 0 states nothing and 249 promises steady reading: plain files to Linux, and so here.
            0 | 5 | 249 => FileType::Named(Kind::File),
            6 => FileType::Named(Kind::BlockDevice),
            7 => FileType::Named(Kind::CharacterDevice),
            9 => FileType::Named(Kind::Fifo),
            10 => FileType::Named(Kind::Socket),
            12 => FileType::Named(Kind::Symlink),
            250 | 251 => FileType::Metadata,
            _ => FileType::Other,
        }
    }

    /// What a directory may name, or an error for what none may.
    pub(super) fn kind(&self) -> Result<Kind, ReadError> {
        match self.file_type() {
            FileType::Named(kind) => Ok(kind),
            _ => Err(ReadError::Damaged { what: WHAT, offset: self.offset }),
        }
    }

    /// Bytes of the content, as stated.
    pub(super) fn size(&self) -> u64 {
        u64_at(&self.bytes, 56)
    }

    /// Permission bits as POSIX orders them: UDF has five bits for each class, of which the lower three are those.
    pub(super) fn permissions(&self) -> u16 {
        let stated = u32_at(&self.bytes, 44);
        let class = |shift: u32| u16::try_from(stated >> shift & 7).unwrap_or(0);
        // Setuid, setgid and sticky are bits 6 to 8 of the flags, in the opposite order of POSIX.
        let flags = u16_at(&self.bytes, 34);
        let special = (flags >> 6 & 1) << 11 | (flags >> 7 & 1) << 10 | (flags >> 8 & 1) << 9;
        special | class(10) << 6 | class(5) << 3 | class(0)
    }

    /// Owner; 0 where none is stated.
    pub(super) fn owner(&self) -> u32 {
        stated_id(u32_at(&self.bytes, 36))
    }

    /// Group; 0 where none is stated.
    pub(super) fn group(&self) -> u32 {
        stated_id(u32_at(&self.bytes, 40))
    }

    pub(super) fn links(&self) -> u32 {
        u32::from(u16_at(&self.bytes, 48)).max(1)
    }

    /// Last change of the content; the epoch where none is stated.
    pub(super) fn modified(&self) -> Timestamp {
        timestamp::parse(&self.bytes, self.layout.modified).unwrap_or_default()
    }

    /// The extended attributes, with their header.
    pub(super) fn attributes(&self) -> &[u8] {
        &self.bytes[self.layout.attributes..self.attributes_end()]
    }

    pub(super) fn allocation_kind(&self) -> AllocationKind {
        match u16_at(&self.bytes, 34) & 7 {
            0 => AllocationKind::Short,
            1 => AllocationKind::Long,
            3 => AllocationKind::Embedded,
            _ => AllocationKind::Extended,
        }
    }

    /// The allocation descriptors, or the content where it is embedded.
    pub(super) fn allocation(&self) -> &[u8] {
        let start = self.attributes_end();
        &self.bytes[start..start + u32_at(&self.bytes, self.layout.lengths + 4) as usize]
    }

    fn attributes_end(&self) -> usize {
        self.layout.attributes + u32_at(&self.bytes, self.layout.lengths) as usize
    }
}

fn stated_id(id: u32) -> u32 {
    if id == u32::MAX { 0 } else { id }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An entry of 512 bytes with the fields given.
    pub(in super::super) fn entry(extended: bool, fields: &[(usize, &[u8])]) -> FileEntry {
        parse(extended, fields).unwrap()
    }

    fn parse(extended: bool, fields: &[(usize, &[u8])]) -> Result<FileEntry, ReadError> {
        let mut bytes = vec![0; 512];
        bytes[20] = 4;
        bytes[27] = 5;
        for (at, value) in fields {
            bytes[*at..*at + value.len()].copy_from_slice(value);
        }
        let identifier =
            if extended { identifier::EXTENDED_FILE_ENTRY } else { identifier::FILE_ENTRY };
        FileEntry::parse(identifier, bytes, 1024, Address::default())
    }

    #[test]
    fn attributes_come_from_both_layouts() {
        let recorded = [0, 0x10, 0xB2, 7, 1, 1, 0, 0, 1, 0, 0, 0];
        for (extended, modified, lengths) in [(false, 84, 168), (true, 92, 208)] {
            let entry = entry(
                extended,
                &[
                    (36, &[1, 2, 0, 0]),
                    (40, &[0xFF; 4]),
                    (48, &[3]),
                    (56, &[7]),
                    (modified, &recorded),
                    (lengths, &[4, 0, 0, 0, 5]),
                    (lengths + 8, b"ATTRALLOC"),
                ],
            );
            assert_eq!((entry.owner(), entry.group(), entry.links()), (0x201, 0, 3));
            assert_eq!((entry.size(), entry.modified().seconds), (7, 1));
            assert_eq!((entry.attributes(), entry.allocation()), (&b"ATTR"[..], &b"ALLOC"[..]));
        }
    }

    #[test]
    fn permissions_are_five_bits_a_class_and_flags() {
        for (stated, flags, permissions) in [
            (0x7FFF_u32, 0_u16, 0o777),
            (0x14A5, 0, 0o555),
            (0x0C63, 0, 0o333),
            (0x6318, 0, 0o000),
            (0x1C00, 0x40, 0o4700),
            (0x00E0, 0x80, 0o2070),
            (0x0007, 0x100, 0o1007),
        ] {
            let entry = entry(false, &[(34, &flags.to_le_bytes()), (44, &stated.to_le_bytes())]);
            assert_eq!(entry.permissions(), permissions, "{stated:#x} {flags:#x}");
        }
    }

    #[test]
    fn entries_that_cannot_be_read_are_refused() {
        assert!(matches!(parse(false, &[(20, &[0, 16])]), Err(ReadError::Unsupported(_))));
        for fields in [&[(20_usize, &[1_u8][..])], &[(168, &[0xFF; 8])], &[(172, &[81, 1])]] {
            let refused = parse(false, fields);
            assert!(matches!(refused, Err(ReadError::Damaged { offset: 1024, .. })), "{fields:?}");
        }
        assert!(entry(false, &[(27, &[1])]).kind().is_err());
    }
}
