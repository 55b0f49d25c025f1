//! What a medium says of itself.

use super::Timestamp;

/// A file system format that was found on a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// ECMA-119.
    Iso9660,
    /// ISO 9660:1999, the enhanced volume descriptor.
    Iso9660Enhanced,
    /// Unicode names in a tree of their own.
    Joliet,
    /// POSIX names and attributes in the ISO 9660 tree.
    RockRidge,
    /// Files that are stored compressed; found only where a file was looked at.
    Zisofs,
    /// A boot catalogue.
    ElTorito,
    /// UDF, with its revision in hexadecimal as the standard writes it: 0x0102, 0x0150, 0x0201, 0x0250, 0x0260.
    Udf(u16),
}

/// Which of a medium's trees is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TreeFormat {
    /// ISO 9660 names as Linux shows them: lower case, without version.
    Plain,
    /// The tree of the enhanced volume descriptor.
    Enhanced,
    /// The Joliet tree.
    Joliet,
    /// The ISO 9660 tree with Rock Ridge names and attributes.
    RockRidge,
    /// The UDF tree.
    Udf,
}

/// All that a medium says of itself, read when it is opened.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Label as libblkid gives it, not made safe for anything; `None` where there is none or only blanks.
    pub label: Option<String>,
    /// UUID as libblkid gives it. Not unique: two images made in the same second share it.
    pub uuid: Option<String>,
    /// Formats found, in the order ISO 9660, enhanced, Joliet, Rock Ridge, zisofs, El Torito, UDF.
    pub formats: Vec<Format>,
    /// The tree that is read.
    pub tree: TreeFormat,
    /// Bytes that the descriptors claim; 0 where they claim nothing.
    pub claimed_size: u64,
    /// Bytes that the source has.
    pub real_size: u64,
    /// System identifier.
    pub system: Option<String>,
    /// Volume set identifier.
    pub volume_set: Option<String>,
    /// Publisher.
    pub publisher: Option<String>,
    /// Data preparer.
    pub preparer: Option<String>,
    /// Application that wrote the medium.
    pub application: Option<String>,
    /// When the volume was made.
    pub created: Option<Timestamp>,
    /// When the volume was last changed.
    pub modified: Option<Timestamp>,
    /// The El Torito boot catalogue.
    pub boot: Option<BootCatalog>,
    /// What is wrong with the medium, each a lower-case phrase that names the structure. Empty for a sound one.
    pub problems: Vec<String>,
}

/// The El Torito boot catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootCatalog {
    /// Identification of the manufacturer in the validation entry.
    pub id: Option<String>,
    /// Entries in the order of the catalogue, the default first.
    pub entries: Vec<BootEntry>,
}

/// One boot image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootEntry {
    /// Firmware that it is for.
    pub platform: BootPlatform,
    /// Whether it is marked bootable.
    pub bootable: bool,
    /// What the firmware shows it as.
    pub media: BootMedia,
    /// Real-mode segment to load to; 0 means 0x7c0.
    pub load_segment: u16,
    /// 512-byte sectors to load.
    pub sectors: u16,
    /// Byte offset of the boot image in the medium.
    pub offset: u64,
}

/// Platform id of El Torito.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootPlatform {
    /// 0x00: BIOS.
    X86,
    /// 0x01: PowerPC.
    PowerPc,
    /// 0x02: Macintosh.
    Macintosh,
    /// 0xEF: EFI.
    Efi,
    /// Anything else.
    Other(u8),
}

/// Emulation of a boot image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootMedia {
    /// No emulation.
    None,
    /// A floppy of 1.2, 1.44 or 2.88 MB.
    Floppy,
    /// A hard disk.
    HardDisk,
    /// Anything else.
    Other(u8),
}
