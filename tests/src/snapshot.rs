//! A tree with all that can be seen of it, for comparing an image with what it was made from.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking, in what prepares it too"
)]

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write,
    fs::{self, File},
    io::{self, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{FileExt, FileTypeExt, MetadataExt},
    },
    path::Path,
    sync::Arc,
};

use isomirror_core::image::{Image, Kind, NodeId, ReadAt};
use sha2::{Digest, Sha256};

/// An image file as the reader wants it.
#[derive(Debug)]
pub struct ImageFile {
    file: File,
    size: u64,
}

impl ImageFile {
    /// Opens an image file.
    #[must_use]
    pub fn open(path: &Path) -> Arc<Self> {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let size = file.metadata().unwrap().len();
        Arc::new(Self { file, size })
    }
}

impl ReadAt for ImageFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Objects by their paths from the root, `/` between the components; the root itself has the empty path.
pub type Snapshot = BTreeMap<String, Object>;

/// What can be seen of an object. Links and sizes of directories mean nothing and are 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky.
    pub permissions: u32,
    /// Owner and group.
    pub owners: (u32, u32),
    /// Number of links.
    pub links: u32,
    /// Seconds since 1970.
    pub modified: i64,
    /// Major and minor number.
    pub device: (u32, u32),
    /// Bytes.
    pub size: u64,
    /// SHA-256 of a file's bytes, or a link's target; else empty. The error where it cannot be read.
    pub content: Result<String, String>,
}

/// What lies below `root` on this machine's disk.
#[must_use]
pub fn of_directory(root: &Path) -> Snapshot {
    let mut snapshot = Snapshot::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        let object = of_file(&path);
        if object.kind == Kind::Directory {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let below = path.strip_prefix(root).unwrap().as_os_str().as_bytes();
        snapshot.insert(String::from_utf8_lossy(below).into_owned(), object);
    }
    snapshot
}

fn of_file(path: &Path) -> Object {
    let metadata = path.symlink_metadata().unwrap();
    let kind = metadata.file_type();
    let kind = match () {
        () if kind.is_dir() => Kind::Directory,
        () if kind.is_symlink() => Kind::Symlink,
        () if kind.is_fifo() => Kind::Fifo,
        () if kind.is_socket() => Kind::Socket,
        () if kind.is_char_device() => Kind::CharacterDevice,
        () if kind.is_block_device() => Kind::BlockDevice,
        () => Kind::File,
    };
    let content = match kind {
        Kind::File => digest(File::open(path).unwrap()).unwrap(),
        Kind::Symlink => fs::read_link(path).unwrap().to_str().unwrap().to_owned(),
        _ => String::new(),
    };
    let is_directory = kind == Kind::Directory;
    let device = metadata.rdev();
    let number = |number: u64| u32::try_from(number).unwrap();
    Object {
        kind,
        permissions: metadata.mode() & 0o7777,
        owners: (metadata.uid(), metadata.gid()),
        links: if is_directory { 0 } else { number(metadata.nlink()) },
        modified: metadata.mtime(),
        device: (number(nix::sys::stat::major(device)), number(nix::sys::stat::minor(device))),
        size: if is_directory { 0 } else { metadata.len() },
        content: Ok(content),
    }
}

/// All that an image shows; each directory once, so that loops end.
#[must_use]
pub fn of_image(image: &Image) -> Snapshot {
    let mut snapshot = Snapshot::new();
    let mut seen = HashSet::new();
    let mut pending = vec![(String::new(), image.root())];
    while let Some((path, id)) = pending.pop() {
        let object = of_node(image, id);
        if object.kind == Kind::Directory && object.content.is_ok() && seen.insert(id) {
            for entry in image.directory(id).unwrap().entries() {
                let name = String::from_utf8_lossy(entry.name);
                let separator = if path.is_empty() { "" } else { "/" };
                pending.push((format!("{path}{separator}{name}"), entry.id));
            }
        }
        snapshot.insert(path, object);
    }
    snapshot
}

fn of_node(image: &Image, id: NodeId) -> Object {
    let node = image.node(id).unwrap_or_else(|error| panic!("{id:?}: {error}"));
    let content = match node.kind {
        Kind::File => digest(Reader { image, id, offset: 0 }).map_err(|error| error.to_string()),
        Kind::Symlink => image
            .link_target(id)
            .map(|target| String::from_utf8(target).unwrap())
            .map_err(|error| error.to_string()),
        Kind::Directory => {
            image.directory(id).map(|_| String::new()).map_err(|error| error.to_string())
        }
        _ => Ok(String::new()),
    };
    let is_directory = node.kind == Kind::Directory;
    Object {
        kind: node.kind,
        permissions: node.permissions.into(),
        owners: (node.owner, node.group),
        links: if is_directory { 0 } else { node.links },
        modified: node.modified.seconds,
        device: node.device,
        size: if is_directory { 0 } else { node.size },
        content,
    }
}

/// Reads a file of an image from its beginning.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The image.
    pub image: &'a Image,
    /// The file.
    pub id: NodeId,
    /// The next byte that is read.
    pub offset: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let content = self.image.content(self.id).map_err(io::Error::other)?;
        let read = self.image.read(&content, self.offset, buffer).map_err(io::Error::other)?;
        self.offset += read as u64;
        Ok(read)
    }
}

fn digest(mut content: impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}
