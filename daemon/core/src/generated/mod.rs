//! Files that stand in for some of a medium's own, because as they are on the medium they lead astray when the tree is
//! fetched over the network.
//!
//! What stands in for what is found when the medium is opened; what depends on the mirror's address is filled in when
//! somebody asks. Nothing here knows requests.

mod boot_cfg;
mod find;
mod treeinfo;

use std::collections::BTreeMap;

use crate::name::Name;

/// Media that can be fetched, by name, with what stands in for some of their files.
pub type Fetchable<'a> = BTreeMap<&'a Name, &'a Generated>;

/// The files of one medium by their paths below `/_/NAME/`, where all other paths are those of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated(BTreeMap<&'static str, GeneratedFile>);

/// A file with gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeneratedFile(Vec<Piece>);

/// A piece of a [`GeneratedFile`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    /// URL of the medium's tree.
    Tree,
    /// URL of the operator's answer file.
    Answers,
}

/// What gaps are filled with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filling<'a> {
    /// URL of the medium's tree, where the mirror's address is known.
    pub tree: Option<&'a str>,
    /// URL of the operator's answer file for this medium, if there is one.
    pub answers: Option<&'a str>,
}

impl Generated {
    /// The file that stands in for the one at `path`.
    #[must_use]
    pub fn file(&self, path: &[u8]) -> Option<&GeneratedFile> {
        self.0.get(str::from_utf8(path).ok()?)
    }

    /// All files by their paths.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &GeneratedFile)> {
        self.0.iter().map(|(path, file)| (*path, file))
    }

    /// Whether an installer that reads the tree's own description must be given the directory of generated files.
    #[must_use]
    pub fn describes_tree(&self) -> bool {
        treeinfo::NAMES.iter().any(|name| self.0.contains_key(name))
    }
}

impl GeneratedFile {
    /// The file's bytes; `None` where there is nothing for one of its gaps.
    #[must_use]
    pub fn render(&self, filling: Filling<'_>) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for piece in &self.0 {
            bytes.extend_from_slice(match piece {
                Piece::Bytes(bytes) => bytes,
                Piece::Tree => filling.tree?.as_bytes(),
                Piece::Answers => filling.answers?.as_bytes(),
            });
        }
        Some(bytes)
    }
}

/// A line without its end, and the end: `\n`, `\r\n`, or nothing.
fn split_end(line: &[u8]) -> (&[u8], &[u8]) {
    let length = match line {
        [.., b'\r', b'\n'] => line.len() - 2,
        [.., b'\n'] => line.len() - 1,
        _ => line.len(),
    };
    line.split_at(length)
}

/// What stands before and after the first `=` of a line, without blanks around.
fn key_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = line.iter().position(|byte| *byte == b'=')?;
    Some((line[..equals].trim_ascii(), line[equals + 1..].trim_ascii()))
}
