//! What is known of an image from elsewhere: the catalog's part, or the operator's.

use isomirror_core::digest::Digest;

/// Digests and a signature that an image has to agree with.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Who says so, for people; as `catalog`.
    pub by: String,
    /// Digests of the image.
    pub digests: Vec<Digest>,
    /// A detached signature of the image, as a file.
    pub signature: Option<Vec<u8>>,
}
