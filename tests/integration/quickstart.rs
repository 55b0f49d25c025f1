//! `packaging/quickstart.sh`: what it refuses before it builds anything.

use std::{net::TcpListener, path::PathBuf, process::Command};

use isomirror_tests::program::{Ended, run};

fn quickstart(arguments: &[&str]) -> Ended {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../packaging/quickstart.sh");
    run(Command::new(script).args(arguments))
}

#[test]
fn without_a_directory_it_explains_itself() {
    for arguments in [&[][..], &[""], &["a", "b", "c"]] {
        let ended = quickstart(arguments);
        assert_eq!((ended.code, ended.output.as_str()), (Some(2), ""));
        assert!(
            ended.errors.contains("Usage: quickstart.sh DIR [ADDR:PORT]\n"),
            "{}",
            ended.errors
        );
    }
    let ended = quickstart(&["--help"]);
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_built() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let images = directory.path().join("images");
    let ended = quickstart(&[images.to_str().unwrap(), &address]);
    assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""));
    let expected =
        format!("quickstart: something listens on {address} already; stop it, or choose ");
    assert!(ended.errors.starts_with(&expected), "{}", ended.errors);
    assert!(!images.exists());
}
