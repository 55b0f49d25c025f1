//! A tree made of a list of files: what the examples of signatures are tried on.

use std::collections::BTreeMap;

use super::tree::{Found, Tree, Unreadable};

/// Files by path, with their contents; directories are those that the paths name.
#[derive(Clone, Debug, Default)]
pub struct SampleTree {
    files: BTreeMap<String, Vec<u8>>,
}

impl SampleTree {
    /// A tree of empty files. A path that ends with a slash stands for a directory.
    pub fn of_files<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        Self { files: paths.into_iter().map(|path| (path.to_owned(), Vec::new())).collect() }
    }

    /// Puts a file at `path`, or replaces it.
    pub fn put(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.files.insert(path.to_owned(), content.into());
    }
}

impl Tree for SampleTree {
    fn find(&self, path: &str) -> Result<Option<Found>, Unreadable> {
        let found = |is_directory| Some(Found { path: path.to_owned(), is_directory });
        if path.is_empty() {
            return Ok(found(true));
        }
        if self.files.contains_key(path) {
            return Ok(found(false));
        }
        let below = format!("{path}/");
        let is_directory = self.files.range(below.clone()..).next();
        Ok(is_directory.filter(|(file, _)| file.starts_with(&below)).and_then(|_| found(true)))
    }

    fn names(
        &self,
        path: &str,
        limit: usize,
        visit: &mut dyn FnMut(&str),
    ) -> Result<(), Unreadable> {
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut names: Vec<_> = self
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(&below)?.split('/').next())
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().take(limit).for_each(visit);
        Ok(())
    }

    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, Unreadable> {
        let content = self.files.get(path).ok_or(Unreadable)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(content.iter().skip(offset).take(length).copied().collect())
    }
}
