//! `isomirror status` and `list` beside a running daemon.

use std::{fs, time::Duration};

use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    images::iso9660::{bytes, xorriso},
    program::{Ended, command, run},
    scratch,
};
use serde_json::Value;

fn ask(daemon: &Daemon, arguments: &[&str]) -> Ended {
    run(command("isomirror", arguments).env("RUNTIME_DIRECTORY", daemon.runtime_directory()))
}

#[test]
fn status_and_list_tell_what_the_daemon_publishes_until_it_ends() {
    let directory = scratch::directory().unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), bytes(1, 2_000_000)).unwrap();
    let image = xorriso(&tree, &directory.path().join("image.iso"), &["-R", "-V", "Rocky-9"]);
    let config = "media: {drives: none, settle: 100ms}\nmount: {backend: none}\n".to_owned();
    let options = DaemonOptions { config, ..DaemonOptions::default() };
    let mut daemon = Daemon::start(options).unwrap();
    let webroot = daemon.webroot().display().to_string();
    let nothing = ask(&daemon, &["status"]);
    assert_eq!(nothing.output, format!("No media for {webroot} yet\n"));

    fs::copy(&image, daemon.images().join("image.iso")).unwrap();
    let state = daemon.wait_for_serving(Duration::from_secs(10), &["Rocky-9"]).unwrap();
    let status = ask(&daemon, &["status"]);
    assert_eq!((status.code, status.errors.as_str()), (Some(0), ""));
    let first =
        format!("1 medium for {webroot}: 1 serving\n  Rocky-9  serving by HTTP    since 20");
    assert!(status.output.starts_with(&first), "{}", status.output);
    let document: Value =
        serde_json::from_str(&ask(&daemon, &["status", "--json"]).output).unwrap();
    assert_eq!(document["media"], state["media"]);
    assert_eq!(ask(&daemon, &["list"]).output, "Rocky-9  serving   /Rocky-9/\n");

    daemon.kill9().unwrap();
    let ended = ask(&daemon, &["status"]);
    assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""));
}
