//! ISO 9660 (ECMA-119) of levels 1 to 3, ISO 9660:1999, Joliet and Rock Ridge with zisofs.
//!
//! Names are shown as Linux shows them, so that a mount by the kernel and every other view of a volume agree.
//! Nothing here knows of UDF, nor of what a volume is called once it is published.

mod choice;
mod date;
mod descriptor;
mod directory;
mod id;
mod name;
mod object;
mod record;
mod rock_ridge;
mod sections;
mod symbolic_link;
mod system_use;
mod tree;

#[cfg(test)]
mod tests;

pub(super) use choice::recognise;
pub(super) use descriptor::PrimaryDescriptor;

use super::{BootCatalog, TreeFormat, image::Tree};

/// An ISO 9660 volume: what it says of itself, and its tree.
#[derive(Debug)]
pub(super) struct Iso9660 {
    /// The primary volume descriptor.
    pub(super) primary: PrimaryDescriptor,
    /// Volume identifier of the Joliet descriptor, UTF-16 in big-endian order.
    pub(super) joliet_volume_id: Option<[u8; 32]>,
    /// Whether there is an enhanced volume descriptor.
    pub(super) enhanced: bool,
    /// Whether the primary tree has Rock Ridge.
    pub(super) rock_ridge: bool,
    /// The boot catalogue.
    pub(super) boot: Option<BootCatalog>,
    /// Bytes that the primary descriptor claims.
    pub(super) claimed_size: u64,
    /// The tree that was chosen.
    pub(super) tree_format: TreeFormat,
    /// What is wrong, in phrases for [`super::Volume::problems`].
    pub(super) problems: Vec<String>,
    /// The way into the chosen tree.
    pub(super) tree: Box<dyn Tree>,
}
