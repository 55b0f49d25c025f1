//! Labels and UUIDs are those that blkid gives, so that a disc and its image file are called the same.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
};

use isomirror_core::image::{Image, label::decode_udev};
use isomirror_tests::{
    corrupt::Random,
    images::{
        iso9660::{genisoimage, write, xorriso},
        udf::{hadris, mkudffs},
        udf_encoder::{Mapping, Volume, compressed, reseal},
    },
    snapshot::ImageFile,
};
use tempfile::TempDir;

/// Sector of the primary volume descriptor, and of the Joliet one where there is no boot record.
const PRIMARY: u64 = 16 * 2048;
const JOLIET: u64 = 17 * 2048;

/// What writes an image of a directory with some options.
type Tool = fn(&Path, &Path, &[&str]) -> PathBuf;

/// Label and UUID of an image.
type Names = (Option<String>, Option<String>);

/// What blkid says of an image, as udev would hand it on.
fn by_blkid(path: &Path) -> Names {
    let output = Command::new("blkid").args(["-p", "-o", "udev"]).arg(path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let values: HashMap<_, _> = said.lines().filter_map(|line| line.split_once('=')).collect();
    let value = |name| values.get(name).map(|value| decode_udev(value));
    (value("ID_FS_LABEL_ENC"), value("ID_FS_UUID_ENC"))
}

fn by_us(path: &Path) -> Names {
    let image = Image::open(ImageFile::open(path)).unwrap();
    (image.volume().label.clone(), image.volume().uuid.clone())
}

fn assert_agreed(path: &Path, what: &str) -> Names {
    let names = by_us(path);
    assert_eq!(names, by_blkid(path), "{what}");
    names
}

/// A directory, and in it one with a file to make images of.
fn directory() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let source = directory.path().join("source");
    fs::create_dir(&source).unwrap();
    write(&source.join("file"), b"content");
    (directory, source)
}

#[test]
fn iso_9660_images_are_called_as_blkid_calls_them() {
    let (directory, source) = directory();
    let mut index = 0;
    for label in [
        "PLAIN",
        "Rocky-9-2-x86_64-dvd",
        "LONG_LABEL_OF_THE_PRIMARY_32CHAR",
        "Long label of the primary, 32 ch",
        "../../etc",
        "/",
        ".",
        "..",
        "%2e%2e%2f",
        "<script>",
        "a/b",
        "  lead and trail  ",
        "tab\tand\x1bescape",
        "quote\"'$(id)&*\\",
        "straße",
        "日本語",
        "日本語日本語",
        "x",
    ] {
        for options in [&[][..], &["-J"], &["-R"], &["-R", "-J", "-joliet-long"]] {
            let options = [&["-input-charset", "utf-8", "-V", label], options].concat();
            let tools: [(&str, Tool); 2] = [("genisoimage", genisoimage), ("xorriso", xorriso)];
            for (name, tool) in tools {
                index += 1;
                let path = directory.path().join(format!("{index}.iso"));
                tool(&source, &path, &options);
                assert_agreed(&path, &format!("{name} {options:?}"));
                fs::remove_file(&path).unwrap();
            }
        }
    }
}

#[test]
fn known_labels_come_out_as_they_were_asked_for() {
    let (directory, source) = directory();
    for (label, options, expected) in [
        ("Rocky-9-2-x86_64-dvd", &["-J"][..], "Rocky-9-2-x86_64-dvd"),
        ("LONG_LABEL_OF_THE_PRIMARY_32CHAR", &["-J"], "LONG_LABEL_OF_THE_PRIMARY_32CHAR"),
        ("UBUNTU 24.04", &["-R"], "UBUNTU 24.04"),
        ("BRIDGE", &["-udf", "-J"], "BRIDGE"),
    ] {
        let path = directory.path().join("known.iso");
        genisoimage(&source, &path, &[&["-V", label], options].concat());
        assert_eq!(assert_agreed(&path, label).0.as_deref(), Some(expected));
        fs::remove_file(path).unwrap();
    }
}

