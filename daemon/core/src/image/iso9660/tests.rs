//! Whole volumes, built record by record.

use proptest::prelude::*;

use super::{
    recognise,
    record::tests::record,
    system_use::tests::{both, field},
};
use crate::image::{Content, Directory, Extent, ExtentData, Kind, NodeId, ReadError, TreeFormat};

const DIRECTORY: u8 = 2;
const CONTINUED: u8 = 0x80;

/// A volume of 200 sectors of which those with directories are to be filled in.
struct Volume {
    bytes: Vec<u8>,
    block_size: u32,
    descriptors: usize,
}

impl Volume {
    /// A volume with a primary descriptor whose root is in `root`.
    fn new(block_size: u32, root: u32) -> Self {
        let mut volume = Self { bytes: vec![0; 200 * 2048], block_size, descriptors: 0 };
        volume.describe(1, b"", root);
        volume
    }

    fn describe(&mut self, kind: u8, escape: &[u8], root: u32) {
        let at = 32768 + 2048 * self.descriptors;
        let sector = &mut self.bytes[at..at + 4096];
        sector[..7].copy_from_slice(&[&[kind][..], b"CD001\x01"].concat());
        sector[80..84].copy_from_slice(&200_u32.to_le_bytes());
        sector[88..88 + escape.len()].copy_from_slice(escape);
        sector[128..130].copy_from_slice(&self.block_size.to_le_bytes()[..2]);
        sector[158..162].copy_from_slice(&root.to_le_bytes());
        sector[2048..2054].copy_from_slice(b"\xFFCD001");
        self.descriptors += 1;
    }

    /// Puts records into the directory at `block`, after the ones of itself and its parent.
    fn directory(&mut self, block: u32, own_fields: &[u8], records: &[Vec<u8>]) {
        let own = record(&[0], DIRECTORY, (block, 2048), own_fields);
        let parent = record(&[1], DIRECTORY, (block, 2048), b"");
        let data = [own, parent, records.concat()].concat();
        assert!(data.len() <= 2048);
        self.put(block, &data);
    }

    fn put(&mut self, block: u32, data: &[u8]) {
        let at = (block * self.block_size) as usize;
        self.bytes[at..at + data.len()].copy_from_slice(data);
    }

