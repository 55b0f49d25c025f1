//! Numbers out of bytes that came from a medium. It reads what is there; whether a number makes sense is for the
//! caller to say.

/// The byte at `at`.
pub(super) fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The little-endian number at `at`.
pub(super) fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// The little-endian number at `at`.
pub(super) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// The little-endian number at `at`.
pub(super) fn u64_le(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// The `N` bytes at `at`.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_where_they_lie_and_nowhere_else() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(u8_at(&bytes, 8), Some(9));
        assert_eq!(u16_le(&bytes, 7), Some(0x0908));
        assert_eq!(u32_le(&bytes, 1), Some(0x0504_0302));
        assert_eq!(u64_le(&bytes, 1), Some(0x0908_0706_0504_0302));
        assert_eq!(u8_at(&bytes, 9), None);
        assert_eq!(u16_le(&bytes, 8), None);
        assert_eq!(u32_le(&bytes, usize::MAX), None);
        assert_eq!(u64_le(&bytes, 2), None);
    }
}
