//! `arch/version` of Arch Linux' media: the day of the build, `2025.08.01`.

use crate::boot::facts::Facts;

/// Reads `bytes`.
#[must_use]
pub fn version(bytes: &[u8]) -> Facts {
    let text = String::from_utf8_lossy(bytes);
    let word = text.split_whitespace().next();
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    Facts { version: word.filter(is_version).map(str::to_owned), ..Facts::default() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_word_is_the_version_if_it_is_one() {
        assert_eq!(version(b"2025.08.01\n").version.as_deref(), Some("2025.08.01"));
        assert_eq!(version(b"COPYTOISO\n").version, None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = version(&bytes);
        }
    }
}
