//! File entries and what is in them.

use super::{
    METADATA, STAMP, Volume,
    structure::{le32, put, put32, seal},
};

/// The entry of a metadata file, which consists of `runs`: first blocks and numbers of blocks.
pub(super) fn metadata_entry(
    volume: &Volume,
    location: usize,
    file_type: u8,
    runs: &[(usize, usize)],
) -> Vec<u8> {
    let block_size = volume.block_size;
    let area: Vec<u8> = runs
        .iter()
        .flat_map(|(start, blocks)| [le32(blocks * block_size), le32(*start)].concat())
        .collect();
    let size = (METADATA * block_size) as u64;
    file_entry(volume, location, (file_type, 0, size), &[], &area)
}

/// A file entry of a type, with the kind of its descriptors and the size of its content.
pub(super) fn file_entry(
    volume: &Volume,
    location: usize,
    (file_type, flags, size): (u8, u8, u64),
    attributes: &[u8],
    area: &[u8],
) -> Vec<u8> {
    let extended = volume.revision >= 0x0200;
    let (modified, lengths) = if extended { (92, 208) } else { (84, 168) };
    let mut block = vec![0; volume.block_size];
    block[20] = 4;
    block[24] = 1;
    block[27] = file_type;
    block[34] = flags;
    put32(&mut block, 36, 1000);
    put(&mut block, 40, &[0xFF; 4]);
    // rwxr-x--x
    put32(&mut block, 44, 0b111 << 10 | 0b101 << 5 | 0b001);
    block[48] = 1;
    put(&mut block, 56, &size.to_le_bytes());
    put(&mut block, modified, &STAMP);
    put32(&mut block, lengths, attributes.len());
    put32(&mut block, lengths + 4, area.len());
    put(&mut block, lengths + 8, attributes);
    put(&mut block, lengths + 8 + attributes.len(), area);
    let used = lengths + 8 + attributes.len() + area.len();
    let location = u32::try_from(location).expect("small");
    seal(&mut block, if extended { 266 } else { 261 }, location, used - 16);
    block
}

/// The extended attributes of a device.
pub(super) fn device_attribute(major: u32, minor: u32) -> Vec<u8> {
    let mut bytes = vec![0; 48];
    seal(&mut bytes, 262, 0, 8);
    bytes[24] = 12;
    bytes[28] = 1;
    bytes[32] = 24;
    put(&mut bytes, 40, &major.to_le_bytes());
    put(&mut bytes, 44, &minor.to_le_bytes());
    bytes
}
