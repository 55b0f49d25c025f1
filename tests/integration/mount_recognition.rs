//! A mount tells which medium it shows, after its maker is gone too; a dead one is told from a living one.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use isomirror::backend::{
    self, BackendChoice, SymlinkPolicy, UnmountError, UnmountMode, Unmounted, recognise,
};
use isomirror_core::medium::IdentityKey;
use isomirror_tests::{
    binaries,
    images::iso9660::{bytes, write, xorriso},
    mount_point::{MountPoint, open_medium},
    mounts, tool,
};

fn image(place: &MountPoint) -> PathBuf {
    let source = place.scratch().join("tree");
    fs::create_dir(&source).unwrap();
    write(&source.join("file"), &bytes(1, 500_000));
    xorriso(&source, &place.scratch().join("image.iso"), &["-R"])
}

fn recognised(place: &MountPoint, state_directory: &Path) -> Option<IdentityKey> {
    let mount = mounts::at(&place.path()).unwrap().expect("something is mounted");
    let (major, minor) = mount.device.split_once(':').unwrap();
    let device = (major.parse().unwrap(), minor.parse().unwrap());
    recognise(&mount.filesystem, OsStr::new(&mount.source), device, state_directory)
}

#[test]
fn mounts_are_recognised_from_the_table_of_mounts_alone() {
    let place = MountPoint::new();
    let medium = open_medium(&image(&place));
    let key = medium.file().identity().key();
    for backend in [BackendChoice::Erofs, BackendChoice::Fuse] {
        let mounted = place.mount(&medium, backend, SymlinkPolicy::Contained).unwrap();
        assert_eq!(recognised(&place, &place.state_directory()), Some(key), "{backend}");
        place.unmount().unwrap();
        drop(mounted);
    }
}

#[test]
fn metadata_goes_with_its_mount_or_is_swept_away() {
    let place = MountPoint::new();
    let medium = open_medium(&image(&place));
    let key = medium.file().identity().key();
    let state = place.state_directory();
    let path = state.join(format!("erofs/{key}.erofs"));
    place.mount(&medium, BackendChoice::Erofs, SymlinkPolicy::Contained).unwrap();
    backend::sweep(&[key].into(), &state).unwrap();
    assert!(path.exists(), "what is in use stays");
    fs::write(state.join("erofs/README"), b"not ours").unwrap();
    backend::sweep(&[].into(), &state).unwrap();
    assert!(!path.exists() && state.join("erofs/README").exists());
    assert!(
        fs::read(place.path().join("file")).unwrap() == bytes(1, 500_000),
        "it is still served"
    );
    place.unmount().unwrap();
    place.mount(&medium, BackendChoice::Erofs, SymlinkPolicy::Contained).unwrap();
    place.unmount().unwrap();
    backend::forget(key, &state).unwrap();
    backend::forget(key, &state).unwrap();
    assert!(!path.exists());
}

#[test]
fn unmounting_is_orderly_or_at_once_and_never_fails_for_being_late() {
    let place = MountPoint::new();
    let medium = open_medium(&image(&place));
    for backend in [BackendChoice::Erofs, BackendChoice::Fuse] {
        let mounted = place.mount(&medium, backend, SymlinkPolicy::Contained).unwrap();
        let reader = fs::File::open(place.path().join("file")).unwrap();
        let busy = place.unmount().unwrap_err();
        assert!(matches!(&busy, UnmountError::Busy(name) if name == "MEDIUM"), "{backend}");
        assert!(busy.retryable());
        let detached = place.target().unmount(UnmountMode::Detach).unwrap();
        assert_eq!(detached, Unmounted::Done, "{backend}");
        assert_eq!(place.unmount().unwrap(), Unmounted::Already, "{backend}");
        drop((reader, mounted));
    }
    fs::remove_dir(place.path()).unwrap();
    assert_eq!(place.unmount().unwrap(), Unmounted::Already);
}

#[test]
fn a_fuse_session_that_is_dropped_takes_its_mount_and_lets_go_of_the_medium() {
    let place = MountPoint::new();
    let medium = open_medium(&image(&place));
    let mounted = place.mount(&medium, BackendChoice::Fuse, SymlinkPolicy::Contained).unwrap();
    let reader = fs::File::open(place.path().join("file")).unwrap();
    drop(mounted);
    assert_eq!(mounts::at(&place.path()).unwrap(), None);
    assert_eq!(std::sync::Arc::strong_count(&medium), 1, "the medium is ours alone");
    let mut buffer = [0; 10];
    std::os::unix::fs::FileExt::read_at(&reader, &mut buffer, 0).expect_err("there is no server");
    let again = place.mount(&medium, BackendChoice::Fuse, SymlinkPolicy::Contained).unwrap();
    assert_eq!(fs::read(place.path().join("file")).unwrap().len(), 500_000);
    assert!(again.session.unwrap().end(Duration::from_secs(5)));
    assert_eq!(mounts::at(&place.path()).unwrap(), None);
}

