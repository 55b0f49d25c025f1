//! A link that leaves its tree leads nobody to the host's files, whatever mounts the tree.

use std::{fs, os::unix::fs::symlink, path::Path};

use isomirror::backend::{BackendChoice, SymlinkPolicy, Unmounted};
use isomirror_tests::{
    images::iso9660::{write, xorriso},
    mount_point::{MountPoint, open_medium},
    mounts,
};

const BACKENDS: [BackendChoice; 2] = [BackendChoice::Erofs, BackendChoice::Fuse];

/// Links that stay inside, and what is read through them.
const INSIDE: [(&str, &str, Option<&str>); 6] = [
    ("near", "file", Some("content")),
    ("through", "directory/../file", Some("content")),
    ("directory/up", "../file", Some("content")),
    ("chain", "directory/up", Some("content")),
    ("here", ".", None),
    ("dangling", "directory/missing/../../..", None),
];

/// Links that leave, or that nobody can tell of.
const OUTSIDE: [(&str, &str); 8] = [
    ("absolute", "/etc/passwd"),
    ("root", "/"),
    ("above", "../../../../../../../../etc/passwd"),
    ("once above", ".."),
    ("directory/two above", "../../x"),
    ("out by a link", "directory/two above"),
    ("out through a link", "once above/etc/passwd"),
    ("round", "round"),
];

fn image(place: &MountPoint) -> std::path::PathBuf {
    let source = place.scratch().join("tree");
    fs::create_dir_all(source.join("directory")).unwrap();
    write(&source.join("file"), b"content");
    let links = INSIDE.iter().map(|(name, target, _)| (name, target));
    for (name, target) in links.chain(OUTSIDE.iter().map(|(name, target)| (name, target))) {
        symlink(target, source.join(name)).unwrap();
    }
    xorriso(&source, &place.scratch().join("links.iso"), &["-R"])
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[test]
fn links_that_stay_inside_are_followed_and_the_others_hidden() {
    let place = MountPoint::new();
    let medium = open_medium(&image(&place));
    for backend in BACKENDS {
        let mounted = place.mount(&medium, backend, SymlinkPolicy::Contained).unwrap();
        for (name, target, content) in INSIDE {
            let link = place.path().join(name);
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(target), "{backend}: {name}");
            let found = fs::read_to_string(&link).ok();
            assert_eq!(found.as_deref(), content, "{backend}: {name}");
        }
        for (name, _) in OUTSIDE {
            assert!(!exists(&place.path().join(name)), "{backend}: {name}");
        }
        let listed: Vec<_> = fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| OUTSIDE.iter().any(|(outside, _)| outside == name))
            .collect();
        assert_eq!(listed, [""; 0], "{backend}");
        assert_eq!(place.unmount().unwrap(), Unmounted::Done);
        drop(mounted);
    }
}

#[test]
fn without_links_none_is_shown_and_the_mount_follows_none() {
    let place = MountPoint::new();
    let medium = open_medium(&image(&place));
    for backend in BACKENDS {
        let mounted = place.mount(&medium, backend, SymlinkPolicy::Off).unwrap();
        for (name, _) in INSIDE.map(|(name, target, _)| (name, target)).into_iter().chain(OUTSIDE) {
            assert!(!exists(&place.path().join(name)), "{backend}: {name}");
        }
        let options = mounts::at(&place.path()).unwrap().unwrap().options;
        for option in ["ro", "nosuid", "nodev", "noexec", "nosymfollow"] {
            assert!(options.split(',').any(|it| it == option), "{backend}: {option} in {options}");
        }
        place.unmount().unwrap();
        drop(mounted);
    }
}

#[test]
fn links_are_as_they_are_only_where_that_was_asked_for() {
    let place = MountPoint::new();
    let medium = open_medium(&image(&place));
    for backend in BACKENDS {
        let mounted = place.mount(&medium, backend, SymlinkPolicy::Follow).unwrap();
        for (name, target) in OUTSIDE {
            let found = fs::read_link(place.path().join(name)).unwrap();
            assert_eq!(found, Path::new(target), "{backend}: {name}");
        }
        place.unmount().unwrap();
        drop(mounted);
    }
}

#[test]
fn nothing_is_mounted_through_a_link_or_over_another_mount() {
    let place = MountPoint::new();
    let medium = open_medium(&image(&place));
    let elsewhere = place.scratch().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::remove_dir(place.path()).unwrap();
    symlink(&elsewhere, place.path()).unwrap();
    for backend in BACKENDS {
        let error = place.mount(&medium, backend, SymlinkPolicy::Contained).unwrap_err();
        assert_eq!(error.to_string(), "cannot mount on the directory `MEDIUM`");
    }
    assert_eq!(mounts::below(place.scratch()).unwrap(), []);
    fs::remove_file(place.path()).unwrap();
    fs::create_dir(place.path()).unwrap();
    let first = place.mount(&medium, BackendChoice::Erofs, SymlinkPolicy::Contained).unwrap();
    for backend in BACKENDS {
        let error = place.mount(&medium, backend, SymlinkPolicy::Contained).unwrap_err();
        assert_eq!(error.remedy(), "unmount what is mounted there", "{backend}");
    }
    assert_eq!(mounts::below(place.scratch()).unwrap().len(), 1);
    drop(first);
}
