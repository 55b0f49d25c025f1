//! The reader shows what an ISO 9660 image was made from, whoever made it.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use isomirror_core::image::{
    BootMedia, BootPlatform, Content, Extent, Format, Image, Kind, TreeFormat,
};
use isomirror_tests::{
    images::iso9660::{
        bytes, genisoimage, link_target, many_tree, plain_tree, posix_tree, run, set_modified,
        text, unicode_tree, write, xorriso, xorriso_to_memory,
    },
    snapshot::{self, ImageFile, Snapshot},
};
use tempfile::TempDir;

/// A directory for images, and in it one for what they are made from.
struct Workshop {
    directory: TempDir,
    source: PathBuf,
}

impl Workshop {
    fn new(fill: impl FnOnce(&Path)) -> Self {
        let directory = TempDir::new().unwrap();
        let source = directory.path().join("source");
        fs::create_dir(&source).unwrap();
        fill(&source);
        Self { directory, source }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn xorriso(&self, name: &str, options: &[&str]) -> PathBuf {
        xorriso(&self.source, &self.path(name), options)
    }

    fn genisoimage(&self, name: &str, options: &[&str]) -> PathBuf {
        genisoimage(&self.source, &self.path(name), options)
    }

    fn snapshot(&self) -> Snapshot {
        snapshot::of_directory(&self.source)
    }
}

fn open(path: &Path) -> Image {
    Image::open(ImageFile::open(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares object by object, so that a failure names what differs.
fn assert_same(found: &Snapshot, expected: &Snapshot, what: &str) {
    let names = |snapshot: &Snapshot| snapshot.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{what}: names");
    for (path, object) in expected {
        assert_eq!(&found[path], object, "{what}: `{path}`");
    }
}

/// Names and contents, for trees that have no more.
fn contents(snapshot: &Snapshot) -> BTreeMap<String, String> {
    snapshot.iter().map(|(path, object)| (path.clone(), object.content.clone().unwrap())).collect()
}

fn read(image: &Image, path: &str) -> Vec<u8> {
    let mut id = image.root();
    for name in path.split('/') {
        id = image.lookup(id, name.as_bytes()).unwrap().unwrap_or_else(|| panic!("no `{path}`"));
    }
    let content = image.content(id).unwrap();
    let mut bytes = vec![0; usize::try_from(content.size()).unwrap()];
    assert_eq!(image.read(&content, 0, &mut bytes).unwrap(), bytes.len());
    bytes
}

#[test]
fn rock_ridge_shows_the_source_tree_whoever_wrote_it() {
    let workshop = Workshop::new(posix_tree);
    let expected = workshop.snapshot();
    let images = [
        workshop.genisoimage("unrelocated.iso", &["-R", "-D"]),
        workshop.genisoimage("with-joliet.iso", &["-R", "-D", "-J", "-joliet-long"]),
        workshop.xorriso("xorriso.iso", &["-R", "--hardlinks"]),
        workshop.xorriso("xorriso-joliet.iso", &["-R", "--hardlinks", "-J", "-joliet-long"]),
        workshop.xorriso("xorriso-relocated.iso", &["-R", "--hardlinks", "-rr_reloc_dir", "moved"]),
    ];
    for path in images {
        let image = open(&path);
        assert_eq!(image.volume().tree, TreeFormat::RockRidge);
        assert_eq!(image.volume().problems, [""; 0]);
        assert_same(&snapshot::of_image(&image), &expected, &path.display().to_string());
    }
}

#[test]
fn relocation_by_genisoimage_leaves_nothing_but_its_empty_directory() {
    let workshop = Workshop::new(posix_tree);
    let image = open(&workshop.genisoimage("relocated.iso", &["-R"]));
    let mut found = snapshot::of_image(&image);
    // Linux shows it too: it is not marked as relocated itself.
    assert_eq!(found.remove("rr_moved").unwrap().kind, Kind::Directory);
    let mut expected = workshop.snapshot();
    // Its own directory changes what genisoimage records for the root.
    for snapshot in [&mut found, &mut expected] {
        snapshot.remove("");
    }
    assert_same(&found, &expected, "genisoimage with relocation");
}

#[test]
fn links_of_any_length_are_read() {
    let lengths = [1, 200, 249, 250, 251, 255, 256, 702, 1000];
    let workshop = Workshop::new(|root| {
        for length in lengths {
            symlink(link_target(length), root.join(length.to_string())).unwrap();
        }
        symlink(["a"; 3].map(|it| it.repeat(255)).join("/"), root.join("long components")).unwrap();
    });
    let image = open(&workshop.xorriso("links.iso", &["-R"]));
    assert_same(&snapshot::of_image(&image), &workshop.snapshot(), "links");
}

#[test]
fn a_link_that_genisoimage_garbles_is_the_only_thing_lost() {
    let workshop = Workshop::new(|root| {
        // It counts the bytes of a continued field modulo 256.
        symlink(link_target(702), root.join("garbled")).unwrap();
        symlink(link_target(240), root.join("sound")).unwrap();
        write(&root.join("file"), b"content");
    });
    let image = open(&workshop.genisoimage("garbled.iso", &["-R"]));
    let found = snapshot::of_image(&image);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["", "file", "garbled", "sound"]);
    assert_eq!(found["garbled"].kind, Kind::Symlink);
    assert!(found["garbled"].content.as_ref().unwrap_err().contains("symbolic link"));
    assert_eq!(found["sound"].content, Ok(link_target(240)));
    assert_eq!(image.directory(image.root()).unwrap().damaged(), 0);
}

#[test]
fn plain_names_are_lower_case_and_attributes_the_usual_ones() {
    let workshop = Workshop::new(|root| {
        plain_tree(root);
        set_modified(&root.join("NOEXT"), 1_234_567_890);
    });
    let expected: BTreeMap<_, _> = contents(&workshop.snapshot())
        .into_iter()
        .map(|(path, content)| (path.to_lowercase(), content))
        .collect();
    let images = [
        (workshop.genisoimage("level1.iso", &["-iso-level", "1"]), TreeFormat::Plain),
        (workshop.genisoimage("level2.iso", &["-iso-level", "2"]), TreeFormat::Plain),
        (workshop.genisoimage("level4.iso", &["-iso-level", "4"]), TreeFormat::Enhanced),
        (workshop.xorriso("level3.iso", &["--norock", "-iso-level", "3"]), TreeFormat::Plain),
    ];
    for (path, tree) in images {
        let image = open(&path);
        let found = snapshot::of_image(&image);
        assert_eq!(contents(&found), expected, "{}", path.display());
        assert_eq!(image.volume().tree, tree);
        for object in found.values() {
            let permissions = if object.kind == Kind::Directory { 0o555 } else { 0o444 };
            assert_eq!((object.permissions, object.owners), (permissions, (0, 0)));
        }
        assert_eq!(found["noext"].modified, 1_234_567_890);
    }
}

#[test]
fn joliet_names_are_unicode() {
    let workshop = Workshop::new(unicode_tree);
    let path = workshop.genisoimage("joliet.iso", &["-J", "-input-charset", "utf-8"]);
    let image = open(&path);
    assert_eq!(image.volume().tree, TreeFormat::Joliet);
    assert_eq!(image.volume().formats, [Format::Iso9660, Format::Joliet]);
    let mut expected = contents(&workshop.snapshot());
    let dots = expected.remove("three.dots...").unwrap();
    expected.insert("three.dots".to_owned(), dots);
    // genisoimage ends a name at the first character beyond the first 65,536, after half of it.
    let smile = expected.remove("smile 😀.txt").unwrap();
    expected.insert("smile ".to_owned(), smile);
    assert_eq!(contents(&snapshot::of_image(&image)), expected);
}

#[test]
fn joliet_names_may_have_surrogate_pairs() {
    let workshop = Workshop::new(|root| write(&root.join("smile@@.txt"), b"smile"));
    let path = workshop.xorriso("pairs.iso", &["-J", "--norock"]);
    // No writer at hand writes pairs: put one where the tree has two other characters.
    let mut image = fs::read(&path).unwrap();
    let (placeholder, pair) = ([0, b'@', 0, b'@'], [0xD8, 0x3D, 0xDE, 0x00]);
    let at = image.windows(4).position(|window| window == placeholder).unwrap();
    image[at..at + 4].copy_from_slice(&pair);
    fs::write(&path, image).unwrap();
    assert_eq!(read(&open(&path), "smile😀.txt"), b"smile");
}

#[test]
fn files_of_more_than_4_gib_are_read_to_the_end() {
    const LENGTH: u64 = (4 << 30) + (3 << 20) + 5;
    // Where memory serves as a disk, holes cost nothing to read.
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
    let spots: Vec<(u64, Vec<u8>)> =
        [0, (4 << 30) - 4096, (4 << 30) - 4, 4 << 30 | 2048, LENGTH - 9]
            .into_iter()
            .map(|offset| (offset, bytes(offset, 9)))
            .collect();
    let file = fs::File::create_new(directory.path().join("big")).unwrap();
    file.set_len(LENGTH).unwrap();
    for (offset, bytes) in &spots {
        std::os::unix::fs::FileExt::write_all_at(&file, bytes, *offset).unwrap();
    }
    write(&directory.path().join("after"), b"small");
    let image = xorriso_to_memory(directory.path(), &["-R", "-iso-level", "3"]);
    let image = Image::open(image).unwrap();
    let id = image.lookup(image.root(), b"big").unwrap().unwrap();
    assert_eq!(image.node(id).unwrap().size, LENGTH);
    let content = image.content(id).unwrap();
    let Content::Extents(extents) = &content else { panic!("{content:?}") };
    assert!(matches!(extents[..], [Extent { length: LENGTH, .. }]), "one run: {extents:?}");
    for (offset, expected) in spots {
        let mut found = [0; 9];
        assert_eq!(image.read(&content, offset, &mut found).unwrap(), 9);
        assert_eq!(found[..], expected, "at {offset}");
    }
    assert_eq!(image.read(&content, LENGTH - 4, &mut [0; 9]).unwrap(), 4);
    assert_eq!(read(&image, "after"), b"small");
}

#[test]
fn the_newest_session_is_read() {
    let workshop = Workshop::new(|root| {
        for session in 1..=3 {
            write(&root.join(format!("common{session}")), format!("of {session}").as_bytes());
            write(&root.join(format!("only{session}")), &bytes(session, 5000));
        }
    });
    let image = workshop.path("sessions.iso");
    for session in 1..=3 {
        let source = |name: &str| workshop.source.join(format!("{name}{session}"));
        let (common, only) = (source("common"), source("only"));
        let (label, target) = (format!("SESSION{session}"), format!("/only{session}"));
        run(
            "xorriso",
            [
                "-dev".as_ref(),
                image.as_os_str(),
                "-volid".as_ref(),
                label.as_ref(),
                "-update".as_ref(),
                common.as_os_str(),
                "/common".as_ref(),
                "-map".as_ref(),
                only.as_os_str(),
                target.as_ref(),
            ],
        );
    }
    let image = open(&image);
    assert_eq!(image.volume().label.as_deref(), Some("SESSION3"));
    assert_eq!(read(&image, "common"), b"of 3");
    for session in 1..=3 {
        assert_eq!(read(&image, &format!("only{session}")), bytes(session, 5000));
    }
    assert_eq!(image.directory(image.root()).unwrap().len(), 4);
}

fn compressible_tree(root: &Path) {
    write(&root.join("text"), &text(60_000));
    write(&root.join("zeros"), &vec![0; 300_000]);
    write(&root.join("holes"), &[vec![0; 262_144], bytes(1, 100), vec![0; 262_144]].concat());
    write(&root.join("noise"), &bytes(2, 200_000));
    write(&root.join("tiny"), b"tiny");
    write(&root.join("empty"), b"");
}

/// Writes an image whose files xorriso compresses.
fn compressed(workshop: &Workshop, name: &str, options: &str) -> PathBuf {
    let image = workshop.path(name);
    let mut arguments = vec!["-outdev".as_ref(), image.as_os_str(), "-zisofs".as_ref()];
    arguments.extend([
        options.as_ref(),
        "-map".as_ref(),
        workshop.source.as_os_str(),
        "/".as_ref(),
    ]);
    arguments.extend(["-set_filter_r", "--zisofs", "/", "--", "-commit"].map(OsStr::new));
    run("xorriso", arguments);
    image
}

#[test]
fn compressed_files_are_shown_uncompressed() {
    let workshop = Workshop::new(compressible_tree);
    let expected = workshop.snapshot();
    let tree = workshop.path("mkzftree");
    run("mkzftree", [&workshop.source, &tree]);
    let images = [
        compressed(&workshop, "v1.iso", "block_size=32k"),
        compressed(&workshop, "v1-large-blocks.iso", "block_size=128k"),
        compressed(&workshop, "v2.iso", "version_2=on:block_size_v2=1024k"),
        compressed(&workshop, "v2-z2.iso", "version_2=on:susp_z2=on"),
        genisoimage(&tree, &workshop.path("mkzftree.iso"), &["-R", "-z"]),
    ];
    for path in images {
        let image = open(&path);
        let found = snapshot::of_image(&image);
        assert_eq!(contents(&found), contents(&expected), "{}", path.display());
        let sizes = |snapshot: &Snapshot| snapshot.values().map(|it| it.size).collect::<Vec<_>>();
        assert_eq!(sizes(&found), sizes(&expected), "{}", path.display());
        let text = image.lookup(image.root(), b"text").unwrap().unwrap();
        assert!(matches!(image.content(text).unwrap(), Content::Zisofs(_)), "{}", path.display());
    }
}

#[test]
fn boot_images_are_found_where_they_lie() {
    let (bios, efi) = (bytes(1, 4096), bytes(2, 20_000));
    let workshop = Workshop::new(|root| {
        write(&root.join("bios.img"), &bios);
        write(&root.join("efi.img"), &efi);
    });
    let path = workshop.xorriso(
        "boot.iso",
        &[
            "-R",
            "-b",
            "bios.img",
            "-c",
            "boot.cat",
            "-no-emul-boot",
            "-boot-load-size",
            "4",
            "-eltorito-id",
            "ISOMIRROR",
            "-eltorito-alt-boot",
            "-e",
            "efi.img",
            "-no-emul-boot",
        ],
    );
    let image = open(&path);
    let boot = image.volume().boot.clone().unwrap();
    assert_eq!(boot.id.as_deref(), Some("ISOMIRROR"));
    let found: Vec<_> = boot
        .entries
        .iter()
        .map(|entry| (entry.platform, entry.bootable, entry.media, entry.sectors))
        .collect();
    assert_eq!(
        found,
        [
            (BootPlatform::X86, true, BootMedia::None, 4),
            (BootPlatform::Efi, true, BootMedia::None, 40),
        ]
    );
    for (entry, expected) in boot.entries.iter().zip([bios, efi]) {
        let mut found = vec![0; expected.len()];
        image.source().read_exact_at(&mut found, entry.offset).unwrap();
        assert!(found == expected, "{:?}", entry.platform);
    }
}

#[test]
fn what_the_volume_says_of_itself_is_told() {
    let workshop = Workshop::new(plain_tree);
    let path = workshop.xorriso(
        "volume.iso",
        &[
            "-R",
            "-V",
            "A Label",
            "-sysid",
            "SYSTEM",
            "-volset",
            "SET",
            "-publisher",
            "Publisher & Sons",
            "-p",
            "Preparer",
            "-A",
            "Application",
            "--modification-date=2024022923595912",
        ],
    );
    let image = open(&path);
    let volume = image.volume();
    let size = fs::metadata(&path).unwrap().len();
    assert_eq!(volume.label.as_deref(), Some("A Label"));
    assert_eq!(volume.system.as_deref(), Some("SYSTEM"));
    assert_eq!(volume.volume_set.as_deref(), Some("SET"));
    assert_eq!(volume.publisher.as_deref(), Some("PUBLISHER & SONS"));
    assert_eq!(volume.preparer.as_deref(), Some("PREPARER"));
    assert_eq!(volume.application.as_deref(), Some("APPLICATION"));
    assert_eq!(volume.modified.unwrap().seconds, 1_709_251_199);
    assert_eq!(volume.modified.unwrap().nanoseconds, 120_000_000);
    assert_eq!((volume.claimed_size, volume.real_size), (size, size));
    assert_eq!(volume.boot, None);
}

#[test]
fn hidden_files_are_shown_as_linux_shows_them() {
    let workshop = Workshop::new(plain_tree);
    let path = workshop.genisoimage("hidden.iso", &["-R", "-hidden", "NOEXT"]);
    assert_eq!(read(&open(&path), "NOEXT"), b"no extension");
}

#[test]
fn bsdtar_and_hadris_see_the_same() {
    let posix = Workshop::new(posix_tree);
    let many = Workshop::new(|root| many_tree(root, 20, 170));
    let images = [
        posix.xorriso("xorriso.iso", &["-R"]),
        posix.xorriso("both.iso", &["-R", "-J", "-joliet-long"]),
        many.xorriso("many.iso", &["-R"]),
        many.genisoimage("many-genisoimage.iso", &["-R"]),
    ];
    for path in images {
        let found = snapshot::of_image(&open(&path));
        let names: Vec<_> = found.keys().filter(|path| !path.is_empty()).cloned().collect();
        assert_eq!(names_by_bsdtar(&path), names, "{}: bsdtar", path.display());
        let files: BTreeMap<_, _> = found
            .iter()
            .filter(|(_, object)| object.kind == Kind::File)
            .map(|(path, object)| (path.clone(), object.size))
            .collect();
        assert_eq!(files_by_hadris(&path), files, "{}: hadris", path.display());
    }
}

fn names_by_bsdtar(image: &Path) -> Vec<String> {
    let output =
        Command::new("bsdtar").env("LC_ALL", "C.UTF-8").arg("-tf").arg(image).output().unwrap();
    assert!(output.status.success());
    let mut names: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| *line != ".")
        .map(|line| line.trim_end_matches('/').to_owned())
        .collect();
    names.sort();
    names
}

/// Files with their sizes, after reading them.
fn files_by_hadris(image: &Path) -> BTreeMap<String, u64> {
    use hadris_fs::{FileType, MountOptions, sync::Volume};
    let device = hadris_storage::host::FileDevice::open(image).unwrap();
    let volume = Volume::new(hadris_iso::sync::IsoFs::mount(device, MountOptions::new()).unwrap());
    let mut files = BTreeMap::new();
    for item in volume.walk("/").unwrap() {
        let item = item.unwrap();
        if item.entry().file_type() == FileType::File {
            let path = String::from_utf8(item.path().to_vec()).unwrap();
            let size = volume.read(&path).unwrap().len() as u64;
            files.insert(path.trim_start_matches('/').to_owned(), size);
        }
    }
    files
}
