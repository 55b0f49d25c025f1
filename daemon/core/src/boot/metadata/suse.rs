//! What SUSE's installation media up to 15 say: `media.1/products`, and before SLE 12 `content`.

use super::disc_info::name_and_version;
use crate::boot::facts::Facts;

/// Reads the first line of `media.1/products`: directory, name, and version with a release after a dash, like
/// `/ openSUSE-Leap 15.6-1`.
#[must_use]
pub fn products(bytes: &[u8]) -> Facts {
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.lines().next().unwrap_or_default().split_whitespace();
    if !words.next().is_some_and(|directory| directory.starts_with('/')) {
        return Facts::default();
    }
    let name = words.next().map(|name| name.replace('-', " "));
    let version = words.next().and_then(|version| version.split('-').next());
    Facts { name, version: version.map(str::to_owned), ..Facts::default() }
}

/// Reads `content`: a word and its value a line. The newer form is `DISTRO cpe:/o:suse:sles:11:sp4,SUSE Linux ...`,
/// the older `LABEL SUSE Linux Enterprise Server 11 SP4`.
#[must_use]
pub fn content(bytes: &[u8]) -> Facts {
    let text = String::from_utf8_lossy(bytes);
    let value = |wanted: &str| {
        text.lines().take(500).find_map(|line| {
            let (word, value) = line.split_once(char::is_whitespace)?;
            (word == wanted).then(|| value.trim())
        })
    };
    let distribution = value("DISTRO").map(|value| value.rsplit(',').next().unwrap_or(value));
    let described = distribution.or_else(|| value("LABEL"));
    let (name, version) = described.map(name_and_version).unwrap_or_default();
    let base = value("BASEARCHS").and_then(|archs| archs.split_whitespace().next());
    Facts {
        name,
        version: version.or_else(|| value("VERSION").map(str::to_owned)),
        arch: base.map(str::to_owned),
        ..Facts::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn products_and_content_name_the_system() {
        let facts = products(b"/ openSUSE-Leap 15.6-1\n");
        assert_eq!(facts.name.as_deref(), Some("openSUSE Leap"));
        assert_eq!(facts.version.as_deref(), Some("15.6"));
        assert_eq!(products(b"no directory"), Facts::default());
        let facts = content(
            b"CONTENTSTYLE     11\nDISTRO           cpe:/o:suse:sles:11:sp4,SUSE Linux Enterprise Server 11 SP4\n\
            BASEARCHS        i586 x86_64\n",
        );
        assert_eq!(facts.name.as_deref(), Some("SUSE Linux Enterprise Server"));
        assert_eq!((facts.version.as_deref(), facts.arch.as_deref()), (Some("11"), Some("i586")));
        assert_eq!(content(b"LABEL openSUSE 11.4\n").version.as_deref(), Some("11.4"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (products(&bytes), content(&bytes));
        }
    }
}
