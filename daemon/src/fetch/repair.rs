//! Finding the pieces of a file that are wrong.

use std::{io, ops::Range, os::unix::fs::FileExt};

use isomirror_core::{digest::Hasher, transfer::pieces::Pieces};

use super::writer::Stage;

/// Bytes of one read.
const READ: u64 = 1 << 20;

/// Drops the pieces that are wrong, so that they are fetched again. False where that does not help: the pieces are of a
/// file of another size, all of them are wrong, or none is.
///
/// # Errors
/// Those of the disk.
pub(super) async fn drop_bad_pieces(mut stage: Stage, pieces: Pieces) -> io::Result<bool> {
    let work = move || {
        let size = stage.present().end();
        if !pieces.is_of_size(size) {
            return Ok(false);
        }
        let mut bad: Vec<Range<u64>> = Vec::new();
        for (range, digest) in pieces.each(size) {
            if hash(&stage, &range, &pieces)? != *digest {
                bad.push(range);
            }
        }
        let wrong: u64 = bad.iter().map(|range| range.end - range.start).sum();
        if wrong == 0 || wrong == size {
            return Ok(false);
        }
        stage.drop_ranges(&bad)?;
        Ok(true)
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn hash(
    stage: &Stage,
    range: &Range<u64>,
    pieces: &Pieces,
) -> io::Result<isomirror_core::digest::Digest> {
    let mut hasher = Hasher::new(pieces.algorithm());
    let mut offset = range.start;
    let mut buffer = Vec::new();
    while offset < range.end {
        buffer.resize(usize::try_from((range.end - offset).min(READ)).unwrap_or_default(), 0);
        stage.file().read_exact_at(&mut buffer, offset)?;
        hasher.update(&buffer);
        offset += buffer.len() as u64;
    }
    Ok(hasher.finish())
}
