//! Little-endian fields at fixed places of a structure. A field that the structure is too short for reads as 0, so
//! nothing here can fail; whoever takes a length from a field checks it against what is there.

use crate::image::bytes;

/// The 16-bit field at byte `at`.
pub(super) fn u16_at(structure: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(field(structure, at))
}

/// The 32-bit field at byte `at`.
pub(super) fn u32_at(structure: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(field(structure, at))
}

/// The 64-bit field at byte `at`.
pub(super) fn u64_at(structure: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(field(structure, at))
}

/// The `N` bytes at byte `at`.
pub(super) fn field<const N: usize>(structure: &[u8], at: usize) -> [u8; N] {
    bytes::array(structure, at).unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_little_endian_and_zero_beyond_the_end() {
        let structure = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(u16_at(&structure, 1), 0x0302);
        assert_eq!(u32_at(&structure, 4), 0x0807_0605);
        assert_eq!(u64_at(&structure, 0), 0x0807_0605_0403_0201);
        assert_eq!(u32_at(&structure, 5), 0);
        assert_eq!(u16_at(&structure, usize::MAX), 0);
    }
}
