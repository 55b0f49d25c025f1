//! The reader shows what an ISO 9660 image was made from, whoever made it.

use std::{fs, path::Path, sync::Arc};

use isomirror_core::image::{Image, TreeFormat};
use isomirror_tests::{
    images::iso9660::{genisoimage, plain_tree, posix_tree, unicode_tree, xorriso},
    snapshot::{self, ImageFile, Snapshot},
};
use tempfile::TempDir;

fn open(path: &Path) -> Image {
    let file: Arc<ImageFile> = ImageFile::open(path);
    Image::open(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn directory() -> (TempDir, std::path::PathBuf) {
    let directory = TempDir::new().unwrap();
    let source = directory.path().join("source");
    fs::create_dir(&source).unwrap();
    (directory, source)
}

/// Compares object by object, so that a failure names what differs.
fn assert_same(found: &Snapshot, expected: &Snapshot, what: &str) {
    let names = |snapshot: &Snapshot| snapshot.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{what}: names");
    for (path, object) in expected {
        assert_eq!(&found[path], object, "{what}: `{path}`");
    }
}

#[test]
fn rock_ridge_shows_the_source_tree_whoever_wrote_it() {
    let (directory, source) = directory();
    posix_tree(&source);
    let expected = snapshot::of_directory(&source);
    let path = |name: &str| directory.path().join(name);
    let images = [
        genisoimage(&source, &path("genisoimage.iso"), &["-R"]),
        genisoimage(&source, &path("unrelocated.iso"), &["-R", "-D"]),
        genisoimage(&source, &path("with-joliet.iso"), &["-R", "-J", "-joliet-long"]),
        xorriso(&source, &path("xorriso.iso"), &["-R"]),
    ];
    for image in images {
        let opened = open(&image);
        assert_eq!(opened.volume().tree, TreeFormat::RockRidge);
        assert_eq!(opened.volume().problems, [""; 0]);
        assert_same(&snapshot::of_image(&opened), &expected, &image.display().to_string());
    }
}

#[test]
fn plain_names_are_lower_case() {
    let (directory, source) = directory();
    plain_tree(&source);
    let image = genisoimage(&source, &directory.path().join("plain.iso"), &["-iso-level", "1"]);
    let opened = open(&image);
    println!("{:#?}", snapshot::of_image(&opened).keys());
}

#[test]
fn joliet_names() {
    let (directory, source) = directory();
    unicode_tree(&source);
    let image = xorriso(&source, &directory.path().join("joliet.iso"), &["-J", "--norock"]);
    let opened = open(&image);
    dbg!(opened.volume());
    println!("{:#?}", snapshot::of_image(&opened).keys());
    let image =
        genisoimage(&source, &directory.path().join("j2.iso"), &["-J", "-input-charset", "utf-8"]);
    let opened = open(&image);
    dbg!(opened.volume());
    println!("{:#?}", snapshot::of_image(&opened).keys());
}
