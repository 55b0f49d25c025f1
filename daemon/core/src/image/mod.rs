//! Reading optical disc images: ISO 9660 with its extensions, UDF, and bridges of both.
//!
//! An [`Image`] answers questions about one medium through positional reads only. It never keeps a cursor, never
//! maps memory and never trusts a number that the medium states: every offset is checked, every loop bounded, and a
//! damaged record costs that record, not the volume.
//!
//! This module must not decide what is published, nor hide anything for policy's sake: it reports what is there.

mod bridge;
mod bytes;
mod cache;
mod content;
mod el_torito;
mod error;
#[cfg(test)]
pub(crate) mod fake_tree;
#[expect(clippy::module_inception, reason = "the file of the type that the module is about")]
mod image;
mod iso9660;
pub mod label;
mod node;
mod read_at;
mod recognise;
mod udf;
mod volume;
mod zisofs;

pub use content::{Content, Extent, ExtentData, Zisofs};
pub use error::{OpenError, ReadError};
pub use image::Image;
pub use node::{Directory, DirectoryBuilder, DirectoryEntry, Kind, Node, NodeId, Timestamp};
pub use read_at::ReadAt;
pub use volume::{BootCatalog, BootEntry, BootMedia, BootPlatform, Format, TreeFormat, Volume};
