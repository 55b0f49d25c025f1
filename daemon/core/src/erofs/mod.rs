//! Writes EROFS images that hold a tree's metadata only: the files' bytes stay in the medium, to which the image
//! refers as an extra device. So a kernel that knows EROFS serves a tree whose format it does not know.
//!
//! The format is that of `fs/erofs/erofs_fs.h` in Linux: chunk-based inodes and a device table, both known since
//! Linux 5.16. What is written is ours alone: nothing of the medium's own structures reaches the kernel.
//!
//! Nothing here opens or mounts anything. Bytes that the medium does not have are never made up: they become
//! extents that no kernel can read.

mod directory;
mod encode;
mod format;
mod pieces;
#[cfg(test)]
mod read_back;
#[cfg(test)]
mod tests;
mod tree;

pub use encode::{EncodeError, Encoded, encode};
