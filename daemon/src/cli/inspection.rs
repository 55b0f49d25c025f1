//! What `isomirror inspect` tells of an image. Its JSON is part of the documented interface.

use std::path::Path;

use isomirror_core::{
    boot::Detection,
    image::{
        BootCatalog, BootEntry, BootMedia, BootPlatform, Format, Image, Kind, Timestamp, TreeFormat,
    },
    survey::{Survey, survey},
};
use serde::Serialize;

use super::detected::{Detected, Why};

/// Version of the JSON's shape. It grows when a field changes its meaning or goes; new fields do not count.
const SCHEMA: u32 = 1;

/// All that an image says of itself. Texts are as on the medium; what it does not state is null.
#[derive(Debug, Serialize)]
pub(super) struct Inspection {
    /// [`SCHEMA`].
    pub(super) schema: u32,
    /// The file or device; what is no UTF-8 in it is replaced by U+FFFD.
    pub(super) path: String,
    /// Label, as libblkid gives it.
    pub(super) label: Option<String>,
    /// UUID, as libblkid gives it.
    pub(super) uuid: Option<String>,
    /// `iso9660`, `iso9660-1999`, `joliet`, `rock-ridge`, `zisofs`, `el-torito`, `udf-1.02`, ...
    pub(super) formats: Vec<String>,
    /// The tree that is shown: `plain`, `iso9660-1999`, `joliet`, `rock-ridge` or `udf`.
    pub(super) tree: &'static str,
    /// Bytes that the descriptors claim; 0 where they claim nothing.
    pub(super) claimed_size: u64,
    /// Bytes that there are.
    pub(super) real_size: u64,
    /// System identifier.
    pub(super) system: Option<String>,
    /// Volume set identifier.
    pub(super) volume_set: Option<String>,
    /// Publisher.
    pub(super) publisher: Option<String>,
    /// Data preparer.
    pub(super) preparer: Option<String>,
    /// Application that wrote the medium.
    pub(super) application: Option<String>,
    /// RFC 3339, in UTC.
    pub(super) created: Option<String>,
    /// RFC 3339, in UTC.
    pub(super) modified: Option<String>,
    /// El Torito boot catalogue.
    pub(super) boot: Option<Boot>,
    /// What is on it and how it boots: `system`, `boot`, `obstacle` and `repositories` as in the state document.
    pub(super) detection: Detection,
    /// How that was found out; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<Why>,
    /// What is in the tree; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<Count>,
    /// What is wrong with the image. Empty for a sound one.
    pub(super) problems: Vec<String>,
}

/// A boot catalogue.
#[derive(Debug, Serialize)]
pub(super) struct Boot {
    /// Identification of the manufacturer.
    pub(super) id: Option<String>,
    /// Boot images, the default first.
    pub(super) entries: Vec<BootImage>,
}

/// A boot image.
#[derive(Debug, Serialize)]
pub(super) struct BootImage {
    /// `x86`, `powerpc`, `macintosh`, `efi` or the number as `0x..`.
    pub(super) platform: String,
    /// Whether it is marked bootable.
    pub(super) bootable: bool,
    /// `none`, `floppy`, `hard-disk` or the number as `0x..`.
    pub(super) emulation: String,
    /// Real-mode segment to load to; 0 means 0x7c0.
    pub(super) load_segment: u16,
    /// 512-byte sectors to load.
    pub(super) sectors: u16,
    /// Byte offset in the image.
    pub(super) offset: u64,
}

/// What is in a tree.
#[derive(Debug, Serialize)]
pub(super) struct Count {
    /// Regular files.
    pub(super) files: u64,
    /// Directories, the root included.
    pub(super) directories: u64,
    /// Symbolic links.
    pub(super) symlinks: u64,
    /// Symbolic links that lead out of the image.
    pub(super) escaping_symlinks: usize,
    /// Devices, pipes and sockets.
    pub(super) others: u64,
    /// Sum of the files' sizes.
    pub(super) bytes: u64,
    /// Records and objects that cannot be read.
    pub(super) damaged: u64,
    /// Whether everything was counted; not so in trees of more than a million names.
    pub(super) complete: bool,
}