    fn root(&self) -> Directory {
        let iso = recognise(&self.bytes).unwrap().unwrap();
        iso.tree.directory(&self.bytes, iso.tree.root()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let root = self.root();
        root.entries().map(|it| String::from_utf8_lossy(it.name).into_owned()).collect()
    }

    fn id(&self, name: &str) -> NodeId {
        self.root().find(name.as_bytes()).unwrap().id
    }

    fn content(&self, name: &str) -> Result<Content, ReadError> {
        let iso = recognise(&self.bytes).unwrap().unwrap();
        iso.tree.content(&self.bytes, self.id(name))
    }

    fn tree_format(&self) -> TreeFormat {
        recognise(&self.bytes).unwrap().unwrap().tree_format
    }
}

fn announced() -> Vec<u8> {
    [field(*b"SP", &[0xBE, 0xEF, 0]), field(*b"ER", b"\x0A\0\0\x01RRIP_1991A"), posix(0o040_755)]
        .concat()
}

fn posix(mode: u32) -> Vec<u8> {
    field(*b"PX", &[both(mode), both(1), both(0), both(0)].concat())
}

fn named(name: &[u8]) -> Vec<u8> {
    field(*b"NM", &[&[0], name].concat())
}

fn image_extents(extents: &[(u64, u64)]) -> Vec<Extent> {
    let extent =
        |(start, length): &(u64, u64)| Extent { length: *length, data: ExtentData::Image(*start) };
    extents.iter().map(extent).collect()
}

#[test]
fn blocks_of_every_legal_size_are_read() {
    for block_size in [512, 1024, 2048] {
        let mut volume = Volume::new(block_size, 90);
        volume.directory(90, b"", &[record(b"A.TXT;1", 0, (150, 5), b"")]);
        volume.put(150, b"hello");
        let Ok(Content::Extents(extents)) = volume.content("a.txt") else { panic!("no extents") };
        assert_eq!(extents, image_extents(&[(150 * u64::from(block_size), 5)]));
    }
}

#[test]
fn hidden_files_are_shown_and_associated_ones_are_not() {
    let mut volume = Volume::new(2048, 20);
    let file = |name: &[u8], flags| record(name, flags, (30, 1), b"");
    volume.directory(20, b"", &[file(b"FORK;1", 4), file(b"FORK;1", 0), file(b"HIDDEN;1", 1)]);
    assert_eq!(volume.names(), ["fork", "hidden"]);
    assert_eq!(volume.root().damaged(), 0);
}

#[test]
fn sections_are_joined_across_sectors_and_merged_where_they_meet() {
    let section = |flags, block, length| record(b"BIG;1", flags, (block, length), b"");
    let mut volume = Volume::new(2048, 20);
    // Long records, so that the chain goes over the end of a sector.
    let filler = record(b"FILLER;1", 0, (30, 1), &[0; 200]);
    let fill = vec![filler; (2048 - 68 - 80) / 242];
    volume.directory(20, b"", &fill);
    let used = 68 + fill.concat().len();
    let room = (2048 - used) / 40;
    let mut chain = vec![section(CONTINUED, 40, 4096); 1];
    for index in 1..room {
        chain.push(section(CONTINUED, 40 + 2 * u32::try_from(index).unwrap(), 4096));
    }
    let at = 20 * 2048 + used;
    let data = chain.concat();
    volume.bytes[at..at + data.len()].copy_from_slice(&data);
    let next = u32::try_from(40 + 2 * room).unwrap();
    volume.put(21, &[section(CONTINUED, next, 2048), section(0, 100, 7)].concat());
    volume.bytes[20 * 2048 + 10..20 * 2048 + 12].copy_from_slice(&4096_u16.to_le_bytes());
    let Ok(Content::Extents(extents)) = volume.content("big") else { panic!("no extents") };
    let first = 4096 * room as u64 + 2048;
    assert_eq!(extents, image_extents(&[(40 * 2048, first), (100 * 2048, 7)]));
    let iso = recognise(&volume.bytes).unwrap().unwrap();
    assert_eq!(iso.tree.node(&volume.bytes, volume.id("big")).unwrap().size, first + 7);
    assert_eq!(volume.names(), ["big", "filler"]);
}

#[test]
fn a_file_whose_sections_are_not_all_there_is_listed_but_not_read() {
    let mut volume = Volume::new(2048, 20);
    let records = [
        record(b"A;1", CONTINUED, (30, 2048), b""),
        record(b"B;1", 0, (40, 5), b""),
        record(b"C;1", CONTINUED, (30, 2048), b""),
    ];
    volume.directory(20, b"", &records);
    assert_eq!(volume.names(), ["a", "b", "c"]);
    assert!(matches!(volume.content("a"), Err(ReadError::Damaged { .. })));
    assert!(matches!(volume.content("c"), Err(ReadError::Damaged { .. })));
    assert!(volume.content("b").is_ok());
}

#[test]
fn what_is_stored_in_odd_ways_is_refused_alone() {
    let mut volume = Volume::new(2048, 20);
    let mut interleaved = record(b"ODD;1", 0, (30, 10), b"");
    interleaved[26] = 1;
    let sparse = [posix(0o100_644), field(*b"SF", &[both(1), both(5)].concat())].concat();
    let records = [
        interleaved,
        record(b"GOOD;1", 0, (30, 10), b""),
        record(b"SPARSE;1", 0, (30, 10), &sparse),
    ];
    volume.directory(20, &announced(), &records);
    assert!(matches!(volume.content("odd"), Err(ReadError::Unsupported(_))));
    assert!(matches!(volume.content("sparse"), Err(ReadError::Unsupported(_))));
    assert!(volume.content("good").is_ok());
    let iso = recognise(&volume.bytes).unwrap().unwrap();
    let node = iso.tree.node(&volume.bytes, volume.id("sparse")).unwrap();
    assert_eq!(node.size, (1 << 32) + 5);
}

#[test]
fn directories_that_contain_themselves_are_left_out() {
    let mut volume = Volume::new(2048, 20);
    let child = |name: &[u8], block| record(name, DIRECTORY, (block, 2048), b"");
    let relocated = |name: &[u8], block| record(name, 0, (0, 0), &field(*b"CL", &both(block)));
    volume.directory(20, &announced(), &[child(b"ME", 20), child(b"SUB", 21)]);
    let records = [
        child(b"SELF", 21),
        child(b"ROOT", 20),
        relocated(b"LINK", 21),
        relocated(b"UP", 20),
        record(b"FILE;1", 0, (21, 10), b""),
    ];
    volume.directory(21, b"", &records);
    assert_eq!(volume.names(), ["sub"]);
    assert_eq!(volume.root().damaged(), 1);
    let iso = recognise(&volume.bytes).unwrap().unwrap();
    let sub = iso.tree.directory(&volume.bytes, volume.id("sub")).unwrap();
    assert_eq!((sub.len(), sub.damaged()), (1, 4));
}

#[test]
fn a_directory_ends_where_the_next_one_begins() {
    let mut volume = Volume::new(2048, 20);
    volume.directory(20, b"", &[record(b"ONE;1", 0, (30, 1), b"")]);
    volume.directory(21, b"", &[record(b"TWO;1", 0, (30, 1), b"")]);
    volume.bytes[20 * 2048 + 10..20 * 2048 + 12].copy_from_slice(&8192_u16.to_le_bytes());
    assert_eq!(volume.names(), ["one"]);
    assert_eq!(volume.root().damaged(), 1);
}

#[test]
fn relocated_directories_are_where_they_belong() {
    let mut volume = Volume::new(2048, 20);
    let child = [named(b"Deep"), field(*b"CL", &both(22)), posix(0o100_000)].concat();
    volume.directory(
        20,
        &announced(),
        &[record(b"DEEP.;1", 0, (0, 0), &child), record(b"MOVED", DIRECTORY, (21, 2048), b"")],
    );
    let moved = [named(b"Deep"), field(*b"RE", b"")].concat();
    volume.directory(21, b"", &[record(b"DEEP", DIRECTORY, (22, 2048), &moved)]);
    volume.directory(22, &posix(0o040_700), &[record(b"F;1", 0, (30, 1), b"")]);
    assert_eq!(volume.names(), ["Deep", "moved"]);
    let iso = recognise(&volume.bytes).unwrap().unwrap();
    let deep = volume.id("Deep");
    let node = iso.tree.node(&volume.bytes, deep).unwrap();
    assert_eq!((node.kind, node.permissions), (Kind::Directory, 0o700));
    assert_eq!(iso.tree.directory(&volume.bytes, deep).unwrap().len(), 1);
    let moved = iso.tree.directory(&volume.bytes, volume.id("moved")).unwrap();
    assert_eq!((moved.len(), moved.damaged()), (0, 0));
}

#[test]
fn trees_are_preferred_as_linux_prefers_them() {
    type Case<'a> = (&'a [u8], Vec<Vec<u8>>, bool, TreeFormat);
    let unannounced = posix(0o040_755);
    let file = || vec![record(b"FILE;1", 0, (30, 1), &named(b"File"))];
    let cases: [Case<'_>; 6] = [
        (b"", file(), false, TreeFormat::Plain),
        (b"", file(), true, TreeFormat::Joliet),
        (&announced(), file(), true, TreeFormat::RockRidge),
        (&announced(), vec![], true, TreeFormat::Joliet),
        (&unannounced, file(), false, TreeFormat::RockRidge),
        (&unannounced, file(), true, TreeFormat::Joliet),
    ];
    for (own_fields, records, has_joliet, expected) in cases {
        let mut volume = Volume::new(2048, 20);
        volume.directory(20, own_fields, &records);
        if has_joliet {
            volume.describe(2, b"%/E", 25);
            volume.directory(25, b"", &[record(b"\0J", 0, (30, 1), b"")]);
        }
        assert_eq!(volume.tree_format(), expected, "{own_fields:?} {has_joliet}");
    }
}

