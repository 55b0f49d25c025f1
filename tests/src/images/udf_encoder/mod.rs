//! UDF volumes that no tool here writes: filled ones with metadata and sparable partitions, any block size, embedded
//! files, holes, and descriptors that go on elsewhere. Written from ECMA-167 and UDF 2.60, and by none of the reader's code.

mod contents;
mod descriptors;
mod file_entry;
mod name;
mod structure;

pub use name::{components, compressed, entry};
pub use structure::{reseal, seal};

/// First block of the main volume descriptor sequence; the reserve follows after [`SEQUENCE`] blocks.
pub const MAIN_SEQUENCE: usize = 257;
/// Blocks of a volume descriptor sequence.
pub const SEQUENCE: usize = 16;
/// First block of the partition.
pub const PARTITION: usize = 320;
/// When everything was last changed.
pub const MODIFIED: i64 = 1_719_835_200;
/// [`MODIFIED`] in a zone two hours east of Greenwich.
const STAMP: [u8; 12] = [0x78, 0x10, 0xE8, 0x07, 7, 1, 14, 0, 0, 0, 0, 0];
/// Blocks for file entries and directories, half of them before the other half.
const METADATA: usize = 512;
/// Blocks of a packet.
const PACKET: usize = 32;
/// Blocks of the two sparing tables.
const SPARING_TABLES: [u32; 2] = [304, 312];
/// What a packet has that was moved away.
const WORN_OUT: u8 = 0xBD;

/// How the partition is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// Type 1.
    Plain,
    /// Sparable; the first packet of file entries and the first of file contents were moved.
    Sparable,
    /// Metadata; the metadata file lies in two parts, the second one first.
    Metadata,
}

/// A volume to write.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Bytes of a block.
    pub block_size: usize,
    /// UDF revision; from 0x0200 on, entries are extended ones.
    pub revision: u16,
    /// How the partition is mapped.
    pub mapping: Mapping,
    /// Whether descriptors are long even where short ones would do.
    pub long: bool,
    /// Descriptors that lie together before they go on elsewhere.
    pub descriptors_together: usize,
    /// Logical volume identifier.
    pub label: String,
    /// The root directory.
    pub root: Vec<Entry>,
}

/// A name and what it names.
#[derive(Clone, Debug)]
pub struct Entry {
    /// In OSTA compressed Unicode.
    pub name: Vec<u8>,
    /// 1 hidden, 4 deleted; what a directory and a parent need is added.
    pub characteristics: u8,
    /// What is named.
    pub object: Object,
}

/// An object.
#[derive(Clone, Debug)]
pub enum Object {
    /// A directory.
    Directory(Vec<Entry>),
    /// A file that is kept in its entry.
    Embedded(Vec<u8>),
    /// A file in pieces.
    File(Vec<Piece>),
    /// A link by its path components.
    Link(Vec<u8>),
    /// A device: whether it is a block device, and its numbers.
    Device(bool, u32, u32),
}

/// A run of a file's bytes; all but the last are whole blocks.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes that are there.
    Recorded(Vec<u8>),
    /// Zeros that are not, in allocated space or not.
    Zeros(u32, bool),
}
