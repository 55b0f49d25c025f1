//! The recorded events of a guest under QEMU, each asked as udev's state after it.

use super::*;

const VIRTIO_SCSI: &str = include_str!("fixtures/virtio-scsi.txt");
const UNPLUG_AND_SWAP: &str = include_str!("fixtures/unplug-and-swap.txt");
const AHCI: &str = include_str!("fixtures/ahci.txt");

/// The media that the events below a heading announce, in order. A line is `ACTION DEVICE KEY=VALUE…`; what has no
/// `=` belongs to the value before it.
fn media(fixture: &str, heading: &str) -> Vec<DriveMedium> {
    let events: Vec<&str> = fixture
        .lines()
        .skip_while(|line| !line.strip_prefix("# ").is_some_and(|title| title.starts_with(heading)))
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .collect();
    assert!(!events.is_empty(), "no events below `{heading}`");
    events.iter().map(|line| medium_of_event(line)).collect()
}

fn medium_of_event(line: &str) -> DriveMedium {
    let mut words = line.split_ascii_whitespace().skip(1);
    let kind = DeviceKind::of(words.next().expect("a device"));
    let properties = words
        .filter_map(|word| word.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    drive_medium(kind, UdevState::Done, &properties)
}

fn present(sequence: u64) -> DriveMedium {
    DriveMedium::Present { sequence: Some(sequence) }
}

#[test]
fn recorded_events_tell_what_is_in_the_drive() {
    let empty = DriveMedium::Empty;
    let cases = [
        // Announced four times, the first time with the sequence before the medium was looked at.
        (VIRTIO_SCSI, "A1", vec![present(18), present(19), present(19), present(19)]),
        // The last two events lack SYSTEMD_READY=0, and the drive is empty all the same.
        (VIRTIO_SCSI, "A2", vec![empty.clone(), empty.clone(), empty.clone(), empty.clone()]),
        (VIRTIO_SCSI, "B1", vec![present(22)]),
        (VIRTIO_SCSI, "C1", vec![empty.clone()]),
        (VIRTIO_SCSI, "C2", vec![present(24)]),
        (VIRTIO_SCSI, "C3", vec![empty.clone()]),
        (UNPLUG_AND_SWAP, "D1", vec![empty.clone(), empty.clone()]),
        (UNPLUG_AND_SWAP, "D2", vec![present(21)]),
        (UNPLUG_AND_SWAP, "D4", vec![present(23)]),
        (UNPLUG_AND_SWAP, "L3b", vec![present(24), present(25), present(25), present(25)]),
        (AHCI, "I1", vec![present(20), present(21)]),
        (AHCI, "I2 ", vec![empty.clone(), empty.clone()]),
        (AHCI, "I2b", vec![present(23), present(24)]),
        (AHCI, "I3b", vec![empty.clone()]),
        (AHCI, "F2", vec![empty]),
    ];
    for (fixture, heading, expected) in cases {
        assert_eq!(media(fixture, heading), expected, "{heading}");
    }
}

fn properties(pairs: &[(&str, &str)]) -> DriveProperties {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn discs_without_data_are_told_apart() {
    let disc = |pairs: &[_]| drive_medium(DeviceKind::Optical, UdevState::Done, &properties(pairs));
    let media = ("ID_CDROM_MEDIA", "1");
    assert_eq!(
        disc(&[media, ("ID_CDROM_MEDIA_TRACK_COUNT_AUDIO", "12")]),
        DriveMedium::WithoutData("the disc has audio tracks only")
    );
    assert_eq!(
        disc(&[
            media,
            ("ID_CDROM_MEDIA_TRACK_COUNT_AUDIO", "12"),
            ("ID_CDROM_MEDIA_TRACK_COUNT_DATA", "1"),
        ]),
        DriveMedium::Present { sequence: None }
    );
    assert_eq!(
        disc(&[media, ("ID_CDROM_MEDIA_STATE", "blank")]),
        DriveMedium::WithoutData("the disc is blank")
    );
}

#[test]
fn disks_count_only_with_an_image_from_their_first_byte_on() {
    let disk = |pairs: &[_]| drive_medium(DeviceKind::Disk, UdevState::Done, &properties(pairs));
    assert_eq!(disk(&[("ID_FS_TYPE", "iso9660"), ("DISKSEQ", "7")]), present(7));
    assert_eq!(disk(&[("ID_FS_TYPE", "udf"), ("DISKSEQ", "8")]), present(8));
    assert_eq!(disk(&[("ID_FS_TYPE", "ext4"), ("DISKSEQ", "9")]), DriveMedium::Foreign);
    assert_eq!(disk(&[("ID_PART_TABLE_TYPE", "gpt")]), DriveMedium::Foreign);
}

#[test]
fn nothing_is_concluded_from_properties_that_udev_has_not_written() {
    let media = properties(&[("ID_CDROM_MEDIA", "1"), ("DISKSEQ", "3")]);
    let state = |udev| drive_medium(DeviceKind::Optical, udev, &media);
    assert_eq!(state(UdevState::Pending), DriveMedium::Announced);
    assert_eq!(state(UdevState::Absent), DriveMedium::Unknown);
}

#[test]
fn the_selection_takes_drives_by_their_kind() {
    let kinds = [
        ("sr0", DeviceKind::Optical),
        ("sr12", DeviceKind::Optical),
        ("srx", DeviceKind::Disk),
        ("vda", DeviceKind::Disk),
        ("sdb", DeviceKind::Disk),
        ("nvme0n1", DeviceKind::Disk),
        ("loop7", DeviceKind::Virtual),
        ("dm-0", DeviceKind::Virtual),
        ("md127", DeviceKind::Virtual),
        ("zram0", DeviceKind::Virtual),
    ];
    for (name, kind) in kinds {
        assert_eq!(DeviceKind::of(name), kind, "{name}");
    }
    let takes = |selection: DriveSelection| {
        [DeviceKind::Optical, DeviceKind::Disk, DeviceKind::Virtual]
            .map(|kind| selection.takes(kind))
    };
    assert_eq!(takes(DriveSelection::Optical), [true, false, false]);
    assert_eq!(takes(DriveSelection::Any), [true, true, false]);
    assert_eq!(takes(DriveSelection::None), [false, false, false]);
}

#[test]
fn selections_are_written_in_lower_case() {
    assert_eq!(serde_json::from_str::<DriveSelection>("\"any\"").unwrap(), DriveSelection::Any);
    assert_eq!(serde_json::to_string(&DriveSelection::Optical).unwrap(), "\"optical\"");
    assert!(serde_json::from_str::<DriveSelection>("\"Any\"").is_err());
}

#[test]
fn a_volume_is_known_by_its_recognition_sequence() {
    let sector = |id: &[u8; 5]| {
        let mut sector = vec![0; 2048];
        sector[1..6].copy_from_slice(id);
        sector
    };
    assert!(has_volume_signature(&sector(b"CD001")));
    assert!(has_volume_signature(&[sector(b"BEA01"), sector(b"NSR03"), sector(b"TEA01")].concat()));
    assert!(!has_volume_signature(&sector(b"BEA01")));
    assert!(!has_volume_signature(&[0; SIGNATURE_LENGTH]));
    assert!(!has_volume_signature(b"\0CD001"), "a sector that is cut short");
}
