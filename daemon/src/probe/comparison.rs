//! Compares media that look the same. Nobody waits for it: a medium that leaves meanwhile is not held open.

use std::{
    io,
    sync::{Arc, Weak},
};

use isomirror_core::{copy::is_copy, image::ReadAt, medium::IdentityKey};

use crate::open_medium::OpenMedium;

/// A medium that another one may be a copy of.
#[derive(Debug)]
pub(super) struct Likely {
    pub(super) medium: Weak<OpenMedium>,
    /// What it is a copy of, or itself.
    pub(super) original: IdentityKey,
}

/// The original of the first of `others` that `medium` is a copy of; `None` where there is none. What cannot be read to
/// its end is no copy.
pub(super) fn original(medium: &Weak<OpenMedium>, others: &[Likely]) -> Option<IdentityKey> {
    let length = medium.upgrade()?.image().volume().real_size;
    let is_original = |other: &&Likely| {
        is_copy(&WhileThere(medium), &WhileThere(&other.medium), length).unwrap_or(false)
    };
    others.iter().find(is_original).map(|other| other.original)
}

/// A medium that is held for no longer than one read takes.
struct WhileThere<'a>(&'a Weak<OpenMedium>);

impl WhileThere<'_> {
    fn medium(&self) -> io::Result<Arc<OpenMedium>> {
        self.0.upgrade().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl ReadAt for WhileThere<'_> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.medium()?.file().read_exact_at(buffer, offset)
    }

    fn size(&self) -> u64 {
        self.medium().map_or(0, |medium| medium.file().size())
    }
}
