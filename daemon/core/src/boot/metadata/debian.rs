//! What Debian and its derivatives put on their media: `.disk/info`, and the `Release` files of their suites.

use crate::boot::{arch, facts::Facts};

/// Fields of a `Release` that tell what is in a suite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// `bookworm`.
    pub codename: Option<String>,
    /// `stable`.
    pub suite: Option<String>,
    /// `main`, `contrib`, ...
    pub components: Vec<String>,
}

impl Release {
    /// Reads the head of a `Release`.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let field = |wanted: &str| {
            let mut fields = text.lines().take(100).filter_map(|line| line.split_once(':'));
            let found = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let components = field("Components").unwrap_or_default();
        let components = components.split_whitespace().take(20).map(str::to_owned).collect();
        Self { codename: field("Codename"), suite: field("Suite"), components }
    }
}

/// Reads the line of `.disk/info`, like `Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 NETINST with firmware`:
/// name, version, code name in quotes, and after a dash the edition around the architecture.
#[must_use]
pub fn disk_info(bytes: &[u8]) -> Facts {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().next().unwrap_or_default();
    let (system, rest) = line.split_once(" - ").unwrap_or((line, ""));
    let (system, codename) = match system.split_once('"') {
        Some((system, quoted)) => (system, quoted.split('"').next()),
        None => (system, None),
    };
    let words: Vec<_> = system.split_whitespace().collect();
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let at = words.iter().position(is_version).unwrap_or(words.len());
    let arch = rest.split_whitespace().find(|word| arch::kernel_name(word).is_some());
    let name = words[..at].iter().filter(|word| **word != "Live").copied().collect::<Vec<_>>();
    Facts {
        name: Some(name.join(" ")),
        version: words.get(at).map(|version| (*version).to_owned()),
        arch: arch.map(str::to_owned),
        edition: edition(rest),
        codename: codename.map(str::to_owned),
    }
}

/// The edition that Debian's images have in capitals: `NETINST`, `DVD`, `BD`.
fn edition(text: &str) -> Option<String> {
    let is_edition = |word: &&str| {
        ["NETINST", "CD", "DVD", "BD", "DLBD", "BC"].contains(&word.trim_matches(','))
    };
    text.split_whitespace().find(is_edition).map(|word| word.trim_matches(',').to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_line_of_disk_info_is_taken_apart() {
        for (line, expected) in [
            (
                "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64 NETINST with firmware 20240210-11:27",
                ["Debian GNU/Linux", "12.5.0", "amd64", "NETINST", "Bookworm"],
            ),
            (
                "Ubuntu-Server 24.04.1 LTS \"Noble Numbat\" - Release amd64 (20240827)",
                ["Ubuntu-Server", "24.04.1", "amd64", "", "Noble Numbat"],
            ),
            (
                "Linux Mint 22 \"Wilma\" - Release amd64 20240722",
                ["Linux Mint", "22", "amd64", "", "Wilma"],
            ),
            ("Kali Live 2025.1", ["Kali", "2025.1", "", "", ""]),
            (
                "Debian GNU/Linux testing \"Trixie\" - Official Snapshot multi-arch",
                ["Debian GNU/Linux testing", "", "", "", "Trixie"],
            ),
        ] {
            let facts = disk_info(line.as_bytes());
            let fields = [facts.name, facts.version, facts.arch, facts.edition, facts.codename];
            assert_eq!(fields.map(Option::unwrap_or_default), expected, "{line}");
        }
    }

    #[test]
    fn a_release_names_its_suite_and_components() {
        let release = Release::parse(
            b"Origin: Debian\nSuite: stable\nCodename: bookworm\nComponents: main non-free-firmware\nMD5Sum:\n abc 1 main\n",
        );
        assert_eq!(release.codename.as_deref(), Some("bookworm"));
        assert_eq!(release.suite.as_deref(), Some("stable"));
        assert_eq!(release.components, ["main", "non-free-firmware"]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, text in "[\" -a1.]{0,40}") {
            let _ = (disk_info(&bytes), Release::parse(&bytes));
            let _ = (disk_info(text.as_bytes()), Release::parse(text.as_bytes()));
        }
    }
}
