//! All entries.

use std::collections::{BTreeMap, HashSet};

use super::{CatalogFile, Entry};

/// All entries by their ids, each with the file that it comes from.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    entries: BTreeMap<String, (Entry, String, bool)>,
}

impl Catalog {
    /// Puts files together. One of `own` takes the place of one of `shipped` with the same name, and an entry of `own` that
    /// of one with the same id. What cannot be taken is told, each a phrase for people.
    #[must_use]
    pub fn assemble(shipped: Vec<CatalogFile>, own: Vec<CatalogFile>) -> (Self, Vec<String>) {
        let replaced: HashSet<_> = own.iter().map(|file| file.name.clone()).collect();
        let shipped = shipped.into_iter().filter(|file| !replaced.contains(&file.name));
        let files =
            shipped.map(|file| (file, false)).chain(own.into_iter().map(|file| (file, true)));
        let mut catalog = Self::default();
        let mut problems = Vec::new();
        for (file, is_own) in files {
            for entry in file.entries {
                let id = entry.id.to_string();
                match catalog.entries.get(&id) {
                    Some((_, other, other_is_own)) if *other_is_own == is_own => {
                        problems.push(format!(
                            "the entry `{id}` of `{}` is in `{other}` already: give it another id",
                            file.name
                        ));
                    }
                    _ => {
                        catalog.entries.insert(id, (entry, file.name.clone(), is_own));
                    }
                }
            }
        }
        (catalog, problems)
    }

    /// The entry with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id).map(|(entry, ..)| entry)
    }

    /// All entries in the order of their ids, with the names of their files.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Entry, &str)> {
        self.entries.values().map(|(entry, file, _)| (entry, file.as_str()))
    }

    /// The id that is most like `word`, as long as more of it agrees than differs.
    #[must_use]
    pub fn closest(&self, word: &str) -> Option<&str> {
        let distance = |id: &&String| strsim::damerau_levenshtein(word, id);
        let nearest = self.entries.keys().min_by_key(distance)?;
        (distance(&nearest) <= nearest.chars().count() / 3).then_some(nearest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, ids: &[&str]) -> CatalogFile {
        let entry = |id: &&str| {
            format!(
                "  {id}: {{title: {name}, distribution: d, edition: e, arch: any, find: {{method: dir_index}}, \
                 directories: ['https://a/'], name: '(?P<version>a)', trust: unverified}}\n"
            )
        };
        let entries: String = ids.iter().map(entry).collect();
        let (file, problems) = CatalogFile::parse(name, &format!("schema: 1\nentries:\n{entries}"));
        assert_eq!(problems, []);
        file
    }

    fn assembled(shipped: Vec<CatalogFile>, own: Vec<CatalogFile>) -> (Vec<String>, usize) {
        let (catalog, problems) = Catalog::assemble(shipped, own);
        let told = catalog.iter().map(|(entry, file)| format!("{} {file}", entry.id));
        (told.collect(), problems.len())
    }

    #[test]
    fn the_users_own_replace_what_is_shipped_by_file_and_by_id() {
        let shipped = || vec![file("a.yaml", &["x", "y"]), file("b.yaml", &["z"])];
        let (order, problems) = assembled(shipped(), vec![file("a.yaml", &["w"])]);
        assert_eq!((order, problems), (vec!["w a.yaml".to_owned(), "z b.yaml".to_owned()], 0));
        let (order, problems) = assembled(shipped(), vec![file("c.yaml", &["y"])]);
        let expected = ["x a.yaml", "y c.yaml", "z b.yaml"].map(str::to_owned).to_vec();
        assert_eq!((order, problems), (expected, 0));
    }

    #[test]
    fn one_id_twice_is_told_and_the_first_holds() {
        let (order, problems) =
            assembled(vec![file("a.yaml", &["x"]), file("b.yaml", &["x"])], Vec::new());
        assert_eq!((order, problems), (vec!["x a.yaml".to_owned()], 1));
    }

    #[test]
    fn a_slip_is_answered_with_what_was_meant() {
        let (catalog, _) =
            Catalog::assemble(vec![file("a.yaml", &["debian-13-netinst"])], Vec::new());
        assert_eq!(catalog.closest("debian-13-netints"), Some("debian-13-netinst"));
        assert_eq!(catalog.closest("windows"), None);
    }
}
