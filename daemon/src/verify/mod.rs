//! `isomirror verify`: whether an image, a disc or a tree is what those say who speak about it.
//!
//! Everything that speaks is asked: lists and signatures beside an image, what was implanted into it, and the lists of
//! its files that are on it. The image is read once for all digests. What nobody has signed with a pinned key is told as
//! intact at best, and never as verified.

mod beside;
mod error;
mod expected;
mod files;
mod image;
mod keys;
mod on_medium;
mod pass;
mod report;
mod tree;

pub use error::VerifyError;
pub use expected::Expected;
pub use keys::{DIRECTORIES as KEY_DIRECTORIES, load_keys};
pub use report::{Check, CheckResult, Fault, FileProblem, Report, Verdict};

use std::path::Path;

use isomirror_core::signature::Keys;
use jiff::Timestamp;

/// What is needed beside the path.
#[derive(Debug)]
pub struct Request<'a> {
    /// What the catalog says of it, where it is known there.
    pub expected: Expected,
    /// Keys that are trusted.
    pub keys: &'a Keys,
    /// For expiries.
    pub now: Timestamp,
}

/// Where the bytes that were read are told to, with those that there are.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Verifies the image file, device or directory at `path`.
///
/// # Errors
/// Where it cannot be read at all.
pub fn verify(
    path: &Path,
    request: &Request<'_>,
    progress: Progress<'_>,
) -> Result<Report, VerifyError> {
    let failed = |source| VerifyError::Open { path: path.to_owned(), source };
    if path.metadata().map_err(failed)?.is_dir() {
        let tree = tree::DirectoryTree::open(path).map_err(failed)?;
        return Ok(Report::of(on_medium::check(&tree, progress)));
    }
    image::verify(path, request, progress)
}