/// An image with a label in both descriptors, to be changed in place.
fn with_joliet(directory: &TempDir, source: &Path) -> PathBuf {
    let path = genisoimage(source, &directory.path().join("joliet.iso"), &["-J", "-V", "LABEL"]);
    let file = OpenOptions::new().read(true).open(&path).unwrap();
    let mut kinds = [0; 2];
    file.read_exact_at(&mut kinds[..1], PRIMARY).unwrap();
    file.read_exact_at(&mut kinds[1..], JOLIET).unwrap();
    assert_eq!(kinds, [1, 2]);
    path
}

#[test]
fn any_pair_of_identifiers_is_merged_as_blkid_merges_it() {
    let (directory, source) = directory();
    let path = with_joliet(&directory, &source);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let mut random = Random::new(1);
    let mut labels = std::collections::HashSet::new();
    for index in 0..400 {
        let (primary, joliet) = identifiers(&mut random);
        file.write_all_at(&primary, PRIMARY + 40).unwrap();
        file.write_all_at(&joliet, JOLIET + 40).unwrap();
        let (ours, theirs) = (by_us(&path), by_blkid(&path));
        let what = format!("{index}: {primary:x?} {joliet:x?}");
        if theirs.0.is_some() {
            assert_eq!(ours, theirs, "{what}");
        } else {
            // A blank Joliet identifier yields to the primary one here.
            file.write_all_at(&[0xFF], JOLIET).unwrap();
            assert_eq!(ours.0, by_blkid(&path).0, "{what}");
            file.write_all_at(&[2], JOLIET).unwrap();
        }
        labels.insert(ours.0);
    }
    assert!(labels.len() > 200, "{}", labels.len());
}

/// Two identifiers that often agree in part.
fn identifiers(random: &mut Random) -> ([u8; 32], [u8; 32]) {
    const PRIMARY: &[u8] = b"AAbb__12 -\0\xC9\t";
    const JOLIET: &[u16] =
        &[0x41, 0x61, 0x42, 0x5F, 0x20, 0, 0xE9, 0x65E5, 0xD83D, 0xDE00, 0x9, 0xFFFD];
    let mut primary = [b' '; 32];
    let mut joliet = [0, b' '].repeat(16);
    let odd = [2, 10, 40][random.below(3)];
    let agreeing = random.below(17);
    let length = random.below(33);
    for place in &mut primary[..length] {
        let likely = random.below(odd) > 0;
        *place = PRIMARY[random.below(if likely { 8 } else { PRIMARY.len() })];
    }
    for (index, unit) in joliet.chunks_exact_mut(2).enumerate().take(random.below(17)) {
        let same = u16::from(primary[index]);
        let value = match () {
            () if index < agreeing && random.below(odd) > 0 => same,
            () => JOLIET[random.below(JOLIET.len())],
        };
        unit.copy_from_slice(&value.to_be_bytes());
    }
    (primary, joliet.try_into().unwrap())
}

#[test]
fn dates_are_uuids_as_blkid_has_them_unless_they_are_no_dates() {
    let (directory, source) = directory();
    let path = with_joliet(&directory, &source);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let set = |created: &[u8; 17], modified: &[u8; 17]| {
        file.write_all_at(created, PRIMARY + 813).unwrap();
        file.write_all_at(modified, PRIMARY + 830).unwrap();
    };
    let (date, other) = (b"2026112008002917\x04", b"2020010203040506\0");
    let unset = b"0000000000000000\0";
    for (created, modified) in
        [(date, other), (other, unset), (unset, unset), (date, b"0000000000000000\x04")]
    {
        set(created, modified);
        assert_agreed(&path, &format!("{created:?} {modified:?}"));
    }
    // libblkid takes these for dates, and falls back to nothing.
    for blank in [&[0; 17], &[b' '; 17]] {
        set(date, blank);
        assert_eq!(by_us(&path).1.as_deref(), Some("2026-11-20-08-00-29-17"));
    }
}

