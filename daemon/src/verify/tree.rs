//! The files of an image, or of a directory: whichever is verified.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use isomirror_core::{
    containment::{self, FinalLink, Resolved, SymlinkPolicy},
    image::{Image, Kind, NodeId},
};

/// Entries of a tree that are counted.
const MOST_ENTRIES: usize = 4_000_000;
/// Directories that lie in each other.
const DEEPEST: usize = 128;
/// Bytes that are read at once.
const STRETCH: usize = 1 << 18;

/// A tree of files.
pub(super) trait FileTree: Sync {
    /// Whether there is a regular file at `path`, and how long it is.
    fn size(&self, path: &str) -> io::Result<Option<u64>>;
    /// Gives all bytes of the file at `path` to `take`, in their order.
    fn read(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> io::Result<()>;
    /// The names in the directory at `path`; none where there is no such directory.
    fn names(&self, path: &str) -> Vec<String>;
    /// The paths of all regular files; `None` where they are too many, or not all directories can be read.
    fn files(&self) -> Option<Vec<String>>;
}

/// The tree of an image. Links are followed within it.
pub(super) struct ImageTree<'a>(pub(super) &'a Image);

impl ImageTree<'_> {
    fn find(&self, path: &str, kind: Kind) -> io::Result<Option<NodeId>> {
        let names: Vec<_> =
            path.split('/').filter(|name| !name.is_empty()).map(str::as_bytes).collect();
        let policy = SymlinkPolicy::Contained;
        let found = containment::resolve(self.0, &names, policy, FinalLink::Follow);
        match found.map_err(io::Error::other)? {
            Resolved::Found { id, kind: found, .. } if found == kind => Ok(Some(id)),
            _ => Ok(None),
        }
    }
}

impl FileTree for ImageTree<'_> {
    fn size(&self, path: &str) -> io::Result<Option<u64>> {
        let Some(file) = self.find(path, Kind::File)? else { return Ok(None) };
        self.0.node(file).map(|node| Some(node.size)).map_err(io::Error::other)
    }

    fn read(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let file = self.find(path, Kind::File)?.ok_or(io::ErrorKind::NotFound)?;
        let content = self.0.content(file).map_err(io::Error::other)?;
        let mut buffer = vec![0; STRETCH];
        let mut offset = 0;
        loop {
            let length = self.0.read(&content, offset, &mut buffer).map_err(io::Error::other)?;
            if length == 0 {
                return Ok(());
            }
            take(&buffer[..length]);
            offset += length as u64;
        }
    }

    fn names(&self, path: &str) -> Vec<String> {
        let Ok(Some(id)) = self.find(path, Kind::Directory) else { return Vec::new() };
        let Ok(directory) = self.0.directory(id) else { return Vec::new() };
        directory
            .entries()
            .filter_map(|entry| String::from_utf8(entry.name.to_vec()).ok())
            .collect()
    }

    fn files(&self) -> Option<Vec<String>> {
        let mut files = Vec::new();
        let mut queue = vec![(self.0.root(), String::new(), 0)];
        let mut entries = 0;
        while let Some((id, path, depth)) = queue.pop() {
            let directory = self.0.directory(id).ok()?;
            entries += directory.len();
            if entries > MOST_ENTRIES || depth > DEEPEST {
                return None;
            }
            for entry in directory.entries() {
                let path = format!("{path}{}", String::from_utf8_lossy(entry.name));
                match entry.kind {
                    Kind::File => files.push(path),
                    Kind::Directory => queue.push((entry.id, format!("{path}/"), depth + 1)),
                    _ => {}
                }
            }
        }
        Some(files)
    }
}

/// A directory of this machine. Links that lead out of it are not followed.
#[derive(Debug)]
pub(super) struct DirectoryTree(PathBuf);

impl DirectoryTree {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        path.canonicalize().map(Self)
    }

    /// Where `path` leads, if that is within the tree.
    fn within(&self, path: &str) -> io::Result<Option<PathBuf>> {
        match self.0.join(path).canonicalize() {
            Ok(real) => Ok(real.starts_with(&self.0).then_some(real)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl FileTree for DirectoryTree {
    fn size(&self, path: &str) -> io::Result<Option<u64>> {
        let Some(path) = self.within(path)? else { return Ok(None) };
        let metadata = path.metadata()?;
        Ok(metadata.is_file().then_some(metadata.len()))
    }

    fn read(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let path = self.within(path)?.ok_or(io::ErrorKind::NotFound)?;
        let mut file = File::open(path)?;
        let mut buffer = vec![0; STRETCH];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => take(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn names(&self, path: &str) -> Vec<String> {
        let Ok(Some(path)) = self.within(path) else { return Vec::new() };
        let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }

    fn files(&self) -> Option<Vec<String>> {
        let mut files = Vec::new();
        let mut queue = vec![(self.0.clone(), String::new(), 0)];
        let mut count = 0;
        while let Some((directory, path, depth)) = queue.pop() {
            for entry in fs::read_dir(directory).ok()? {
                let entry = entry.ok()?;
                count += 1;
                if count > MOST_ENTRIES || depth > DEEPEST {
                    return None;
                }
                let path = format!("{path}{}", entry.file_name().to_string_lossy());
                let kind = entry.file_type().ok()?;
                if kind.is_file() {
                    files.push(path);
                } else if kind.is_dir() {
                    queue.push((entry.path(), format!("{path}/"), depth + 1));
                }
            }
        }
        Some(files)
    }
}
