//! Short parts of what was fetched, by which the file on the disk is compared with what came when a transfer is taken up.
//!
//! They lie close together at the end, where a disk that lost its cache has lost something, and evenly over the rest:
//! however long the file is, there are at most 96 of them, so that comparing them costs 6 MiB of reading.

use serde::{Deserialize, Serialize};

use crate::digest::{Algorithm, Digest, Hasher};

/// Bytes of a sample.
pub const LENGTH: u64 = 64 << 10;
/// Bytes from the start of one to that of the next.
const STEP: u64 = 4 << 20;
/// Bytes before the newest one in which all are kept.
const RECENT: u64 = 128 << 20;
/// How many older ones are kept.
const MOST_OLDER: usize = 64;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Its first byte.
    pub start: u64,
    /// SHA-256 of its [`LENGTH`] bytes.
    pub digest: Digest,
}

/// Takes samples of a stream.
#[derive(Clone, Debug, Default)]
pub struct Sampler {
    taken: Vec<Sample>,
    /// Start of the one that is being taken, and what is hashed of it.
    open: Option<(u64, Hasher)>,
}

impl Sampler {
    /// Goes on with those that were taken before, in the order of the stream.
    #[must_use]
    pub fn new(taken: Vec<Sample>) -> Self {
        Self { taken, open: None }
    }

    /// Those that are complete.
    #[must_use]
    pub fn taken(&self) -> &[Sample] {
        &self.taken
    }

    /// Takes in the bytes of the stream from `offset` on.
    pub fn update(&mut self, mut offset: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let start = offset - offset % STEP;
            let end = if offset < start + LENGTH { start + LENGTH } else { start + STEP };
            let length = usize::try_from(end - offset).unwrap_or(usize::MAX).min(bytes.len());
            let (part, rest) = bytes.split_at(length);
            if offset < start + LENGTH {
                self.take(start, offset, part);
            }
            offset += length as u64;
            bytes = rest;
        }
    }

    fn take(&mut self, start: u64, offset: u64, part: &[u8]) {
        if offset == start {
            self.open = Some((start, Hasher::new(Algorithm::Sha256)));
        }
        // Without its beginning it is left out.
        let Some((_, hasher)) = self.open.as_mut().filter(|(open, _)| *open == start) else {
            return;
        };
        hasher.update(part);
        if offset + part.len() as u64 == start + LENGTH
            && let Some((start, hasher)) = self.open.take()
        {
            self.taken.push(Sample { start, digest: hasher.finish() });
            self.thin();
        }
    }

    /// Leaves out every second of the older ones for as long as there are too many.
    fn thin(&mut self) {
        let newest = self.taken.last().map_or(0, |sample| sample.start);
        let is_older = |sample: &Sample| sample.start + RECENT < newest;
        let mut step = STEP;
        while self.taken.iter().filter(|sample| is_older(sample)).count() > MOST_OLDER {
            step *= 2;
            self.taken.retain(|sample| !is_older(sample) || sample.start.is_multiple_of(step));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static CONTENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
        (0..9_000_000_u32).map(|n| n.wrapping_mul(0x9E37_79B9).to_le_bytes()[3]).collect()
    });

    #[test]
    fn however_long_a_file_is_its_samples_are_few_and_lie_everywhere() {
        let mut sampler = Sampler::default();
        let sample = vec![7; usize::try_from(LENGTH).unwrap()];
        let mut offset = 0;
        while offset < 20 << 30 {
            sampler.update(offset, &sample);
            offset += STEP;
        }
        let starts: Vec<_> = sampler.taken().iter().map(|sample| sample.start).collect();
        assert!(starts.len() <= 97, "{}", starts.len());
        let gaps = starts.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(starts[0] == 0 && gaps.max().unwrap() <= 20 << 30 >> 5, "{starts:?}");
        let recent = starts.iter().filter(|start| **start + RECENT >= offset - STEP).count();
        assert!(recent >= 32, "{starts:?}");
    }

    proptest! {
        #[test]
        fn samples_are_the_same_however_the_stream_is_cut(
            cuts in proptest::collection::vec(1usize..200_000, 1..80),
            resumed in 0usize..80,
        ) {
            let content = &*CONTENT;
            let mut whole = Sampler::default();
            whole.update(0, content);
            let mut parts = Sampler::default();
            let mut offset = 0;
            for (index, cut) in cuts.into_iter().cycle().enumerate() {
                if offset == content.len() {
                    break;
                }
                let end = (offset + cut).min(content.len());
                parts.update(offset as u64, &content[offset..end]);
                offset = end;
                if index == resumed {
                    parts = Sampler::new(parts.taken().to_vec());
                }
            }
            // One that was being taken at the restart is missing.
            prop_assert!(parts.taken().len() + 1 >= whole.taken().len());
            prop_assert!(parts.taken().iter().all(|sample| whole.taken().contains(sample)));
            prop_assert_eq!(whole.taken().len(), 3);
        }
    }
}
