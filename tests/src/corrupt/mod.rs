//! Makes damaged images out of sound ones: the same ones whenever it is asked.

pub mod hostile;
pub mod iso9660;
mod layout;
mod random;
pub mod udf;

pub use random::Random;

/// A damaged image.
#[derive(Clone, Debug)]
pub struct CorruptImage {
    /// What was done to it.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Bytes that are put in the place of others.
#[derive(Clone, Debug)]
struct Patch {
    offset: usize,
    bytes: Vec<u8>,
}

impl Patch {
    fn new(offset: usize, bytes: impl Into<Vec<u8>>) -> Self {
        Self { offset, bytes: bytes.into() }
    }
}

/// The image with the patches in it, as far as they lie within it.
fn patched(base: &[u8], name: String, patches: &[Patch]) -> CorruptImage {
    let mut bytes = base.to_vec();
    for patch in patches {
        if let Some(place) = bytes.get_mut(patch.offset..patch.offset + patch.bytes.len()) {
            place.copy_from_slice(&patch.bytes);
        }
    }
    CorruptImage { name, bytes }
}
