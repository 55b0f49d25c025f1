//! Mounted trees are what the reader reads, whatever mounts them.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use hadris_udf::UdfRevision;
use isomirror::backend::{BackendChoice, SymlinkPolicy, Unmounted};
use isomirror_core::{
    containment::{self, Leads},
    image::{Image, Kind, NodeId},
};
use isomirror_tests::{
    images::{
        iso9660::{bytes, genisoimage, plain_tree, posix_tree, run, unicode_tree, write, xorriso},
        udf::{hadris, windows_like},
    },
    mount_point::{MountPoint, open_medium},
    snapshot::{self, Snapshot},
};

/// The backends that this machine's kernel can be tested with; its own ISO 9660 is tested in a guest.
const BACKENDS: [BackendChoice; 2] = [BackendChoice::Erofs, BackendChoice::Fuse];

/// What a mount of `image` has to show: what the reader reads, with everybody's permissions, less the links that
/// lead out of the tree.
fn expected(image: &Image) -> Snapshot {
    let mut all = snapshot::of_image(image);
    let shown = shown_links(image);
    all.retain(|path, object| object.kind != Kind::Symlink || shown.contains(path));
    for object in all.values_mut() {
        object.permissions = match object.kind {
            Kind::Directory => 0o555,
            Kind::Symlink => 0o777,
            _ => 0o444,
        };
        object.owners = (0, 0);
        object.links = 0;
    }
    all
}

/// Paths of the links that stay inside.
fn shown_links(image: &Image) -> Vec<String> {
    let mut shown = Vec::new();
    let mut pending = vec![(String::new(), vec![image.root()])];
    while let Some((path, ancestors)) = pending.pop() {
        let directory = image.directory(*ancestors.last().unwrap()).unwrap();
        for entry in directory.entries() {
            let separator = if path.is_empty() { "" } else { "/" };
            let path = format!("{path}{separator}{}", String::from_utf8_lossy(entry.name));
            match entry.kind {
                Kind::Directory => {
                    let ancestors: Vec<NodeId> =
                        ancestors.iter().copied().chain([entry.id]).collect();
                    pending.push((path, ancestors));
                }
                Kind::Symlink => {
                    // genisoimage damages long targets; such a link is shown by nobody.
                    let Ok(target) = image.link_target(entry.id) else { continue };
                    let leads = containment::leads(image, &ancestors, &target).unwrap();
                    if leads == Leads::Inside {
                        shown.push(path);
                    }
                }
                _ => {}
            }
        }
    }
    shown
}

fn found(directory: &Path) -> Snapshot {
    let mut all = snapshot::of_directory(directory);
    for object in all.values_mut() {
        object.links = 0;
    }
    all
}

fn assert_same(found: &Snapshot, expected: &Snapshot, what: &str) {
    let names = |snapshot: &Snapshot| snapshot.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{what}: names");
    for (path, object) in expected {
        assert_eq!(&found[path], object, "{what}: `{path}`");
    }
}

fn source(place: &MountPoint, name: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    let source = place.scratch().join(name);
    fs::create_dir(&source).unwrap();
    fill(&source);
    source
}

/// Images of every kind that this machine can make, by name.
fn corpus(place: &MountPoint) -> BTreeMap<&'static str, PathBuf> {
    let plain = source(place, "plain", plain_tree);
    let posix = source(place, "posix", posix_tree);
    let unicode = source(place, "unicode", unicode_tree);
    let zisofs = source(place, "to-compress", |root| {
        write(&root.join("long.txt"), "compress me ".repeat(40_000).as_bytes());
        write(&root.join("random.bin"), &bytes(5, 200_000));
        write(&root.join("holes.bin"), &vec![0; 500_000]);
    });
    let windows = source(place, "windows", |root| {
        write(&root.join("readme.txt"), b"this disc contains a UDF file system");
        fs::create_dir(root.join("sources")).unwrap();
        write(&root.join("sources/install.wim"), &bytes(7, 3_000_000));
    });
    let filled = source(place, "filled", |root| {
        unicode_tree(root);
        plain_tree(root);
        std::os::unix::fs::symlink("DIR/SUB/DEEP.TXT", root.join("link")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("out")).unwrap();
    });
    let compressed = place.scratch().join("compressed");
    run("mkzftree", [&zisofs, &compressed]);
    let path = |name: &str| place.scratch().join(name);
    let utf8 = ["-J", "-input-charset", "utf-8"];
    BTreeMap::from([
        ("plain", genisoimage(&plain, &path("plain.iso"), &["-iso-level", "1"])),
        ("rock ridge", xorriso(&posix, &path("rr.iso"), &["-R"])),
        ("rock ridge by genisoimage", genisoimage(&posix, &path("rrg.iso"), &["-R"])),
        ("joliet", genisoimage(&unicode, &path("joliet.iso"), &utf8)),
        ("zisofs", genisoimage(&compressed, &path("zisofs.iso"), &["-R", "-z"])),
        ("udf bridge", windows_like(&windows, &path("bridge.iso"), &["sources"])),
        ("udf 1.02", hadris(&filled, &path("102.udf"), UdfRevision::V1_02, "FILLED")),
        ("udf 2.01", hadris(&filled, &path("201.udf"), UdfRevision::V2_01, "FILLED")),
    ])
}

