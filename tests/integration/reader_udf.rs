//! The reader shows what a UDF volume holds, whoever wrote it, and of a bridge the tree that holds all.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::{FileExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use hadris_storage::{BlockSize, MemDevice};
use hadris_udf::UdfRevision;
use isomirror_core::image::{
    Content, Extent, ExtentData, Format, Image, Kind, OpenError, Timestamp, TreeFormat,
};
use isomirror_tests::{
    images::{
        iso9660::{bytes, genisoimage, set_modified, write},
        udf::{hadris, mkudffs, windows_like},
        udf_encoder::{
            self, MAIN_SEQUENCE, MODIFIED, Mapping, Object, PARTITION, Piece, SEQUENCE, Volume,
            components, compressed, entry, reseal,
        },
    },
    snapshot::{self, ImageFile, Snapshot},
};
use tempfile::TempDir;

fn open(path: &Path) -> Image {
    Image::open(ImageFile::open(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn open_bytes(image: Vec<u8>) -> Image {
    Image::open(Arc::new(image)).unwrap()
}

/// A temporary directory with an empty `source` in it.
fn directory() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let source = directory.path().join("source");
    fs::create_dir(&source).unwrap();
    (directory, source)
}

/// Files, links, odd modes, times and names: all that UDF writers store.
fn fill(source: &Path) {
    for (index, length) in [0, 1, 511, 2047, 2048, 2049, 300_000].into_iter().enumerate() {
        write(&source.join(format!("file {index}.bin")), &bytes(index as u64, length));
    }
    let mut deep = source.to_owned();
    for level in 0..12 {
        deep.push(format!("level {level}"));
        fs::create_dir(&deep).unwrap();
    }
    write(&deep.join("deep.txt"), b"deep");
    for name in ["straße.txt", "日本語.txt", "UPPER lower.TXT", ".hidden", "dots..."] {
        write(&source.join(name), name.as_bytes());
    }
    fs::create_dir(source.join("many")).unwrap();
    for index in 0..500 {
        write(&source.join(format!("many/package-{index:04}_1.2.3-4_amd64.deb")), b"x");
    }
    set_modified(&source.join("file 1.bin"), 1_000_000_007);
}

/// What genisoimage does not store in UDF; and it cuts names at their first character beyond 16 bits.
fn links(source: &Path) {
    write(&source.join("smile 😀.txt"), b"smile");
    fs::hard_link(source.join("file 3.bin"), source.join("hard link")).unwrap();
    for (name, target) in
        [("absolute", "/usr/share/x"), ("up", "../../up"), ("to", "many"), ("日", "./語")]
    {
        symlink(target, source.join(name)).unwrap();
    }
}

/// Compares object by object, so that a failure names what differs.
fn assert_same(found: &Snapshot, expected: &Snapshot, what: &str) {
    for (path, object) in expected {
        assert_eq!(found.get(path), Some(object), "{what}: `{path}`");
    }
    let surplus: Vec<_> = found.keys().filter(|path| !expected.contains_key(*path)).collect();
    assert_eq!(surplus, [""; 0], "{what}");
}

/// Names, kinds, sizes and contents only: bridges by genisoimage have no more in UDF.
fn bare(mut snapshot: Snapshot) -> Snapshot {
    for object in snapshot.values_mut() {
        (object.permissions, object.owners, object.links) = (0, (0, 0), 0);
        (object.modified, object.device) = (0, (0, 0));
    }
    snapshot
}

#[test]
fn a_filled_volume_shows_its_source_with_all_attributes() {
    let (directory, source) = directory();
    fill(&source);
    links(&source);
    let expected = snapshot::of_directory(&source);
    for (revision, number) in
        [(UdfRevision::V1_02, 0x0102), (UdfRevision::V1_50, 0x0150), (UdfRevision::V2_01, 0x0201)]
    {
        let path = directory.path().join(format!("{number:04x}.iso"));
        let image = open(&hadris(&source, &path, revision, "FILLED"));
        let volume = image.volume();
        assert_eq!(volume.label.as_deref(), Some("FILLED"));
        assert_eq!(volume.formats, [Format::Udf(number)]);
        assert_eq!(volume.tree, TreeFormat::Udf);
        assert_eq!(volume.problems, [""; 0]);
        assert_eq!(volume.claimed_size / 2048, volume.real_size / 2048 - 257);
        assert_same(&snapshot::of_image(&image), &expected, &format!("{number:#x}"));
    }
}

#[test]
fn a_bridge_shows_udf_unless_rock_ridge_holds_all_of_it() {
    let (directory, source) = directory();
    fill(&source);
    let plain = bare(snapshot::of_directory(&source));
    let udf = &["-udf", "-D", "-input-charset", "utf-8", "-V", "BRIDGE"][..];
    for (options, tree) in [
        (&[][..], TreeFormat::Udf),
        (&["-J", "-joliet-long"], TreeFormat::Udf),
        (&["-R"], TreeFormat::RockRidge),
        (&["-R", "-J", "-joliet-long"], TreeFormat::RockRidge),
    ] {
        let path = directory.path().join(format!("{}.iso", options.concat()));
        let image = open(&genisoimage(&source, &path, &[udf, options].concat()));
        assert_eq!(image.volume().tree, tree, "{options:?}");
        assert_eq!(image.volume().formats.first(), Some(&Format::Iso9660));
        assert_eq!(image.volume().formats.last(), Some(&Format::Udf(0x0102)));
        assert_eq!(image.volume().problems, [""; 0], "{options:?}");
        assert_same(&bare(snapshot::of_image(&image)), &plain, &format!("{options:?}"));
    }
}

#[test]
fn a_bridge_with_rock_ridge_keeps_its_links_and_modes() {
    let (directory, source) = directory();
    fill(&source);
    links(&source);
    fs::remove_file(source.join("smile 😀.txt")).unwrap();
    let options = &["-udf", "-R", "-D", "-input-charset", "utf-8"];
    let image = open(&genisoimage(&source, &directory.path().join("b.iso"), options));
    assert_eq!(image.volume().tree, TreeFormat::RockRidge);
    let mut expected = snapshot::of_directory(&source);
    let mut found = snapshot::of_image(&image);
    // genisoimage writes hard links as files of their own.
    for snapshot in [&mut expected, &mut found] {
        snapshot.values_mut().for_each(|object| object.links = 0);
    }
    assert_same(&found, &expected, "Rock Ridge");
}

#[test]
fn windows_media_show_udf_and_not_the_note() {
    let (directory, source) = directory();
    write(&source.join("readme.txt"), b"This disc contains a \"UDF\" file system.\r\n");
    fs::create_dir(source.join("sources")).unwrap();
    write(&source.join("sources/install.wim"), &bytes(1, 5_000_000));
    write(&source.join("setup.exe"), &bytes(2, 70_000));
    let path = windows_like(&source, &directory.path().join("w.iso"), &["sources", "setup.exe"]);
    let listed = Command::new("bsdtar").arg("-tf").arg(&path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout), ".\nREADME.TXT\n");
    let image = open(&path);
    assert_eq!(image.volume().tree, TreeFormat::Udf);
    assert_eq!(image.volume().label.as_deref(), Some("CCCOMA_X64FRE_EN-US_DV9"));
    let expected = bare(snapshot::of_directory(&source));
    assert_same(&bare(snapshot::of_image(&image)), &expected, "Windows");
}

#[test]
fn a_file_of_4500_mib_is_whole_where_iso_9660_cuts_it_short() {
    const SIZE: u64 = 4500 << 20;
    let (directory, source) = directory();
    let marks = [0, (1 << 30) - 4, 1 << 30, (1 << 32) - 4, 1 << 32, SIZE - 8];
    let file = File::create_new(source.join("install.wim")).unwrap();
    file.set_len(SIZE).unwrap();
    for mark in marks {
        file.write_all_at(&mark.to_le_bytes(), mark).unwrap();
    }
    let path = directory.path().join("big.iso");
    let mut writer = Command::new("genisoimage")
        .args(["-quiet", "-udf", "-R", "-iso-level", "3", "-allow-limited-size"])
        .arg(&source)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let sparse = Command::new("dd")
        .args(["conv=sparse", "bs=1M", "iflag=fullblock", "status=none"])
        .arg(format!("of={}", path.display()))
        .stdin(writer.stdout.take().unwrap())
        .status();
    assert!(sparse.unwrap().success() && writer.wait().unwrap().success());
    let image = open(&path);
    assert_eq!(image.volume().tree, TreeFormat::Udf);
    assert!(image.volume().formats.contains(&Format::RockRidge));
    let file = image.lookup(image.root(), b"install.wim").unwrap().unwrap();
    assert_eq!(image.node(file).unwrap().size, SIZE);
    let content = image.content(file).unwrap();
    let Content::Extents(extents) = &content else { panic!("{content:?}") };
    assert!(matches!(extents[..], [Extent { length: SIZE, data: ExtentData::Image(_) }]));
    for mark in marks {
        let mut found = [0; 8];
        image.read(&content, mark, &mut found).unwrap();
        let expected: Vec<_> = (mark..mark + 8).map(|at| byte_at(&marks, at)).collect();
        assert_eq!(found[..], expected, "at {mark}");
    }
    assert_eq!(image.read(&content, SIZE - 3, &mut [0; 8]).unwrap(), 3);
}

/// What was written at `at`: marks overlap, and a later one stays.
fn byte_at(marks: &[u64], at: u64) -> u8 {
    let mark = marks.iter().rev().find(|mark| (**mark..**mark + 8).contains(&at));
    mark.map_or(0, |mark| mark.to_le_bytes()[usize::try_from(at - mark).unwrap()])
}

#[test]
fn empty_volumes_of_all_media_are_read_and_write_once_media_refused() {
    let (directory, _) = directory();
    let mut index = 0;
    let mut make = |options: &[&str]| {
        index += 1;
        let options = [&["-l", "Empty"][..], options].concat();
        mkudffs(&directory.path().join(format!("{index}.img")), 16 << 20, &options)
    };
    for media in ["hd", "dvd", "dvdram", "dvdrw", "cdrw"] {
        for (revision, number) in [("1.50", 0x0150), ("2.00", 0x0200), ("2.01", 0x0201)] {
            let image = open(&make(&["-m", media, "-r", revision]));
            assert_eq!(image.volume().label.as_deref(), Some("Empty"), "{media} {revision}");
            assert_eq!(image.volume().formats, [Format::Udf(number)]);
            assert_eq!(image.volume().problems, [""; 0]);
            assert!(image.directory(image.root()).unwrap().len() <= 1, "{media} {revision}");
        }
    }
    for block_size in ["512", "1024", "2048", "4096"] {
        let image = open(&make(&["-b", block_size, "-r", "1.02"]));
        let root = image.node(image.root()).unwrap();
        assert_eq!((root.kind, root.permissions), (Kind::Directory, 0o755));
        assert_eq!(image.volume().formats, [Format::Udf(0x0102)]);
    }
    for (media, revision) in [("cdr", "1.50"), ("dvdr", "2.01"), ("bdr", "2.50"), ("bdr", "2.60")] {
        let image = ImageFile::open(&make(&["-m", media, "-r", revision]));
        let refused = Image::open(image).unwrap_err();
        assert!(
            matches!(refused, OpenError::Unsupported(what) if what.contains("write-once")),
            "{media}: {refused}"
        );
    }
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

/// A bridge whose ISO 9660 tree holds only `readme.txt`.
fn note_bridge(directory: &TempDir, source: &Path) -> Vec<u8> {
    write(&source.join("readme.txt"), b"note");
    write(&source.join("content"), b"content");
    let path = directory.path().join("note.iso");
    fs::read(windows_like(source, &path, &["content"])).unwrap()
}

#[test]
fn of_a_damaged_format_the_other_is_shown_and_it_is_told() {
    let (directory, source) = directory();
    let bridge = note_bridge(&directory, &source);
    let names = |image: &Image| {
        let root = image.directory(image.root()).unwrap();
        root.entries().map(|e| String::from_utf8_lossy(e.name).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&open_bytes(bridge.clone())), ["content", "readme.txt"]);

    let mut without_anchor = bridge.clone();
    let last = bridge.len() / 2048;
    for block in [256, last - 1, last - 257, 512] {
        if let Some(anchor) = without_anchor.get_mut(block * 2048..block * 2048 + 16) {
            anchor.fill(0);
        }
    }
    let image = open_bytes(without_anchor);
    assert_eq!(image.volume().tree, TreeFormat::Plain);
    assert_eq!(names(&image), ["readme.txt"]);
    assert_eq!(
        image.volume().problems,
        ["the UDF file system cannot be read: the UDF anchor at byte 524288 is damaged"]
    );

    let mut without_root = bridge;
    without_root[16 * 2048 + 156..16 * 2048 + 190].fill(0);
    let image = open_bytes(without_root);
    assert_eq!(image.volume().tree, TreeFormat::Udf);
    assert_eq!(names(&image), ["content", "readme.txt"]);
    assert_eq!(image.volume().problems.len(), 1, "{:?}", image.volume().problems);
}

#[test]
fn a_bridge_with_a_virtual_partition_shows_iso_9660_under_the_label_of_udf() {
    let (directory, source) = directory();
    let mut bridge = note_bridge(&directory, &source);
    let mut changed = 0;
    for block in 0..bridge.len() / 2048 {
        let structure = &mut bridge[block * 2048..(block + 1) * 2048];
        let is_logical = structure[..2] == [6, 0] && structure[12..16] == u32_le(block);
        if is_logical {
            structure[264..268].copy_from_slice(&64_u32.to_le_bytes());
            structure[440..442].copy_from_slice(&[2, 64]);
            structure[445..467].copy_from_slice(b"*UDF Virtual Partition");
            reseal(structure, 512 - 16);
            changed += 1;
        }
    }
    assert_eq!(changed, 2);
    let image = open_bytes(bridge);
    assert_eq!(image.volume().tree, TreeFormat::Plain);
    assert_eq!(image.volume().label.as_deref(), Some("CCCOMA_X64FRE_EN-US_DV9"));
    assert_eq!(image.volume().formats, [Format::Iso9660, Format::Udf(0x0102)]);
    let told = "the UDF file system cannot be read: a UDF virtual allocation table (write-once media) is not supported";
    assert_eq!(image.volume().problems, [told]);
}

fn u32_le(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_le_bytes()
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
        [format!("the image is truncated: {claimed} bytes are claimed, {cut} are there")]
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

#[test]
fn constants_of_the_encoder_fit() {
    assert!(MAIN_SEQUENCE + 2 * SEQUENCE <= PARTITION);
    assert_eq!(udf_encoder::components(".."), [3, 0, 0, 0]);
}
