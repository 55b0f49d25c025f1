//! Whether one medium is a copy of another: a disc and the file that was made from it, or two drives with one image.
//!
//! This decides that a copy need not be published beside its original, and that a medium that comes back has the name
//! that it had, never what is read or trusted.

use std::io;

use sha2::{Digest, Sha256};

use crate::image::ReadAt;

/// Volumes up to this many bytes are compared whole. Of larger ones only parts are, for a drive takes minutes to be read;
/// two that were made in the same second, as a shared UUID says, are not that large by chance.
const WHOLE: u64 = 64 << 20;

/// Parts of a large volume that are compared, from its first to its last.
const PARTS: u64 = 256;

/// Bytes that are compared at a time.
const PART: usize = 64 << 10;

/// Samples that make up a likeness, and bytes of each. A drive may take a tenth of a second for one.
const SAMPLES: u64 = 8;
const SAMPLE: usize = 16 << 10;

/// What a volume of `length` bytes has in common with its copies, and with itself in another drive or after a restart of
/// the machine: 128 bits in hexadecimal digits, of its UUID, its length and samples of its content, since images that
/// were made in the same second share a UUID. `None` where it has none, or a sample cannot be read.
#[must_use]
pub fn likeness(medium: &dyn ReadAt, uuid: Option<&str>, length: u64) -> Option<String> {
    let mut hash = Sha256::new();
    hash.update(uuid?);
    hash.update(length.to_le_bytes());
    let mut sample = vec![0; usize::try_from(length).map_or(SAMPLE, |all| all.min(SAMPLE))];
    let last = length - sample.len() as u64;
    for number in 0..SAMPLES {
        medium.read_exact_at(&mut sample, last * number / (SAMPLES - 1)).ok()?;
        hash.update(&sample);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    Some(format!("{:032x}", u128::from_be_bytes(first)))
}

/// Compares the first `length` bytes of two media whose labels, UUIDs and lengths agree.
///
/// # Errors
/// That of a read.
pub fn is_copy(one: &dyn ReadAt, other: &dyn ReadAt, length: u64) -> io::Result<bool> {
    let (mut first, mut second) = (vec![0; PART], vec![0; PART]);
    for offset in offsets(length) {
        let part = usize::try_from(length - offset).map_or(PART, |rest| rest.min(PART));
        one.read_exact_at(&mut first[..part], offset)?;
        other.read_exact_at(&mut second[..part], offset)?;
        if first[..part] != second[..part] {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where the parts begin, in whole blocks.
fn offsets(length: u64) -> Box<dyn Iterator<Item = u64>> {
    if length <= WHOLE {
        return Box::new((0..length).step_by(PART));
    }
    let last = (length - PART as u64) & !2047;
    let step = (last / (PARTS - 1)) & !2047;
    Box::new((0..PARTS - 1).map(move |part| part * step).chain([last]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(length: usize) -> Vec<u8> {
        (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect()
    }

    #[test]
    fn a_small_volume_is_a_copy_only_if_every_byte_agrees() {
        let one = image(300_001);
        assert!(is_copy(&one, &one.clone(), 300_001).unwrap());
        for differs in [0, 65_536, 300_000] {
            let mut other = one.clone();
            other[differs] ^= 1;
            assert!(!is_copy(&one, &other, 300_001).unwrap(), "byte {differs}");
        }
        let mut padded = one.clone();
        padded.push(7);
        assert!(is_copy(&one, &padded, 300_001).unwrap(), "what follows the volume");
        assert!(is_copy(&one, &one[..300_000].to_vec(), 300_001).is_err(), "a truncated one");
    }

    #[test]
    fn only_copies_are_alike() {
        let one = image(300_000);
        let of = |bytes: &[u8], uuid| likeness(&bytes.to_vec(), Some(uuid), bytes.len() as u64);
        assert!(of(&one, "a").is_some());
        assert_eq!(of(&one, "a"), of(&one.clone(), "a"));
        let mut other = one.clone();
        other[290_000] ^= 1;
        for different in [of(&one, "b"), of(&other, "a"), of(&one[..299_000], "a"), of(&[], "a")] {
            assert_ne!(of(&one, "a"), different);
        }
        assert_eq!(likeness(&one, None, 300_000), None);
        assert_eq!(likeness(&one, Some("a"), 300_001), None, "truncated");
    }

    #[test]
    fn parts_of_a_large_volume_lie_within_it_from_its_begin_to_its_end() {
        for length in [WHOLE + 1, 700 << 20, (8 << 30) + 2048] {
            let offsets: Vec<_> = offsets(length).collect();
            assert_eq!((offsets.len() as u64, offsets[0]), (PARTS, 0));
            assert!(offsets.is_sorted() && offsets.iter().all(|offset| offset % 2048 == 0));
            let last = offsets[offsets.len() - 1];
            assert!(last + PART as u64 <= length && last + PART as u64 + 2048 > length);
        }
    }
}