#[test]
fn udf_volumes_are_called_as_blkid_calls_them() {
    let (directory, source) = directory();
    let mut index = 0;
    for media in
        [["-m", "hd", "-r", "1.02"], ["-m", "dvdram", "-r", "2.01"], ["-m", "cdrw", "-r", "1.50"]]
    {
        for (label, uuid) in [
            ("LinuxUDF", "0123456789abcdef"),
            ("Größe", "ABCDEF0123456789"),
            ("日本語", "abcdef01nothex99"),
            ("with spaces  ", "not hex at all!!"),
            ("", "1234567890123456"),
            ("a/b\\c", "deadbeefdeadbee_"),
        ] {
            for charset in ["--utf8", "--u8"] {
                index += 1;
                let label = format!("--lvid={label}");
                let uuid = format!("--fullvsid={uuid}");
                let path = directory.path().join(format!("{index}.img"));
                let options = [&[charset][..], &media, &[&label, &uuid]].concat();
                mkudffs(&path, 16 << 20, &options);
                assert_agreed(&path, &format!("{options:?}"));
                fs::remove_file(path).unwrap();
            }
        }
    }
    for revision in [hadris_udf::UdfRevision::V1_02, hadris_udf::UdfRevision::V2_01] {
        let path = directory.path().join(format!("{revision:?}.iso"));
        assert_agreed(&hadris(&source, &path, revision, "日本 Label"), "hadris");
    }
    for options in [&["-udf"][..], &["-udf", "-R"], &["-udf", "-J", "-R"]] {
        let path = directory.path().join(format!("{}.iso", options.concat()));
        genisoimage(&source, &path, &[&["-V", "Bridge Label"], options].concat());
        assert_agreed(&path, &format!("{options:?}"));
    }
}

#[test]
fn any_identifiers_of_udf_are_read_as_blkid_reads_them() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("udf.img");
    for (index, block_size) in [2048, 512].into_iter().cycle().take(300).enumerate() {
        let mut random = Random::new(index as u64);
        let label = "Label".into();
        let volume = Volume {
            block_size,
            revision: 0x0201,
            mapping: Mapping::Plain,
            long: false,
            descriptors_together: 9,
            label,
            root: vec![],
        };
        let mut image = volume.write();
        for (descriptor, at) in [(257, 72), (259, 84)] {
            let structure = &mut image[descriptor * block_size..(descriptor + 1) * block_size];
            structure[at..at + 128].copy_from_slice(&dstring(&mut random));
            if random.below(10) == 0 {
                // Text in characters that are not those of UDF.
                structure[if at == 72 { 205 } else { 25 }] ^= 1;
            }
            reseal(structure, 512 - 16);
        }
        fs::write(&path, image).unwrap();
        assert_agreed(&path, &format!("{index}"));
    }
}

/// A field of 128 bytes, mostly sensible.
fn dstring(random: &mut Random) -> [u8; 128] {
    const TEXTS: [&str; 6] = ["0123456789abcdefXY", "ABCDEF01 rest", "Ünï", "日本語", "A😀", " "];
    let mut text = compressed(TEXTS[random.below(TEXTS.len())]);
    if random.below(4) == 0 {
        text[0] = [8, 16, 254, 0][random.below(4)];
    }
    for _ in 0..random.below(3) {
        let at = 1 + random.below(text.len());
        text.insert(at, [0, b' ', 0xD8, 0xDE, b'f', 0xC9][random.below(6)]);
    }
    let mut field = [0; 128];
    field[..text.len()].copy_from_slice(&text);
    field[127] = match random.below(6) {
        0 => u8::try_from(random.below(256)).unwrap(),
        _ => u8::try_from(text.len()).unwrap(),
    };
    field
}