#[test]
fn a_tree_without_a_readable_root_gives_way_to_the_next() {
    let mut volume = Volume::new(2048, 20);
    volume.describe(2, b"%/@", 25);
    volume.directory(20, b"", &[record(b"FILE;1", 0, (30, 1), b"")]);
    assert_eq!(volume.tree_format(), TreeFormat::Plain);
    let iso = recognise(&volume.bytes).unwrap().unwrap();
    assert_eq!(iso.problems, ["the root directory of the Joliet tree is unreadable"]);
    volume.put(20, &[0; 2048]);
    assert!(recognise(&volume.bytes).is_err());
}

#[test]
fn a_damaged_continuation_of_a_directory_costs_attributes_only() {
    let mut volume = Volume::new(2048, 20);
    let own = [posix(0o040_700), field(*b"CE", &[both(9999), both(0), both(28)].concat())].concat();
    volume.directory(20, &own, &[record(b"FILE;1", 0, (30, 1), &named(b"File"))]);
    assert_eq!(volume.tree_format(), TreeFormat::RockRidge);
    assert_eq!(volume.names(), ["File"]);
    let iso = recognise(&volume.bytes).unwrap().unwrap();
    assert_eq!(iso.tree.node(&volume.bytes, iso.tree.root()).unwrap().permissions, 0o700);
}

