//! Which images of an entry go when a newer one is there.

use std::collections::BTreeSet;

/// An image of an entry that we put into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its version.
    pub version: String,
    /// Its bytes.
    pub size: u64,
    /// Whether the operator wants it kept whatever comes.
    pub is_pinned: bool,
    /// Whether it is mounted or read at this moment.
    pub is_used: bool,
    /// Whether it was verified and has not changed since.
    pub is_verified: bool,
}

/// The versions to be removed. `images` begin with the newest; `keep` of them stay in any case, at least one. `excess`
/// is by how many bytes the store is over its quota: for it more than those beyond `keep` may go, down to one.
///
/// What is pinned or in use stays, and so does the newest verified image: it is what an entry can fall back to.
#[must_use]
pub fn to_remove(images: &[Kept], keep: usize, excess: u64) -> Vec<String> {
    let fallback = images.iter().position(|image| image.is_verified);
    let may_go = |index: usize| {
        let image = &images[index];
        !image.is_pinned && !image.is_used && index > 0 && Some(index) != fallback
    };
    let mut gone: BTreeSet<usize> = (keep.max(1)..images.len()).filter(|i| may_go(*i)).collect();
    let mut freed: u64 = gone.iter().map(|index| images[*index].size).sum();
    for index in (1..images.len()).rev() {
        if freed >= excess {
            break;
        }
        if may_go(index) && gone.insert(index) {
            freed = freed.saturating_add(images[index].size);
        }
    }
    gone.into_iter().map(|index| images[index].version.clone()).collect()
}

/// Whether a rejected image that was put aside `age` seconds ago has been kept long enough to be looked at.
#[must_use]
pub fn is_quarantine_over(age: u64) -> bool {
    age >= 7 * 86_400
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(version: &str) -> Kept {
        let version = version.to_owned();
        Kept { version, size: 10, is_pinned: false, is_used: false, is_verified: true }
    }

    #[test]
    fn the_newest_stay_and_older_ones_go() {
        let images = ["4", "3", "2", "1"].map(image);
        assert_eq!(to_remove(&images, 1, 0), ["3", "2", "1"]);
        assert_eq!(to_remove(&images, 2, 0), ["2", "1"]);
        assert_eq!(to_remove(&images, 0, 0), ["3", "2", "1"]);
        assert!(to_remove(&images, 9, 0).is_empty());
        // Over the quota, the oldest go first, and one stays.
        assert_eq!(to_remove(&images, 4, 15), ["2", "1"]);
        assert_eq!(to_remove(&images, 4, u64::MAX), ["3", "2", "1"]);
    }

    #[test]
    fn what_is_pinned_used_or_the_last_verified_stays() {
        let mut images = ["4", "3", "2", "1"].map(image);
        images[0].is_verified = false;
        images[2].is_pinned = true;
        images[3].is_used = true;
        assert!(to_remove(&images, 1, u64::MAX).is_empty());
    }

    proptest! {
        #[test]
        fn an_entry_never_loses_its_last_image(
            flags in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 1..9),
            keep in 0usize..5, excess: u64,
        ) {
            let images: Vec<_> = flags.iter().enumerate().map(|(index, flags)| Kept {
                is_pinned: flags.0, is_used: flags.1, is_verified: flags.2, ..image(&index.to_string())
            }).collect();
            let gone = to_remove(&images, keep, excess);
            let stays = |image: &&Kept| !gone.contains(&image.version);
            prop_assert!(stays(&&images[0]));
            prop_assert!(images.iter().filter(|image| image.is_pinned || image.is_used).all(|i| stays(&i)));
            if images.iter().any(|image| image.is_verified) {
                prop_assert!(images.iter().filter(stays).any(|image| image.is_verified));
            }
        }
    }
}
