//! Which drives there are, and what udev knows of each: from /sys and the udev database, without touching a device.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use isomirror_core::drive::{DeviceKind, DriveProperties, DriveSelection, UdevState};
use udev::{Device, Enumerator};

/// The socket of a running udevd.
const UDEV_CONTROL: &str = "/run/udev/control";

/// Which block devices are drives to look at. Partitions never are: they belong to the disk that they are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriveFilter {
    /// By what they are.
    Selection(DriveSelection),
    /// Just those with these kernel names (`loop3`), whatever they are: for tests, and for hardware that no selection
    /// takes.
    Named(BTreeSet<String>),
}

impl DriveFilter {
    /// Whether the device with this kernel name is looked at.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        match self {
            Self::Selection(selection) => selection.takes(DeviceKind::of(name)),
            Self::Named(names) => names.contains(name),
        }
    }

    /// Patterns of the names of all that is taken, and maybe of more; none where that may be anything.
    fn patterns(&self) -> Vec<&str> {
        match self {
            Self::Selection(DriveSelection::Optical) => vec!["sr*"],
            Self::Selection(DriveSelection::Any | DriveSelection::None) => Vec::new(),
            Self::Named(names) => names.iter().map(String::as_str).collect(),
        }
    }
}

/// One drive as it is listed.
#[derive(Clone, Debug)]
pub(super) struct ListedDrive {
    /// Name in the kernel: `sr0`.
    pub(super) name: String,
    /// Device node.
    pub(super) node: PathBuf,
    pub(super) kind: DeviceKind,
    pub(super) udev: UdevState,
    pub(super) properties: DriveProperties,
}

/// Lists the drives that `filter` takes.
///
/// # Errors
/// Where the devices cannot be enumerated at all.
pub(super) fn list(filter: &DriveFilter) -> io::Result<Vec<ListedDrive>> {
    let udev_runs = Path::new(UDEV_CONTROL).exists();
    let mut enumerator = Enumerator::new()?;
    enumerator.match_subsystem("block")?;
    // A machine may have thousands of other devices, and what was swapped must leave in milliseconds.
    for pattern in filter.patterns() {
        enumerator.match_sysname(pattern)?;
    }
    let devices = enumerator.scan_devices()?;
    Ok(devices.filter_map(|device| listed_drive(&device, filter, udev_runs)).collect())
}

fn listed_drive(device: &Device, filter: &DriveFilter, udev_runs: bool) -> Option<ListedDrive> {
    let name = device.sysname().to_str()?;
    let is_whole = device.devtype().is_some_and(|kind| kind == "disk");
    if !is_whole || !filter.takes(name) {
        return None;
    }
    let text = |value: &std::ffi::OsStr| value.to_string_lossy().into_owned();
    let properties = device
        .properties()
        .map(|property| (text(property.name()), text(property.value())))
        .collect();
    let udev = match (udev_runs, device.is_initialized()) {
        (false, _) => UdevState::Absent,
        (true, false) => UdevState::Pending,
        (true, true) => UdevState::Done,
    };
    let node = device.devnode()?.to_owned();
    Some(ListedDrive { name: name.to_owned(), node, kind: DeviceKind::of(name), udev, properties })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_devices_are_listed_with_their_nodes_and_only_those_that_are_wanted() {
        let entries = std::fs::read_dir("/sys/block").unwrap();
        let names: BTreeSet<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let listed = list(&DriveFilter::Named(names.clone())).unwrap();
        assert_eq!(listed.iter().map(|drive| drive.name.clone()).collect::<BTreeSet<_>>(), names);
        for drive in listed {
            assert!(drive.node.starts_with("/dev"), "{drive:?}");
            assert_eq!(drive.kind, DeviceKind::of(&drive.name));
        }
        assert_eq!(list(&DriveFilter::Selection(DriveSelection::None)).unwrap().len(), 0);
    }
}
