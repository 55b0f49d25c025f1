//! `isomirror doctor` on this machine, which has no udev and no drive.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, path::Path};

use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    program::{Ended, command, run},
};
use serde_json::Value;

/// What the doctor finds with a configuration, and how it ends.
fn findings(directory: &Path, config: &str) -> (Vec<Value>, Ended) {
    let file = directory.join("isomirror.yaml");
    fs::write(&file, config).unwrap();
    let mut doctor = command("isomirror", ["doctor", "--json", "--config"]);
    doctor.arg(&file).env("RUNTIME_DIRECTORY", directory.join("run"));
    let ended = run(doctor.env("STATE_DIRECTORY", directory.join("state")));
    let document: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(document["schema"], 1);
    (document["findings"].as_array().unwrap().clone(), ended)
}

fn of<'f>(findings: &'f [Value], check: &str) -> Vec<&'f Value> {
    findings.iter().filter(|finding| finding["check"] == check).collect()
}

#[test]
fn each_thing_that_fails_is_told_with_what_to_do_and_ends_with_1() {
    let directory = tempfile::tempdir().unwrap();
    let webroot = directory.path().join("closed/web");
    fs::create_dir_all(&webroot).unwrap();
    let closed = webroot.parent().unwrap();
    fs::set_permissions(closed, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = format!(
        "webroot: {}\nmedia: {{drives: none, directories: [{}]}}\nserve: {{listen: '{address}'}}\n\
         fetch: {{want: [no-such-entry]}}\n",
        webroot.display(),
        directory.path().join("images").display(),
    );
    let (found, ended) = findings(directory.path(), &config);
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains(" failing: "), "{ended:?}");
    for finding in &found {
        let is_ok = finding["level"] == "ok";
        assert_eq!(is_ok, finding["remedy"].is_null(), "{finding}");
    }
    let listen = of(&found, "serve.listen")[0];
    assert_eq!(
        (&listen["level"], &listen["object"]),
        (&"fail".into(), &address.to_string().into())
    );
    assert!(listen["text"].as_str().unwrap().starts_with("`integration"), "{listen}");
    let root = of(&found, "web root")[0];
    assert_eq!(root["object"], closed.to_str().unwrap(), "{root}");
    assert_ne!(root["level"], "ok");
    let keys = of(&found, "keys")[0];
    assert_eq!((&keys["level"], &keys["object"]), (&"fail".into(), &"no-such-entry".into()));
    assert_eq!(keys["text"], "it is not in the catalog");
    let images = of(&found, "images")[0];
    assert_eq!((&images["level"], &images["text"]), (&"fail".into(), &"it does not exist".into()));
    assert_eq!(of(&found, "roles")[0]["level"], "fail");
    assert_eq!(of(&found, "udev"), [&Value::Null; 0]);

    fs::set_permissions(closed, fs::Permissions::from_mode(0o755)).unwrap();
    drop(taken);
    let (found, _) = findings(directory.path(), &config);
    assert_eq!(of(&found, "serve.listen")[0]["level"], "ok");
    assert_eq!(of(&found, "web root")[0]["level"], "ok");
}

#[test]
fn a_configuration_with_errors_is_told_and_the_rest_is_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let (found, ended) = findings(directory.path(), "medai: {}\n");
    assert_eq!(ended.code, Some(1));
    let told = of(&found, "configuration")[0];
    assert_eq!(told["level"], "fail");
    assert!(told["text"].as_str().unwrap().ends_with("unknown key `medai`: did you mean `media`?"));
    assert!(!of(&found, "kernel").is_empty());
}

#[test]
fn the_kernel_is_seen_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let (found, _) = findings(directory.path(), "mount: {backend: auto}\n");
    let file_systems = fs::read_to_string("/proc/filesystems").unwrap();
    for name in ["iso9660", "udf", "erofs", "fuse"] {
        let is_there = file_systems.split_whitespace().any(|word| word == name);
        let told: Vec<_> = of(&found, "kernel");
        let lacking =
            told.iter().any(|finding| finding["object"] == name && finding["level"] != "ok");
        assert!(!(is_there && lacking), "{name}: {told:#?}");
    }
}

#[test]
fn a_daemon_that_runs_has_its_roles_mounts_and_addresses_in_order() {
    let config = "media: {drives: none}\nmount: {backend: fuse}\n".to_owned();
    let daemon = Daemon::start(DaemonOptions { config, ..DaemonOptions::default() }).unwrap();
    let mut doctor = command("isomirror", ["doctor", "--json", "--config"]);
    doctor.arg(daemon.config()).env("RUNTIME_DIRECTORY", daemon.runtime_directory());
    let ended = run(doctor.env("STATE_DIRECTORY", daemon.state_directory()));
    let document: Value = serde_json::from_str(&ended.output).unwrap();
    let found = document["findings"].as_array().unwrap();
    for check in ["roles", "mounts", "clock"] {
        let told = of(found, check);
        assert!(
            !told.is_empty() && told.iter().all(|f| f["level"] != "fail"),
            "{check}: {told:#?}"
        );
    }
    let port = daemon.port().to_string();
    let listen = of(found, "serve.listen").into_iter();
    for finding in listen.filter(|f| f["object"].as_str().unwrap().ends_with(&port)) {
        assert_eq!(finding["text"], "isomirror listens there");
    }
    let text =
        run(command("isomirror", ["doctor"]).env("RUNTIME_DIRECTORY", daemon.runtime_directory()));
    assert!(text.output.contains(" to look at, ") && !text.output.contains('\u{1b}'), "{text:?}");
}
