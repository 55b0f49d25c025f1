//! A directory in which images are looked for.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, IgnoredAny, MapAccess, Visitor},
};

use super::{text::Text, unknown_key::unknown_key};

const KEYS: &[&str] = &["path", "recursive"];

/// A directory in which images are looked for. In a file `{path: /srv/iso, recursive: true}`, or just the path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ImageDirectory {
    path: PathBuf,
    recursive: bool,
}

/// A path that depends on the working directory.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an absolute path", .0.display())]
pub struct NotAbsolute(PathBuf);

impl ImageDirectory {
    /// The directory at an absolute `path`, with its subdirectories where `recursive`.
    pub fn new(path: PathBuf, recursive: bool) -> Result<Self, NotAbsolute> {
        if path.is_absolute() { Ok(Self { path, recursive }) } else { Err(NotAbsolute(path)) }
    }

    /// Absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its subdirectories count too.
    #[must_use]
    pub fn recursive(&self) -> bool {
        self.recursive
    }
}

impl<'de> Deserialize<'de> for ImageDirectory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DirectoryVisitor)
    }
}

struct DirectoryVisitor;

impl<'de> Visitor<'de> for DirectoryVisitor {
    type Value = ImageDirectory;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("a directory: its absolute path, or `{path: /srv/iso, recursive: true}`")
    }

    fn visit_str<E: de::Error>(self, path: &str) -> Result<ImageDirectory, E> {
        ImageDirectory::new(PathBuf::from(path), true).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ImageDirectory, A::Error> {
        let (mut path, mut recursive) = (None, None);
        while let Some(DirectoryKey(key)) = map.next_key()? {
            let given_before = match key {
                "path" => path.replace(map.next_value::<Text<AbsolutePath>>()?.0.0).is_some(),
                "recursive" => recursive.replace(map.next_value::<bool>()?).is_some(),
                _ => map.next_value::<IgnoredAny>().map(|_| false)?,
            };
            if given_before {
                return Err(de::Error::duplicate_field(key));
            }
        }
        let path = path.ok_or_else(|| de::Error::missing_field("path"))?;
        ImageDirectory::new(path, recursive.unwrap_or(true)).map_err(de::Error::custom)
    }
}

/// One of [`KEYS`]. Refusing others while the key is read is what gives the error the key's place in the file.
struct DirectoryKey(&'static str);

impl<'de> Deserialize<'de> for DirectoryKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = DirectoryKey;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_str<E: de::Error>(self, key: &str) -> Result<DirectoryKey, E> {
                let known = KEYS.iter().copied().find(|known| *known == key);
                known.map(DirectoryKey).ok_or_else(|| unknown_key(key, KEYS))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// A path checked while it is read.
struct AbsolutePath(PathBuf);

impl TryFrom<String> for AbsolutePath {
    type Error = NotAbsolute;

    fn try_from(text: String) -> Result<Self, NotAbsolute> {
        ImageDirectory::new(PathBuf::from(text), true).map(|directory| Self(directory.path))
    }
}
