//! Comparing the file on the disk with what the record says of it.
//!
//! A record is written after its data is on the disk, so they differ only where a disk said so and lied, where a file
//! system lost something in a crash, or where somebody else wrote. What is lost is mostly the end, or large; it is
//! found by the samples, and what never reached the disk by the holes that it left.

use std::{fs::File, io, os::unix::fs::FileExt};

use isomirror_core::{
    digest::{Algorithm, Digest, Hasher},
    transfer::{
        checkpoint::{Checkpoint, TAIL},
        samples,
    },
};

use crate::sys::bulk_file;

/// Whether the complete part is what was hashed, as far as the end and the samples tell.
pub(super) fn agrees(file: &File, checkpoint: &Checkpoint) -> io::Result<bool> {
    if tail(file, checkpoint.present.frontier())? != checkpoint.tail {
        return Ok(false);
    }
    for sample in &checkpoint.samples {
        let end = sample.start.saturating_add(samples::LENGTH);
        if hash(file, sample.start, end)? != sample.digest {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether parts of the complete part have no blocks on the disk. Some file systems keep zeros that way; on others it
/// is what is left of data that never arrived.
pub(super) fn has_holes(file: &File, checkpoint: &Checkpoint) -> bool {
    bulk_file::has_hole(file, 0..checkpoint.present.frontier())
}

/// The digest of the last bytes before `end`.
pub(super) fn tail(file: &File, end: u64) -> io::Result<Digest> {
    hash(file, end.saturating_sub(TAIL), end)
}

fn hash(file: &File, start: u64, end: u64) -> io::Result<Digest> {
    let mut bytes = vec![0; usize::try_from(end - start).unwrap_or_default()];
    file.read_exact_at(&mut bytes, start)?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(&bytes);
    Ok(hasher.finish())
}
