//! Looks into one drive: is there a medium, and is it still the one that was there before?
//!
//! It asks the drive, which may take as long as it likes, or never answer. A drive is only ever opened without
//! blocking, so that its tray stays as it is.

use std::{io, os::fd::AsFd, sync::Arc, time::Duration};

use isomirror_core::{
    drive::{
        DeviceKind, DriveMedium, SIGNATURE_LENGTH, SIGNATURE_OFFSET, drive_medium,
        has_volume_signature, sequence,
    },
    image::ReadAt,
    medium::{Identity, IdentityKey},
};
use nix::libc;

use super::drive_list::ListedDrive;
use crate::sys::{
    cdrom::{DiscStatus, DriveStatus, disc_status, drive_status},
    medium_file::{MediumFile, OpenMediumError},
};

/// A forced eject makes no event, so a drive with a disc is asked for its state this often. Drives without one are left
/// alone.
const STATUS_INTERVAL: Duration = Duration::from_secs(4);

/// What one look found.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) found: Found,
    pub(super) next: Next,
}

/// When a drive is to be looked into again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// When an event comes.
    Event,
    /// At the latest after this time.
    Look(Duration),
    /// After the drives have been listed once more: the drive or udev has not come to rest.
    List,
}

/// What is in the drive.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Nothing,
    Medium(Arc<MediumFile>),
    /// A medium that is withheld; nothing of it is held open.
    Withheld(IdentityKey),
    /// Something that cannot be read yet, and why.
    NotYet(&'static str),
    /// Something that cannot be read, with the drive and what to do.
    Unreadable(String),
}

impl Found {
    /// The medium, if there is one and it can be read.
    pub(super) fn key(&self) -> Option<IdentityKey> {
        match self {
            Self::Medium(file) => Some(file.key()),
            Self::Withheld(key) => Some(*key),
            Self::Nothing | Self::NotYet(_) | Self::Unreadable(_) => None,
        }
    }
}

impl Look {
    fn of(found: Found) -> Self {
        Self { found, next: Next::Event }
    }

    fn unsettled(found: Found) -> Self {
        Self { found, next: Next::List }
    }
}

/// Looks into `drive`. `held` is the medium that it had at the last look; with `impatient`, it has not come to rest
/// for so long that the drive itself is believed, whatever udev says.
pub(super) fn look(drive: &ListedDrive, held: Option<&Arc<MediumFile>>, impatient: bool) -> Look {
    let sequence = sequence(&drive.properties).filter(|_| !impatient);
    match drive_medium(drive.kind, drive.udev, &drive.properties) {
        DriveMedium::Empty | DriveMedium::Foreign => Look::of(Found::Nothing),
        DriveMedium::WithoutData(reason) => Look::of(without_data(drive, reason)),
        DriveMedium::Announced if !impatient && held.is_none() => Look::unsettled(Found::Nothing),
        DriveMedium::Present { .. } => look_at_medium(drive, held, sequence),
        DriveMedium::Announced | DriveMedium::Unknown => {
            without_udev(drive, held, look_at_medium(drive, held, sequence))
        }
    }
}

fn look_at_medium(
    drive: &ListedDrive,
    held: Option<&Arc<MediumFile>>,
    listed_sequence: Option<u64>,
) -> Look {
    let file = match held.filter(|file| is_still_in(file, listed_sequence)) {
        Some(file) => Arc::clone(file),
        None => match MediumFile::open_drive(&drive.node) {
            Ok(file) => Arc::new(file),
            Err(error) => return Look::of(not_opened(drive, &error)),
        },
    };
    match state_of(drive, &file) {
        Ok(DriveStatus::NoDisc | DriveStatus::TrayOpen) => return Look::of(Found::Nothing),
        // It spins up, or begins to open: the disc is still the one that it was.
        Ok(DriveStatus::NotReady) if held.is_some_and(|held| Arc::ptr_eq(held, &file)) => {
            return Look::unsettled(Found::Medium(file));
        }
        Ok(DriveStatus::NotReady) => {
            return Look::unsettled(Found::NotYet("the drive is not ready yet"));
        }
        Ok(DriveStatus::DiscOk | DriveStatus::Untold) => {}
        Err(error) if is_gone(&error) => return Look::of(Found::Nothing),
        Err(error) => return Look::of(failed(drive, &error)),
    }
    if file.size() == 0 {
        return Look::of(Found::Nothing);
    }
    if !is_still_in(&file, listed_sequence) {
        return Look::unsettled(Found::NotYet("the medium has just been changed"));
    }
    let is_optical = drive.kind == DeviceKind::Optical;
    let next = if is_optical { Next::Look(STATUS_INTERVAL) } else { Next::Event };
    Look { found: Found::Medium(file), next }
}

