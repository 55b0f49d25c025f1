//! A damaged ISO 9660 image gives what can be read of it and errors for the rest: no panic, no hang, no hunger for
//! memory, and no wrong byte with a good status.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror_core::image::{Content, ExtentData, Image, Kind, NodeId, ReadAt};
use isomirror_tests::{
    corrupt::{self, CorruptImage},
    images::iso9660::{
        bytes, genisoimage, plain_tree, posix_tree, run, text, unicode_tree, write, xorriso,
    },
};
use tempfile::TempDir;

/// What the reader may take for one image: opening, listing and reading the head of every file.
const DEADLINE: Duration = Duration::from_secs(1);

/// What the reader may take in memory, on top of the image itself.
const MEMORY: u64 = 64 << 20;

/// Bytes of each file that are read.
const HEAD: usize = 64 << 10;

/// Objects of one image that are looked at. A sound one has fewer than 200.
const MAXIMUM_OBJECTS: usize = 20_000;

/// An image with all file contents that may come out of it.
struct Base {
    name: &'static str,
    image: Vec<u8>,
    heads: HashMap<String, Vec<u8>>,
}

impl Base {
    fn new(name: &'static str, fill: impl Fn(&Path), make: impl Fn(&Path, &Path)) -> Self {
        let directory = TempDir::new().unwrap();
        let (source, path) = (directory.path().join("source"), directory.path().join("image"));
        fs::create_dir(&source).unwrap();
        fill(&source);
        make(&source, &path);
        let image = fs::read(path).unwrap();
        let heads = walk(&image, name).files;
        Self { name, image, heads }
    }
}

fn bases() -> Vec<Base> {
    let compressible = |root: &Path| {
        write(&root.join("text"), &text(30_000));
        write(&root.join("half"), &[bytes(1, 50_000), vec![0; 50_000]].concat());
        write(&root.join("plain"), b"plain");
    };
    let bootable = |root: &Path| {
        posix_tree(root);
        write(&root.join("boot.img"), &bytes(3, 4096));
    };
    vec![
        Base::new("plain", plain_tree, |source, image| {
            genisoimage(source, image, &["-iso-level", "1"]);
        }),
        Base::new("Joliet", unicode_tree, |source, image| {
            xorriso(source, image, &["-J", "--norock"]);
        }),
        Base::new("Rock Ridge", posix_tree, |source, image| {
            genisoimage(source, image, &["-R"]);
        }),
        Base::new("all", bootable, |source, image| {
            let boot =
                ["-b", "boot.img", "-c", "boot.cat", "-no-emul-boot", "-rr_reloc_dir", "moved"];
            xorriso(source, image, &[&["-R", "-J", "-joliet-long"][..], &boot].concat());
        }),
        Base::new("zisofs", compressible, |source, image| {
            let tree = source.with_file_name("tree");
            run("mkzftree", [source, &tree]);
            genisoimage(&tree, image, &["-R", "-z"]);
        }),
    ]
}

/// What was found in an image.
struct Found {
    /// Heads of the files that could be read, by their paths.
    files: HashMap<String, Vec<u8>>,
    /// Paths of files that are stored compressed.
    compressed: HashSet<String>,
}

/// Opens an image and reads all that it shows. `what` names it in failures.
fn walk(bytes: &[u8], what: &str) -> Found {
    let source = Arc::new(bytes.to_vec());
    let mut found = Found { files: HashMap::new(), compressed: HashSet::new() };
    let Ok(image) = Image::open(source) else { return found };
    let mut seen = HashSet::new();
    let mut pending = vec![(String::new(), image.root(), Kind::Directory)];
    let mut objects = 0;
    while let Some((path, id, kind)) = pending.pop() {
        objects += 1;
        if objects > MAXIMUM_OBJECTS || !seen.insert(id) {
            continue;
        }
        if let Ok(node) = image.node(id) {
            assert_eq!(node.kind, kind, "{what}: `{path}` is listed as something else");
            assert!(node.permissions <= 0o7777 && node.links > 0, "{what}: `{path}`");
        }
        match kind {
            Kind::Directory => {
                let Ok(directory) = image.directory(id) else { continue };
                for entry in directory.entries() {
                    let name = String::from_utf8_lossy(entry.name);
                    pending.push((format!("{path}/{name}"), entry.id, entry.kind));
                }
            }
            Kind::File => read_file(&image, path, id, what, &mut found),
            Kind::Symlink => {
                let target = image.link_target(id).unwrap_or_default();
                assert!(target.len() <= 4095 && !target.contains(&0), "{what}: `{path}`");
            }
            _ => {}
        }
    }
    found
}

