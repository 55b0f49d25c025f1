//! A file of the catalog.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};

use super::{Entry, EntryId, check::Fault};
use crate::config::{Problem, problem};

/// Version of the format that is read.
const SCHEMA: u32 = 1;

/// Entries of a file that are looked at one by one for what is wrong with them.
const MOST_ENTRIES: usize = 2000;

/// The entries of one file, in its order.
#[derive(Clone, Debug, Default)]
pub struct CatalogFile {
    /// The file's name without its directory.
    pub name: String,
    /// What is in it and sound.
    pub entries: Vec<Entry>,
}

/// Something wrong with a file, and the entry that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// Where, and what.
    pub problem: Problem,
    /// The entry's id as it is written; `None` where the whole file cannot be read.
    pub entry: Option<String>,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(formatter)
    }
}

impl CatalogFile {
    /// Reads the file called `name`. An entry that is wrong takes down neither the others nor their file.
    #[must_use]
    pub fn parse(name: &str, text: &str) -> (Self, Vec<FileProblem>) {
        let mut file = Self { name: name.to_owned(), entries: Vec::new() };
        let whole = |problem| {
            (
                Self { name: name.to_owned(), ..Self::default() },
                vec![FileProblem { problem, entry: None }],
            )
        };
        let outline = match serde_yaml::from_str::<Outline>(text) {
            Ok(outline) => outline,
            Err(error) => return whole(problem(&error)),
        };
        if outline.schema != SCHEMA {
            let message = format!("schema {} is not known: use {SCHEMA}", outline.schema);
            return whole(Problem { line: 1, column: 1, message });
        }
        let mut problems = Vec::new();
        match serde_yaml::from_str::<Whole>(text) {
            Ok(Whole { entries: Entries(entries), .. }) => file.entries = entries,
            Err(_) => {
                for id in outline.entries.0.iter().take(MOST_ENTRIES) {
                    match one_entry(text, id) {
                        Ok(entry) => file.entries.push(entry),
                        Err(error) => problems.push(FileProblem {
                            problem: problem(&error),
                            entry: Some(id.clone()),
                        }),
                    }
                }
            }
        }
        file.entries.retain(|entry| {
            let faults = entry.faults();
            problems.extend(faults.iter().map(|fault| at_its_place(text, entry, fault)));
            faults.is_empty()
        });
        problems.sort_by(|a, b| a.problem.cmp(&b.problem));
        (file, problems)
    }
}

/// A fault with the place of its key, as far as that can be found in the text.
fn at_its_place(text: &str, entry: &Entry, fault: &Fault) -> FileProblem {
    let id = entry.id.as_str();
    let (line, column) = place(text, id, fault.key);
    let message = format!("entries.{id}.{}: {}", fault.key, fault.message);
    FileProblem { problem: Problem { line, column, message }, entry: Some(id.to_owned()) }
}

/// Line and column of `key` within the entry `id`, or else of the entry.
fn place(text: &str, id: &str, key: &str) -> (usize, usize) {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_key = |line: &str, key: &str| {
        let line = line.trim_start();
        let rest = line.strip_prefix(key).or_else(|| {
            line.strip_prefix(['\'', '"'])?.strip_prefix(key)?.strip_prefix(['\'', '"'])
        });
        rest.is_some_and(|rest| rest.trim_start().starts_with(':'))
    };
    let lines: Vec<_> = text.lines().collect();
    let Some(start) = lines.iter().position(|line| indent(line) > 0 && is_key(line, id)) else {
        return (1, 1);
    };
    let own = indent(lines[start]);
    let below = lines.iter().enumerate().skip(start + 1);
    let mut below = below.take_while(|(_, line)| line.trim().is_empty() || indent(line) > own);
    let found = below.find(|(_, line)| is_key(line, key));
    found.map_or((start + 1, own + 1), |(index, line)| (index + 1, indent(line) + 1))
}

/// A whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "`schema` and `entries`")]
struct Whole {
    #[serde(rename = "schema")]
    _schema: u32,
    entries: Entries,
}

/// Its entries, each with its id.
struct Entries(Vec<Entry>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor { only: None }).map(Self)
    }
}

/// Reads the entries, or only one of them.
struct EntriesVisitor<'i> {
    only: Option<&'i str>,
}

impl<'de> Visitor<'de> for EntriesVisitor<'_> {
    type Value = Vec<Entry>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("entries by their ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Entry>, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if self.only.is_some_and(|only| only != key) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let id = EntryId::try_from(key).map_err(A::Error::custom)?;
            if !seen.insert(id.clone()) {
                return Err(A::Error::custom(format_args!("`{id}` is given twice")));
            }
            let mut entry: Entry = map.next_value()?;
            entry.id = id;
            entries.push(entry);
        }
        Ok(entries)
    }
}

impl<'de> DeserializeSeed<'de> for EntriesVisitor<'_> {
    type Value = Vec<Entry>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Entry>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// The entry `id` of a file, without a look at the others.
fn one_entry(text: &str, id: &str) -> Result<Entry, serde_yaml::Error> {
    struct FileVisitor<'i>(&'i str);
    impl<'de> Visitor<'de> for FileVisitor<'_> {
        type Value = Vec<Entry>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("`schema` and `entries`")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Entry>, A::Error> {
            let mut entries = Vec::new();
            while let Some(key) = map.next_key::<String>()? {
                if key == "entries" {
                    entries = map.next_value_seed(EntriesVisitor { only: Some(self.0) })?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(entries)
        }
    }
    let entries = serde_yaml::Deserializer::from_str(text).deserialize_map(FileVisitor(id))?;
    entries.into_iter().next().ok_or_else(|| serde_yaml::Error::custom("it has no such entry"))
}

