//! Trees are encoded and read back.

use std::io::Cursor;

use super::{EncodeError, Encoded, encode, read_back::ReadBack};
use crate::{
    containment::SymlinkPolicy,
    image::{
        Content, Extent, ExtentData, Image, Kind,
        fake_tree::{Fake, FakeTree},
    },
    survey::{Survey, survey},
};

fn extents(runs: &[(u64, u64)]) -> Content {
    let extent = |(from, length): &(u64, u64)| Extent {
        length: *length,
        data: if *from == 0 { ExtentData::Zeros } else { ExtentData::Image(*from) },
    };
    Content::Extents(runs.iter().map(extent).collect())
}

fn medium(size: usize) -> Vec<u8> {
    (0..size).map(|index| u8::try_from((index / 64 + index) % 251).unwrap()).collect()
}

fn encoded(
    tree: FakeTree,
    size: usize,
    policy: SymlinkPolicy,
) -> Result<(Encoded, ReadBack), EncodeError> {
    let image = tree.image(medium(size));
    let mut target = Cursor::new(Vec::new());
    let encoded = encode(&image, &survey(&image), policy, &mut target)?;
    assert_eq!(encoded.length, target.get_ref().len() as u64);
    Ok((encoded, ReadBack { metadata: target.into_inner(), medium: medium(size) }))
}

fn mixed() -> FakeTree {
    FakeTree::default()
        .directory(0, &[("a", 1), ("b", 2), ("out", 3), ("in", 4), ("null", 5), ("d", 6)])
        .file(1, extents(&[(4096, 5000)]))
        .file(2, extents(&[(2048, 4096), (0, 2048), (10240, 100)]))
        .symlink(3, "../x")
        .symlink(4, "d/e")
        .with(5, Fake::Device(Kind::CharacterDevice, 1, 3))
        .directory(6, &[("e", 7), ("empty", 8), ("hard", 1)])
        .file(7, Content::Embedded(vec![7; 300_000].into()))
        .file(8, extents(&[]))
}

#[test]
fn a_tree_reads_back_as_it_is_shown() {
    let (encoded, image) = encoded(mixed(), 16384, SymlinkPolicy::Contained).unwrap();
    assert_eq!((encoded.block_size, encoded.devices, encoded.damaged), (2048, 1, 0));
    let found = image.tree();
    let lines: Vec<_> = found.iter().map(|(path, text)| format!("{path} {text}")).collect();
    assert_eq!(
        lines,
        [
            "/ directory 40555 links 3 time 1600000000",
            "/a file 100444 links 2 time 1600000001 size 5000",
            "/b file 100444 links 1 time 1600000002 size 6244",
            "/d directory 40555 links 2 time 1600000006",
            "/d/e file 100444 links 1 time 1600000007 size 300000",
            "/d/empty file 100444 links 1 time 1600000008 size 0",
            "/d/hard file 100444 links 2 time 1600000001 size 5000",
            "/in symlink 120777 links 1 time 1600000004 to d/e",
            "/null device 20444 links 1 time 1600000005 number 103",
        ]
    );
    let medium = medium(16384);
    assert_eq!(image.read("/a").unwrap(), &medium[4096..9096]);
    let mut expected = medium[2048..6144].to_vec();
    expected.extend_from_slice(&[0; 2048]);
    expected.extend_from_slice(&medium[10240..10340]);
    assert_eq!(image.read("/b").unwrap(), expected);
    assert_eq!(image.read("/d/e").unwrap(), vec![7; 300_000]);
}