/// Whether this medium is the one that the drive has now. The descriptor of a drive that was unplugged goes on to
/// tell its old sequence, so the listed one has to agree.
fn is_still_in(file: &MediumFile, listed_sequence: Option<u64>) -> bool {
    let Identity::Disc { sequence, .. } = file.identity() else { return false };
    listed_sequence.is_none_or(|listed| listed == sequence) && file.is_unchanged().unwrap_or(false)
}

fn state_of(drive: &ListedDrive, file: &MediumFile) -> io::Result<DriveStatus> {
    if drive.kind != DeviceKind::Optical {
        return Ok(DriveStatus::Untold);
    }
    drive_status(file.as_fd())
}

/// What udev would have told of what was found: a disc has data, and a disk opens like a volume. What was an image at
/// the last look still is.
fn without_udev(drive: &ListedDrive, held: Option<&Arc<MediumFile>>, look: Look) -> Look {
    let is_optical = drive.kind == DeviceKind::Optical;
    match &look.found {
        Found::Medium(file) if held.is_some_and(|held| Arc::ptr_eq(held, file)) => look,
        Found::Medium(file) if is_optical && is_audio(file) => {
            Look::of(without_data(drive, "the disc has audio tracks only"))
        }
        Found::Medium(file) if !is_optical && !has_volume(file) => Look::of(Found::Nothing),
        // A disk that cannot be read may be anything; only drives are sure to be ours.
        Found::NotYet(_) | Found::Unreadable(_) if !is_optical => Look::of(Found::Nothing),
        _ => look,
    }
}

fn is_audio(file: &MediumFile) -> bool {
    matches!(disc_status(file.as_fd()), Ok(DiscStatus::Audio))
}

fn has_volume(file: &MediumFile) -> bool {
    let wanted = (SIGNATURE_LENGTH as u64).min(file.size().saturating_sub(SIGNATURE_OFFSET));
    let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(0)];
    file.read_exact_at(&mut bytes, SIGNATURE_OFFSET).is_ok() && has_volume_signature(&bytes)
}

fn without_data(drive: &ListedDrive, reason: &str) -> Found {
    Found::Unreadable(format!(
        "`{}` cannot be published, {reason}: put another disc in",
        drive.node.display()
    ))
}

fn not_opened(drive: &ListedDrive, error: &OpenMediumError) -> Found {
    match error {
        OpenMediumError::Open { source, .. } | OpenMediumError::Inspect { source, .. } => {
            if is_gone(source) { Found::Nothing } else { failed(drive, source) }
        }
        OpenMediumError::WrongType { .. } => Found::Unreadable(error.to_string()),
    }
}

fn failed(drive: &ListedDrive, error: &io::Error) -> Found {
    let node = drive.node.display();
    Found::Unreadable(match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => {
            format!("`{node}` cannot be opened: give isomirrord permission to read it")
        }
        Some(libc::EMFILE) => format!(
            "`{node}` cannot be opened, too many files are open: raise LimitNOFILE of isomirrord"
        ),
        _ => format!("`{node}` cannot be read: {error}: eject the medium and put it in again"),
    })
}

/// Whether the error says that medium or drive went away.
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOMEDIUM | libc::ENXIO | libc::ENODEV | libc::ENOENT)
    )
}
