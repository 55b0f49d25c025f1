//! What is known of an image from elsewhere: the catalog's part, or the operator's.

use isomirror_core::{digest::Digest, trust::Trust};

/// Digests and a signature that an image has to agree with.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Who says so, for people; as `catalog`.
    pub by: String,
    /// Digests of the image.
    pub digests: Vec<Digest>,
    /// What vouches for these.
    pub trust: Trust,
    /// The pinned key that signed them.
    pub signer: Option<String>,
    /// A detached signature of the image, as a file.
    pub signature: Option<Vec<u8>>,
}

impl Default for Expected {
    /// Nothing.
    fn default() -> Self {
        Self {
            by: "catalog".to_owned(),
            digests: Vec::new(),
            trust: Trust::Unverified,
            signer: None,
            signature: None,
        }
    }
}
