//! Why something counts as not signed.

use jiff::Timestamp;

/// Why a signature is not accepted. Of several signatures the one reason is told that says most, see
/// [`SignatureError::weight`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is longer than any signature.
    #[error("the signature is longer than {} bytes", super::MAXIMUM_SIZE)]
    TooLarge,
    /// It is no signature.
    #[error("the signature cannot be read: {0}")]
    Malformed(&'static str),
    /// There is none at all.
    #[error("there is no signature")]
    Missing,
    /// It is of an algorithm or a kind that is not known here.
    #[error("the signature is of a kind that is not supported")]
    Unsupported,
    /// No signature is by a pinned key.
    #[error("signed by none of the pinned keys, but by {}", issuers(.0))]
    UnknownSigner(
        /// Fingerprints, or ids, of the keys that made the signatures, as these say.
        Vec<String>,
    ),
    /// The signature uses a hash function that can be forged.
    #[error("the signature of {signer} uses the weak hash function {hash}")]
    WeakHash {
        /// The pinned key.
        signer: String,
        /// Its name.
        hash: String,
    },
    /// The signature itself has expired.
    #[error("the signature of {signer} expired on {at}")]
    Expired {
        /// The pinned key.
        signer: String,
        /// When.
        at: Timestamp,
    },
    /// It was made later than now.
    #[error(
        "the signature of {signer} was made on {at}, which is in the future: is the clock right?"
    )]
    FromTheFuture {
        /// The pinned key.
        signer: String,
        /// When, as it says.
        at: Timestamp,
    },
    /// It was made when the key was not valid.
    #[error("the signature of {signer} was made on {at}, when its key was not valid")]
    KeyNotValid {
        /// The pinned key.
        signer: String,
        /// When it was made.
        at: Timestamp,
    },
    /// The key that made it may not sign, or is not bound to the pinned key.
    #[error("the key that signed is not a signing key of {signer}")]
    NotASigningKey {
        /// The pinned key.
        signer: String,
    },
    /// The key was revoked, because it was compromised or for a reason that is not told.
    #[error("the key {signer} was revoked")]
    KeyRevoked {
        /// The pinned key.
        signer: String,
    },
    /// The bytes are not those that were signed.
    #[error("the signature of {signer} does not fit: the content was changed")]
    Bad {
        /// The pinned key.
        signer: String,
    },
}

fn issuers(issuers: &[String]) -> String {
    if issuers.is_empty() { "a key that is not named".to_owned() } else { issuers.join(", ") }
}

impl SignatureError {
    /// How much it tells, next to other reasons for other signatures of the same content.
    #[must_use]
    pub const fn weight(&self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::TooLarge | Self::Malformed(_) => 1,
            Self::UnknownSigner(_) => 2,
            Self::Unsupported => 3,
            Self::WeakHash { .. } => 4,
            Self::Expired { .. } | Self::FromTheFuture { .. } => 5,
            Self::KeyNotValid { .. } | Self::NotASigningKey { .. } => 6,
            Self::KeyRevoked { .. } => 7,
            Self::Bad { .. } => 8,
        }
    }

    /// Of two reasons the one that tells more.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::UnknownSigner(mut issuers), Self::UnknownSigner(others)) => {
                issuers.extend(others);
                Self::UnknownSigner(issuers)
            }
            (this, other) if other.weight() > this.weight() => other,
            (this, _) => this,
        }
    }
}

/// Why a file has no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is longer than any file with keys.
    #[error("it is longer than {} bytes", super::MAXIMUM_SIZE)]
    TooLarge,
    /// Nothing in it is a public key that can be used.
    #[error("it has no public key of OpenPGP, minisign or signify that can be used")]
    NoKey,
}
