//! INI as productmd, yum and Windows write it: sections, and in them keys that keep their case. Nothing is
//! interpolated: `%` is itself.

/// Lines that are read; no honest file comes near.
const MOST_LINES: usize = 20_000;

/// Sections in the order of the text, keys in the order of their sections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ini {
    sections: Vec<(String, Vec<(String, String)>)>,
    /// What is odd, each a phrase that names the line. Not more than a few.
    pub oddities: Vec<String>,
}

impl Ini {
    /// Reads `bytes`. A byte order mark, any line ends and bytes that are no UTF-8 do not matter; `=` or `:`,
    /// whichever comes first, ends a key.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut ini = Self::default();
        let lines = text.trim_start_matches('\u{feff}').lines().take(MOST_LINES);
        for (index, line) in lines.map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                ini.open(name.split(']').next().unwrap_or_default());
            } else if let Some((key, value)) = line.split_once(['=', ':'])
                && let Some((_, keys)) = ini.sections.last_mut()
            {
                keys.push((key.trim().to_owned(), value.trim().to_owned()));
            } else {
                ini.note(format!("line {} is neither a section nor a key", index + 1));
            }
        }
        ini
    }

    /// The value of `key` in `section`; of several the last.
    #[must_use]
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        let found = self.keys(section).filter(|(name, _)| *name == key).last();
        found.map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// All keys of `section` with their values.
    pub fn keys(&self, section: &str) -> impl Iterator<Item = (&str, &str)> {
        let sections = self.sections.iter().filter(move |(name, _)| name == section);
        sections.flat_map(|(_, keys)| keys).map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The names of all sections.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|(name, _)| name.as_str())
    }

    fn open(&mut self, name: &str) {
        let name = name.trim();
        if self.sections().any(|other| other == name) {
            self.note(format!("the section `{}` is given twice", name.escape_debug()));
        }
        self.sections.push((name.to_owned(), Vec::new()));
    }

    fn note(&mut self, oddity: String) {
        if self.oddities.len() < 16 {
            self.oddities.push(oddity);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_keep_their_case_and_values_are_as_written() {
        let ini = Ini::parse(
            b"\xef\xbb\xbf[checksums]\r\nEFI/BOOT/a.efi = sha256:%(x)s\r\nefi/boot/a.efi=b:c\r\n# no\n[a\nk : v = w\n",
        );
        assert_eq!(ini.get("checksums", "EFI/BOOT/a.efi"), Some("sha256:%(x)s"));
        assert_eq!(ini.get("checksums", "efi/boot/a.efi"), Some("b:c"));
        assert_eq!(ini.get("a", "k"), Some("v = w"));
        assert_eq!(ini.sections().collect::<Vec<_>>(), ["checksums", "a"]);
        assert_eq!(ini.oddities, [""; 0]);
    }

    #[test]
    fn of_what_is_given_twice_the_last_holds_and_it_is_told() {
        let ini = Ini::parse(b"stray\n[a]\nx=1\nx=2\n[a]\nx=3\ny=\n");
        assert_eq!((ini.get("a", "x"), ini.get("a", "y")), (Some("3"), None));
        assert_eq!(ini.oddities.len(), 2, "{:?}", ini.oddities);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let ini = Ini::parse(&bytes);
            for section in ini.sections() {
                prop_assert!(ini.keys(section).count() <= bytes.len());
            }
        }

        #[test]
        fn no_text_panics(text in "[\\[\\]=:\n a-c#;é]{0,60}") {
            let ini = Ini::parse(text.as_bytes());
            prop_assert!(ini.sections().all(|section| !section.contains(']')));
        }
    }
}
