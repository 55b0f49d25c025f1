//! Tags, and numbers at their places.

/// Gives a structure the tag `identifier` with a sound checksum, and a CRC of `crc_length` bytes.
pub fn seal(structure: &mut [u8], identifier: u16, location: u32, crc_length: usize) {
    structure[..16].fill(0);
    put(structure, 0, &identifier.to_le_bytes());
    structure[2] = 3;
    put(structure, 12, &location.to_le_bytes());
    reseal(structure, crc_length);
}

/// Makes checksum and CRC right again after a change.
///
/// # Panics
/// Where the structure is shorter than its tag or its CRC.
pub fn reseal(structure: &mut [u8], crc_length: usize) {
    let crc = structure[16..16 + crc_length].iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
        })
    });
    put(structure, 8, &crc.to_le_bytes());
    put(structure, 10, &u16::try_from(crc_length).expect("a small structure").to_le_bytes());
    structure[4] = 0;
    structure[4] = structure[..16].iter().fold(0, |sum, byte| sum.wrapping_add(*byte));
}

pub(super) fn put(structure: &mut [u8], at: usize, bytes: &[u8]) {
    structure[at..at + bytes.len()].copy_from_slice(bytes);
}

pub(super) fn put32(structure: &mut [u8], at: usize, value: usize) {
    put(structure, at, &le32(value));
}

pub(super) fn le32(value: usize) -> [u8; 4] {
    u32::try_from(value).expect("a small number").to_le_bytes()
}

/// One allocation descriptor: type, bytes, partition, block.
pub(super) type Descriptor = (u32, u32, u16, u32);

/// A descriptor as written.
pub(super) fn encoded(descriptor: Descriptor, long: bool) -> Vec<u8> {
    let (kind, length, partition, block) = descriptor;
    let mut bytes = (kind << 30 | length).to_le_bytes().to_vec();
    bytes.extend(block.to_le_bytes());
    if long {
        bytes.extend(partition.to_le_bytes());
        bytes.extend([0; 6]);
    }
    bytes
}

/// Seals one of the descriptors that have 512 bytes, whatever a block has.
pub(super) fn seal_block(block: &mut [u8], identifier: u16, location: usize) {
    seal(block, identifier, u32::try_from(location).expect("small"), 512 - 16);
}
