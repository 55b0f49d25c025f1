//! The variables of `iso_manager` reach the daemon, and those that make no sense stop it.

use std::fs;

use isomirror_tests::{program, scratch};

#[test]
fn a_variable_that_makes_no_sense_is_told_by_its_name_and_its_value_is_not() {
    let directory = scratch::directory().unwrap();
    let config = directory.path().join("isomirror.yaml");
    fs::write(&config, "media: {drives: none}\n").unwrap();
    let mut daemon = program::command("isomirrord", ["--config"]);
    daemon.arg(&config).env("STALL_TIMEOUT", "soon");
    daemon.env("OS_IS_IMAGES_PATH", "smb://anna:secret@nas/isos");
    for name in ["RUNTIME_DIRECTORY", "STATE_DIRECTORY"] {
        daemon.env(name, directory.path());
    }
    let ended = program::run(&mut daemon);
    assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
    assert!(ended.errors.contains("$STALL_TIMEOUT is no number of seconds"), "{ended:?}");
    assert!(ended.errors.contains("$OS_IS_IMAGES_PATH has a password in it"), "{ended:?}");
    assert!(!ended.errors.contains("secret"), "{ended:?}");
}
