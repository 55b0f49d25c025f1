//! A hostile UDF image costs neither the process nor much of its time and memory.

use std::{
    collections::HashSet,
    env, fs,
    os::unix::process::ExitStatusExt,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror_core::image::{Content, ExtentData, Image, Kind, NodeId, ReadAt};
use isomirror_tests::{
    corrupt::{Random, udf::Target},
    images::{
        iso9660::{bytes, genisoimage, write},
        udf_encoder::{Mapping, Object, Piece, Volume, components, entry},
    },
};
use rustix::process::{Resource, Rlimit, setrlimit};
use tempfile::TempDir;

/// Damaged images of each volume whose checksums are right, and as many again whose are not.
const IMAGES: usize = 120;
/// What one image may cost.
const TIME: Duration = Duration::from_secs(1);
const MEMORY: u64 = 64 << 20;
/// Set in the process that has its memory limited.
const LIMITED: &str = "ISOMIRROR_TEST_LIMITED";

fn volumes() -> Vec<(&'static str, Vec<u8>)> {
    let volume = |mapping, block_size, revision, long| {
        let file = |index: u32| {
            let pieces = (0..index % 5).map(|seed| Piece::Recorded(bytes(seed.into(), block_size)));
            entry(&format!("file {index:02}"), Object::File(pieces.collect()))
        };
        let inner = Object::Directory((0..40).map(file).collect());
        let root = vec![
            entry("directory", inner),
            entry("link", Object::Link(components("../directory/./x"))),
            entry("embedded", Object::Embedded(bytes(1, 50))),
            entry("disk", Object::Device(true, 8, 1)),
            entry("holes", Object::File(vec![Piece::Zeros(1 << 20, false)])),
        ];
        let label = "Corpus".into();
        Volume { block_size, revision, mapping, long, descriptors_together: 2, label, root }.write()
    };
    vec![
        ("plain", volume(Mapping::Plain, 2048, 0x0102, false)),
        ("small blocks", volume(Mapping::Plain, 512, 0x0201, true)),
        ("sparable", volume(Mapping::Sparable, 2048, 0x0150, false)),
        ("metadata", volume(Mapping::Metadata, 2048, 0x0250, true)),
        ("metadata, small blocks", volume(Mapping::Metadata, 512, 0x0260, false)),
        ("bridge", bridge()),
    ]
}

fn bridge() -> Vec<u8> {
    let directory = TempDir::new().unwrap();
    let source = directory.path().join("source");
    fs::create_dir_all(source.join("some/where")).unwrap();
    for index in 0..30 {
        write(&source.join(format!("some/where/file {index}")), &bytes(index, 3000));
    }
    let path = directory.path().join("bridge.iso");
    fs::read(genisoimage(&source, &path, &["-udf", "-R", "-J"])).unwrap()
}

/// Opens an image, walks it, and reads the head of each file; returns the number of objects seen.
fn walk(source: Arc<dyn ReadAt>) -> usize {
    let Ok(image) = Image::open(source) else { return 0 };
    let mut seen = HashSet::new();
    let mut pending = vec![image.root()];
    let mut head = vec![0; 64 << 10];
    while let Some(id) = pending.pop() {
        if !seen.insert(id) {
            continue;
        }
        match image.node(id).map(|node| node.kind) {
            Ok(Kind::Directory) => {
                let Ok(directory) = image.directory(id) else { continue };
                pending.extend(directory.entries().map(|entry| entry.id));
            }
            Ok(Kind::File) => read_head(&image, id, &mut head),
            Ok(Kind::Symlink) => {
                let _ = image.link_target(id);
            }
            _ => {}
        }
    }
    seen.len()
}

/// Reads the first bytes of a file, and checks that they are the very bytes of the image that they are said to be.
fn read_head(image: &Image, id: NodeId, head: &mut [u8]) {
    let Ok(content) = image.content(id) else { return };
    let size = content.size();
    assert_eq!(image.node(id).unwrap().size, size, "{id:?}");
    let _ = image.read(&content, size / 2, head);
    let Ok(read) = image.read(&content, 0, head) else { return };
    assert_eq!(read as u64, size.min(head.len() as u64), "{id:?}");
    let Content::Extents(extents) = content else { return };
    let mut rest = &head[..read];
    for extent in extents {
        let length = usize::try_from(extent.length).unwrap().min(rest.len());
        let mut expected = vec![0; length];
        if let ExtentData::Image(offset) = extent.data {
            image.source().read_exact_at(&mut expected, offset).unwrap();
        }
        assert!(rest[..length] == expected, "{id:?} has other bytes than the image");
        rest = &rest[length..];
    }
}

#[test]
fn damage_with_right_checksums_costs_a_second_and_64_mib_at_most() {
    if env::var_os(LIMITED).is_none() {
        return in_a_process_of_its_own();
    }
    let volumes = volumes();
    let targets: Vec<_> =
        volumes.iter().map(|(name, image)| (*name, Target::new(image.clone()))).collect();
    for (name, image) in volumes {
        assert!(walk(Arc::new(image)) > 30, "{name}: a sound image is not walked");
    }
    limit_memory();
    let mut slowest = (Duration::ZERO, String::new());
    let mut walked = 0;
    for (name, target) in targets {
        let mut random = Random::new(20_261_120);
        for index in 0..2 * IMAGES {
            let damaged = if index % 2 == 0 {
                target.sealed(&mut random)
            } else {
                target.unsealed(&mut random)
            };
            let what = format!("{name} {index}: {}", damaged.description);
            // Told before it is tried: an abort leaves no other trace.
            eprintln!("{what}");
            let started = Instant::now();
            walked += usize::from(walk(Arc::new(damaged)) > 0);
            let taken = started.elapsed();
            assert!(taken < TIME, "{what}: {taken:?}");
            slowest = slowest.max((taken, what));
        }
    }
    eprintln!("walked {walked}, slowest {slowest:?}");
    assert!(walked > 600, "most damage leaves something to walk, but {walked} were walked");
}

/// Runs the test again in a process that nothing else runs in, so that its memory can be limited.
fn in_a_process_of_its_own() {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg("corrupt_udf::damage_with_right_checksums_costs_a_second_and_64_mib_at_most")
        .env(LIMITED, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<_> = said.lines().rev().take(8).collect();
    let signal = output.status.signal();
    assert!(output.status.success(), "signal {signal:?}, last was, backwards: {last:#?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

/// Lets this process have [`MEMORY`] more than it has now.
fn limit_memory() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let data = status.lines().find_map(|line| line.strip_prefix("VmData:")).unwrap();
    let kib: u64 = data.trim().trim_end_matches(" kB").parse().unwrap();
    let limit = Some(kib * 1024 + MEMORY);
    setrlimit(Resource::Data, Rlimit { current: limit, maximum: limit }).unwrap();
    let beyond = usize::try_from(2 * MEMORY).unwrap();
    assert!(Vec::<u8>::new().try_reserve_exact(beyond).is_err(), "memory is not limited");
}

#[test]
fn the_corpus_reaches_every_structure_of_a_volume() {
    let target = Target::new(volumes().swap_remove(3).1);
    let identifiers = target.identifiers();
    for identifier in [1, 2, 5, 6, 8, 256, 257, 258, 262, 266] {
        assert!(identifiers.contains(&identifier), "{identifier} of {identifiers:?}");
    }
    let mut one = Random::new(7);
    let mut other = Random::new(7);
    for _ in 0..50 {
        assert_eq!(target.sealed(&mut one).description, target.sealed(&mut other).description);
    }
}
