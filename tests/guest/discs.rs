//! Discs for drives.

use std::{
    fs,
    path::{Path, PathBuf},
};

use isomirror_tests::tool;

/// An image of 4 MiB with `label.txt`, which holds its label, and `filler`. Udev gives labels to no hybrid image under
/// 1.5 MB, and real discs are larger still.
pub(crate) fn make(directory: &Path, label: &str) -> PathBuf {
    let tree = directory.join(label);
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("label.txt"), label).unwrap();
    // No two bytes at one distance are alike by chance: a read from a wrong place shows.
    let filler: Vec<u8> =
        (0..4_u32 << 18).flat_map(|n| n.wrapping_mul(0x9E37_79B9).to_le_bytes()).collect();
    fs::write(tree.join("filler"), filler).unwrap();
    let image = directory.join(format!("{label}.iso"));
    tool::run("xorriso", |command| {
        command.args(["-as", "mkisofs", "-quiet", "-R", "-J", "-V", label, "-o"]);
        command.arg(&image).arg(&tree)
    })
    .unwrap();
    image
}
