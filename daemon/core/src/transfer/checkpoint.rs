//! What is written down of an unfinished transfer, so that it goes on where it was after a restart.
//!
//! It tells only of bytes that are on the disk, and is never trusted with the result: the digest of the whole decides.

use serde::{Deserialize, Serialize};

use super::{extents::Extents, samples::Sample, validator::Validator};
use crate::digest::{Algorithm, Digest, Hasher, SavedHasher};

/// Version of the record.
pub const FORMAT: &str = "isomirror-transfer-2";
/// Version of the saved states in it: the hash crates change their form only with their minor version, which is 0.11
/// for all of them.
const HASHERS_FORMAT: &str = "digest-0.11";
/// Bytes before the end of the complete part that are compared when a transfer is taken up.
pub const TAIL: u64 = 64 << 10;

/// The record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// [`FORMAT`]; another one makes the record worthless.
    pub format: String,
    /// The version of the image that is being fetched.
    pub version: String,
    /// The digests that it shall have: a stage for others is of no use.
    pub expected: Vec<Digest>,
    /// Size of the whole, where it is known.
    pub size: Option<u64>,
    /// Where the bytes came from, and what that server said about its file. Those of the last one, where there were
    /// several.
    pub origins: Vec<Origin>,
    /// Which bytes are on the disk.
    pub present: Extents,
    /// SHA-256 of the last [`TAIL`] bytes of the complete part, or of all of it where it is shorter.
    pub tail: Digest,
    /// Samples of the complete part, which are compared too.
    pub samples: Vec<Sample>,
    /// The states of the digests after the complete part.
    pub hashers: Vec<HasherState>,
}

/// A place that bytes came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its URL.
    pub url: String,
    /// What it said about the file.
    pub validator: Validator,
}

/// A saved digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HasherState {
    /// [`Algorithm::name`].
    pub algorithm: String,
    /// Version of the crates that wrote it; another one makes the state worthless.
    pub format: String,
    /// [`SavedHasher::state`] in hexadecimal digits.
    pub state: String,
}

impl HasherState {
    /// Of a hasher; `None` where its state cannot be put down.
    #[must_use]
    pub fn of(hasher: &Hasher) -> Option<Self> {
        let SavedHasher { algorithm, state } = hasher.save()?;
        let state = state.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let state = state.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
        let algorithm = algorithm.name().to_owned();
        Some(Self { algorithm, format: HASHERS_FORMAT.to_owned(), state })
    }

    fn restore(&self) -> Option<Hasher> {
        let digits: Vec<u8> = self
            .state
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let state = digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)).collect();
        let algorithm: Algorithm = self.algorithm.parse().ok()?;
        Hasher::restore(&SavedHasher { algorithm, state })
    }
}

impl Checkpoint {
    /// Reads a record; `None` where it is broken or of another format.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().filter(|read: &Self| read.format == FORMAT)
    }

    /// Whether it is of this image. Bytes without any digest go on only in the version that they were begun in.
    #[must_use]
    pub fn is_of(&self, version: &str, size: Option<u64>, expected: &[Digest]) -> bool {
        let is_same_size = self.size.zip(size).is_none_or(|(one, other)| one == other);
        self.version == version && self.expected == expected && is_same_size
    }

    /// The hashers of `algorithms` after the complete part; `None` where one of them has to begin anew.
    #[must_use]
    pub fn hashers(&self, algorithms: &[Algorithm]) -> Option<Vec<Hasher>> {
        let restore = |algorithm: &Algorithm| {
            let is_it = |saved: &&HasherState| saved.algorithm == algorithm.name();
            self.hashers
                .iter()
                .find(is_it)
                .filter(|saved| saved.format == HASHERS_FORMAT)?
                .restore()
        };
        algorithms.iter().map(restore).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(hashers: &[Hasher]) -> Checkpoint {
        let mut present = Extents::default();
        present.insert(0..5);
        Checkpoint {
            format: FORMAT.to_owned(),
            version: "1".into(),
            expected: vec![Hasher::new(Algorithm::Md5).finish()],
            size: Some(10),
            origins: vec![Origin { url: "http://a/".into(), validator: Validator::default() }],
            present,
            tail: Hasher::new(Algorithm::Sha256).finish(),
            samples: Vec::new(),
            hashers: hashers.iter().filter_map(HasherState::of).collect(),
        }
    }

    #[test]
    fn digests_go_on_where_they_were() {
        let mut hashers = [Hasher::new(Algorithm::Sha256), Hasher::new(Algorithm::Sha512)];
        for hasher in &mut hashers {
            hasher.update(b"hello");
        }
        let written = serde_json::to_vec(&checkpoint(&hashers)).unwrap();
        let read = Checkpoint::parse(&written).unwrap();
        let restored = read.hashers(&[Algorithm::Sha256, Algorithm::Sha512]).unwrap();
        for (mut restored, mut hasher) in restored.into_iter().zip(hashers) {
            restored.update(b" world");
            hasher.update(b" world");
            assert_eq!(restored.finish(), hasher.finish());
        }
        // Nobody can put this one down, so all is read again.
        assert!(read.hashers(&[Algorithm::Sha256, Algorithm::Blake2b]).is_none());
    }

    #[test]
    fn a_record_of_something_else_is_worthless() {
        let record = checkpoint(&[]);
        assert!(record.is_of("1", None, &record.expected));
        assert!(record.is_of("1", Some(10), &record.expected));
        assert!(!record.is_of("1", Some(11), &record.expected));
        assert!(!record.is_of("2", Some(10), &record.expected));
        assert!(!record.is_of("1", Some(10), &[]));
        let other = Checkpoint { format: "isomirror-transfer-0".into(), ..record };
        assert_eq!(Checkpoint::parse(&serde_json::to_vec(&other).unwrap()), None);
        assert_eq!(Checkpoint::parse(b"{"), None);
    }
}
