//! The reader shows what a UDF volume holds, however its partition is mapped and its contents are described.

use std::{collections::BTreeMap, sync::Arc};

use hadris_storage::{BlockSize, MemDevice};
use isomirror_core::image::{Content, Format, Image, Kind, Timestamp};
use isomirror_tests::images::{
    iso9660::bytes,
    udf_encoder::{
        MAIN_SEQUENCE, MODIFIED, Mapping, Object, PARTITION, Piece, Volume, components, compressed,
        entry, reseal,
    },
};

fn open_bytes(image: Vec<u8>) -> Image {
    Image::open(Arc::new(image)).unwrap()
}

/// What an object of a volume is, in full.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Directory,
    File(Vec<u8>),
    Link(String),
    Device(Kind, u32, u32),
}

fn see(image: &Image) -> BTreeMap<String, Seen> {
    let mut seen = BTreeMap::new();
    let mut pending = vec![(String::new(), image.root())];
    while let Some((path, id)) = pending.pop() {
        let node = image.node(id).unwrap();
        let what = match node.kind {
            Kind::Directory => {
                let directory = image.directory(id).unwrap();
                assert_eq!(directory.damaged(), 0, "`{path}`");
                for entry in directory.entries() {
                    let name = str::from_utf8(entry.name).unwrap();
                    pending.push((format!("{path}/{name}"), entry.id));
                    assert_eq!(image.node(entry.id).unwrap().kind, entry.kind, "{path}/{name}");
                }
                Seen::Directory
            }
            Kind::File => Seen::File(read_in_steps(image, &image.content(id).unwrap())),
            Kind::Symlink => Seen::Link(String::from_utf8(image.link_target(id).unwrap()).unwrap()),
            kind => Seen::Device(kind, node.device.0, node.device.1),
        };
        assert_eq!((node.permissions, node.owner, node.group), (0o751, 1000, 0), "`{path}`");
        assert_eq!(node.modified, Timestamp { seconds: MODIFIED, nanoseconds: 0 });
        seen.insert(path, what);
    }
    seen
}

/// Reads in steps of a length that divides nothing.
fn read_in_steps(image: &Image, content: &Content) -> Vec<u8> {
    let mut bytes = vec![];
    let mut buffer = [0; 1237];
    loop {
        match image.read(content, bytes.len() as u64, &mut buffer).unwrap() {
            0 => break,
            count => bytes.extend(&buffer[..count]),
        }
    }
    assert_eq!(bytes.len() as u64, content.size());
    bytes
}

fn volume(mapping: Mapping, block_size: usize) -> Volume {
    let block = |seed, blocks: usize| bytes(seed, blocks * block_size);
    let zeros = |blocks: usize| u32::try_from(blocks * block_size).unwrap();
    let many = (0..120).map(|index| {
        let name = format!("a name that makes directories longer {index:03}");
        entry(&name, Object::Embedded(name.clone().into_bytes()))
    });
    let pieces = (0..40).map(|seed| Piece::Recorded(block(seed, 1)));
    let mut hidden = entry("hidden", Object::Embedded(vec![]));
    hidden.characteristics = 1;
    let mut deleted = entry("deleted", Object::Embedded(vec![]));
    deleted.characteristics = 4;
    Volume {
        block_size,
        revision: 0x0250,
        mapping,
        long: false,
        descriptors_together: 7,
        label: "Größe 語".into(),
        root: vec![
            entry("embedded", Object::Embedded(bytes(1, 100))),
            entry("empty", Object::File(vec![])),
            hidden,
            entry("whole", Object::File(vec![Piece::Recorded(bytes(2, 200_001))])),
            deleted,
            entry(
                "holes",
                Object::File(vec![
                    Piece::Zeros(zeros(1), false),
                    Piece::Recorded(block(3, 2)),
                    Piece::Zeros(zeros(3), true),
                    Piece::Recorded(bytes(4, 77)),
                ]),
            ),
            entry("pieces", Object::File(pieces.collect())),
            entry("日本語", Object::Directory(vec![entry("straße", Object::Embedded(vec![7]))])),
            entry("many", Object::Directory(many.collect())),
            entry("link", Object::Link(components("/a/../b/./ü"))),
            entry("disk", Object::Device(true, 8, 17)),
            entry("null", Object::Device(false, 1, 3)),
        ],
    }
}

