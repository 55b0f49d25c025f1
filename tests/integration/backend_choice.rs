//! The first backend that works is taken, with the reasons told; media and state may lie where they like.

use std::{
    fs::{self, File},
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use isomirror::{
    backend::{BackendChoice, BackendKind, Capabilities, MountError, SymlinkPolicy, Unmounted},
    sys::loop_device::LoopDevice,
};
use isomirror_tests::{
    images::iso9660::{bytes, run, write, xorriso},
    mount_point::{MountPoint, open_medium},
    mounts,
};

fn source(place: &MountPoint, name: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    let source = place.scratch().join(name);
    fs::create_dir(&source).unwrap();
    fill(&source);
    source
}

#[test]
fn automatic_choice_takes_the_first_that_works_and_says_why() {
    let place = MountPoint::new();
    let path = source(&place, "tree", |root| write(&root.join("file"), b"content"));
    let medium = open_medium(&xorriso(&path, &place.scratch().join("auto.iso"), &["-R"]));
    let no = |reason: &str| Err(reason.to_owned());
    let none = Capabilities {
        kernel_iso9660: no("the kernel does not know ISO 9660"),
        kernel_udf: no("the kernel does not know UDF"),
        erofs: no("the kernel does not know EROFS"),
        fuse: no("`/dev/fuse` cannot be opened"),
        root: true,
    };
    let erofs = Capabilities { erofs: Ok(()), ..none.clone() };
    let fuse = Capabilities { fuse: Ok(()), ..none.clone() };
    let state = place.state_directory();
    for (capabilities, expected, reason) in [
        (&erofs, BackendKind::Erofs, "no kernel: the kernel does not know ISO 9660"),
        (
            &fuse,
            BackendKind::Fuse,
            "no kernel: the kernel does not know ISO 9660; no erofs: the kernel does not know EROFS",
        ),
        (
            &none,
            BackendKind::None,
            "no kernel: the kernel does not know ISO 9660; no erofs: the kernel does not know EROFS; \
             no fuse: `/dev/fuse` cannot be opened",
        ),
    ] {
        let policy = SymlinkPolicy::Contained;
        let mounted =
            place.mount_with(&medium, BackendChoice::Auto, policy, capabilities, &state).unwrap();
        assert_eq!((mounted.backend, mounted.reason.as_deref()), (expected, Some(reason)));
        let is_mounted = mounts::at(&place.path()).unwrap().is_some();
        assert_eq!(is_mounted, expected != BackendKind::None);
        if is_mounted {
            assert_eq!(fs::read(place.path().join("file")).unwrap(), b"content");
            place.unmount().unwrap();
        }
    }
    // A state directory that nothing can be written to costs EROFS only.
    let blocked = place.scratch().join("blocked");
    fs::write(&blocked, b"a file").unwrap();
    let both = Capabilities { erofs: Ok(()), ..fuse.clone() };
    let policy = SymlinkPolicy::Contained;
    let mounted = place.mount_with(&medium, BackendChoice::Auto, policy, &both, &blocked).unwrap();
    assert_eq!(mounted.backend, BackendKind::Fuse);
    let reason = mounted.reason.unwrap();
    assert!(reason.contains("no erofs: cannot write the EROFS metadata `"), "{reason}");
    place.unmount().unwrap();
    let error = place
        .mount_with(&medium, BackendChoice::Kernel, policy, &none, &state)
        .expect_err("there is no such backend");
    assert!(matches!(error, MountError::Unavailable { .. }) && !error.retryable());
}

#[test]
fn metadata_on_a_memory_file_system_is_mounted_through_loop_devices() {
    let place = MountPoint::new();
    let path = source(&place, "tree", |root| write(&root.join("file"), b"content"));
    let medium = open_medium(&xorriso(&path, &place.scratch().join("tmpfs.iso"), &["-R"]));
    let memory = place.scratch().join("memory");
    fs::create_dir(&memory).unwrap();
    run("mount", ["-t", "tmpfs", "none", memory.to_str().unwrap()]);
    let policy = SymlinkPolicy::Contained;
    let capabilities = Capabilities::probe();
    let mounted =
        place.mount_with(&medium, BackendChoice::Erofs, policy, &capabilities, &memory).unwrap();
    assert!(mounted.reason.unwrap().contains("loop devices are used"));
    assert_eq!(fs::read(place.path().join("file")).unwrap(), b"content");
    assert_eq!(place.unmount().unwrap(), Unmounted::Done);
}

#[test]
fn a_drive_is_mounted_even_while_its_last_medium_is_in_use() {
    let place = MountPoint::new();
    let path = source(&place, "tree", |root| write(&root.join("file"), &bytes(3, 100_000)));
    let image = xorriso(&path, &place.scratch().join("disc.iso"), &["-R"]);
    let drive = {
        let file = File::open(&image).unwrap();
        LoopDevice::attach(file.as_fd(), "isomirror-test").unwrap()
    };
    let medium = open_medium(drive.path());
    let first = MountPoint::new();
    for (number, place) in [&first, &place].into_iter().enumerate() {
        let mounted = place.mount(&medium, BackendChoice::Erofs, SymlinkPolicy::Contained).unwrap();
        assert_eq!((mounted.backend, mounted.reason), (BackendKind::Erofs, None));
        let found = fs::read(place.path().join("file")).unwrap();
        assert!(found == bytes(3, 100_000), "mount {number}");
    }
    assert_eq!(place.unmount().unwrap(), Unmounted::Done);
    assert_eq!(first.unmount().unwrap(), Unmounted::Done);
}