#[test]
fn mounted_trees_are_what_the_reader_reads() {
    let corpus_place = MountPoint::new();
    for (name, path) in corpus(&corpus_place) {
        let medium = open_medium(&path);
        let expected = expected(medium.image());
        assert!(expected.len() > 3, "{name} has something to show");
        for backend in BACKENDS {
            let place = MountPoint::new();
            let mounted = place.mount(&medium, backend, SymlinkPolicy::Contained).unwrap();
            assert_eq!(mounted.backend.as_str(), backend.as_str());
            let what = format!("{name} by {backend}");
            assert_same(&found(&place.path()), &expected, &what);
            // A second look comes from the kernel's memory.
            assert_same(&found(&place.path()), &expected, &what);
            assert_eq!(place.unmount().unwrap(), Unmounted::Done);
            if let Some(session) = mounted.session {
                assert!(session.end(Duration::from_secs(5)), "{what}: the server ends");
            }
        }
    }
}

#[test]
fn a_file_of_more_than_4_gib_reads_right_in_all_its_extents() {
    const SIZE: u64 = (4 << 30) + 3_000_001;
    let place = MountPoint::new();
    let path = source(&place, "big", |root| {
        let file = File::create_new(root.join("big.bin")).unwrap();
        file.set_len(SIZE).unwrap();
        for offset in [0, (4 << 30) - 70_000, SIZE - 70_000] {
            file.write_all_at(&bytes(offset, 70_000), offset).unwrap();
        }
    });
    let image = xorriso(&path, &place.scratch().join("big.iso"), &["-R", "-iso-level", "3"]);
    let medium = open_medium(&image);
    for backend in BACKENDS {
        let mounted = place.mount(&medium, backend, SymlinkPolicy::Contained).unwrap();
        let file = File::open(place.path().join("big.bin")).unwrap();
        assert_eq!(file.metadata().unwrap().len(), SIZE);
        for offset in [0, (4 << 30) - 70_000, (4 << 30) - 5_000, 2 << 30, SIZE - 70_000] {
            let original = File::open(path.join("big.bin")).unwrap();
            let (mut expected, mut found) = (vec![1; 70_000], vec![2; 70_000]);
            original.read_exact_at(&mut expected, offset).unwrap();
            file.read_exact_at(&mut found, offset).unwrap();
            assert!(found == expected, "{backend}: the bytes from {offset} on");
        }
        drop(file);
        assert_eq!(place.unmount().unwrap(), Unmounted::Done);
        drop(mounted);
    }
}

#[test]
fn a_large_directory_is_listed_whole() {
    let place = MountPoint::new();
    let path = source(&place, "large", |root| {
        for index in 0..20_000 {
            write(&root.join(format!("file {index:05} with a longer name")), b"");
        }
    });
    let medium = open_medium(&xorriso(&path, &place.scratch().join("large.iso"), &["-R"]));
    for backend in BACKENDS {
        let mounted = place.mount(&medium, backend, SymlinkPolicy::Contained).unwrap();
        let names = |path: &Path| {
            let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = entries.collect();
            names.sort();
            names
        };
        assert!(names(&place.path()) == names(&path), "{backend}: names");
        for index in (0..20_000).step_by(997) {
            let name = format!("file {index:05} with a longer name");
            assert_eq!(fs::read(place.path().join(name)).unwrap(), b"", "{backend}");
        }
        assert!(!place.path().join("file 20000 with a longer name").exists());
        place.unmount().unwrap();
        drop(mounted);
    }
}

