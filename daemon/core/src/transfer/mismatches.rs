//! The memory of files whose digest is not the published one, so that the same wrong bytes are not fetched in a loop.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// How many are remembered of an entry.
const MOST: usize = 16;

/// A file that was fetched to its end, and was not what the list says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Where it came from.
    pub url: String,
    /// What the server said about it (`ETag` or `Last-Modified`), or its size, so that another file is recognised.
    pub state: String,
    /// The digest that it has.
    pub found: Digest,
    /// The digest that it should have.
    pub published: Digest,
}

/// Those of one entry, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mismatches(Vec<Mismatch>);

impl Mismatches {
    /// Adds one, and forgets the oldest when there are too many.
    pub fn add(&mut self, mismatch: Mismatch) {
        self.0.retain(|known| *known != mismatch);
        self.0.push(mismatch);
        let excess = self.0.len().saturating_sub(MOST);
        self.0.drain(..excess);
    }

    /// Whether the file that `url` has in this `state` is known not to be one of the `published`: then it need not be
    /// fetched before the server has another file, or the list another digest.
    #[must_use]
    pub fn is_known(&self, url: &str, state: &str, published: &[Digest]) -> bool {
        self.0.iter().any(|known| {
            known.url == url && known.state == state && published.contains(&known.published)
        })
    }

    /// Those that are remembered.
    #[must_use]
    pub fn all(&self) -> &[Mismatch] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    fn digest(byte: u8) -> Digest {
        Digest::from_bytes(Algorithm::Sha256, &[byte; 32]).unwrap()
    }

    #[test]
    fn the_same_wrong_bytes_are_known_until_the_file_or_the_list_changes() {
        let mut mismatches = Mismatches::default();
        let (found, published) = (digest(1), digest(2));
        let state = "\"a\"".to_owned();
        mismatches.add(Mismatch { url: "u".into(), state, found, published: published.clone() });
        assert!(mismatches.is_known("u", "\"a\"", &[digest(9), published.clone()]));
        assert!(!mismatches.is_known("u", "\"b\"", std::slice::from_ref(&published)));
        assert!(!mismatches.is_known("v", "\"a\"", &[published]));
        assert!(!mismatches.is_known("u", "\"a\"", &[digest(3)]));
    }

    #[test]
    fn no_more_are_kept_than_are_of_use() {
        let mut mismatches = Mismatches::default();
        for byte in 0..100 {
            let state = byte.to_string();
            let (found, published) = (digest(byte), digest(200));
            mismatches.add(Mismatch { url: "u".into(), state, found, published });
        }
        assert_eq!(mismatches.all().len(), MOST);
    }
}
