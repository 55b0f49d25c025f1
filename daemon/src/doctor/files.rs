//! Small things that files tell.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Directories that are counted at most: whoever has more has more than enough.
const MOST_DIRECTORIES: u64 = 50_000;

/// The text of a small file; empty where it cannot be read.
pub(super) fn text(path: impl AsRef<Path>) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The number that a file holds.
pub(super) fn number(path: impl AsRef<Path>) -> Option<i64> {
    text(path).trim().parse().ok()
}

/// Who owns a path.
pub(super) fn owner(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|metadata| metadata.uid())
}

/// What is in a directory; nothing where it cannot be read.
pub(super) fn entries(directory: impl AsRef<Path>) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The directory and all directories below it, without following links.
pub(super) fn count_directories(directory: &Path) -> u64 {
    let (mut waiting, mut count) = (vec![directory.to_owned()], 0);
    while let Some(directory) = waiting.pop() {
        count += 1;
        if count >= MOST_DIRECTORIES {
            break;
        }
        let below = fs::read_dir(directory).into_iter().flatten().flatten();
        let is_directory = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        waiting.extend(below.filter(is_directory).map(|entry| entry.path()));
    }
    count
}
