//! The directory below which media are published.

use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use super::text::deserialize_from_text;

/// Absolute path of the web root: not the root directory itself, and without `..`, so that nothing that is joined to
/// it by our names can lie elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "PathBuf")]
pub struct WebRoot(PathBuf);

deserialize_from_text!(WebRoot);

/// A path that cannot be the web root.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebRoot {
    /// It depends on the working directory.
    #[error("`{}` is not an absolute path", .0.display())]
    Relative(PathBuf),
    /// It holds `..`.
    #[error("`{}` goes through `..`: write the path without it", .0.display())]
    Parent(PathBuf),
    /// It is `/`.
    #[error("`/` cannot be the web root: choose a directory below it")]
    Root,
}

impl WebRoot {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for WebRoot {
    fn default() -> Self {
        Self(PathBuf::from("/srv/isomirror"))
    }
}

impl TryFrom<PathBuf> for WebRoot {
    type Error = InvalidWebRoot;

    fn try_from(path: PathBuf) -> Result<Self, InvalidWebRoot> {
        if !path.is_absolute() {
            return Err(InvalidWebRoot::Relative(path));
        }
        if path.components().any(|component| component == Component::ParentDir) {
            return Err(InvalidWebRoot::Parent(path));
        }
        // Collecting drops `.`, doubled and trailing slashes: one path, one spelling.
        let path: PathBuf = path.components().collect();
        if path.parent().is_none() {
            return Err(InvalidWebRoot::Root);
        }
        Ok(Self(path))
    }
}

impl TryFrom<String> for WebRoot {
    type Error = InvalidWebRoot;

    fn try_from(text: String) -> Result<Self, InvalidWebRoot> {
        Self::try_from(PathBuf::from(text))
    }
}

impl From<WebRoot> for PathBuf {
    fn from(root: WebRoot) -> Self {
        root.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_stay_where_they_are_can_be_web_roots() {
        for (path, expected) in [
            ("/srv/isomirror", Ok("/srv/isomirror")),
            ("//srv/./isomirror/", Ok("/srv/isomirror")),
            ("web", Err(InvalidWebRoot::Relative("web".into()))),
            ("", Err(InvalidWebRoot::Relative("".into()))),
            ("/srv/../etc", Err(InvalidWebRoot::Parent("/srv/../etc".into()))),
            ("/", Err(InvalidWebRoot::Root)),
            ("/./", Err(InvalidWebRoot::Root)),
        ] {
            let root = WebRoot::try_from(PathBuf::from(path));
            assert_eq!(root.map(PathBuf::from), expected.map(PathBuf::from), "{path}");
        }
    }
}
