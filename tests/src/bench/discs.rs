//! Discs that differ in nothing but their label and the text of `label.txt`, which is the same.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::tool;

/// What stands for the label in a template, on the image and in `label.txt`.
const PLACEHOLDER: &[u8; LABEL_LENGTH] = b"PLACEHOLDER-";
/// Bytes of every label.
pub const LABEL_LENGTH: usize = 12;

/// Where the volume descriptors, with the label in them, have ended for sure (ECMA-119 8.1: they begin at sector 16).
const DESCRIPTORS_END: usize = 17 * 2048;

/// An image from which discs are stamped.
#[derive(Debug)]
pub struct Template {
    image: Vec<u8>,
    large: Vec<u8>,
}

impl Template {
    /// Makes one below `directory`, with a file `large` of `length` bytes that differs from that of any other `seed`.
    pub fn make(directory: &Path, length: usize, seed: u32) -> io::Result<Self> {
        let (tree, image) = (directory.join("template"), directory.join("template.iso"));
        fs::create_dir(&tree)?;
        fs::write(tree.join("label.txt"), PLACEHOLDER)?;
        let words = 0..u32::try_from(length / 4).unwrap_or(u32::MAX);
        let large: Vec<u8> = words
            .flat_map(|n| n.wrapping_mul(0x9E37_79B9).rotate_left(seed).to_le_bytes())
            .collect();
        fs::write(tree.join("large"), &large)?;
        tool::run("xorriso", |command| {
            command.args(["-as", "mkisofs", "-quiet", "-R", "-V", "PLACEHOLDER-", "-o"]);
            command.arg(&image).arg(&tree)
        })?;
        let bytes = fs::read(&image)?;
        fs::remove_file(image)?;
        fs::remove_dir_all(tree)?;
        Ok(Self { image: bytes, large })
    }

    /// The content of `large`.
    #[must_use]
    pub fn large(&self) -> &[u8] {
        &self.large
    }

    /// Writes the disc `label`, and what tells its content from that of another with this label, to `path`.
    ///
    /// # Panics
    /// Where the label or the text has not [`LABEL_LENGTH`] bytes.
    pub fn stamp(&self, path: &Path, label: &str, text: &str) -> io::Result<PathBuf> {
        assert_eq!((label.len(), text.len()), (LABEL_LENGTH, LABEL_LENGTH), "`{label}` `{text}`");
        let mut bytes = self.image.clone();
        let windows = bytes.windows(LABEL_LENGTH).enumerate();
        let places: Vec<_> =
            windows.filter(|(_, window)| *window == PLACEHOLDER).map(|(place, _)| place).collect();
        for place in places {
            let stamp = if place < DESCRIPTORS_END { label } else { text };
            bytes[place..place + LABEL_LENGTH].copy_from_slice(stamp.as_bytes());
        }
        fs::write(path, bytes)?;
        Ok(path.to_owned())
    }
}
