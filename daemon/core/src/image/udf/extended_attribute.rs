//! Extended attributes of a file entry (ECMA-167 4/14.10), of which only the numbers of a device matter.

use super::{
    fields::u32_at,
    tag::{Tag, identifier},
};

/// Bytes of the header before the first attribute.
const HEADER: usize = 24;
/// Type of the attribute that specifies a device (ECMA-167 4/14.10.7).
const DEVICE: u32 = 12;

/// Major and minor number of a device; zeros where none are stated.
pub(super) fn device(attributes: &[u8]) -> (u32, u32) {
    let header = attributes.get(..HEADER).and_then(Tag::parse);
    if header.is_none_or(|tag| tag.identifier != identifier::EXTENDED_ATTRIBUTES) {
        return (0, 0);
    }
    let mut rest = &attributes[HEADER..];
    while rest.len() >= 24 {
        if (u32_at(rest, 0), rest[4]) == (DEVICE, 1) {
            return (u32_at(rest, 16), u32_at(rest, 20));
        }
        let length = u32_at(rest, 8) as usize;
        match rest.get(length..) {
            // No attribute is shorter than its own header.
            Some(following) if length >= 12 => rest = following,
            _ => break,
        }
    }
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::{super::tag::tests::seal, *};

    fn attributes(of: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let mut area = vec![0; HEADER];
        seal(&mut area, identifier::EXTENDED_ATTRIBUTES, 3);
        for (kind, length, rest) in of {
            area.extend(kind.to_le_bytes());
            area.extend([1, 0, 0, 0]);
            area.extend(length.to_le_bytes());
            area.extend(*rest);
        }
        area
    }

    #[test]
    fn a_device_is_found_among_other_attributes() {
        let device_fields = [[0; 4], 8_u32.to_le_bytes(), 17_u32.to_le_bytes()].concat();
        let area = attributes(&[(5, 32, &[9; 20]), (12, 24, &device_fields)]);
        assert_eq!(device(&area), (8, 17));
        assert_eq!(device(&area[..area.len() - 1]), (0, 0));
    }

    #[test]
    fn attributes_without_end_or_header_state_no_device() {
        for area in [
            vec![],
            vec![0; 100],
            attributes(&[(5, 0, &[0; 60])]),
            attributes(&[(5, u32::MAX, &[0; 60])]),
        ] {
            assert_eq!(device(&area), (0, 0));
        }
    }
}
