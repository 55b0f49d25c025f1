//! Whether there is room for an image.

/// What is left free at most, in bytes.
const LARGEST_RESERVE: u64 = 2 << 30;

/// Free space of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Of the whole file system.
    pub total: u64,
    /// That this process may use.
    pub available: u64,
}

impl Space {
    /// What is left free for others: a twentieth of the file system, at most 2 GiB.
    #[must_use]
    pub fn reserve(&self) -> u64 {
        (self.total / 20).min(LARGEST_RESERVE)
    }

    /// How many bytes have to be made free before `needed` more can be written; `None` where there is room.
    #[must_use]
    pub fn missing(&self, needed: u64) -> Option<u64> {
        let wanted = needed.saturating_add(self.reserve());
        wanted.checked_sub(self.available).filter(|missing| *missing > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_left_for_others() {
        let large = Space { total: 1 << 40, available: 10 << 30 };
        assert_eq!(large.missing(8 << 30), None);
        assert_eq!(large.missing((8 << 30) + 1), Some(1));
        let small = Space { total: 2000, available: 1000 };
        assert_eq!(small.missing(900), None);
        assert_eq!(small.missing(1000), Some(100));
        assert!(small.missing(u64::MAX).is_some());
    }
}