#[test]
fn records_that_contradict_themselves_are_left_out() {
    let mut volume = Volume::new(2048, 20);
    let records = [
        record(b"A;1", 0, (30, 1), &posix(0o040_755)),
        record(b"B;1", 0, (30, 1), &posix(0o777)),
        record(b"C;1", 0, (30, 1), &field(*b"CE", &[both(9999), both(0), both(28)].concat())),
    ];
    volume.directory(20, &announced(), &records);
    assert_eq!(volume.names(), ["b"]);
    assert_eq!(volume.root().damaged(), 2);
}

#[test]
fn what_lies_outside_the_image_is_told() {
    let mut volume = Volume::new(2048, 199);
    volume.directory(199, b"", &[record(b"FILE;1", 0, (5000, 1), b"")]);
    volume.bytes[199 * 2048 + 10..199 * 2048 + 14].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(volume.names(), ["file"]);
    assert_eq!(volume.root().damaged(), 1);
    let content = volume.content("file").unwrap();
    assert!(content.read(&volume.bytes, 0, &mut [0]).is_err());
    volume.bytes[32768 + 81] = 10;
    let iso = recognise(&volume.bytes).unwrap().unwrap();
    assert_eq!(iso.problems.len(), 1);
    assert!(iso.problems[0].starts_with("the image ends at byte 409600"));
}

proptest! {
    #[test]
    fn any_id_of_any_damaged_volume_gives_an_answer(
        flips in proptest::collection::vec((0_usize..6 * 2048, any::<u8>()), 0..40),
        id in prop_oneof![0_u64..2_000_000, any::<u64>()],
    ) {
        let mut volume = Volume::new(2048, 20);
        let link = [posix(0o120_777), field(*b"SL", b"\0\0\x03usr")].concat();
        let far = field(*b"CE", &[both(22), both(0), both(100)].concat());
        let records = [
            record(b"LINK;1", 0, (0, 0), &link),
            record(b"FAR;1", CONTINUED, (30, 9), &far),
            record(b"FAR;1", 0, (30, 9), b""),
            record(b"SUB", DIRECTORY, (21, 2048), &named(b"Sub")),
        ];
        volume.directory(20, &announced(), &records);
        volume.directory(21, b"", &records);
        volume.put(22, &named(b"continued"));
        for (at, value) in flips {
            // The descriptors, which begin at sector 16, and the directories, which begin at sector 20.
            let at = if at < 4096 { 32768 + at } else { 20 * 2048 + at - 4096 };
            volume.bytes[at] = value;
        }
        let source = &volume.bytes;
        let Ok(Some(iso)) = recognise(source) else { return Ok(()) };
        let tree = &iso.tree;
        let mut ids = vec![NodeId(id), tree.root()];
        if let Ok(root) = tree.directory(source, tree.root()) {
            ids.extend(root.entries().map(|entry| entry.id));
        }
        for id in ids {
            let _ = (tree.node(source, id), tree.directory(source, id));
            let _ = (tree.content(source, id), tree.link_target(source, id));
        }
    }
}
