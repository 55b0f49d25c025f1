//! `.alpine-release` of Alpine Linux' media: flavour, version and day of the build, `alpine-std-3.23.0 251203`.

use crate::boot::facts::Facts;

/// Reads `bytes`.
#[must_use]
pub fn release(bytes: &[u8]) -> Facts {
    let text = String::from_utf8_lossy(bytes);
    let word = text.split_whitespace().next().unwrap_or_default();
    let (flavour, version) = match word.strip_prefix("alpine-").unwrap_or(word).split_once('-') {
        Some((flavour, version)) => (Some(flavour), version),
        None => (None, word),
    };
    let is_version = version.starts_with(|c: char| c.is_ascii_digit());
    Facts {
        edition: flavour.map(str::to_owned),
        version: is_version.then(|| version.to_owned()),
        ..Facts::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn flavour_and_version_are_told() {
        let facts = release(b"alpine-virt-3.21.3 250213\n");
        assert_eq!(
            (facts.edition.as_deref(), facts.version.as_deref()),
            (Some("virt"), Some("3.21.3"))
        );
        let facts = release(b"3.19.0\n");
        assert_eq!((facts.edition, facts.version.as_deref()), (None, Some("3.19.0")));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = release(&bytes);
        }
    }
}
