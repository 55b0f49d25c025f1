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

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is a copy of this one.
    CopyOf(IdentityKey),
    /// It is none.
    Original,
    /// One of them cannot be read, or has left meanwhile.
    Untold,
}

/// Compares `medium` with `others`, one after the other, until it is known to be a copy.
pub(super) fn compare(medium: &Weak<OpenMedium>, others: &[Likely]) -> Outcome {
    let Some(length) = medium.upgrade().map(|medium| medium.image().volume().real_size) else {
        return Outcome::Untold;
    };
    let mut outcome = Outcome::Original;
    for other in others {
        match is_copy(&WhileThere(medium), &WhileThere(&other.medium), length) {
            Ok(true) => return Outcome::CopyOf(other.original),
            Ok(false) => {}
            Err(_) => outcome = Outcome::Untold,
        }
    }
    outcome
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
