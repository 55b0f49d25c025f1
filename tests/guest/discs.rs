//! Discs for drives.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use isomirror_tests::tool;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Bytes of the file `filler`.
const FILLER: usize = 4 << 20;

/// Bytes of the file `large` of a large disc: a download of it takes its time.
pub(crate) const LARGE: usize = 200 << 20;

/// An image and what is on it: `label.txt`, which holds its label, `filler`, and on large ones `large`. Udev gives
/// labels to no hybrid image under 1.5 MB, and real discs are larger still.
#[derive(Debug)]
pub(crate) struct Disc {
    pub(crate) label: String,
    pub(crate) image: PathBuf,
    /// What its content is made of.
    seed: String,
}

impl Disc {
    /// The directory that it is published in.
    pub(crate) fn name(&self) -> String {
        self.label.replace(' ', "_")
    }

    /// SHA-256 of `filler`.
    pub(crate) fn filler_hash(&self) -> String {
        hash(&content(&self.seed, FILLER))
    }
}

/// Discs that were made, by label and whether they are large. They are made once.
#[derive(Debug)]
pub(crate) struct Discs {
    directory: TempDir,
    made: Mutex<HashMap<(String, bool), Arc<Disc>>>,
}

impl Discs {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), made: Mutex::default() }
    }

    pub(crate) fn get(&self, label: &str, is_large: bool) -> Arc<Disc> {
        let mut made = self.made.lock().unwrap();
        let disc = || Arc::new(make(self.directory.path(), label, is_large));
        Arc::clone(made.entry((label.to_owned(), is_large)).or_insert_with(disc))
    }

    /// A second disc with the label of another one, and another content.
    pub(crate) fn twin(&self, label: &str) -> Arc<Disc> {
        let directory = self.directory.path().join("twins");
        let _ = fs::create_dir(&directory);
        Arc::new(Disc { label: label.to_owned(), ..make(&directory, &format!("{label}~"), false) })
    }
}

fn make(directory: &Path, label: &str, is_large: bool) -> Disc {
    let stem = format!("{}{}", label.replace(' ', "_"), if is_large { "-large" } else { "" });
    let (tree, image) = (directory.join(&stem), directory.join(format!("{stem}.iso")));
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("label.txt"), label).unwrap();
    fs::write(tree.join("filler"), content(label, FILLER)).unwrap();
    if is_large {
        fs::write(tree.join("large"), content(label, LARGE)).unwrap();
    }
    let volume = label.trim_end_matches('~');
    tool::run("xorriso", |command| {
        command.args(["-as", "mkisofs", "-quiet", "-R", "-J", "-V", volume, "-o"]);
        command.arg(&image).arg(&tree)
    })
    .unwrap();
    fs::remove_dir_all(tree).unwrap();
    Disc { label: label.to_owned(), image, seed: label.to_owned() }
}

/// Bytes that no other seed and no other place has by chance, so that a read from a wrong one shows.
pub(crate) fn content(seed: &str, length: usize) -> Vec<u8> {
    let seed = seed.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31) + u64::from(byte));
    let mut bytes = Vec::with_capacity(length + 8);
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An image with partitions over the tree, as hybrid images for sticks have them.
pub(crate) fn hybrid(disc: &Disc) -> PathBuf {
    let image = disc.image.with_extension("hybrid.iso");
    if !image.exists() {
        let partial = disc.image.with_extension("partial");
        fs::copy(&disc.image, &partial).unwrap();
        let length = File::open(&partial).unwrap().metadata().unwrap().len();
        let sectors = length / 512;
        // One partition over the whole image from its first sector, as isohybrid makes it.
        let mut entry = [0_u8; 66];
        entry[0] = 0x80;
        entry[4] = 0x17;
        entry[12..16].copy_from_slice(&u32::try_from(sectors).unwrap().to_le_bytes());
        entry[64..].copy_from_slice(&[0x55, 0xaa]);
        let file = File::options().write(true).open(&partial).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &entry, 446).unwrap();
        fs::rename(partial, &image).unwrap();
    }
    image
}

/// A copy of the image of `disc` whose primary descriptor has this label, byte for byte.
pub(crate) fn relabelled(disc: &Disc, label: &str) -> PathBuf {
    let image = disc.image.with_extension(format!("{}.iso", hash(label.as_bytes())));
    if !image.exists() {
        fs::copy(&disc.image, &image).unwrap();
        let file = File::options().read(true).write(true).open(&image).unwrap();
        let mut field = [b' '; 32];
        field[..label.len()].copy_from_slice(label.as_bytes());
        std::os::unix::fs::FileExt::write_all_at(&file, &field, 16 * 2048 + 40).unwrap();
        // Without a Joliet tree there is no second label; what udev and we read is the one above.
        let mut terminator = [0_u8; 2048];
        terminator[..7].copy_from_slice(b"\xffCD001\x01");
        std::os::unix::fs::FileExt::write_all_at(&file, &terminator, 17 * 2048).unwrap();
    }
    image
}