/// What the reader has to see of [`volume`].
fn expected(block_size: usize) -> BTreeMap<String, Seen> {
    let block = |seed, blocks: usize| bytes(seed, blocks * block_size);
    let holes = [vec![0; block_size], block(3, 2), vec![0; 3 * block_size], bytes(4, 77)];
    let mut seen = BTreeMap::from([
        (String::new(), Seen::Directory),
        ("/embedded".into(), Seen::File(bytes(1, 100))),
        ("/empty".into(), Seen::File(vec![])),
        ("/whole".into(), Seen::File(bytes(2, 200_001))),
        ("/holes".into(), Seen::File(holes.concat())),
        ("/pieces".into(), Seen::File((0..40).flat_map(|seed| block(seed, 1)).collect())),
        ("/日本語".into(), Seen::Directory),
        ("/日本語/straße".into(), Seen::File(vec![7])),
        ("/many".into(), Seen::Directory),
        ("/link".into(), Seen::Link("/a/../b/./ü".into())),
        ("/disk".into(), Seen::Device(Kind::BlockDevice, 8, 17)),
        ("/null".into(), Seen::Device(Kind::CharacterDevice, 1, 3)),
    ]);
    for index in 0..120 {
        let name = format!("a name that makes directories longer {index:03}");
        seen.insert(format!("/many/{name}"), Seen::File(name.into_bytes()));
    }
    seen
}

#[test]
fn every_mapping_block_size_and_form_of_descriptor_shows_the_same() {
    for mapping in [Mapping::Plain, Mapping::Sparable, Mapping::Metadata] {
        for block_size in [512, 1024, 2048, 4096] {
            for (revision, long) in
                [(0x0150, false), (0x0150, true), (0x0250, false), (0x0260, true)]
            {
                let what = format!("{mapping:?} {block_size} {revision:#x} {long}");
                let volume = Volume { revision, long, ..volume(mapping, block_size) };
                let image = open_bytes(volume.write());
                assert_eq!(image.volume().problems, [""; 0], "{what}");
                assert_eq!(image.volume().label.as_deref(), Some("Größe 語"), "{what}");
                assert_eq!(image.volume().formats, [Format::Udf(revision)], "{what}");
                assert_eq!(image.volume().uuid.as_deref(), Some("0123456789abcdef"), "{what}");
                assert_eq!(see(&image), expected(block_size), "{what}");
            }
        }
    }
}

/// What another reader sees of a volume, without devices.
fn see_by_hadris(image: Vec<u8>) -> BTreeMap<String, Seen> {
    let device = MemDevice::new(image, BlockSize::new(512).unwrap());
    let fs = hadris_udf::sync::UdfFs::mount(device, hadris_fs::MountOptions::new()).unwrap();
    let volume = hadris_fs::sync::Volume::new(fs);
    let mut seen = BTreeMap::from([(String::new(), Seen::Directory)]);
    let mut walk = volume.walk("/").unwrap();
    while let Some(entry) = walk.next_entry() {
        let path = String::from_utf8(entry.unwrap().into_path()).unwrap();
        let what = match volume.symlink_metadata(&path).unwrap().file_type() {
            hadris_fs::FileType::Dir => Seen::Directory,
            hadris_fs::FileType::File => Seen::File(volume.read(&path).unwrap()),
            hadris_fs::FileType::Symlink => {
                Seen::Link(String::from_utf8(volume.read_link(&path).unwrap()).unwrap())
            }
            _ => continue,
        };
        seen.insert(path, what);
    }
    seen
}

#[test]
fn another_reader_sees_the_same_on_plain_partitions() {
    for block_size in [512, 1024, 2048, 4096] {
        for (revision, long) in [(0x0102, false), (0x0201, true)] {
            let volume = Volume { revision, long, ..volume(Mapping::Plain, block_size) };
            let mut image = volume.write();
            image.resize(image.len().next_multiple_of(4096), 0);
            let mut found = see_by_hadris(image);
            // It shows what is hidden.
            assert_eq!(found.remove("/hidden"), Some(Seen::File(vec![])));
            let mut expected = expected(block_size);
            expected.retain(|_, seen| !matches!(seen, Seen::Device(..)));
            assert_eq!(found, expected, "{block_size} {revision:#x}");
        }
    }
}

