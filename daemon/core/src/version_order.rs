//! Which of two versions is newer, by how distributions write them.

use std::cmp::Ordering;

/// Words that stand before a release, with what comes earlier having a lower rank.
const BEFORE_RELEASE: [(&str, u8); 17] = [
    ("daily", 1),
    ("dev", 1),
    ("nightly", 1),
    ("snapshot", 1),
    ("testing", 1),
    ("unstable", 1),
    ("weekly", 1),
    ("a", 2),
    ("alpha", 2),
    ("prealpha", 2),
    ("b", 3),
    ("beta", 3),
    ("m", 3),
    ("milestone", 3),
    ("pre", 4),
    ("preview", 4),
    ("rc", 5),
];

/// A part of a version, from the oldest kind to the newest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// `~`, which has rank 0, or a word like `rc`.
    Before(u8, String),
    /// Nothing more.
    End,
    /// Another word, like `SP`, or the letter of a second build: `2026.2a`.
    Word(String),
    /// A number by how many digits it has and what they are, so that none is too large.
    Number(usize, &'a str),
}

/// Compares two versions: the parts between signs one after the other, numbers as numbers, words without their case.
/// `9.6` is newer than `9.6-rc1` and older than `9.10` and `9.6.1`. Versions that differ in signs or case alone are
/// equal; else the order is total.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Parts::of(a), Parts::of(b));
    loop {
        let (left, right) = (a.next(), b.next());
        if left.is_none() && right.is_none() {
            return Ordering::Equal;
        }
        let order = left.unwrap_or(Part::End).cmp(&right.unwrap_or(Part::End));
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Whether `version` stands before a release, by a word like `beta` or a `~`.
#[must_use]
pub fn is_pre_release(version: &str) -> bool {
    Parts::of(version).any(|part| matches!(part, Part::Before(..)))
}

struct Parts<'a> {
    rest: &'a str,
    /// Whether a number ends where `rest` begins.
    after_number: bool,
}

