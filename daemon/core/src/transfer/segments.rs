//! Which bytes of a file are asked for next, by one connection or by several.
//!
//! Segments are handed out lowest first and never far beyond the part that is complete: that part is hashed as it
//! grows, and what lies beyond it has to be read once more for that.

use std::{collections::BTreeMap, ops::Range};

use super::extents::Extents;

/// How far beyond the complete part segments are handed out, in bytes.
const WINDOW: u64 = 56 << 20;
/// The shortest segment, unless less is missing.
const SHORTEST: u64 = 2 << 20;
/// The longest segment while there are several connections.
const LONGEST: u64 = 16 << 20;

/// Names a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(u64);

/// What one connection fetches: [`u64::MAX`] as the end means up to the end of the file, wherever that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub id: ClaimId,
    /// Its bytes.
    pub range: Range<u64>,
}

/// The state of a file that is being fetched.
#[derive(Clone, Debug)]
pub struct Segments {
    received: Extents,
    size: Option<u64>,
    claims: BTreeMap<ClaimId, Range<u64>>,
    next: u64,
}

impl Segments {
    /// Of a file of which `received` is there already.
    #[must_use]
    pub fn new(received: Extents, size: Option<u64>) -> Self {
        Self { received, size, claims: BTreeMap::new(), next: 0 }
    }

    /// Size of the whole, where it is known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Sets the size, once it is known; claims end there.
    pub fn set_size(&mut self, size: u64) {
        self.size = Some(size);
        for claim in self.claims.values_mut() {
            claim.end = claim.end.min(size).max(claim.start);
        }
    }

    /// Bytes that were received, in whatever order.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.total()
    }

    /// Whether nothing is missing; never while the size is unknown.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.size.is_some_and(|size| self.received.frontier() >= size)
    }

    /// The next bytes for one of `connections`; `None` where all are there or asked for, or where the complete part
    /// has to grow first. Alone, a connection gets all that is missing from the first gap on.
    pub fn claim(&mut self, connections: u64) -> Option<Claim> {
        let end = self.size.unwrap_or(u64::MAX);
        let mut taken = self.received.clone();
        self.claims.values().for_each(|range| taken.insert(range.clone()));
        let mut gap = taken.gap(0, end)?;
        if connections > 1 {
            let limit = self.received.frontier().saturating_add(WINDOW);
            let length = (WINDOW / connections).clamp(SHORTEST, LONGEST);
            gap.end = gap.end.min(gap.start.saturating_add(length)).min(limit);
        }
        if gap.is_empty() {
            return None;
        }
        let id = ClaimId(self.next);
        self.next += 1;
        self.claims.insert(id, gap.clone());
        Some(Claim { id, range: gap })
    }

    /// Notes that a claim got `length` bytes more, and returns how many of them it may keep: fewer where it was
    /// shortened meanwhile.
    pub fn advance(&mut self, id: ClaimId, length: u64) -> u64 {
        let Some(claim) = self.claims.get_mut(&id) else { return 0 };
        let length = length.min(claim.end - claim.start);
        let got = claim.start..claim.start + length;
        claim.start = got.end;
        self.received.insert(got);
        length
    }

    /// Whether a claim has nothing left to do.
    #[must_use]
    pub fn is_done(&self, id: ClaimId) -> bool {
        self.claims.get(&id).is_none_or(Range::is_empty)
    }

    /// Gives a claim up: what it did not get can be claimed by another.
    pub fn release(&mut self, id: ClaimId) {
        self.claims.remove(&id);
    }

    /// Shortens the claims so that `connections` find work: none keeps more than a segment.
    pub fn share(&mut self, connections: u64) {
        let length = (WINDOW / connections.max(1)).clamp(SHORTEST, LONGEST);
        for claim in self.claims.values_mut() {
            claim.end = claim.end.min(claim.start.saturating_add(length));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn alone_a_connection_streams_to_the_end() {
        let mut segments = Segments::new(Extents::default(), None);
        let claim = segments.claim(1).unwrap();
        assert_eq!(claim.range, 0..u64::MAX);
        assert_eq!(segments.claim(1), None);
        assert_eq!(segments.advance(claim.id, 100), 100);
        segments.release(claim.id);
        segments.set_size(150);
        assert_eq!(segments.claim(1).unwrap().range, 100..150);
    }

    #[test]
    fn what_is_shared_leaves_work_for_others() {
        let mut segments = Segments::new(Extents::default(), Some(1 << 40));
        let first = segments.claim(1).unwrap();
        segments.share(4);
        let second = segments.claim(4).unwrap();
        assert_eq!(second.range.start, WINDOW / 4);
        assert_eq!(segments.advance(first.id, 1 << 30), WINDOW / 4);
        assert!(segments.is_done(first.id) && !segments.is_done(second.id));
    }

    proptest! {
        /// Connections that come, go, fail and are shortened in any order fetch every byte, none twice, and never far
        /// ahead of the first gap.
        #[test]
        fn every_byte_is_fetched_once(
            steps in proptest::collection::vec((0u8..4, 0usize..8, 1u64..40), 1..400),
            size in 1u64..600,
        ) {
            const UNIT: u64 = 1 << 20;
            let size = size * UNIT;
            let mut segments = Segments::new(Extents::default(), Some(size));
            let mut running: Vec<Claim> = Vec::new();
            let mut fetched = 0;
            for (step, which, length) in steps {
                match step {
                    0 => running.extend(segments.claim(u64::try_from(which).unwrap())),
                    1 => segments.share(u64::try_from(which).unwrap()),
                    _ if running.is_empty() => {}
                    2 => {
                        let claim = &running[which % running.len()];
                        fetched += segments.advance(claim.id, length * UNIT);
                    }
                    _ => {
                        let claim = running.swap_remove(which % running.len());
                        segments.release(claim.id);
                    }
                }
                prop_assert_eq!(segments.received(), fetched);
            }
            for claim in &running {
                segments.release(claim.id);
            }
            while let Some(claim) = segments.claim(3) {
                prop_assert!(claim.range.end <= segments.received.frontier() + WINDOW);
                fetched += segments.advance(claim.id, u64::MAX);
                segments.release(claim.id);
            }
            prop_assert!(segments.is_complete());
            prop_assert_eq!(fetched, size);
        }
    }
}