#[test]
fn descriptions_of_the_volume_are_given() {
    let image = open_bytes(volume(Mapping::Plain, 2048).write());
    let volume = image.volume();
    let made = Some(Timestamp { seconds: MODIFIED, nanoseconds: 0 });
    assert_eq!(volume.volume_set.as_deref(), Some("0123456789ABCDEF a set"));
    assert_eq!(volume.application.as_deref(), Some("test writer"));
    assert_eq!((volume.created, volume.modified), (made, None));
    assert_eq!(volume.claimed_size, (volume.real_size / 2048 / 32 * 32 - 32 * 3) * 2048 + 2048);
}

#[test]
fn the_mirror_of_the_metadata_is_used_where_the_main_file_is_damaged() {
    for damaged in [PARTITION * 2048 + 216, (PARTITION + 8 + 256) * 2048 + 400] {
        let mut image = volume(Mapping::Metadata, 2048).write();
        image[damaged] ^= 1;
        let image = open_bytes(image);
        let told = "the UDF metadata file is damaged; its mirror is used";
        assert_eq!(image.volume().problems, [told]);
        assert_eq!(see(&image), expected(2048));
    }
}

#[test]
fn the_reserve_sequence_is_used_where_the_main_one_is_damaged() {
    let mut image = volume(Mapping::Sparable, 512).write();
    image[(MAIN_SEQUENCE + 1) * 512 + 30] ^= 1;
    let image = open_bytes(image);
    assert_eq!(image.volume().problems.len(), 1);
    assert!(image.volume().problems[0].contains("the reserve is used"));
    assert_eq!(see(&image), expected(512));
}

#[test]
fn the_last_anchor_is_used_where_the_first_is_damaged() {
    let mut image = volume(Mapping::Plain, 4096).write();
    image[256 * 4096] ^= 1;
    assert_eq!(see(&open_bytes(image)), expected(4096));
}

#[test]
fn what_leads_back_is_left_out_and_counted() {
    let mut image = volume(Mapping::Plain, 2048).write();
    // The entry `日本語`, third by its padding, becomes one of the root directory itself.
    let name = compressed("日本語");
    let at = image.windows(name.len()).position(|window| window == name).unwrap();
    let padding = [0, 32, 36].into_iter().find(|it| image[at - it - 38..].starts_with(&[1, 1]));
    let start = at - padding.unwrap() - 38;
    let length = (38 + padding.unwrap() + name.len()).next_multiple_of(4);
    image[start + 24..start + 28].copy_from_slice(&2_u32.to_le_bytes());
    reseal(&mut image[start..start + length], length - 16);
    let image = open_bytes(image);
    let root = image.directory(image.root()).unwrap();
    assert_eq!((root.len(), root.damaged()), (9, 1));
}

#[test]
fn a_truncated_image_says_so_and_gives_no_wrong_bytes() {
    let image = volume(Mapping::Plain, 2048).write();
    let whole = image.len();
    let cut = (PARTITION + 520) * 2048;
    let image = open_bytes(image[..cut].to_vec());
    let claimed = image.volume().claimed_size;
    assert!(claimed > cut as u64 && claimed < whole as u64);
    assert_eq!(
        image.volume().problems,
        [format!("the image ends at byte {cut}, its UDF volume at byte {claimed}: copy it again")]
    );
    let file = image.lookup(image.root(), b"whole").unwrap().unwrap();
    let content = image.content(file).unwrap();
    let mut start = vec![0; 8 * 2048];
    assert_eq!(image.read(&content, 0, &mut start).unwrap(), start.len());
    assert_eq!(start, bytes(2, 200_001)[..start.len()]);
    assert!(image.read(&content, 8 * 2048, &mut [0]).is_err());
}

#[test]
fn a_file_whose_descriptors_fall_short_is_an_error_and_not_zeros() {
    let mut image = volume(Mapping::Plain, 2048).write();
    let block = (0..image.len() / 2048).map(|block| block * 2048).find(|at| {
        image[*at..*at + 2] == [10, 1] && image[*at + 56..*at + 64] == 200_001_u64.to_le_bytes()
    });
    let entry = &mut image[block.unwrap()..][..2048];
    entry[56..64].copy_from_slice(&200_002_u64.to_le_bytes());
    let crc_length = usize::from(u16::from_le_bytes([entry[10], entry[11]]));
    reseal(entry, crc_length);
    let image = open_bytes(image);
    let file = image.lookup(image.root(), b"whole").unwrap().unwrap();
    assert!(image.content(file).unwrap_err().to_string().starts_with("the allocation descriptors"));
}
