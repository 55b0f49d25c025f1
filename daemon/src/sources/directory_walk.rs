//! Reads the watched directories: which files in them may be images. It opens no file and follows no link to a
//! directory, so that a walk ends and stays where it was sent.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, DirEntry, Metadata},
    io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use isomirror_core::image_file_name::{
    incomplete_by_control_file, is_image_directory_name, is_image_name,
};

use nix::libc;

use super::directory_watch::DirectoryWatch;

/// Levels of directories below the root that are descended into.
const MAXIMUM_DEPTH: usize = 16;

/// Images and directories beyond which a tree is not one of images.
const MAXIMUM_FILES: usize = 65_536;
const MAXIMUM_DIRECTORIES: usize = 8192;

/// A file whose name is that of an image.
#[derive(Debug)]
pub(super) struct FoundFile {
    pub(super) path: PathBuf,
    /// Attributes of the file itself, behind all links.
    pub(super) metadata: io::Result<Metadata>,
    /// Whether aria2's control file lies beside it.
    pub(super) unfinished: bool,
}

/// What one walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) files: Vec<FoundFile>,
    pub(super) problems: Vec<String>,
    /// Directories that are there and could not be read: nothing follows about what is in them.
    pub(super) unlisted: Vec<PathBuf>,
}

/// Reads `root`, and what is below it where that is wanted; every directory is watched before it is read.
pub(super) fn walk(root: &Path, recursive: bool, watch: &mut DirectoryWatch) -> Walk {
    let mut walk = Walk::default();
    let mut pending = vec![(root.to_owned(), 0)];
    let mut directories = 0;
    while let Some((directory, depth)) = pending.pop() {
        directories += 1;
        if directories > MAXIMUM_DIRECTORIES || walk.files.len() > MAXIMUM_FILES {
            walk.problems.push(format!(
                "`{}` holds more than {MAXIMUM_DIRECTORIES} directories or {MAXIMUM_FILES} images, \
                 the rest is left out: set media.directories to those that hold images",
                root.display()
            ));
            break;
        }
        match walk.read(&directory, watch) {
            Ok(below) if recursive && depth < MAXIMUM_DEPTH => {
                pending.extend(below.into_iter().map(|directory| (directory, depth + 1)));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if directory == root && watch_nearest_ancestor(root, watch) {
                    pending.push((directory, depth));
                } else if directory == root {
                    walk.problems.push(format!(
                        "`{}` does not exist: create it or remove it from media.directories",
                        root.display()
                    ));
                }
            }
            Err(error) => walk.note_unlisted(directory, &error),
        }
    }
    walk.files.sort_unstable_by(|one, two| one.path.cmp(&two.path));
    walk
}

impl Walk {
    /// Reads one directory, notes its images and returns the directories in it.
    fn read(&mut self, directory: &Path, watch: &mut DirectoryWatch) -> io::Result<Vec<PathBuf>> {
        let metadata = fs::metadata(directory)?;
        watch.watch(directory, (metadata.dev(), metadata.ino()));
        let (mut images, mut below, mut unfinished) = (Vec::new(), Vec::new(), HashSet::new());
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if let Some(image) = incomplete_by_control_file(name.as_bytes()) {
                unfinished.insert(image.to_owned());
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if is_image_directory_name(name.as_bytes()) {
                    below.push(entry.path());
                }
            } else if is_image_name(name.as_bytes()) {
                images.push((entry, name));
            }
        }
        for (entry, name) in images {
            self.files.extend(found_file(&entry, &name, &unfinished));
        }
        Ok(below)
    }

    fn note_unlisted(&mut self, directory: PathBuf, error: &io::Error) {
        let shown = directory.display();
        self.problems.push(match error.kind() {
            io::ErrorKind::NotADirectory => {
                format!("`{shown}` is not a directory: correct media.directories")
            }
            io::ErrorKind::PermissionDenied => {
                format!("`{shown}` cannot be read: give isomirrord permission to read it")
            }
            _ if error.raw_os_error() == Some(libc::EMFILE) => format!(
                "`{shown}` cannot be read, too many files are open: raise LimitNOFILE of isomirrord"
            ),
            _ => format!("`{shown}` cannot be read: {error}"),
        });
        self.unlisted.push(directory);
    }
}

/// The file behind an entry with an image's name; `None` for what is no file, is empty, or just went away.
fn found_file(
    entry: &DirEntry,
    name: &OsString,
    unfinished: &HashSet<Vec<u8>>,
) -> Option<FoundFile> {
    let path = entry.path();
    let metadata = fs::metadata(&path);
    let is_wanted = match &metadata {
        Ok(metadata) => metadata.is_file() && metadata.len() > 0,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            entry.file_type().is_ok_and(|kind| kind.is_symlink())
        }
        Err(_) => true,
    };
    let unfinished = unfinished.contains(name.as_bytes());
    is_wanted.then_some(FoundFile { path, metadata, unfinished })
}

/// Watches the directory in which the next part of a missing path will appear, so that it is noticed when it does.
/// Returns whether it has appeared meanwhile.
fn watch_nearest_ancestor(missing: &Path, watch: &mut DirectoryWatch) -> bool {
    let nearest = || {
        let found = |path: &Path| fs::metadata(path).ok();
        missing.ancestors().find_map(|path| found(path).map(|metadata| (path, metadata)))
    };
    let mut current = nearest();
    while let Some((path, metadata)) = current {
        if path == missing {
            return true;
        }
        watch.watch(path, (metadata.dev(), metadata.ino()));
        current = nearest().filter(|(found, _)| *found != path);
    }
    false
}