/// The ids of a file, and its schema.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "`schema` and `entries`")]
struct Outline {
    schema: u32,
    entries: Ids,
}

struct Ids(Vec<String>);

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdsVisitor;
        impl<'de> Visitor<'de> for IdsVisitor {
            type Value = Vec<String>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("entries by their ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
                let mut ids: Vec<String> = Vec::new();
                while let Some((id, IgnoredAny)) = map.next_entry::<String, _>()? {
                    if !ids.contains(&id) {
                        ids.push(id);
                    }
                }
                Ok(ids)
            }
        }
        deserializer.deserialize_map(IdsVisitor).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "\
schema: 1
entries:
  debian-13:
    title: Debian 13
    distribution: debian
    edition: netinst
    arch: x86_64
    find: {method: checksum_file}
    directories: ['https://a.example/13/']
    name: 'debian-(?P<version>13\\.\\d+\\.\\d+)-amd64-netinst\\.iso'
    checksum: {file: SHA256SUMS, algorithm: sha256}
    signatures:
      - {on: list, file: SHA256SUMS.sign, keys: [DF9B9C49EAA9298432589D76DA87E80D6294BE9B]}
    trust: signed-list
    examples: {names: {debian-13.5.0-amd64-netinst.iso: 13.5.0}}
  other:
    title: Other
    distribution: other
    edition: dvd
    arch: x86_64
    find: {method: dir_index}
    directories: ['https://b.example/']
    name: 'other-(?P<version>\\d+)\\.iso'
    trust: unverified
";

    fn problems(text: &str) -> Vec<String> {
        CatalogFile::parse("x.yaml", text).1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_file_has_its_entries_in_its_order() {
        let (file, problems) = CatalogFile::parse("x.yaml", GOOD);
        assert_eq!(problems, []);
        let ids: Vec<_> = file.entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["debian-13", "other"]);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn what_is_wrong_is_told_with_its_place() {
        for (from, to, expected) in [
            ("schema: 1", "schema: 2", "1:1: schema 2 is not known"),
            (
                "title: Debian 13",
                "titel: Debian 13",
                "4:5: entries.debian-13: unknown field `titel`",
            ),
            (
                "arch: x86_64\n    find: {method: ch",
                "arch: amd64\n    find: {method: ch",
                "7:5: entries.debian-13.arch: `amd64` is not an architecture",
            ),
            (
                "method: checksum_file",
                "method: guess",
                "8:20: entries.debian-13.find.method: unknown variant `guess`",
            ),
            (
                "'https://a.example/13/'",
                "'https://a.example/13'",
                "9:5: entries.debian-13.directories: `https://a.example/13` is not the URL of a directory",
            ),
            (
                "'https://a.example/13/'",
                "'https://a.example/{x}/'",
                "9:5: entries.debian-13.directories: `{x}` in",
            ),
            (
                "\\.iso'\n    checksum",
                "(\\.iso'\n    checksum",
                "10:11: entries.debian-13.name: `debian-",
            ),
            (
                "algorithm: sha256",
                "algorithm: crc",
                "11:45: entries.debian-13.checksum.algorithm: `crc` is no hash",
            ),
            (
                "DF9B9C49EAA9298432589D76DA87E80D6294BE9B",
                "6294BE9B",
                "12:5: entries.debian-13.signatures: `6294BE9B` is not a whole fingerprint",
            ),
            (
                "{on: list, file: SHA256SUMS.sign,",
                "{on: image, file: x.sig,",
                "14:5: entries.debian-13.trust: nothing here makes it `signed-list`",
            ),
            (
                "iso: 13.5.0",
                "iso: 13.6.0",
                "15:5: entries.debian-13.examples: the version of `debian-13.5.0-amd64-netinst.iso` is `13.5.0`, not",
            ),
            ("  other:\n", "  O ther:\n", "entries: `O ther` is not an id"),
            (
                "name: 'other-(?P<version>\\d+)",
                "name: 'other-(\\d+)",
                "23:5: entries.other.name: nothing tells the version",
            ),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let found = problems(&GOOD.replace(from, to));
            assert!(found.len() == 1 && found[0].contains(expected), "{to}: {found:#?}");
        }
    }

    #[test]
    fn one_bad_entry_takes_no_other_down_and_all_that_are_bad_are_told() {
        let text =
            GOOD.replace("title: Debian 13", "title: [13]").replace("'https://b.example/'", "'b'");
        let (file, problems) = CatalogFile::parse("x.yaml", &text);
        assert_eq!(file.entries.len(), 0);
        let told: Vec<_> = problems.iter().map(|p| (p.problem.line, p.entry.as_deref())).collect();
        assert_eq!(told, [(4, Some("debian-13")), (22, Some("other"))], "{problems:#?}");
        let (file, problems) =
            CatalogFile::parse("x.yaml", &GOOD.replace("title: Debian 13", "title: [13]"));
        assert_eq!((file.entries.len(), problems.len()), (1, 1));
    }

    #[test]
    fn an_id_twice_in_a_file_is_told() {
        let found = problems(&GOOD.replace("  other:\n", "  debian-13:\n"));
        assert!(found.iter().any(|problem| problem.contains("twice")), "{found:?}");
    }

    proptest! {
        #[test]
        fn no_text_panics(cut in 0..GOOD.len(), noise in "[a-z:{}\\[\\]&*$'\", \n-]{0,20}") {
            let _ = CatalogFile::parse("x", &[&GOOD[..cut], &noise, &GOOD[cut..]].concat());
        }
    }
}