#[test]
fn a_session_leaves_alone_what_was_mounted_in_its_place() {
    let place = MountPoint::new();
    let medium = open_medium(&image(&place));
    // Device and mount numbers are given again, but hardly every time.
    for _ in 0..20 {
        let fuse = place.mount(&medium, BackendChoice::Fuse, SymlinkPolicy::Contained).unwrap();
        assert_eq!(place.unmount().unwrap(), Unmounted::Done);
        place.mount(&medium, BackendChoice::Erofs, SymlinkPolicy::Contained).unwrap();
        drop(fuse);
        let mount = mounts::at(&place.path()).unwrap().expect("the other mount stays");
        assert_eq!(mount.filesystem, "erofs");
        assert_eq!(place.unmount().unwrap(), Unmounted::Done);
    }
}

#[test]
fn the_command_mounts_and_unmounts_by_every_backend_of_this_machine() {
    let place = MountPoint::new();
    let image = image(&place);
    for backend in ["auto", "erofs", "fuse"] {
        let isomirror = |arguments: &[&str]| {
            tool::run(binaries::path("isomirror").unwrap().to_str().unwrap(), |command| {
                command.env("STATE_DIRECTORY", place.state_directory()).args(arguments)
            })
        };
        let (image, directory) = (image.to_str().unwrap(), place.path());
        let directory = directory.to_str().unwrap();
        let said = isomirror(&["mount", "--backend", backend, image, directory]).unwrap();
        assert_eq!(said, "", "{backend}");
        assert!(fs::read(place.path().join("file")).unwrap() == bytes(1, 500_000), "{backend}");
        assert_eq!(isomirror(&["umount", directory]).unwrap(), "", "{backend}");
        assert_eq!(mounts::at(&place.path()).unwrap(), None, "{backend}");
        let left = fs::read_dir(place.state_directory().join("erofs"));
        assert_eq!(left.map_or(0, Iterator::count), 0, "{backend}: metadata");
        let again = isomirror(&["umount", directory]).unwrap_err().to_string();
        assert!(again.contains("nothing is mounted on"), "{again}");
    }
}

#[test]
fn the_command_leaves_foreign_mounts_alone() {
    let place = MountPoint::new();
    let directory = place.path();
    let directory = directory.to_str().unwrap();
    tool::run("mount", |command| command.args(["-t", "tmpfs", "none", directory])).unwrap();
    let isomirror = binaries::path("isomirror").unwrap();
    let error =
        tool::run(isomirror.to_str().unwrap(), |command| command.args(["umount", directory]))
            .unwrap_err()
            .to_string();
    assert!(error.contains("was not mounted by isomirror"), "{error}");
    assert!(mounts::at(&place.path()).unwrap().is_some());
}

/// The process that serves `place`.
fn server_of(place: &MountPoint) -> Option<i32> {
    let directory = place.path();
    fs::read_dir("/proc").unwrap().find_map(|entry| {
        let entry = entry.unwrap();
        let number = entry.file_name().to_str()?.parse().ok()?;
        let command = fs::read(entry.path().join("cmdline")).ok()?;
        let arguments: Vec<_> = command.split(|byte| *byte == 0).collect();
        let serves = arguments.get(1) == Some(&&b"fuse-serve"[..])
            && arguments.get(3) == Some(&directory.as_os_str().as_encoded_bytes());
        serves.then_some(number)
    })
}

#[test]
fn a_mount_whose_server_was_killed_is_dead_and_can_be_taken_away() {
    let place = MountPoint::new();
    let image = image(&place);
    let isomirror = binaries::path("isomirror").unwrap();
    let mount = || {
        let status = Command::new(&isomirror)
            .args(["mount", "--backend", "fuse"])
            .args([&image, &place.path()])
            .status()
            .unwrap();
        assert!(status.success());
        nix::unistd::Pid::from_raw(server_of(&place).expect("a server runs"))
    };
    let server = mount();
    assert!(!place.target().is_dead());
    nix::sys::signal::kill(server, nix::sys::signal::Signal::SIGKILL).unwrap();
    wait_until("the mount is dead", || place.target().is_dead());
    let key = open_medium(&image).file().identity().key();
    assert_eq!(recognised(&place, &place.state_directory()), Some(key), "it is still known");
    assert_eq!(place.target().unmount(UnmountMode::Detach).unwrap(), Unmounted::Done);
    assert!(!place.target().is_dead());

    let server = mount();
    nix::sys::signal::kill(server, nix::sys::signal::Signal::SIGTERM).unwrap();
    wait_until("the mount is gone", || mounts::at(&place.path()).unwrap().is_none());
    wait_until("the server is gone", || server_of(&place).is_none());
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
