//! Digests of the pieces of a file, by which bad ones are found and fetched again without the rest.

use std::ops::Range;

use crate::digest::{Algorithm, Digest};

/// The digests of all pieces of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    length: u64,
    digests: Vec<Digest>,
}

impl Pieces {
    /// Of pieces of `length` bytes each but the last; `None` where there are none, or the digests are of several kinds.
    #[must_use]
    pub fn new(length: u64, digests: Vec<Digest>) -> Option<Self> {
        let algorithm = digests.first()?.algorithm();
        let is_sound = length > 0 && digests.iter().all(|digest| digest.algorithm() == algorithm);
        is_sound.then_some(Self { length, digests })
    }

    /// What the pieces are hashed with. Theirs may be weak: they tell accidents, and the digest of the whole decides.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.digests.first().map_or(Algorithm::Sha256, Digest::algorithm)
    }

    /// Whether they are of a file of `size` bytes.
    #[must_use]
    pub fn is_of_size(&self, size: u64) -> bool {
        u64::try_from(self.digests.len()) == Ok(size.div_ceil(self.length))
    }

    /// Each piece of a file of `size` bytes, and the digest that it should have.
    pub fn each(&self, size: u64) -> impl Iterator<Item = (Range<u64>, &Digest)> {
        let starts = (0..size).step_by(usize::try_from(self.length).unwrap_or(usize::MAX));
        let ranges = starts.map(move |start| start..start.saturating_add(self.length).min(size));
        ranges.zip(&self.digests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_the_file() {
        let digest = Digest::from_bytes(Algorithm::Sha1, &[0; 20]).unwrap();
        let pieces = Pieces::new(4, vec![digest.clone(); 3]).unwrap();
        assert!(pieces.is_of_size(9) && pieces.is_of_size(12));
        assert!(!pieces.is_of_size(8) && !pieces.is_of_size(13));
        let ranges: Vec<_> = pieces.each(10).map(|(range, _)| range).collect();
        assert_eq!(ranges, [0..4, 4..8, 8..10]);
        assert_eq!(Pieces::new(0, vec![digest.clone()]), None);
        assert_eq!(Pieces::new(4, Vec::new()), None);
        let other = Digest::from_bytes(Algorithm::Md5, &[0; 16]).unwrap();
        assert_eq!(Pieces::new(4, vec![digest, other]), None);
    }
}