#[test]
fn links_are_shown_by_policy() {
    for (policy, expected) in [
        (SymlinkPolicy::Contained, vec!["/in"]),
        (SymlinkPolicy::Off, vec![]),
        (SymlinkPolicy::Follow, vec!["/in", "/out"]),
    ] {
        let (_, image) = encoded(mixed(), 16384, policy).unwrap();
        let tree = image.tree();
        let links = tree.iter().filter(|(_, text)| text.starts_with("symlink"));
        assert_eq!(links.map(|(path, _)| path.as_str()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_directory_that_is_reached_twice_is_shown_once() {
    let tree = FakeTree::default()
        .directory(0, &[("a", 1), ("b", 1), ("c", 2)])
        .directory(1, &[("up", 0), ("self", 1)])
        .directory(2, &[("deep", 1)]);
    let (_, image) = encoded(tree, 4096, SymlinkPolicy::Contained).unwrap();
    let paths: Vec<_> = image.tree().into_keys().collect();
    assert_eq!(paths, ["/", "/a", "/c"]);
}

#[test]
fn what_cannot_be_read_fails_and_is_counted() {
    let tree = FakeTree::default()
        .directory(0, &[("cut", 1), ("gone", 2), ("lost", 3), ("sound", 4), ("link", 5)])
        .file(1, extents(&[(4096, 8192)]))
        .with(2, Fake::Damaged(Kind::File))
        .with(3, Fake::Damaged(Kind::Directory))
        .file(4, extents(&[(6144, 2048 + 50)]))
        .with(5, Fake::Damaged(Kind::Symlink));
    let (encoded, image) = encoded(tree, 8192 + 50, SymlinkPolicy::Contained).unwrap();
    assert_eq!((encoded.devices, encoded.damaged), (2, 3));
    let medium = medium(8192 + 50);
    assert_eq!(image.read("/sound").unwrap(), &medium[6144..]);
    assert_eq!(image.read("/cut"), None);
    assert_eq!(image.read("/gone"), None);
}

#[test]
fn blocks_are_as_small_as_the_medium_needs_and_no_smaller() {
    for (start, expected) in
        [(2048, Some(2048)), (3072, Some(1024)), (2560, Some(512)), (2304, None)]
    {
        let tree = FakeTree::default().directory(0, &[("a", 1)]).file(1, extents(&[(start, 3000)]));
        match (encoded(tree, 8192, SymlinkPolicy::Contained), expected) {
            (Ok((encoded, image)), Some(block_size)) => {
                assert_eq!(encoded.block_size, block_size);
                let start = usize::try_from(start).unwrap();
                assert_eq!(image.read("/a").unwrap(), &medium(8192)[start..start + 3000]);
            }
            (Err(EncodeError::Unaligned), None) => {}
            (other, _) => panic!("{start}: {other:?}"),
        }
    }
}

#[test]
fn large_directories_and_long_targets_read_back() {
    let names: Vec<_> = (0..5000).map(|name| format!("{name:0100}")).collect();
    let mut entries: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    entries.push(("link", 2));
    let target = "x/".repeat(120) + &"y".repeat(2500);
    let tree = FakeTree::default()
        .directory(0, &entries)
        .file(1, extents(&[(2048, 10)]))
        .symlink(2, &target);
    let (_, image) = encoded(tree, 4096, SymlinkPolicy::Contained).unwrap();
    let found = image.tree();
    assert_eq!(found.len(), 5002);
    assert!(found["/link"].ends_with(&target));
    assert!(found[&format!("/{:0100}", 4999)].contains("links 5000"));
}

#[test]
fn too_much_is_refused_in_words() {
    let tree = FakeTree::default()
        .directory(0, &[("a", 1)])
        .file(1, Content::Embedded(vec![0; 65 << 20].into()));
    let error = encoded(tree, 4096, SymlinkPolicy::Contained).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write the tree as EROFS: what would have to be copied of it is too large"
    );
}

/// Every path that is shown, as [`ReadBack::tree`] names it.
fn shown(image: &Image, survey: &Survey, policy: SymlinkPolicy) -> Vec<String> {
    let mut paths = vec!["/".to_owned()];
    let mut pending = vec![(String::new(), image.root())];
    while let Some((path, id)) = pending.pop() {
        let directory = image.directory(id).unwrap();
        for (_, entry) in survey.shown(id, &directory, 0, policy) {
            let path = format!("{path}/{}", String::from_utf8_lossy(entry.name));
            if entry.kind == Kind::Directory {
                pending.push((path.clone(), entry.id));
            }
            paths.push(path);
        }
    }
    paths.sort();
    paths
}

proptest::proptest! {
    #[test]
    fn any_graph_of_directories_and_links_becomes_the_tree_that_is_shown(
        names in proptest::collection::vec(("[!-~&&[^/]]{1,4}", 0_u64..6, 0_u64..14), 0..60),
        targets in proptest::collection::vec("(\\.\\./|/|[!-~&&[^/]]{1,2}/?){1,5}", 4),
        policy in proptest::sample::select(vec![
            SymlinkPolicy::Contained, SymlinkPolicy::Off, SymlinkPolicy::Follow,
        ]),
    ) {
        // 0 to 5 are directories, 6 to 9 files, 10 to 13 links; each may be named anywhere, or nowhere.
        let mut tree = FakeTree::default();
        for directory in 0..6 {
            let entries: Vec<_> = names
                .iter()
                .filter(|(_, place, _)| *place == directory)
                .map(|(name, _, id)| (name.as_str(), *id))
                .collect();
            tree = tree.directory(directory, &entries);
        }
        for file in 6..10 {
            tree = tree.file(file, extents(&[(2048 * file, 100 * file)]));
        }
        for (link, target) in (10..).zip(&targets) {
            tree = tree.symlink(link, target);
        }
        let image = tree.clone().image(medium(32768));
        let expected = shown(&image, &survey(&image), policy);
        let (_, read) = encoded(tree, 32768, policy).unwrap();
        let found: Vec<_> = read.tree().into_keys().collect();
        proptest::prop_assert_eq!(found, expected);
    }
}
