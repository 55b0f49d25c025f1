//! Loop devices are had by everyone who asks at once, and none stays behind.

use std::{
    fs::{self, File},
    os::{
        fd::AsFd,
        unix::{fs::MetadataExt, process::ExitStatusExt},
    },
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use isomirror::sys::{
    file_system::FileSystemContext,
    loop_device::{self, LoopDevice},
};
use isomirror_tests::{binaries, mount_point::MountPoint, scratch, tool};

const MARK: &str = "isomirror:0123456789abcdef0123456789abcdef";

/// Loop devices over files below `directory`.
fn attached(directory: &Path) -> Vec<String> {
    let devices = fs::read_dir("/sys/block").unwrap().map(|entry| entry.unwrap().path());
    devices
        .filter_map(|device| fs::read_to_string(device.join("loop/backing_file")).ok())
        .filter(|file| Path::new(file.trim()).starts_with(directory))
        .collect()
}

/// The kernel frees a device a moment after its last user is gone.
fn wait_until_free(directory: &Path) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !attached(directory).is_empty() {
        assert!(Instant::now() < deadline, "still attached: {:?}", attached(directory));
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn devices_are_attached_by_many_at_once_and_none_is_left() {
    let directory = scratch::directory().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, vec![7; 1 << 20]).unwrap();
    let file = File::open(&path).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let device = LoopDevice::attach(file.as_fd(), "isomirror-test").unwrap();
                    let mut bytes = [0; 4096];
                    let node = File::open(device.path()).unwrap();
                    std::os::unix::fs::FileExt::read_exact_at(&node, &mut bytes, 8192).unwrap();
                    assert_eq!(bytes, [7; 4096]);
                }
            });
        }
    });
    wait_until_free(directory.path());
}

#[test]
fn a_process_that_dies_leaves_no_device() {
    let directory = scratch::directory().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, vec![7; 1 << 20]).unwrap();
    let program = binaries::path("attach_and_abort").unwrap();
    let status = Command::new(program).arg(&path).status().unwrap();
    assert_eq!(status.signal(), Some(6), "it attached and aborted");
    wait_until_free(directory.path());
}

#[test]
fn a_device_tells_its_mark_and_goes_with_its_mount() {
    let place = MountPoint::new();
    let source = place.scratch().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), b"content").unwrap();
    let path = place.scratch().join("image.erofs");
    tool::run("mkfs.erofs", |command| command.arg(&path).arg(&source)).unwrap();
    let file = File::open(&path).unwrap();
    let device = LoopDevice::attach(file.as_fd(), MARK).unwrap();
    let context = FileSystemContext::open("erofs").unwrap();
    context.set("source", device.path()).unwrap();
    context.mount(true).unwrap().attach(place.target().open().unwrap().as_fd()).unwrap();
    drop((device, file));
    let number = fs::metadata(place.path()).unwrap().dev();
    assert_eq!(nix::sys::stat::major(number), u64::from(loop_device::MAJOR));
    let minor = u32::try_from(nix::sys::stat::minor(number)).unwrap();
    assert_eq!(loop_device::mark(minor).as_deref(), Some(MARK));
    assert_eq!(fs::read(place.path().join("file")).unwrap(), b"content");
    assert_eq!(attached(place.scratch()).len(), 1);
    place.unmount().unwrap();
    wait_until_free(place.scratch());
    // By now another test may have the device.
    assert_ne!(loop_device::mark(minor).as_deref(), Some(MARK));
}

#[test]
fn the_kernels_own_words_are_in_the_error() {
    let context = FileSystemContext::open("ext4").unwrap();
    context.set("source", "/dev/null").unwrap();
    let error = context.set_all("nonsense=1").and_then(|()| context.mount(true).map(drop));
    let text = error.unwrap_err().to_string();
    assert!(text.starts_with("cannot configure a file system of type `ext4`: "), "{text}");
    assert!(text.contains("nonsense"), "{text}");
}