impl Inspection {
    /// What `image`, opened from `path`, says of itself, and what was `detected` on it; where `counting`, with what is
    /// in its tree.
    pub(super) fn of(path: &Path, image: &Image, detected: Detected, counting: bool) -> Self {
        let volume = image.volume().clone();
        let mut problems = volume.problems;
        problems.extend(detected.gave_up.map(|reason| reason.to_string()));
        let count = counting.then(|| {
            let survey = survey(image);
            problems.extend(survey.problems.iter().cloned());
            Count::of(&survey)
        });
        Self {
            schema: SCHEMA,
            path: path.to_string_lossy().into_owned(),
            label: volume.label,
            uuid: volume.uuid,
            formats: volume.formats.into_iter().map(format_word).collect(),
            tree: tree_word(volume.tree),
            claimed_size: volume.claimed_size,
            real_size: volume.real_size,
            system: volume.system,
            volume_set: volume.volume_set,
            publisher: volume.publisher,
            preparer: volume.preparer,
            application: volume.application,
            created: volume.created.and_then(rfc3339),
            modified: volume.modified.and_then(rfc3339),
            boot: volume.boot.map(Boot::of),
            detection: detected.detection,
            why: detected.why,
            count,
            problems,
        }
    }
}

impl Boot {
    fn of(catalog: BootCatalog) -> Self {
        Self { id: catalog.id, entries: catalog.entries.iter().map(BootImage::of).collect() }
    }
}

impl BootImage {
    fn of(entry: &BootEntry) -> Self {
        let platform = match entry.platform {
            BootPlatform::X86 => "x86".to_owned(),
            BootPlatform::PowerPc => "powerpc".to_owned(),
            BootPlatform::Macintosh => "macintosh".to_owned(),
            BootPlatform::Efi => "efi".to_owned(),
            BootPlatform::Other(number) => format!("0x{number:02x}"),
        };
        let emulation = match entry.media {
            BootMedia::None => "none".to_owned(),
            BootMedia::Floppy => "floppy".to_owned(),
            BootMedia::HardDisk => "hard-disk".to_owned(),
            BootMedia::Other(number) => format!("0x{number:02x}"),
        };
        let BootEntry { bootable, load_segment, sectors, offset, .. } = *entry;
        Self { platform, bootable, emulation, load_segment, sectors, offset }
    }
}

impl Count {
    fn of(survey: &Survey) -> Self {
        Self {
            files: survey.files,
            directories: survey.directories,
            symlinks: survey.symlinks,
            escaping_symlinks: survey.escaping.len(),
            others: survey.others,
            bytes: survey.bytes,
            damaged: survey.damaged,
            complete: survey.complete,
        }
    }
}

fn format_word(format: Format) -> String {
    match format {
        Format::Iso9660 => "iso9660".to_owned(),
        Format::Iso9660Enhanced => "iso9660-1999".to_owned(),
        Format::Joliet => "joliet".to_owned(),
        Format::RockRidge => "rock-ridge".to_owned(),
        Format::Zisofs => "zisofs".to_owned(),
        Format::ElTorito => "el-torito".to_owned(),
        // Binary coded decimal: 0x0250 is 2.50.
        Format::Udf(revision) => format!("udf-{:x}.{:02x}", revision >> 8, revision & 0xff),
    }
}

fn tree_word(tree: TreeFormat) -> &'static str {
    match tree {
        TreeFormat::Plain => "plain",
        TreeFormat::Enhanced => "iso9660-1999",
        TreeFormat::Joliet => "joliet",
        TreeFormat::RockRidge => "rock-ridge",
        TreeFormat::Udf => "udf",
    }
}

/// The word for what an object is.
pub(super) fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Symlink => "symlink",
        Kind::CharacterDevice => "character-device",
        Kind::BlockDevice => "block-device",
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
    }
}

/// A moment in RFC 3339, to the second; `None` for one that lies outside of the years 0 to 9999.
pub(super) fn rfc3339(moment: Timestamp) -> Option<String> {
    let moment = jiff::Timestamp::from_second(moment.seconds).ok()?;
    let text = moment.to_string();
    (!text.starts_with('-')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_and_moments_are_written_as_the_standards_do() {
        assert_eq!(format_word(Format::Udf(0x0102)), "udf-1.02");
        assert_eq!(format_word(Format::Udf(0x0260)), "udf-2.60");
        let at = |seconds| rfc3339(Timestamp { seconds, nanoseconds: 5 });
        assert_eq!(at(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(at(1_700_000_000).as_deref(), Some("2023-11-14T22:13:20Z"));
        assert_eq!(at(i64::MAX), None);
        assert_eq!(at(-100_000_000_000), None);
    }
}
