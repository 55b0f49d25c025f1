//! Which bytes of a file are there.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Ranges of bytes, in order, none empty, no two that touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Extents(Vec<Range<u64>>);

impl Extents {
    /// Adds a range, which may overlap what is there.
    pub fn insert(&mut self, mut range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.0.partition_point(|present| present.end < range.start);
        let after = self.0.partition_point(|present| present.start <= range.end);
        if let Some(present) = self.0.get(first).filter(|_| first < after) {
            range.start = range.start.min(present.start);
            range.end = range.end.max(self.0[after - 1].end);
        }
        self.0.splice(first..after, [range]);
    }

    /// Takes a range away.
    pub fn remove(&mut self, range: &Range<u64>) {
        let cut = |present: &Range<u64>| {
            let before = present.start..present.end.min(range.start);
            let after = present.start.max(range.end)..present.end;
            [before, after].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>()
        };
        if !range.is_empty() {
            self.0 = self.0.iter().flat_map(cut).collect();
        }
    }

    /// Length of the part without a gap from the start.
    #[must_use]
    pub fn frontier(&self) -> u64 {
        self.0.first().filter(|range| range.start == 0).map_or(0, |range| range.end)
    }

    /// The end of the last range; 0 of none.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.0.last().map_or(0, |range| range.end)
    }

    /// Bytes that are there.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    /// The first gap at or after `from`, up to `end`.
    #[must_use]
    pub fn gap(&self, from: u64, end: u64) -> Option<Range<u64>> {
        let mut start = from;
        for present in &self.0 {
            if present.start > start {
                break;
            }
            start = start.max(present.end);
        }
        let next = self.0.iter().map(|present| present.start).find(|next| *next > start);
        let gap = start..next.unwrap_or(end).min(end);
        (!gap.is_empty()).then_some(gap)
    }

    /// The range that begins exactly at `start`, or holds it.
    #[must_use]
    pub fn holding(&self, start: u64) -> Option<Range<u64>> {
        self.0.iter().find(|range| range.contains(&start)).cloned()
    }
}

/// Ranges that are empty, out of order or touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ranges of bytes are out of order")]
pub struct OutOfOrder;

impl TryFrom<Vec<(u64, u64)>> for Extents {
    type Error = OutOfOrder;

    fn try_from(pairs: Vec<(u64, u64)>) -> Result<Self, OutOfOrder> {
        let ranges: Vec<_> = pairs.into_iter().map(|(start, end)| start..end).collect();
        let is_sound = ranges.iter().all(|range| !range.is_empty())
            && ranges.windows(2).all(|pair| pair[0].end < pair[1].start);
        if is_sound { Ok(Self(ranges)) } else { Err(OutOfOrder) }
    }
}

impl From<Extents> for Vec<(u64, u64)> {
    fn from(extents: Extents) -> Self {
        extents.0.into_iter().map(|range| (range.start, range.end)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_a_set_of_bytes(
            steps in proptest::collection::vec((any::<bool>(), 0u64..40, 0u64..12), 0..20),
            from in 0u64..50,
        ) {
            let (mut extents, mut bytes) = (Extents::default(), [false; 64]);
            for (is_insert, start, length) in steps {
                let range = start..start + length;
                bytes[usize::try_from(start).unwrap()..usize::try_from(range.end).unwrap()]
                    .fill(is_insert);
                if is_insert { extents.insert(range) } else { extents.remove(&range) }
            }
            let count = |bytes: &[bool]| u64::try_from(bytes.len()).unwrap();
            let present: Vec<_> = bytes.iter().copied().filter(|present| *present).collect();
            prop_assert_eq!(extents.total(), count(&present));
            let prefix: Vec<_> = bytes.iter().copied().take_while(|present| *present).collect();
            prop_assert_eq!(extents.frontier(), count(&prefix));
            let tail = &bytes[usize::try_from(from).unwrap()..60];
            let first = tail.iter().position(|present| !present).unwrap();
            let length = tail[first..].iter().take_while(|present| !**present).count();
            let start = from + u64::try_from(first).unwrap();
            prop_assert_eq!(extents.gap(from, 60), Some(start..start + u64::try_from(length).unwrap()));
            let pairs: Vec<(u64, u64)> = extents.clone().into();
            prop_assert_eq!(Extents::try_from(pairs), Ok(extents));
        }
    }

    #[test]
    fn what_is_out_of_order_is_refused() {
        for pairs in [vec![(5, 5)], vec![(0, 5), (5, 6)], vec![(8, 9), (0, 5)], vec![(9, 3)]] {
            assert_eq!(Extents::try_from(pairs), Err(OutOfOrder));
        }
    }
}
