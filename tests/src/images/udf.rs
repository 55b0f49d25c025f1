//! UDF images by mkudffs, genisoimage and hadris.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
};

use hadris_fs::host::{TreeOptions, read_tree};
use hadris_storage::{BlockSize, host::FileDevice};
use hadris_udf::{UdfId, UdfOptions, UdfRevision};

use super::iso9660::run;

/// Writes a filled volume of the tree below `source`, without devices and the like, which the writer does not store.
///
/// # Panics
/// Where the writer fails.
#[must_use]
pub fn hadris(source: &Path, image: &Path, revision: UdfRevision, label: &str) -> PathBuf {
    let (tree, skipped) = read_tree(source, &TreeOptions::new()).expect("the source is read");
    assert!(skipped.is_empty(), "{skipped:?}");
    let options = UdfOptions::new().with_id(UdfId::Volume, label).with_revision(revision);
    let size = hadris_udf::plan(&tree, &options).expect("the volume is laid out").size();
    create(image, size);
    let file = fs::OpenOptions::new().read(true).write(true).open(image);
    let block_size = BlockSize::new(2048).expect("a power of two");
    let device = FileDevice::with_block_size(file.expect("the image is opened"), block_size);
    let device = device.expect("the image is a device");
    hadris_udf::sync::write(device, &tree, &options).expect("the volume is written");
    image.to_owned()
}

/// Writes an empty volume of `size` bytes by mkudffs.
///
/// # Panics
/// Where mkudffs fails.
pub fn mkudffs(image: &Path, size: u64, options: &[&str]) -> PathBuf {
    create(image, size);
    let options = options.iter().map(OsStr::new);
    run("mkudffs", options.chain([image.as_os_str()]));
    image.to_owned()
}

fn create(image: &Path, size: u64) {
    let file = File::create_new(image).expect("the image is created");
    file.set_len(size).expect("the image gets its size");
}

/// What Windows is installed from: UDF holds all, ISO 9660 only `readme.txt`, which has to be below `source`. Every
/// name of the root but that is in `others`.
#[must_use]
pub fn windows_like(source: &Path, image: &Path, others: &[&str]) -> PathBuf {
    let mut options = vec!["-udf", "-V", "CCCOMA_X64FRE_EN-US_DV9"];
    for name in others {
        options.extend(["-hide", name]);
    }
    super::iso9660::genisoimage(source, image, &options)
}
