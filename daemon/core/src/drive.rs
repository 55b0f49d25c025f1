//! What is in a drive, told from what udev knows of it.
//!
//! The properties of the udev database are read as a state, never as a sequence: the same medium is announced up to
//! four times, events are lost, and flags that live only in an event are not looked at. It must not name a medium:
//! labels come from the image reader, so that a disc and its file have the same one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Properties of a block device in the udev database (`udevadm info`): `DISKSEQ`, `ID_CDROM_MEDIA`, `ID_FS_TYPE`.
pub type DriveProperties = BTreeMap<String, String>;

/// Which drives are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DriveSelection {
    /// CD, DVD and Blu-ray drives.
    #[default]
    Optical,
    /// Also disks and sticks that hold an ISO 9660 or UDF file system (virtio-blk, USB).
    Any,
    /// No drive.
    None,
}

/// What a block device is, by its kernel name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// An optical drive (`sr0`).
    Optical,
    /// A disk or a stick (`vda`, `sdb`, `nvme0n1`).
    Disk,
    /// Built on other devices or files, or in memory: what is in it is the business of whoever made it.
    Virtual,
}

impl DeviceKind {
    /// The kind of the device with this kernel name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        const VIRTUAL: [&str; 9] =
            ["loop", "ram", "zram", "dm-", "md", "nbd", "drbd", "bcache", "fd"];
        let is_numbered = |prefix: &str| {
            name.strip_prefix(prefix).is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        if is_numbered("sr") {
            Self::Optical
        } else if VIRTUAL.iter().any(|prefix| is_numbered(prefix)) {
            Self::Virtual
        } else {
            Self::Disk
        }
    }
}

impl DriveSelection {
    /// Whether devices of this kind are looked at.
    #[must_use]
    pub fn takes(self, kind: DeviceKind) -> bool {
        match self {
            Self::None => false,
            Self::Optical => kind == DeviceKind::Optical,
            Self::Any => kind != DeviceKind::Virtual,
        }
    }
}

/// What is in a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriveMedium {
    /// Nothing.
    Empty,
    /// Something that is no image: a disk with another file system or partitions only.
    Foreign,
    /// A disc without a data track; the reason is a lower-case phrase.
    WithoutData(&'static str),
    /// Maybe something: udev has not looked at it yet.
    Announced,
    /// A medium that may hold an image.
    Present {
        /// DISKSEQ, see [`sequence`].
        sequence: Option<u64>,
    },
    /// Only the drive itself can tell: no udev runs here.
    Unknown,
}

/// How far udev got with a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdevState {
    /// No udev runs on this machine.
    Absent,
    /// It runs, and has not finished its rules for this device.
    Pending,
    /// The properties are those of its rules.
    Done,
}

/// What is in a drive of this kind. `SYSTEMD_READY` is of no use here: synthetic events clear it on empty drives.
#[must_use]
pub fn drive_medium(
    kind: DeviceKind,
    udev: UdevState,
    properties: &DriveProperties,
) -> DriveMedium {
    match (udev, kind) {
        (UdevState::Absent, _) => DriveMedium::Unknown,
        (UdevState::Pending, _) => DriveMedium::Announced,
        (UdevState::Done, DeviceKind::Optical) => optical_medium(properties),
        (UdevState::Done, DeviceKind::Disk | DeviceKind::Virtual) => disk_medium(properties),
    }
}

fn optical_medium(properties: &DriveProperties) -> DriveMedium {
    let is_set = |key: &str| properties.get(key).is_some_and(|value| value != "0");
    if !is_set("ID_CDROM_MEDIA") {
        DriveMedium::Empty
    } else if properties.get("ID_CDROM_MEDIA_STATE").is_some_and(|state| state == "blank") {
        DriveMedium::WithoutData("the disc is blank")
    } else if is_set("ID_CDROM_MEDIA_TRACK_COUNT_AUDIO")
        && !is_set("ID_CDROM_MEDIA_TRACK_COUNT_DATA")
    {
        DriveMedium::WithoutData("the disc has audio tracks only")
    } else {
        DriveMedium::Present { sequence: sequence(properties) }
    }
}

/// Partitions of a hybrid image are nodes of their own and never looked at, so that it is one medium.
fn disk_medium(properties: &DriveProperties) -> DriveMedium {
    match properties.get("ID_FS_TYPE").map(String::as_str) {
        Some("iso9660" | "udf") => DriveMedium::Present { sequence: sequence(properties) },
        _ => DriveMedium::Foreign,
    }
}

/// DISKSEQ of the medium that was in the drive when its properties were read; `None` before Linux 5.15. It is the
/// kernel's own, also where udev has not yet looked at that medium.
#[must_use]
pub fn sequence(properties: &DriveProperties) -> Option<u64> {
    properties.get("DISKSEQ").and_then(|text| text.parse().ok())
}

/// Whether the bytes from [`SIGNATURE_OFFSET`] on open with a volume recognition sequence (ECMA-119 8.1, ECMA-167
/// 2/9.1): how an image is known on a disk when udev has not told. `bytes` holds whole 2048-byte sectors.
#[must_use]
pub fn has_volume_signature(bytes: &[u8]) -> bool {
    bytes
        .chunks_exact(2048)
        .any(|sector| matches!(sector.get(1..6), Some(b"CD001" | b"NSR02" | b"NSR03")))
}

/// Byte offset of what [`has_volume_signature`] wants: sector 16.
pub const SIGNATURE_OFFSET: u64 = 32_768;

/// Bytes that [`has_volume_signature`] wants at most: the sequences of bridges are no longer.
pub const SIGNATURE_LENGTH: usize = 8 * 2048;

#[cfg(test)]
mod tests;
