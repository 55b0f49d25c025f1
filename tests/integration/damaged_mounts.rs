//! A damaged or hostile image costs nobody more than its own files: it is surveyed and described within bounds, and
//! a mount of it shows no byte that the reader does not.

use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    os::unix::{ffi::OsStrExt, fs::FileExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use isomirror::backend::{BackendChoice, SymlinkPolicy};
use isomirror_core::{
    erofs,
    image::{Image, Kind, NodeId},
    survey::outline,
};
use isomirror_tests::{
    corrupt::{self, CorruptImage},
    images::iso9660::{bytes, plain_tree, posix_tree, text, write, xorriso},
    mount_point::{MountPoint, open_medium},
};

/// Processor time that describing one image may take in a build without optimisation; with it, a tenth of that.
const DEADLINE: Duration = Duration::from_secs(5);

/// Objects of a mounted tree that are looked at.
const MAXIMUM_OBJECTS: usize = 1000;

/// Bytes of each file that are read, in pages and at once.
const HEAD: usize = 64 << 10;

/// Counts what is written and forgets it.
#[derive(Default)]
struct Void(u64);

impl Write for Void {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Void {
    fn seek(&mut self, _position: SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

fn bases(place: &MountPoint) -> Vec<Vec<u8>> {
    let base = |name: &str, fill: &dyn Fn(&Path), options: &[&str]| {
        let source = place.scratch().join(name);
        fs::create_dir(&source).unwrap();
        fill(&source);
        let image = xorriso(&source, &place.scratch().join(format!("{name}.iso")), options);
        fs::read(image).unwrap()
    };
    let compressible = |root: &Path| {
        write(&root.join("text"), &text(30_000));
        write(&root.join("half"), &[bytes(1, 50_000), vec![0; 50_000]].concat());
    };
    vec![
        base("plain", &plain_tree, &["-iso-level", "1"]),
        base("posix", &posix_tree, &["-R"]),
        base("zisofs", &compressible, &["-R", "-z"]),
    ]
}

fn damaged(place: &MountPoint, random: usize) -> Vec<CorruptImage> {
    let bases = bases(place);
    let damaged = (1..)
        .zip(&bases)
        .flat_map(|(seed, base)| corrupt::iso9660::images(base, seed, random).collect::<Vec<_>>());
    damaged.chain(corrupt::hostile::images()).collect()
}

/// What this thread has taken of a processor so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

#[test]
fn any_image_is_surveyed_and_described_in_time() {
    let place = MountPoint::new();
    let (mut described, mut all) = (0, 0);
    for image in damaged(&place, 100) {
        let Ok(opened) = Image::open(Arc::new(image.bytes)) else { continue };
        let start = processor_time();
        let survey = outline(&opened);
        let mut metadata = Void::default();
        let encoded = erofs::encode(&opened, &survey, SymlinkPolicy::Contained, &mut metadata);
        all += 1;
        described += usize::from(encoded.is_ok());
        let taken = processor_time().saturating_sub(start);
        assert!(taken < DEADLINE, "{}: {taken:?}", image.name);
    }
    assert!(all > 200 && described > all / 2, "{described} of {all} were described");
}

#[test]
fn a_mount_of_a_damaged_image_shows_no_other_bytes_than_the_reader() {
    let place = MountPoint::new();
    let (mut compared, mut images) = (0, 0);
    for (index, image) in damaged(&place, 20).into_iter().enumerate().filter(|(i, _)| i % 7 == 0) {
        let path = place.scratch().join(format!("{index}.damaged"));
        fs::write(&path, &image.bytes).unwrap();
        if Image::open(Arc::new(image.bytes)).is_err() {
            continue;
        }
        let medium = open_medium(&path);
        for backend in [BackendChoice::Erofs, BackendChoice::Fuse] {
            let mounted = place.mount(&medium, backend, SymlinkPolicy::Contained);
            if mounted.is_err() && backend == BackendChoice::Erofs {
                continue;
            }
            let mounted = mounted.unwrap();
            let what = format!("{} by {backend}", image.name);
            compared += compare(medium.image(), &place.path(), &what);
            place.unmount().unwrap();
            drop(mounted);
        }
        images += 1;
        fs::remove_file(&path).unwrap();
    }
    assert!(images > 20 && compared > 500, "{compared} files of {images} images");
}

/// Compares what can be read below `root` with what the reader reads; returns the number of files.
fn compare(image: &Image, root: &Path, what: &str) -> usize {
    let mut pending = vec![(root.to_owned(), image.root())];
    let (mut files, mut objects) = (0, 0);
    while let Some((directory, id)) = pending.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        let Ok(expected) = image.directory(id) else { continue };
        for entry in entries.map_while(Result::ok) {
            objects += 1;
            let name = entry.file_name();
            let found = expected.find(name.as_bytes()).unwrap_or_else(|| {
                panic!("{what}: {}: the reader has none", entry.path().display())
            });
            match found.kind {
                Kind::Directory if objects < MAXIMUM_OBJECTS => {
                    pending.push((entry.path(), found.id));
                }
                Kind::File => {
                    files += usize::from(compare_file(image, &entry.path(), found.id, what));
                }
                _ => {}
            }
        }
    }
    files
}

fn compare_file(image: &Image, path: &Path, id: NodeId, what: &str) -> bool {
    let (Ok(file), Ok(node)) = (File::open(path), image.node(id)) else { return false };
    assert_eq!(file.metadata().unwrap().len(), node.size, "{what}: {}", path.display());
    let content = image.content(id);
    let mut expected = vec![0; 4096];
    let mut found = vec![1; 4096];
    for offset in (0..HEAD as u64).step_by(4096) {
        let Ok(length) = file.read_at(&mut found, offset) else { continue };
        let content = content.as_ref().unwrap_or_else(|error| {
            panic!("{what}: {}: bytes of what has none: {error}", path.display())
        });
        if length == 0 {
            break;
        }
        let read = image.read(content, offset, &mut expected[..length]).unwrap_or_else(|error| {
            panic!("{what}: {} at {offset}: bytes of what is unreadable: {error}", path.display())
        });
        assert_eq!(read, length, "{what}: {} at {offset}", path.display());
        assert!(found[..length] == expected[..read], "{what}: {} at {offset}", path.display());
    }
    true
}
