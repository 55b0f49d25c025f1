//! `isomirror umount --all` takes down what is ours below the web root, and nothing else.

use std::{
    fs::{self, File},
    path::Path,
};

use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    mounts,
    private_mounts::PrivateMounts,
    program::{Ended, command, run},
};
use nix::mount::{MsFlags, mount};

use crate::{
    autofs::{MASTER_OPTIONS, Machine, PATIENCE, wait},
    publishing::image,
};

fn umount_all(daemon: &Daemon) -> Ended {
    let webroot = daemon.webroot();
    let arguments =
        ["umount".as_ref(), "--all".as_ref(), "--webroot".as_ref(), webroot.as_os_str()];
    let mut command = command("isomirror", arguments);
    command.arg("--config").arg(daemon.config());
    command.env("RUNTIME_DIRECTORY", daemon.runtime_directory());
    command.env("STATE_DIRECTORY", daemon.state_directory());
    run(&mut command)
}

fn below(webroot: &Path) -> Vec<String> {
    let names = fs::read_dir(webroot).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn it_takes_down_what_is_ours_and_nothing_else() {
    let _mounts = PrivateMounts::enter().unwrap();
    let mut daemon = Daemon::start(DaemonOptions::default()).unwrap();
    for label in ["ONE", "BUSY"] {
        image(&daemon.images().join(format!("{label}.iso")), label, label);
    }
    daemon.wait_for_serving(PATIENCE, &["ONE", "BUSY"]).unwrap();
    let webroot = daemon.webroot();
    fs::create_dir(webroot.join("empty")).unwrap();
    fs::create_dir(webroot.join("tmpfs")).unwrap();
    let none = None::<&str>;
    mount(Some("tmpfs"), &webroot.join("tmpfs"), Some("tmpfs"), MsFlags::empty(), none).unwrap();
    fs::write(webroot.join("tmpfs/theirs"), "theirs").unwrap();
    let outside = daemon.images().parent().unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    let image = daemon.images().join("ONE.iso");
    let arguments = ["mount".as_ref(), image.as_os_str(), outside.as_os_str()];
    let mut mount_outside = command("isomirror", arguments);
    mount_outside.env("STATE_DIRECTORY", daemon.state_directory().join("other"));
    assert_eq!(run(&mut mount_outside).code, Some(0));

    let refused = umount_all(&daemon);
    assert_eq!((refused.code, refused.output.as_str()), (Some(1), ""));
    assert!(refused.errors.contains("`systemctl stop isomirrord`"), "{}", refused.errors);
    assert_eq!(
        below(&webroot),
        ["BUSY", "CHECKSUM", "ONE", "_", "boot.ipxe", "empty", "index.html", "index.json", "tmpfs"]
    );

    daemon.kill9().unwrap();
    let mut reader = File::open(webroot.join("BUSY/content")).unwrap();
    let done = umount_all(&daemon);
    assert_eq!((done.code, done.errors.as_str()), (Some(0), ""));
    assert_eq!(below(&webroot), ["empty", "tmpfs"]);
    assert_eq!(fs::read_to_string(webroot.join("tmpfs/theirs")).unwrap(), "theirs");
    assert_eq!(fs::read_to_string(outside.join("content")).unwrap(), "ONE");
    assert_eq!(std::io::read_to_string(&mut reader).unwrap(), "BUSY");
    let metadata = fs::read_dir(daemon.state_directory().join("erofs")).unwrap().count();
    assert_eq!(metadata, 0);
    assert_eq!(umount_all(&daemon).code, Some(0), "there is nothing left to do");

    daemon.start_again().unwrap();
    daemon.wait_for_serving(PATIENCE, &["ONE", "BUSY"]).unwrap();
    assert_eq!(
        below(&webroot),
        ["BUSY", "CHECKSUM", "ONE", "_", "boot.ipxe", "empty", "index.html", "index.json", "tmpfs"]
    );
    nix::mount::umount2(&outside, nix::mount::MntFlags::MNT_DETACH).unwrap();
}

#[test]
fn fuse_mounts_of_a_daemon_that_died_go_too() {
    let _mounts = PrivateMounts::enter().unwrap();
    let DaemonOptions { config, .. } = DaemonOptions::default();
    let config = format!("{config}mount:\n  backend: fuse\n");
    let mut daemon = Daemon::start(DaemonOptions { config, ..DaemonOptions::default() }).unwrap();
    image(&daemon.images().join("a.iso"), "DEAD", "dead");
    daemon.wait_for_serving(PATIENCE, &["DEAD"]).unwrap();
    daemon.kill9().unwrap();
    assert!(mounts::at(&daemon.webroot().join("DEAD")).unwrap().is_some());
    assert_eq!(umount_all(&daemon).code, Some(0));
    assert_eq!(below(&daemon.webroot()), [""; 0]);
}

#[test]
fn media_that_autofs_mounts_go_and_autofs_stays() {
    let mut machine = Machine::start(&["ONE", "TWO"], MASTER_OPTIONS);
    machine.wait_for(&["ONE", "TWO"]);
    assert!(machine.content("ONE").is_some());
    machine.daemon.terminate().unwrap();
    let done = umount_all(&machine.daemon);
    assert_eq!((done.code, done.errors.as_str()), (Some(0), ""));
    assert!(machine.mounted().is_empty());
    wait("the list to be empty", || machine.listed().is_empty());
    let there = mounts::at(&machine.daemon.webroot()).unwrap().unwrap();
    assert_eq!(there.filesystem, "autofs");
}

#[test]
fn wrong_usage_is_told() {
    for (arguments, code) in [
        (&["umount"][..], 2),
        (&["umount", "--all", "/mnt"], 2),
        (&["umount", "--webroot", "/mnt", "/mnt"], 2),
        (&["umount", "--all", "--config", "/nonexistent/isomirror.yaml"], 78),
    ] {
        assert_eq!(run(&mut command("isomirror", arguments)).code, Some(code), "{arguments:?}");
    }
}
