//! The map from which automount mounts media on demand: an indirect map in the format "sun" of autofs(5). It must not
//! read or write the file: that is the daemon's.
//!
//! A line is `KEY -fstype=isomirror,OPTIONS :PATH`. Its options are those of mount.isomirror; with `key=` they name
//! the medium, so that nothing else is mounted under the name, whatever lies at the path by then.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    os::unix::ffi::OsStrExt,
    path::Path,
};

use super::autofs_text::{Part, plain, quoted};
use crate::{containment::SymlinkPolicy, medium::IdentityKey, name::Name};

/// Bytes of a key with its quotes (`KEY_MAX_LEN` of automount.h).
const LONGEST_KEY: usize = 255;

/// Bytes of a line without its key (`MAPENT_MAX_LEN` of automount.h).
const LONGEST_ENTRY: usize = 4095;

/// Automount reads it as a comment.
const HEADING: &[u8] = b"# Written by isomirrord, which replaces it whenever media come or go.\n";

/// State directory that mount.isomirror uses unless it is told another.
const USUAL_STATE_DIRECTORY: &str = "/var/lib/isomirror";

/// What holds for all entries.
#[derive(Clone, Copy, Debug)]
pub struct EntryRules<'a> {
    /// What becomes of symbolic links.
    pub symlinks: SymlinkPolicy,
    /// Further options by file system type, separated by commas.
    pub options: &'a BTreeMap<String, String>,
    /// Where EROFS metadata lies.
    pub state_directory: &'a Path,
}

/// A map as text: what follows each key, both as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutofsMap(BTreeMap<MapKey, Vec<u8>>);

/// A name as it is written in a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MapKey(Vec<u8>);

/// Why something cannot be in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmappable {
    /// Automount takes such keys for patterns: it neither lists them nor takes their directories away.
    #[error("autofs takes a name with `*` for a pattern")]
    Asterisk,
    /// The name is too long with all that has to be quoted in it.
    #[error("the name is too long for autofs")]
    Name,
    /// The path is too long, or has control characters.
    #[error("the path is too long for autofs, or has control characters")]
    Path,
    /// The options cannot be written.
    #[error("the mount options or the state directory cannot be written in an autofs map")]
    Options,
}

impl MapKey {
    /// How `name` is written.
    pub fn of(name: &Name) -> Result<Self, Unmappable> {
        if name.as_str().contains('*') {
            return Err(Unmappable::Asterisk);
        }
        quoted(name.as_str().as_bytes(), Part::Key)
            .filter(|text| text.len() <= LONGEST_KEY)
            .map(Self)
            .ok_or(Unmappable::Name)
    }
}

impl fmt::Display for MapKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl AutofsMap {
    /// Adds a medium that lies at `path`, a file or a drive.
    pub fn insert(
        &mut self,
        name: &Name,
        medium: IdentityKey,
        path: &Path,
        rules: EntryRules<'_>,
    ) -> Result<(), Unmappable> {
        let key = MapKey::of(name)?;
        let mut entry = b"-".to_vec();
        let options = options(medium, rules).ok_or(Unmappable::Options)?;
        entry.extend(plain(&options, Part::Entry).ok_or(Unmappable::Options)?);
        entry.extend(b" :");
        entry.extend(quoted(path.as_os_str().as_bytes(), Part::Entry).ok_or(Unmappable::Path)?);
        if entry.len() > LONGEST_ENTRY {
            return Err(Unmappable::Path);
        }
        self.0.insert(key, entry);
        Ok(())
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut text = HEADING.to_vec();
        for (key, entry) in &self.0 {
            text.extend(&key.0);
            text.push(b' ');
            text.extend(entry);
            text.push(b'\n');
        }
        text
    }

    /// The map of a text that [`AutofsMap::text`] gave.
    #[must_use]
    pub fn read(text: &[u8]) -> Self {
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#"));
        let entry = |line: &[u8]| {
            let blank = line.iter().position(|byte| *byte == b' ')?;
            Some((MapKey(line[..blank].to_vec()), line[blank + 1..].to_vec()))
        };
        Self(lines.filter_map(entry).collect())
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<&MapKey> {
        self.0.keys().collect()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The map to write next on the way to `wanted`. Automount reads a key that it knows anew when it pleases, so one
    /// whose medium changed leaves first, and enters when nothing of it is listed any more.
    #[must_use]
    pub fn towards(&self, wanted: &Self, is_listed: impl Fn(&MapKey) -> bool) -> Self {
        let may_stand = |key: &MapKey, entry: &Vec<u8>| match self.0.get(key) {
            Some(current) => current == entry,
            None => !is_listed(key),
        };
        let entries = wanted.0.iter().filter(|(key, entry)| may_stand(key, entry));
        Self(entries.map(|(key, entry)| (key.clone(), entry.clone())).collect())
    }
}

/// Options of mount.isomirror. `None` where one of them has a comma of its own.
fn options(medium: IdentityKey, rules: EntryRules<'_>) -> Option<Vec<u8>> {
    let mut words = vec![format!("fstype=isomirror,ro,nosuid,nodev,noexec,key={medium}")];
    if rules.symlinks != SymlinkPolicy::default() {
        words.push(format!("symlinks={}", rules.symlinks));
    }
    for (file_system, options) in rules.options {
        let options = options.split(',').filter(|option| !option.is_empty());
        words.extend(options.map(|option| format!("{file_system}.{option}")));
    }
    let mut text = words.join(",").into_bytes();
    if rules.state_directory != Path::new(USUAL_STATE_DIRECTORY) {
        let state_directory = rules.state_directory.as_os_str().as_bytes();
        if state_directory.contains(&b',') {
            return None;
        }
        text.extend(b",state=");
        text.extend(state_directory);
    }
    Some(text)
}

#[cfg(test)]
#[path = "autofs_map/tests.rs"]
mod tests;
