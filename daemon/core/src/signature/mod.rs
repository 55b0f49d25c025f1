//! Signatures: whether a list of checksums, or an image, is what the owner of a pinned key signed.
//!
//! Three schemes are known, `OpenPGP`, minisign and signify. All fail closed: what cannot be checked has not been
//! signed. Only the bytes that a signature covers are given back. The moment is a parameter, for keys and signatures
//! expire.

mod armor;
mod detached;
mod ed25519;
mod error;
mod keys;
mod list;
mod openpgp;
mod signed;

pub use detached::DetachedSignature;
pub use error::{KeyError, SignatureError};
pub use keys::Keys;
pub use list::{is_clear_signed, signed_list};
pub use signed::{Signed, Warning};

/// Bytes of the largest file with keys or signatures that is taken.
pub const MAXIMUM_SIZE: usize = 4 << 20;
