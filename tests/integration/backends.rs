//! Mounted trees are what the reader reads, whatever mounts them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use isomirror::{
    backend::{BackendChoice, BackendKind, SymlinkPolicy, Unmounted},
    open_medium::OpenMedium,
};
use isomirror_core::{
    containment::{self, Leads},
    image::{Image, Kind, NodeId},
};
use isomirror_tests::{
    images::iso9660::{
        bytes, genisoimage, plain_tree, posix_tree, run, unicode_tree, write, xorriso,
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
        ("udf bridge", genisoimage(&plain, &path("bridge.iso"), &["-udf", "-allow-lowercase"])),
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
