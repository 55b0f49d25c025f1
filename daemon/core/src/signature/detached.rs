//! A signature in a file of its own, beside a list or an image.

use jiff::Timestamp;

use super::{
    Keys, MAXIMUM_SIZE, SignatureError, Signed,
    ed25519::{self, FileSignature},
    openpgp,
};
use crate::digest::{Algorithm, Hasher};

/// A detached signature of any scheme; of `OpenPGP` there may be several in one file, of which one by a pinned key is
/// enough.
#[derive(Clone, Debug)]
pub struct DetachedSignature(Scheme);

#[derive(Clone, Debug)]
enum Scheme {
    OpenPgp(openpgp::Signatures),
    Ed25519(Box<FileSignature>),
}

impl DetachedSignature {
    /// Reads a file with signatures.
    ///
    /// # Errors
    /// Where it has none.
    pub fn parse(file: &[u8]) -> Result<Self, SignatureError> {
        if file.len() > MAXIMUM_SIZE {
            return Err(SignatureError::TooLarge);
        }
        if openpgp::ClearSigned::begins_in(file) {
            return Err(SignatureError::Malformed("it signs text of its own"));
        }
        match FileSignature::parse(file) {
            Some((signature, rest)) if rest.trim_ascii().is_empty() => {
                Ok(Self(Scheme::Ed25519(Box::new(signature))))
            }
            Some(_) => Err(SignatureError::Malformed("something follows it")),
            None => openpgp::Signatures::parse(file).map(|all| Self(Scheme::OpenPgp(all))),
        }
    }

    /// The hashes that have to be computed of an image for [`Self::verify_hashed`]. None where no signature is of a
    /// kind that can be checked without holding the whole image.
    #[must_use]
    pub fn algorithms(&self) -> Vec<Algorithm> {
        match &self.0 {
            Scheme::OpenPgp(all) => all.algorithms(),
            Scheme::Ed25519(signature) => signature.algorithm().into_iter().collect(),
        }
    }

    /// Whether one of `keys` signed `content`.
    ///
    /// # Errors
    /// Why not.
    pub fn verify(
        &self,
        content: &[u8],
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Signed, SignatureError> {
        match &self.0 {
            Scheme::OpenPgp(all) => {
                all.verify(openpgp::Content::Bytes(content), &keys.openpgp, now)
            }
            Scheme::Ed25519(signature) => {
                signature.verify(ed25519::Content::Bytes(content), &keys.ed25519)
            }
        }
    }

    /// Whether one of `keys` signed the content that `hashers` have taken in: one for each of [`Self::algorithms`].
    ///
    /// # Errors
    /// Why not.
    pub fn verify_hashed(
        &self,
        hashers: &[Hasher],
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Signed, SignatureError> {
        match &self.0 {
            Scheme::OpenPgp(all) => {
                all.verify(openpgp::Content::Hashed(hashers), &keys.openpgp, now)
            }
            Scheme::Ed25519(signature) => {
                let hasher = hashers.iter().find(|hasher| hasher.algorithm() == Algorithm::Blake2b);
                let hasher = hasher.filter(|_| signature.algorithm().is_some());
                let hash = hasher.ok_or(SignatureError::Unsupported)?.clone().finish();
                signature.verify(ed25519::Content::Hash(hash.bytes()), &keys.ed25519)
            }
        }
    }
}
