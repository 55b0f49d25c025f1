//! Computing digests, with a state that can be put down and taken up again: a download that is resumed reads nothing
//! twice.

use blake2::Blake2b512;
use md5::Md5;
use sha1::Sha1;
use sha2::{
    Sha256, Sha384, Sha512,
    digest::{Digest as _, common::hazmat::SerializableState},
};

use super::{Algorithm, Digest};

/// A digest that is being computed.
#[derive(Clone, Debug)]
pub struct Hasher(State);

#[derive(Clone, Debug)]
enum State {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
    Blake2b(Blake2b512),
}

/// The state of a [`Hasher`], as bytes. Their meaning is that of the hash crates at the version that wrote them: who
/// keeps them keeps that version beside them, and computes anew where it is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedHasher {
    /// What is being computed.
    pub algorithm: Algorithm,
    /// The state.
    pub state: Vec<u8>,
}

/// Calls the same method of whichever function it is.
macro_rules! each {
    ($state:expr, $hash:ident => $result:expr) => {
        match $state {
            State::Md5($hash) => $result,
            State::Sha1($hash) => $result,
            State::Sha256($hash) => $result,
            State::Sha384($hash) => $result,
            State::Sha512($hash) => $result,
            State::Blake2b($hash) => $result,
        }
    };
}

impl Hasher {
    /// Of nothing yet.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Md5 => State::Md5(Md5::new()),
            Algorithm::Sha1 => State::Sha1(Sha1::new()),
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha384 => State::Sha384(Sha384::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
            Algorithm::Blake2b => State::Blake2b(Blake2b512::new()),
        })
    }

    /// What it computes.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Md5(_) => Algorithm::Md5,
            State::Sha1(_) => Algorithm::Sha1,
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha384(_) => Algorithm::Sha384,
            State::Sha512(_) => Algorithm::Sha512,
            State::Blake2b(_) => Algorithm::Blake2b,
        }
    }

    /// Takes in what comes next.
    pub fn update(&mut self, bytes: &[u8]) {
        each!(&mut self.0, hash => hash.update(bytes));
    }

    /// The digest of all that was taken in.
    #[must_use]
    pub fn finish(self) -> Digest {
        let algorithm = self.algorithm();
        let value = each!(self.0, hash => hash.finalize().as_slice().into());
        Digest { algorithm, value }
    }

    /// The state, to be taken up later; `None` for BLAKE2, whose state cannot be put down.
    #[must_use]
    pub fn save(&self) -> Option<SavedHasher> {
        let state = match &self.0 {
            State::Md5(hash) => hash.serialize().to_vec(),
            State::Sha1(hash) => hash.serialize().to_vec(),
            State::Sha256(hash) => hash.serialize().to_vec(),
            State::Sha384(hash) => hash.serialize().to_vec(),
            State::Sha512(hash) => hash.serialize().to_vec(),
            State::Blake2b(_) => return None,
        };
        Some(SavedHasher { algorithm: self.algorithm(), state })
    }

    /// Takes a state up; `None` where it is none.
    #[must_use]
    pub fn restore(saved: &SavedHasher) -> Option<Self> {
        fn read<H: SerializableState>(state: &[u8]) -> Option<H> {
            H::deserialize(&state.try_into().ok()?).ok()
        }
        let state = &*saved.state;
        Some(Self(match saved.algorithm {
            Algorithm::Md5 => State::Md5(read(state)?),
            Algorithm::Sha1 => State::Sha1(read(state)?),
            Algorithm::Sha256 => State::Sha256(read(state)?),
            Algorithm::Sha384 => State::Sha384(read(state)?),
            Algorithm::Sha512 => State::Sha512(read(state)?),
            Algorithm::Blake2b => return None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash(algorithm: Algorithm, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    #[test]
    fn digests_are_those_of_the_standards() {
        for (algorithm, hex) in [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Algorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                Algorithm::Sha384,
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                Algorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (
                Algorithm::Blake2b,
                "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
            ),
        ] {
            assert_eq!(hash(algorithm, b"abc").hex(), hex, "{algorithm}");
        }
    }

    #[test]
    fn a_state_of_another_function_is_refused() {
        let saved = Hasher::new(Algorithm::Sha256).save().unwrap();
        assert!(Hasher::restore(&SavedHasher { algorithm: Algorithm::Sha512, ..saved }).is_none());
    }

    proptest! {
        #[test]
        fn a_state_that_was_put_down_goes_on_as_if_it_had_not(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            cut in 0usize..400,
        ) {
            let cut = cut.min(bytes.len());
            for algorithm in Algorithm::ALL {
                let mut first = Hasher::new(algorithm);
                first.update(&bytes[..cut]);
                let Some(saved) = first.save() else { continue };
                let mut second = Hasher::restore(&saved).unwrap();
                second.update(&bytes[cut..]);
                prop_assert_eq!(second.finish(), hash(algorithm, &bytes));
            }
        }
    }
}
