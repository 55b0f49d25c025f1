//! The reader shows what a UDF volume holds, whoever wrote it, and of a bridge the tree that holds all.

use std::{
    fs::{self, File},
    os::unix::fs::{FileExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use hadris_udf::UdfRevision;
use isomirror_core::image::{
    Content, Extent, ExtentData, Format, Image, Kind, OpenError, TreeFormat,
};
use isomirror_tests::{
    images::{
        iso9660::{bytes, genisoimage, set_modified, write},
        udf::{hadris, mkudffs, windows_like},
        udf_encoder::reseal,
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
        for object in snapshot.values_mut() {
            object.links = 0;
        }
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
