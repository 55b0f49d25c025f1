//! What a good signature says.

use std::fmt;

use jiff::Timestamp;

/// A good signature by a pinned key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The pinned key: the fingerprint of an `OpenPGP` primary key, or the id of a minisign or signify key, in
    /// upper-case hexadecimal digits.
    pub signer: String,
    /// When it was made, where the signature tells.
    pub made_at: Option<Timestamp>,
    /// What somebody should look after, though the signature is good.
    pub warnings: Vec<Warning>,
}

/// Something to look after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The key has expired since it signed.
    KeyExpired {
        /// When.
        at: Timestamp,
    },
    /// The key was retired or superseded since it signed.
    KeyRetired {
        /// When.
        at: Timestamp,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyExpired { at } => write!(formatter, "the key has expired since, on {at}"),
            Self::KeyRetired { at } => write!(formatter, "the key has been retired since, on {at}"),
        }
    }
}