#[test]
fn what_a_truncated_image_still_has_reads_right_and_the_rest_fails() {
    let place = MountPoint::new();
    let path = source(&place, "whole", |root| {
        for index in 0..8 {
            write(&root.join(format!("{index}.bin")), &bytes(index, 300_000));
        }
    });
    let image = xorriso(&path, &place.scratch().join("cut.iso"), &["-R"]);
    let full = fs::metadata(&image).unwrap().len();
    // Not a whole number of blocks, so that the last one is incomplete.
    File::options().write(true).open(&image).unwrap().set_len(full / 2 + 777).unwrap();
    let medium = open_medium(&image);
    for backend in BACKENDS {
        let mounted = place.mount(&medium, backend, SymlinkPolicy::Contained).unwrap();
        let (mut whole, mut failing) = (0, 0);
        for index in 0..8 {
            let name = format!("{index}.bin");
            let original = fs::read(path.join(&name)).unwrap();
            match fs::read(place.path().join(&name)) {
                Ok(found) => {
                    assert!(found == original, "{backend}: {name}");
                    whole += 1;
                }
                Err(_) => failing += 1,
            }
            // Of a file that is cut, the pages before the end read right: never other bytes, never zeros.
            let file = File::open(place.path().join(&name)).unwrap();
            assert_eq!(file.metadata().unwrap().len(), 300_000, "{backend}: {name}");
            for offset in (0..300_000_u64).step_by(4096) {
                let mut page = vec![0; 4096.min(300_000 - usize::try_from(offset).unwrap())];
                if file.read_exact_at(&mut page, offset).is_ok() {
                    let start = usize::try_from(offset).unwrap();
                    assert!(page == original[start..start + page.len()], "{name} at {offset}");
                }
            }
        }
        assert!(whole >= 3 && failing >= 3, "{backend}: {whole} whole, {failing} failing");
        place.unmount().unwrap();
        drop(mounted);
    }
}

/// An image all of whose files start at a multiple of 4096 bytes: they are that long, and so start all even or all
/// odd sectors; one sector more of directories turns the one into the other.
fn aligned_image(place: &MountPoint, name: &str, sectors: usize) -> PathBuf {
    let path = source(place, name, |root| {
        for index in 0..300 {
            let length = usize::try_from(4096 * (index % 5)).unwrap();
            write(
                &root.join(format!("{index} {}", "long name ".repeat(12))),
                &bytes(index, length),
            );
        }
        fs::create_dir_all(root.join("directory/deep")).unwrap();
        write(&root.join("directory/deep/file"), &bytes(1000, 40_960));
        std::os::unix::fs::symlink("directory/deep/file", root.join("link")).unwrap();
        for index in 0..sectors {
            fs::create_dir(root.join(format!("filler {index}"))).unwrap();
        }
    });
    let image = xorriso(&path, &place.scratch().join(format!("{name}.iso")), &["-R"]);
    let length = fs::metadata(&image).unwrap().len().next_multiple_of(4096);
    File::options().write(true).open(&image).unwrap().set_len(length).unwrap();
    image
}

/// Debian's erofs-utils know no blocks smaller than a page, so this looks at media that need none.
#[test]
fn the_metadata_is_sound_to_the_eyes_of_erofs_utils() {
    let place = MountPoint::new();
    let found_one = (0..4).any(|sectors| {
        let image = aligned_image(&place, &format!("aligned-{sectors}"), sectors);
        let medium = open_medium(&image);
        place.mount(&medium, BackendChoice::Erofs, SymlinkPolicy::Contained).unwrap();
        let key = medium.file().identity().key();
        let metadata = place.state_directory().join(format!("erofs/{key}.erofs"));
        // Binary logarithm of the block size.
        let is_aligned = fs::read(&metadata).unwrap()[1024 + 12] == 12;
        if is_aligned {
            assert_same(&found(&place.path()), &expected(medium.image()), "mounted");
            assert_sound(&place, &image, &metadata);
        }
        place.unmount().unwrap();
        is_aligned
    });
    assert!(found_one, "one of the images is aligned");
}

fn assert_sound(place: &MountPoint, image: &Path, metadata: &Path) {
    let extracted = place.scratch().join("extracted");
    let checked = Command::new("fsck.erofs")
        .arg(format!("--device={}", image.display()))
        .arg(format!("--extract={}", extracted.display()))
        .arg(metadata)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned()
        + &String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && !said.contains("<E>"), "{said}");
    assert_same(&found(&extracted), &found(&place.path()), "extracted by fsck.erofs");
}

#[test]
fn a_medium_that_is_replaced_goes_on_being_served() {
    let place = MountPoint::new();
    let old = source(&place, "old", |root| write(&root.join("file"), &bytes(1, 200_000)));
    let new = source(&place, "new", |root| write(&root.join("file"), &bytes(2, 200_000)));
    for backend in BACKENDS {
        let image = xorriso(&old, &place.scratch().join("image.iso"), &["-R"]);
        let other = xorriso(&new, &place.scratch().join("other.iso"), &["-R"]);
        let medium = open_medium(&image);
        // The name leads elsewhere before the mount already: what counts is what was opened.
        fs::rename(&other, &image).unwrap();
        let mounted = place.mount(&medium, backend, SymlinkPolicy::Contained).unwrap();
        assert!(fs::read(place.path().join("file")).unwrap() == bytes(1, 200_000), "{backend}");
        fs::remove_file(&image).unwrap();
        run("sh", ["-c", "echo 1 > /proc/sys/vm/drop_caches"]);
        assert!(fs::read(place.path().join("file")).unwrap() == bytes(1, 200_000), "{backend}");
        place.unmount().unwrap();
        drop(mounted);
    }
}
