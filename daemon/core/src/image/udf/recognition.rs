//! The volume recognition sequence (ECMA-167 2/8.3): whether a medium says that it holds UDF.

use std::io;

use crate::image::{OpenError, ReadAt};

/// Byte offset of the first structure of the sequence.
const START: u64 = 32768;
/// Structures that are looked at. Real sequences have about 5, and ISO 9660 descriptors before them.
const MAXIMUM: u64 = 64;

/// The edition of ECMA-167 that the medium follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    /// `NSR02`: UDF 1.02 and 1.50.
    Second,
    /// `NSR03`: UDF 2.00 and later.
    Third,
}

/// The edition, or `None` where nothing claims to be UDF.
pub(super) fn read(source: &dyn ReadAt) -> Result<Option<Edition>, OpenError> {
    // A structure takes 2048 bytes, or a block where blocks are larger (UDF 2.60, 2.1.7).
    for step in [2048, 4096] {
        if let Some(edition) = scan(source, step)? {
            return Ok(Some(edition));
        }
    }
    Ok(None)
}

fn scan(source: &dyn ReadAt, step: u64) -> Result<Option<Edition>, OpenError> {
    for index in 0..MAXIMUM {
        let offset = START + index * step;
        let mut structure = [0; 6];
        match source.read_exact_at(&mut structure, offset) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(source) => {
                let what = "volume recognition sequence";
                return Err(OpenError::Read { what, offset, source });
            }
        }
        match &structure[1..] {
            b"NSR02" => return Ok(Some(Edition::Second)),
            b"NSR03" => return Ok(Some(Edition::Third)),
            b"CD001" | b"BEA01" | b"TEA01" | b"BOOT2" | b"CDW02" => {}
            _ => break,
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes between structures, their identifiers, and what they say.
    type Case<'a> = (usize, &'a [&'a [u8; 5]], Option<Edition>);

    fn medium(step: usize, identifiers: &[&[u8; 5]]) -> Vec<u8> {
        let mut image = vec![0; 32768 + step * (identifiers.len() + 1)];
        for (index, identifier) in identifiers.iter().enumerate() {
            let at = 32768 + index * step + 1;
            image[at..at + 5].copy_from_slice(*identifier);
        }
        image
    }

    #[test]
    fn udf_is_recognised_before_an_unknown_structure_and_not_after() {
        let cases: [Case; 6] = [
            (2048, &[b"BEA01", b"NSR02", b"TEA01"], Some(Edition::Second)),
            (2048, &[b"CD001", b"CD001", b"BEA01", b"NSR03", b"TEA01"], Some(Edition::Third)),
            (2048, &[b"CD001", b"CD001"], None),
            (2048, &[b"BEA01", b"?????", b"?????", b"NSR02"], None),
            (4096, &[b"BEA01", b"NSR03", b"TEA01"], Some(Edition::Third)),
            (2048, &[], None),
        ];
        for (step, identifiers, edition) in cases {
            assert_eq!(read(&medium(step, identifiers)).unwrap(), edition, "{identifiers:?}");
        }
        assert_eq!(read(&vec![0; 100]).unwrap(), None);
    }
}
