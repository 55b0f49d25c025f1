//! What is remembered of a wanted entry of the catalog: one file `<store>/.state/ID.json`, replaced by rename.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::mismatches::Mismatches;
use crate::{catalog::History, digest::Digest, trust::Trust};

/// Directory of the store in which the memories of entries lie, `ID.json` each.
pub const DIRECTORY: &str = ".state";

/// Version of [`Entry`]'s shape.
pub const SCHEMA: u32 = 1;

/// The memory of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was taken for right before: older is a rollback, less is a downgrade.
    pub history: History,
    /// The images that we put into the store, those published last first.
    pub images: Vec<Image>,
    /// The image that is being published, written before it becomes visible.
    pub publishing: Option<Image>,
    /// Files that were not what the list says.
    pub mismatches: Mismatches,
    /// How often each host sent what it should not have.
    pub strikes: BTreeMap<String, u32>,
    /// Why it is held, for people.
    pub hold: Option<String>,
    /// When it is looked at again, RFC 3339.
    pub next_check: Option<String>,
}

/// An image that we put into the store. A file that none of these describes is not ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its version.
    pub version: String,
    /// Name of its file.
    pub file: String,
    /// Number of its inode.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Its digests.
    pub digests: Vec<Digest>,
    /// Digests of the file in which it was packed; none where it was not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packed: Vec<Digest>,
    /// What vouched for it.
    pub trust: Trust,
    /// Where it came from.
    pub url: String,
    /// When it was published, RFC 3339 in UTC.
    pub published_at: String,
    /// When all of it was last read again and found to be the same, RFC 3339 in UTC; absent before the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrubbed_at: Option<String>,
    /// Whether the operator wants it kept whatever comes.
    #[serde(default)]
    pub is_pinned: bool,
}

impl Image {
    /// Whether it, or what it was packed in, has all of `digests` that that was hashed by, and at least one of them; or
    /// none is asked for.
    #[must_use]
    pub fn agrees(&self, digests: &[Digest]) -> bool {
        let own = if self.packed.is_empty() { &self.digests } else { &self.packed };
        let known =
            |digest: &Digest| own.iter().find(|known| known.algorithm() == digest.algorithm());
        let mut compared =
            digests.iter().filter_map(|digest| Some(known(digest)? == digest)).peekable();
        digests.is_empty() || (compared.peek().is_some() && compared.all(|same| same))
    }
}

impl Entry {
    /// Reads a record; `None` where it is broken or of another shape.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().filter(|entry: &Self| entry.schema == SCHEMA)
    }

    /// The image that is ours under this version and name.
    #[must_use]
    pub fn image(&self, version: &str, file: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.version == version && image.file == file)
    }

    /// Adds an image as the newest, in place of an earlier one of the same version.
    pub fn add(&mut self, image: Image) {
        self.images.retain(|known| known.version != image.version);
        self.images.insert(0, image);
        self.publishing = None;
        self.hold = None;
    }
}

/// Whether a text may be part of a path of the store: one name that is neither hidden nor looks like an option.
#[must_use]
pub fn is_safe_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+~-".contains(&byte);
    (1..=200).contains(&name.len()) && !name.starts_with(['.', '-']) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_their_directory_are_refused() {
        for name in ["a.iso", "24.04.5.1", "2026.2a", "x_y+z~1"] {
            assert!(is_safe_name(name), "{name}");
        }
        let long = "a".repeat(201);
        for name in ["", ".", "..", "a/b", ".a", "-rf", "a\0", "a b", "ä", "a\n", long.as_str()] {
            assert!(!is_safe_name(name), "{name}");
        }
    }

    #[test]
    fn an_image_takes_the_place_of_one_of_its_version() {
        let image = |version: &str, inode| Image {
            version: version.into(),
            file: "a.iso".into(),
            inode,
            size: 1,
            digests: Vec::new(),
            packed: Vec::new(),
            trust: Trust::OneSource,
            url: String::new(),
            published_at: String::new(),
            scrubbed_at: None,
            is_pinned: false,
        };
        let mut entry = Entry { schema: SCHEMA, ..Entry::default() };
        entry.add(image("1", 1));
        entry.add(image("2", 2));
        entry.add(image("1", 3));
        assert_eq!(entry.images.iter().map(|image| image.inode).collect::<Vec<_>>(), [3, 2]);
        let written = serde_json::to_vec(&entry).unwrap();
        assert_eq!(Entry::parse(&written), Some(entry));
        assert_eq!(Entry::parse(b"{}"), None);
    }
}
