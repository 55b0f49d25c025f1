//! The catalog of this machine: what is shipped, and the user's own over it; and the keys beside both.
//!
//! Nothing here can fail as a whole: what is wrong is left out and told of, and where nothing is installed the catalog
//! that was there when the program was built holds.

mod keys;
mod lazy;
mod shipped;

use std::path::{Path, PathBuf};

use isomirror_core::catalog::{Catalog, CatalogFile};

use crate::data_directories::{DataDirectories, yaml_files};

pub use keys::{Key, Keys};
pub use lazy::LazyCatalog;

/// Where the catalog is: in those of the environment's `$ISOMIRROR_CATALOG_DIRECTORIES`, else in the machine's.
#[must_use]
pub fn directories(named: Option<&(PathBuf, PathBuf)>) -> DataDirectories {
    DataDirectories::of(named, "catalog.d")
}

/// The catalog, its keys, and what is wrong with either.
#[derive(Clone, Debug, Default)]
pub struct CatalogData {
    /// The entries.
    pub catalog: Catalog,
    /// The keys that are there.
    pub keys: Keys,
    /// What is wrong, with the file, line and column.
    pub problems: Vec<String>,
}

impl CatalogData {
    /// Reads the catalog of `directories`.
    #[must_use]
    pub fn load(directories: &DataDirectories) -> Self {
        let mut problems = Vec::new();
        let mut keys = Keys::default();
        let shipped = if let Some(files) = read_directory(&directories.shipped, &mut problems) {
            keys.add_directory(&directories.shipped, &mut problems);
            files
        } else {
            keys.add_built_in();
            built_in(&mut problems)
        };
        let own = read_directory(&directories.own, &mut problems).unwrap_or_default();
        keys.add_directory(&directories.own, &mut problems);
        let (catalog, doubled) = Catalog::assemble(shipped, own);
        problems.extend(doubled);
        Self { catalog, keys, problems }
    }
}

fn built_in(problems: &mut Vec<String>) -> Vec<CatalogFile> {
    let parse = |(name, text): &(&str, &str)| parsed(name, name, text, problems);
    shipped::FILES.iter().map(parse).collect()
}

/// Reads a text, and adds to `problems` what is wrong with it.
fn parsed(name: &str, shown: &str, text: &str, problems: &mut Vec<String>) -> CatalogFile {
    let (file, wrong) = CatalogFile::parse(name, text);
    problems.extend(wrong.iter().map(|problem| format!("{shown}:{problem}")));
    file
}

/// The files of `directory`; `None` where there is no such directory.
fn read_directory(directory: &Path, problems: &mut Vec<String>) -> Option<Vec<CatalogFile>> {
    let mut files = Vec::new();
    yaml_files(directory, "catalog", problems, |name, shown, text, problems| {
        files.push(parsed(name, shown, text, problems));
    })?;
    // A file in which nothing is sound replaces nothing.
    files.retain(|file| !file.entries.is_empty());
    Some(files)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;
    use crate::data_directories;

    fn built_in_only() -> CatalogData {
        let nowhere = PathBuf::from("/nonexistent/isomirror");
        CatalogData::load(&DataDirectories { shipped: nowhere.clone(), own: nowhere })
    }

    fn file(id: &str) -> String {
        format!(
            "schema: 1\nentries:\n  {id}: {{title: T, distribution: d, edition: e, arch: any, find: {{method: dir_index}}, \
             directories: ['https://a/'], name: '(?P<version>a)', trust: unverified}}\n"
        )
    }

    #[test]
    fn what_is_built_in_is_sound_and_fits_its_own_examples() {
        let data = built_in_only();
        assert_eq!(data.problems, [""; 0]);
        let distributions: BTreeSet<_> =
            data.catalog.iter().map(|(entry, _)| entry.distribution.as_str()).collect();
        assert!(data.catalog.iter().len() >= 100 && distributions.len() >= 40);
        let without: Vec<_> = data
            .catalog
            .iter()
            .filter(|(entry, _)| {
                entry.examples.names.is_empty() && entry.examples.other_names.is_empty()
            })
            .map(|(entry, _)| entry.id.as_str())
            .collect();
        assert!(without.len() < 3, "entries without examples: {without:?}");
        for id in [
            "ubuntu-20.04-live-server-amd64",
            "ubuntu-22.04-live-server-amd64",
            "ubuntu-24.04-live-server-amd64",
            "debian-11-netinst-amd64",
            "debian-12-netinst-amd64",
            "fedora-38-server-dvd-x86_64",
            "fedora-39-server-dvd-x86_64",
            "fedora-40-server-dvd-x86_64",
            "fedora-41-server-dvd-x86_64",
            "almalinux-9-dvd-x86_64",
            "rocky-9-dvd-x86_64",
            "opensuse-leap-15.6-dvd-x86_64",
        ] {
            assert!(data.catalog.get(id).is_some(), "{id}");
        }
    }

    #[test]
    fn every_shipped_file_and_key_is_built_in() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let directory = checkout.join("config/catalog.d");
        let names = |directory: &Path, extensions: &[&str]| -> Vec<String> {
            let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
            data_directories::files(directory, extensions).unwrap().into_iter().map(name).collect()
        };
        let files: Vec<_> = shipped::FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names(&directory, &["yaml"]), files);
        let keys: Vec<_> = shipped::KEYS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names(&directory.join("keys"), &["asc", "pub"]), keys);
    }

    #[test]
    fn one_bad_file_takes_no_other_down_and_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let directories = DataDirectories {
            shipped: directory.path().join("shipped"),
            own: directory.path().join("own"),
        };
        let ids = || -> Vec<String> {
            let data = CatalogData::load(&directories);
            data.catalog.iter().map(|(entry, _)| entry.id.to_string()).collect()
        };
        assert_eq!(ids().len(), built_in_only().catalog.iter().len());
        fs::create_dir(&directories.shipped).unwrap();
        fs::create_dir(&directories.own).unwrap();
        fs::write(directories.shipped.join("a.yaml"), file("a")).unwrap();
        fs::write(directories.shipped.join("b.yaml"), file("b")).unwrap();
        let bad = directories.own.join("b.yaml");
        fs::write(&bad, file("c").replace("title: T, ", "")).unwrap();
        fs::write(directories.own.join("notes.txt"), "no catalog").unwrap();
        fs::write(directories.own.join("d.yaml"), [0xff]).unwrap();
        assert_eq!(ids(), ["a", "b"], "a file without anything sound replaces nothing");
        let problems = CatalogData::load(&directories).problems;
        assert_eq!(problems.len(), 2, "{problems:?}");
        let expected = format!("{}:3:6: entries.c: missing field `title`", bad.display());
        assert!(problems[0].starts_with(&expected), "{problems:?}");
        fs::write(&bad, file("c")).unwrap();
        assert_eq!(ids(), ["a", "c"]);
    }
}
