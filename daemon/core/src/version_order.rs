//! Which of two versions is newer, by how distributions write them.

use std::cmp::Ordering;

/// Words that stand before a release.
const BEFORE_RELEASE: [&str; 9] =
    ["a", "alpha", "b", "beta", "dev", "pre", "preview", "rc", "snapshot"];

/// A part of a version, from the oldest kind to the newest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// `~`, or a word like `rc`.
    Before(String),
    /// Nothing more.
    End,
    /// Another word, like `SP`.
    Word(String),
    /// A number by how many digits it has and what they are, so that none is too large.
    Number(usize, &'a str),
}

/// Compares two versions: the parts between signs one after the other, numbers as numbers, words without their case.
/// `9.6` is newer than `9.6-rc1` and older than `9.10` and `9.6.1`.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Parts(a), Parts(b));
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

struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let is_part = |character: char| character == '~' || character.is_alphanumeric();
        let text = &self.0[self.0.find(is_part)?..];
        if let Some(rest) = text.strip_prefix('~') {
            self.0 = rest;
            return Some(Part::Before(String::new()));
        }
        let is_number = text.starts_with(|character: char| character.is_ascii_digit());
        let belongs = |character: char| {
            character.is_alphanumeric() && character.is_ascii_digit() == is_number
        };
        let (part, rest) =
            text.split_at(text.find(|character| !belongs(character)).unwrap_or(text.len()));
        self.0 = rest;
        if is_number {
            let digits = part.trim_start_matches('0');
            return Some(Part::Number(digits.len(), digits));
        }
        let word = part.to_lowercase();
        let is_before = BEFORE_RELEASE.contains(&word.as_str());
        Some(if is_before { Part::Before(word) } else { Part::Word(word) })
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

    proptest! {
        #[test]
        fn it_is_an_order(texts in proptest::collection::vec("[0-2~.rcé-]{0,5}", 3)) {
            let [a, b, c] = &texts[..] else { unreachable!() };
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            if compare(a, b) != Ordering::Greater && compare(b, c) != Ordering::Greater {
                prop_assert_ne!(compare(a, c), Ordering::Greater);
            }
        }
    }
}
