//! ISO 9660 images by xorriso and genisoimage.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking, in what prepares it too"
)]

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs,
    io::{self, Read, Write},
    os::unix::fs::{PermissionsExt, chown, lchown, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use isomirror_core::image::ReadAt;
use nix::{
    fcntl::AT_FDCWD,
    sys::{
        stat::{Mode, SFlag, UtimensatFlags, makedev, mknod, utimensat},
        time::TimeSpec,
    },
};

/// Runs a tool that has to succeed.
pub fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) {
    let mut command = Command::new(program);
    command.args(arguments);
    let output = command.output().unwrap_or_else(|error| panic!("`{program}`: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Writes an image of `source` by `xorriso -as mkisofs`.
pub fn xorriso(source: &Path, image: &Path, options: &[&str]) -> PathBuf {
    let fixed = ["-as", "mkisofs", "-quiet"].iter().chain(options).map(OsStr::new);
    let paths = [OsStr::new("-o"), image.as_os_str(), source.as_os_str()];
    run("xorriso", fixed.chain(paths));
    image.to_owned()
}

/// Writes an image of `source` by genisoimage.
pub fn genisoimage(source: &Path, image: &Path, options: &[&str]) -> PathBuf {
    let fixed = ["-quiet"].iter().chain(options).map(OsStr::new);
    let paths = [OsStr::new("-o"), image.as_os_str(), source.as_os_str()];
    run("genisoimage", fixed.chain(paths));
    image.to_owned()
}

/// `length` bytes that differ from file to file and from place to place.
#[must_use]
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(length)
    .collect()
}

/// Text of so many lines, no two of them the same.
#[must_use]
pub fn text(lines: usize) -> Vec<u8> {
    (0..lines).flat_map(|line| format!("line {line}\n").into_bytes()).collect()
}

/// Files of all lengths around a sector, named as ISO 9660 level 1 wants them.
pub fn plain_tree(root: &Path) {
    for (index, length) in [0, 1, 2047, 2048, 2049, 70_000].into_iter().enumerate() {
        write(&root.join(format!("FILE{index}.BIN")), &bytes(index as u64, length));
    }
    write(&root.join("NOEXT"), b"no extension");
    fs::create_dir_all(root.join("DIR/SUB")).unwrap();
    write(&root.join("DIR/SUB/DEEP.TXT"), b"deep");
    fs::create_dir(root.join("EMPTY")).unwrap();
}

/// All that Rock Ridge can hold: deep directories, long names, links, devices, owners, odd modes and times.
pub fn posix_tree(root: &Path) {
    let mut deep = root.to_owned();
    for level in 0..14 {
        deep.push(format!("level{level:02}"));
        fs::create_dir(&deep).unwrap();
        write(&deep.join(format!("file at level {level}.txt")), &bytes(level, 3000));
    }
    write(&root.join("ü".repeat(120)), b"a name of 240 bytes");
    fs::create_dir(root.join("日本".repeat(20))).unwrap();
    write(&root.join("日本".repeat(20)).join("語.txt"), b"unicode");
    write(&root.join("Mixed Case & blanks.tar.gz"), &bytes(99, 5000));
    write(&root.join("original"), b"linked");
    fs::hard_link(root.join("original"), root.join("hard link")).unwrap();
    for (name, target) in [
        ("absolute", "/usr/share/x"),
        ("up", "../../up"),
        ("dots", "./a/../b/."),
        ("root", "/"),
        ("dangling", "nowhere"),
    ] {
        symlink(target, root.join(name)).unwrap();
    }
    symlink(link_target(240), root.join("long link")).unwrap();
    special_files(root);
    settle_times(root);
}

/// A link target of `length` bytes in components of at most 36.
#[must_use]
pub fn link_target(length: usize) -> String {
    let mut target = "component".repeat(4) + "/";
    target = target.repeat(length / target.len() + 1);
    target.truncate(length - 1);
    target + "x"
}

fn special_files(root: &Path) {
    let mode = |bits| Mode::from_bits_truncate(bits);
    let node = |name: &str, kind, bits, device| {
        mknod(&root.join(name), kind, mode(bits), device).unwrap();
    };
    node("fifo", SFlag::S_IFIFO, 0o640, 0);
    node("null", SFlag::S_IFCHR, 0o666, makedev(1, 3));
    node("disk", SFlag::S_IFBLK, 0o660, makedev(8, 17));
    write(&root.join("setuid"), b"#!/bin/sh\n");
    chown(root.join("setuid"), Some(70_000), Some(70_001)).unwrap();
    fs::set_permissions(root.join("setuid"), fs::Permissions::from_mode(0o6755)).unwrap();
    write(&root.join("secret"), b"secret");
    fs::set_permissions(root.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(root.join("sticky")).unwrap();
    fs::set_permissions(root.join("sticky"), fs::Permissions::from_mode(0o1777)).unwrap();
    lchown(root.join("dangling"), Some(5), Some(6)).unwrap();
}

/// Gives every object a whole second of its own, and one the epoch itself.
fn settle_times(root: &Path) {
    let mut moment = 1_500_000_000;
    for path in walk(root) {
        moment += 86_407;
        set_modified(&path, moment);
    }
    set_modified(&root.join("secret"), 0);
}

/// Sets the time of modification, of links too.
pub fn set_modified(path: &Path, seconds: i64) {
    let time = TimeSpec::new(seconds, 0);
    utimensat(AT_FDCWD, path, &time, &time, UtimensatFlags::NoFollowSymlink).unwrap();
}

/// All paths below `root` and itself, children before their directories.
fn walk(root: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut children: Vec<_> = fs::read_dir(root).unwrap().map(|it| it.unwrap().path()).collect();
    children.sort();
    for child in children {
        if child.symlink_metadata().unwrap().is_dir() {
            paths.extend(walk(&child));
        } else {
            paths.push(child);
        }
    }
    paths.push(root.to_owned());
    paths
}

/// Names beyond ASCII, beyond the first 65,536 characters, and beyond what Joliet allows.
pub fn unicode_tree(root: &Path) {
    for name in ["straße.txt", "日本語", "smile 😀.txt", "three.dots...", "UPPER lower.TXT"] {
        write(&root.join(name), name.as_bytes());
    }
    fs::create_dir(root.join("Ünïcödé dïr")).unwrap();
    write(&root.join("Ünïcödé dïr/ñ"), b"inside");
}

/// `directories` directories of `files` files each.
pub fn many_tree(root: &Path, directories: usize, files: usize) {
    for directory in 0..directories {
        let directory = root.join(format!("directory-{directory:03}"));
        fs::create_dir(&directory).unwrap();
        for file in 0..files {
            write(&directory.join(format!("package-{file:04}_1.2.3-4_amd64.deb")), b"x");
        }
    }
}

/// Writes a file, or panics.
pub fn write(path: &Path, content: &[u8]) {
    let mut file = fs::File::create_new(path).unwrap();
    file.write_all(content).unwrap();
}

/// Writes an image of `source` by `xorriso -as mkisofs` to where only sectors with something in them take room.
#[must_use]
pub fn xorriso_to_memory(source: &Path, options: &[&str]) -> Arc<SparseImage> {
    let mut child = Command::new("xorriso")
        .args(["-as", "mkisofs", "-quiet", "-o", "-"])
        .args(options)
        .arg(source)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("xorriso is installed");
    let mut image = SparseImage { sectors: HashMap::new(), size: 0 };
    let mut output = child.stdout.take().expect("it is piped");
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = fill(&mut output, &mut buffer).unwrap();
        image.push(&buffer[..read]);
        if read < buffer.len() {
            break;
        }
    }
    assert!(child.wait().unwrap().success(), "xorriso failed");
    Arc::new(image)
}

fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// An image of which only the sectors that are not all zeros are kept.
#[derive(Debug)]
pub struct SparseImage {
    sectors: HashMap<u64, Vec<u8>>,
    size: u64,
}

impl SparseImage {
    const SECTOR: usize = 2048;

    fn push(&mut self, bytes: &[u8]) {
        const ZEROS: [u8; SparseImage::SECTOR] = [0; SparseImage::SECTOR];
        for sector in bytes.chunks(Self::SECTOR) {
            if sector != &ZEROS[..sector.len()] {
                self.sectors.insert(self.size / Self::SECTOR as u64, sector.to_vec());
            }
            self.size += sector.len() as u64;
        }
    }
}

impl ReadAt for SparseImage {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if offset + buffer.len() as u64 > self.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (byte, at) in buffer.iter_mut().zip(offset..) {
            let within = usize::try_from(at % Self::SECTOR as u64).unwrap();
            let sector = self.sectors.get(&(at / Self::SECTOR as u64));
            *byte = sector.map_or(0, |sector| sector[within]);
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        self.size
    }
}
