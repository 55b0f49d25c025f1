//! Content to measure with: the same for us and for the peers.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::fs::Advice;
use tempfile::TempDir;

use crate::{scratch, tool};

/// Files in the image of many files.
pub const MANY_FILES: usize = 20_000;
/// Bytes of `large.bin`.
pub const LARGE: usize = 1 << 30;
/// Byte offset of the volume identifier (ECMA-119 8.4.7), which has 32 bytes.
const VOLUME_IDENTIFIER: usize = 16 * 2048 + 40;

/// A directory with all that is measured. It goes with the value.
#[derive(Debug)]
pub struct Samples {
    directory: TempDir,
}

impl Samples {
    /// An empty one.
    pub fn new() -> io::Result<Self> {
        Ok(Self { directory: scratch::directory()? })
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A new directory `name` in it.
    pub fn new_directory(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// An image of [`MANY_FILES`] small files in 200 directories.
    pub fn many_files(&self) -> io::Result<PathBuf> {
        let tree = self.path().join("many");
        if !tree.exists() {
            for number in 0..MANY_FILES {
                let directory = tree.join(format!("directory-{:03}", number % 200));
                fs::create_dir_all(&directory)?;
                fs::write(directory.join(format!("file-{number}.txt")), vec![b'x'; number % 2000])?;
            }
        }
        self.image(&tree, "MANY")
    }

    /// A directory with `small.bin` (1 KiB), `medium.bin` (1 MiB) and `large.bin` (1 GiB).
    pub fn sizes(&self) -> io::Result<PathBuf> {
        let tree = self.path().join("sizes");
        if !tree.exists() {
            fs::create_dir(&tree)?;
            for (name, length) in [("small", 1 << 10), ("medium", 1 << 20), ("large", LARGE)] {
                write_pattern(&tree.join(format!("{name}.bin")), length)?;
            }
        }
        Ok(tree)
    }

    /// An image of [`Self::sizes`].
    pub fn sizes_image(&self) -> io::Result<PathBuf> {
        let tree = self.sizes()?;
        self.image(&tree, "SIZES")
    }

    /// A directory of `count` images with labels of their own, none of them just written.
    pub fn many_images(&self, count: usize) -> io::Result<PathBuf> {
        let directory = self.path().join(format!("images-{count}"));
        if directory.exists() {
            return Ok(directory);
        }
        let tree = self.new_directory("one")?;
        write_pattern(&tree.join("content.bin"), 64 << 10)?;
        let mut image = fs::read(self.image(&tree, "ONE")?)?;
        fs::create_dir(&directory)?;
        let hour_ago = SystemTime::now() - Duration::from_hours(1);
        for number in 0..count {
            let label = format!("{:32}", many_images_name(number));
            image[VOLUME_IDENTIFIER..VOLUME_IDENTIFIER + 32].copy_from_slice(label.as_bytes());
            let mut file = File::create(directory.join(format!("{number}.iso")))?;
            file.write_all(&image)?;
            file.set_modified(hour_ago)?;
        }
        Ok(directory)
    }

    fn image(&self, tree: &Path, label: &str) -> io::Result<PathBuf> {
        let image = self.path().join(format!("{label}.iso"));
        if !image.exists() {
            tool::run("xorriso", |command| {
                command.args(["-as", "mkisofs", "-quiet", "-R", "-no-pad", "-V", label, "-o"]);
                command.arg(&image).arg(tree)
            })?;
        }
        Ok(image)
    }
}

/// The label and name of the image `number` of [`Samples::many_images`].
#[must_use]
pub fn many_images_name(number: usize) -> String {
    format!("IMAGE-{number:04}")
}

/// Drops what the kernel remembers of the file at `path`, so that the next reader has to fetch it.
pub fn make_cold(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    // Pages that are still to be written cannot be dropped.
    file.sync_all()?;
    Ok(rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?)
}

fn write_pattern(path: &Path, length: usize) -> io::Result<()> {
    let block: Vec<u8> =
        (0..1_u32 << 18).flat_map(|n| n.wrapping_mul(0x9E37_79B9).to_le_bytes()).collect();
    let mut file = File::create(path)?;
    let mut left = length;
    while left > 0 {
        let part = left.min(block.len());
        file.write_all(&block[..part])?;
        left -= part;
    }
    Ok(())
}