/// Reads a file's head, and checks that it is made of the very bytes of the image that it claims to be.
fn read_file(image: &Image, path: String, id: NodeId, what: &str, found: &mut Found) {
    let Ok(content) = image.content(id) else { return };
    let size = content.size();
    if let Ok(node) = image.node(id) {
        assert_eq!(node.size, size, "{what}: `{path}` has two sizes");
    }
    let mut head = vec![0xA5; HEAD];
    let Ok(read) = image.read(&content, 0, &mut head) else { return };
    assert_eq!(read as u64, size.min(HEAD as u64), "{what}: `{path}` is cut short");
    head.truncate(read);
    match content {
        Content::Extents(extents) => {
            let mut expected = Vec::new();
            for extent in extents {
                let ExtentData::Image(offset) = extent.data else { panic!("{what}: a hole") };
                let length = extent.length.min((read - expected.len()) as u64);
                let mut part = vec![0; usize::try_from(length).unwrap()];
                image.source().read_exact_at(&mut part, offset).unwrap();
                expected.extend(part);
            }
            assert!(head == expected, "{what}: `{path}` has other bytes than the image");
        }
        Content::Zisofs(_) => {
            found.compressed.insert(path.clone());
        }
        Content::Embedded(_) => panic!("{what}: ISO 9660 embeds nothing"),
    }
    found.files.insert(path, head);
}

/// Bytes of memory that this process has had at most since the last reset.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Runs a test in a process of its own, so that nothing else is counted to its memory.
fn alone(test: &str, body: impl FnOnce()) {
    const ALONE: &str = "ISOMIRROR_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let name = format!("corrupt_iso9660::{test}");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn check(base: &Base, corrupt: &CorruptImage) {
    let what = format!("{}: {}", base.name, corrupt.name);
    let start = Instant::now();
    let found = walk(&corrupt.bytes, &what);
    let elapsed = start.elapsed();
    assert!(elapsed < DEADLINE, "{what}: took {elapsed:?}");
    // What is checked when it is read cannot come out wrong, whatever was damaged.
    for path in &found.compressed {
        let head = &found.files[path];
        let known = base.heads.values().any(|known| known == head);
        assert!(known || head.is_empty(), "{what}: `{path}` has bytes of no file");
    }
    if corrupt.name.starts_with("truncated") {
        for (path, head) in &found.files {
            assert!(base.heads.get(path) == Some(head), "{what}: `{path}` changed");
        }
    }
}

#[test]
fn damaged_images_cost_no_more_than_their_damage() {
    alone("damaged_images_cost_no_more_than_their_damage", read_damaged_images);
}

fn read_damaged_images() {
    let bases = bases();
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak_memory();
    let mut images = 0;
    for (seed, base) in bases.iter().enumerate() {
        assert!(base.heads.len() >= 3, "{}: the sound image is read", base.name);
        for corrupt in corrupt::iso9660::images(&base.image, seed as u64, 200) {
            check(base, &corrupt);
            images += 1;
        }
    }
    assert!(images > 1500, "{images} images");
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < MEMORY, "memory grew by {grown} bytes");
}

#[test]
fn the_same_damage_comes_every_time() {
    let bases = bases();
    let base = &bases[0];
    let all =
        || corrupt::iso9660::images(&base.image, 7, 20).map(|image| (image.name, image.bytes));
    let names: HashSet<_> = all().map(|image| image.0).collect();
    assert_eq!(names.len(), all().count(), "each has a name of its own");
    assert!(all().eq(all()));
}

#[test]
fn directories_made_to_exhaust_do_not() {
    alone("directories_made_to_exhaust_do_not", read_exhausting_directories);
}

fn read_exhausting_directories() {
    // Unoptimised code is allowed to be as much slower as it is.
    let deadline = if cfg!(debug_assertions) { 12 * DEADLINE } else { DEADLINE };
    for hostile in corrupt::hostile::images() {
        let what = &hostile.name;
        let source = Arc::new(hostile.bytes);
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = peak_memory();
        let start = Instant::now();
        let image = Image::open(source).unwrap();
        let root = image.directory(image.root()).unwrap();
        assert!(root.len() + root.damaged() as usize > 0, "{what}: nothing was read");
        let elapsed = start.elapsed();
        assert!(elapsed < deadline, "{what}: took {elapsed:?}");
        let grown = peak_memory().saturating_sub(before);
        assert!(grown < MEMORY, "{what}: memory grew by {grown} bytes");
    }
}

#[test]
fn directories_that_overlap_are_listed_in_the_time_their_sectors_take() {
    let hostile = corrupt::hostile::images().last().unwrap();
    let image = Image::open(Arc::new(hostile.bytes)).unwrap();
    let mut id = image.root();
    let mut depth = 0;
    while let Some(child) =
        image.directory(id).ok().and_then(|it| it.entries().next().map(|it| it.id))
    {
        id = child;
        depth += 1;
    }
    assert_eq!(depth, (32 << 20) / 2048);
}