impl<'a> Parts<'a> {
    fn of(version: &'a str) -> Self {
        Self { rest: version, after_number: false }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let is_part = |character: char| character == '~' || character.is_alphanumeric();
        let start = self.rest.find(is_part)?;
        let follows_number = self.after_number && start == 0;
        let text = &self.rest[start..];
        self.after_number = false;
        if let Some(rest) = text.strip_prefix('~') {
            self.rest = rest;
            return Some(Part::Before(0, String::new()));
        }
        let is_number = text.starts_with(|character: char| character.is_ascii_digit());
        let belongs = |character: char| {
            character.is_alphanumeric() && character.is_ascii_digit() == is_number
        };
        let (part, rest) =
            text.split_at(text.find(|character| !belongs(character)).unwrap_or(text.len()));
        self.rest = rest;
        if is_number {
            self.after_number = true;
            let digits = part.trim_start_matches('0');
            return Some(Part::Number(digits.len(), digits));
        }
        let word = part.to_lowercase();
        // `2026.2a` is a second build of 2026.2, while `2.0a1` and `2.0-a` come before 2.0.
        let is_rebuild = follows_number
            && word.len() == 1
            && !rest.starts_with(|character: char| character.is_ascii_digit());
        let rank = BEFORE_RELEASE.iter().find(|(before, _)| *before == word).map(|(_, rank)| *rank);
        Some(match rank {
            Some(rank) if !is_rebuild => Part::Before(rank, word),
            _ => Part::Word(word),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_ordered_as_their_distributions_release_them() {
        let ascending = [
            "1~rc1",
            "1",
            "8",
            "9.1",
            "9.6-beta",
            "9.6-rc1",
            "9.6-RC2",
            "9.6",
            "9.6.1",
            "9.10",
            "10",
            "15",
            "15-SP1",
            "15-SP7",
            "15.1",
            "18.04.6",
            "20.04",
            "24.04",
            "24.04.1",
            "2026.08.01",
            "99999999999999999999999",
            "100000000000000000000000",
        ];
        for (index, older) in ascending.iter().enumerate() {
            for newer in &ascending[index + 1..] {
                assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
                assert_eq!(compare(newer, older), Ordering::Greater, "{newer} {older}");
            }
        }
        for (a, b) in [("9.6", "9-6"), ("1.0", "1.00"), ("", "."), ("v1", "V1")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn what_is_seen_in_listings_is_in_its_order() {
        for ascending in [
            &["24.04", "24.04.5", "24.04.5.1", "24.04.6", "24.10"][..],
            &["9.1-1", "9.2-1", "9.2-2", "9.10-1"],
            &["2026.1", "2026.2-rc1", "2026.2", "2026.2a", "2026.2b", "2026.3"],
            &["Build178.9", "Build178.27", "Build179.1"],
            &["17.4", "18-r1", "18-r3", "18.1"],
            &["8.8", "8.9", "8.10"],
            &["15.2-BETA1", "15.2-RC1", "15.2"],
            &["6.0.snapshot4", "6.0-alpha1", "6.0b1", "6.0_beta2", "6.0-pre", "6.0~rc1", "6.0"]
                [..5],
            &["6.0~rc1", "6.0_beta2", "6.0_rc1", "6.0"],
            &["r1beta4", "r1beta5", "r1beta10", "r1"],
            &["24.03-LTS", "24.03-LTS-SP1", "24.03-LTS-SP9", "24.03-LTS-SP10"],
            &["8.3.0-rc1", "8.3.0", "8.3.0-20260806", "8.3.0-20260806.2", "8.3.1"],
            &["25.02-R14.3", "25.02-R14.3p2", "25.02-R14.10"],
            &["2026.08.15", "2026.08.15_R2", "2026.09.01"],
            &["20250202", "20260913T163055Z", "20260914T000000Z"],
            &["v1.13.9", "v1.14.0-beta.1", "v1.14.2"],
            &["3.3.3-9", "3.3.3-37"],
        ] {
            for (index, older) in ascending.iter().enumerate() {
                for newer in &ascending[index + 1..] {
                    assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
                    assert_eq!(compare(newer, older), Ordering::Greater, "{newer} {older}");
                }
            }
        }
    }

    #[test]
    fn pre_releases_are_known_by_their_words() {
        for version in [
            "9.6_rc1",
            "9.6-beta1",
            "9.6~rc1",
            "9.6-BETA-1",
            "1.0b1",
            "6.0.snapshot4",
            "13-DI-alpha1",
            "45 Beta",
            "1.14.0-alpha.0",
            "26.1-pre",
            "r1beta5",
            "2-preview",
            "3.0a1",
        ] {
            assert!(is_pre_release(version), "{version}");
        }
        for version in
            ["2026.2a", "24.04.5.1", "9.2-1", "18-r3", "15-SP7", "R14.3p2", "20260913T163055Z"]
        {
            assert!(!is_pre_release(version), "{version}");
        }
    }

    proptest! {
        #[test]
        fn it_is_an_order(texts in proptest::collection::vec("[0-2~.abrcé-]{0,6}", 3)) {
            let [a, b, c] = &texts[..] else { unreachable!() };
            prop_assert_eq!(compare(a, a), Ordering::Equal);
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            if compare(a, b) != Ordering::Greater && compare(b, c) != Ordering::Greater {
                prop_assert_ne!(compare(a, c), Ordering::Greater);
            }
            if compare(a, b) == Ordering::Equal {
                prop_assert_eq!(compare(a, c), compare(b, c));
            }
        }

        #[test]
        fn a_pre_release_comes_before_what_it_precedes(version in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}", word in "(-|_|~)(rc|beta|alpha|pre|b|a)[0-9]") {
            let before = format!("{version}{word}");
            prop_assert!(is_pre_release(&before) && !is_pre_release(&version));
            prop_assert_eq!(compare(&before, &version), Ordering::Less);
        }
    }
}
