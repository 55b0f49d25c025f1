//! Structures on the medium, little-endian all over (`fs/erofs/erofs_fs.h`).

use crate::image::{Kind, Timestamp};

/// Bytes before the first block of data or metadata: the superblock lies at 1024, the device table behind it.
pub(super) const HEADER: usize = 2048;
/// Byte offset of the superblock.
pub(super) const SUPERBLOCK_OFFSET: usize = 1024;
/// Bytes of an extended inode, the only kind written.
pub(super) const INODE: usize = 64;
/// Bytes between the addresses that inode numbers count.
pub(super) const SLOT: u64 = 32;
/// Bytes of a chunk's index.
pub(super) const CHUNK_INDEX: usize = 8;

const MAGIC: u32 = 0xE0F5_E1E2;
const INCOMPATIBLE_CHUNKED_FILE: u32 = 0x4;
const INCOMPATIBLE_DEVICE_TABLE: u32 = 0x8;
/// Device slots are addressed in units of their own 128 bytes.
const DEVICE_SLOT: usize = 128;
const CHUNK_FORMAT_INDEXES: u32 = 0x20;

/// Layout of an inode's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// In consecutive blocks.
    FlatPlain = 0,
    /// Whole blocks elsewhere, the rest behind the inode in the inode's own block.
    FlatInline = 2,
    /// In chunks of equal size, their indexes behind the inode.
    ChunkBased = 4,
}

/// An inode; its owner is root, its setuid, setgid and sticky bits are always clear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inode {
    pub(super) kind: Kind,
    pub(super) layout: Layout,
    pub(super) size: u64,
    /// First block, device number or chunk format.
    pub(super) union: u32,
    pub(super) number: u32,
    pub(super) links: u32,
    pub(super) modified: Timestamp,
}

impl Inode {
    pub(super) fn bytes(&self) -> [u8; INODE] {
        let mut bytes = [0; INODE];
        let format = 1_u16 | (self.layout as u16) << 1;
        put(&mut bytes, 0, &format.to_le_bytes());
        put(&mut bytes, 4, &mode(self.kind).to_le_bytes());
        put(&mut bytes, 8, &self.size.to_le_bytes());
        put(&mut bytes, 16, &self.union.to_le_bytes());
        put(&mut bytes, 20, &self.number.to_le_bytes());
        put(&mut bytes, 32, &self.modified.seconds.to_le_bytes());
        put(&mut bytes, 40, &self.modified.nanoseconds.to_le_bytes());
        put(&mut bytes, 44, &self.links.to_le_bytes());
        bytes
    }
}

/// The superblock with the device table behind it, as they lie from [`SUPERBLOCK_OFFSET`] on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Superblock {
    pub(super) block_size_log2: u8,
    pub(super) root: u16,
    pub(super) inodes: u64,
    pub(super) blocks: u32,
    /// Block from which inode numbers count.
    pub(super) metadata_block: u32,
    /// Device slots: the medium, more than once where ids without a device are needed.
    pub(super) devices: u16,
    /// Blocks of the medium.
    pub(super) device_blocks: u32,
}

impl Superblock {
    pub(super) fn bytes(&self) -> [u8; HEADER - SUPERBLOCK_OFFSET] {
        let mut bytes = [0; HEADER - SUPERBLOCK_OFFSET];
        let first_slot = SUPERBLOCK_OFFSET / DEVICE_SLOT + 1;
        put(&mut bytes, 0, &MAGIC.to_le_bytes());
        bytes[12] = self.block_size_log2;
        put(&mut bytes, 14, &self.root.to_le_bytes());
        put(&mut bytes, 16, &self.inodes.to_le_bytes());
        put(&mut bytes, 36, &self.blocks.to_le_bytes());
        put(&mut bytes, 40, &self.metadata_block.to_le_bytes());
        let incompatible = INCOMPATIBLE_CHUNKED_FILE | INCOMPATIBLE_DEVICE_TABLE;
        put(&mut bytes, 80, &incompatible.to_le_bytes());
        put(&mut bytes, 86, &self.devices.to_le_bytes());
        put(&mut bytes, 88, &[first_slot.to_le_bytes()[0], 0]);
        for device in 0..usize::from(self.devices).min(2) {
            let slot = DEVICE_SLOT * (1 + device);
            put(&mut bytes, slot + 64, &self.device_blocks.to_le_bytes());
        }
        bytes
    }
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkAddress {
    /// At this block of the metadata image itself.
    Metadata(u32),
    /// At this block of the medium.
    Medium(u32),
    /// Nowhere: it reads as zeros.
    Zeros,
    /// On a device that the image does not have: reading fails on every kernel with ENODEV.
    Fault,
}

impl ChunkAddress {
    pub(super) fn bytes(self) -> [u8; CHUNK_INDEX] {
        // Device ids are masked to the bits that the number of devices needs: with two devices, 3 stays 3.
        let (device, block) = match self {
            Self::Metadata(block) => (0_u16, block),
            Self::Medium(block) => (1, block),
            Self::Zeros => (0, u32::MAX),
            Self::Fault => (3, 0),
        };
        let mut bytes = [0; CHUNK_INDEX];
        put(&mut bytes, 2, &device.to_le_bytes());
        put(&mut bytes, 4, &block.to_le_bytes());
        bytes
    }
}

/// The `union` of a chunk-based inode.
pub(super) fn chunk_format(chunk_size_log2: u8, block_size_log2: u8) -> u32 {
    u32::from(chunk_size_log2.saturating_sub(block_size_log2)) | CHUNK_FORMAT_INDEXES
}

/// The `union` of a device's inode: Linux's 32-bit encoding of major and minor number.
pub(super) fn device_number((major, minor): (u32, u32)) -> u32 {
    (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xf_ff00) << 12
}

/// File type and permissions. All backends show everybody's read permission and nothing else.
fn mode(kind: Kind) -> u16 {
    match kind {
        Kind::File => 0o100_444,
        Kind::Directory => 0o040_555,
        Kind::Symlink => 0o120_777,
        Kind::CharacterDevice => 0o020_444,
        Kind::BlockDevice => 0o060_444,
        Kind::Fifo => 0o010_444,
        Kind::Socket => 0o140_444,
    }
}

/// The type of a directory entry.
pub(super) fn entry_type(kind: Kind) -> u8 {
    match kind {
        Kind::File => 1,
        Kind::Directory => 2,
        Kind::CharacterDevice => 3,
        Kind::BlockDevice => 4,
        Kind::Fifo => 5,
        Kind::Socket => 6,
        Kind::Symlink => 7,
    }
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_numbers_are_encoded_as_linux_does() {
        for (device, expected) in [((1, 3), 0x103), ((8, 256), 0x10_0800), ((259, 5), 0x1_0305)] {
            assert_eq!(device_number(device), expected);
        }
    }

    #[test]
    fn chunks_without_a_device_keep_their_id_under_the_mask() {
        assert_eq!(ChunkAddress::Fault.bytes(), [0, 0, 3, 0, 0, 0, 0, 0]);
        assert_eq!(ChunkAddress::Medium(0x0102).bytes(), [0, 0, 1, 0, 2, 1, 0, 0]);
        assert_eq!(ChunkAddress::Zeros.bytes(), [0, 0, 0, 0, 255, 255, 255, 255]);
    }
}
