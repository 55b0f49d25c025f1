//! Exit codes and messages of `isomirror` and `isomirrord`: scripts and units rely on them.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    process::Command,
};

use isomirror_tests::{
    binaries,
    program::{command, isomirror, run},
    scratch,
};

/// A user without any rights, on every distribution.
const NOBODY: u32 = 65_534;

#[test]
fn wrong_usage_is_2_and_help_is_0() {
    for (program, arguments, code) in [
        ("isomirror", &["--bogus"][..], 2),
        ("isomirror", &[], 2),
        ("isomirror", &["bogus"], 2),
        ("isomirror", &["ls", "--long", "--json", "x"], 2),
        ("isomirror", &["--help"], 0),
        ("isomirror", &["cat", "--help"], 0),
        ("isomirror", &["--version"], 0),
        ("isomirrord", &["--bogus"], 2),
        ("isomirrord", &["--listen", "nowhere"], 2),
        ("isomirrord", &["--roles", "cook"], 2),
        ("isomirrord", &["--help"], 0),
        ("isomirrord", &["--version"], 0),
    ] {
        let ended = run(&mut command(program, arguments));
        assert_eq!(ended.code, Some(code), "{program} {arguments:?}: {ended:?}");
        assert_eq!(ended.output.is_empty(), code == 2, "{program} {arguments:?}: {ended:?}");
    }
    let version = isomirror(["--version"]).output;
    assert_eq!(version, format!("isomirror {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_the_kernel_does_not_permit_is_77() {
    let directory = scratch::directory().unwrap();
    let image = directory.path().join("secret.iso");
    fs::write(&image, "secret").unwrap();
    fs::set_permissions(&image, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything, and nobody may not reach every checkout: so nobody gets a copy of the program.
    let program = directory.path().join("isomirror");
    fs::copy(binaries::path("isomirror").unwrap(), &program).unwrap();
    let mut inspect = Command::new(&program);
    inspect.arg("inspect").arg(&image);
    if rustix::process::geteuid().is_root() {
        chown(&image, Some(0), Some(0)).unwrap();
        inspect.uid(NOBODY).gid(NOBODY);
    }
    let ended = run(&mut inspect);
    assert_eq!(ended.code, Some(77));
    let expected =
        format!("isomirror: cannot open `{}`: Permission denied (os error 13)\n", image.display());
    assert_eq!(ended.errors, expected);
}

#[test]
fn without_a_daemon_status_says_how_to_start_it() {
    let directory = scratch::directory().unwrap();
    // What a daemon that was killed left behind.
    let document = r#"{"schema": 1, "revision": 1, "media": []}"#;
    fs::write(directory.path().join("state.json"), document).unwrap();
    for arguments in [&["status"][..], &["status", "--json"], &["list"]] {
        let mut status = command("isomirror", arguments);
        let ended = run(status.env("RUNTIME_DIRECTORY", directory.path()));
        assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""));
        assert!(
            ended.errors.starts_with("isomirror: isomirrord is not running: start it with "),
            "{}",
            ended.errors
        );
    }
}

#[test]
fn errors_in_the_configuration_are_78_and_all_told_with_their_places() {
    let directory = scratch::directory().unwrap();
    let file = directory.path().join("isomirror.yaml");
    let name = file.display();
    let text = "webrot: /srv\nmedia:\n  settle: 10\nserve:\n  listen: 80\n";
    fs::write(&file, text).unwrap();
    let expected = format!(
        "{name}:1:1: unknown key `webrot`: did you mean `webroot`?\n\
         {name}:3:11: media.settle: `10` is not a length of time: write an integer with ms, s, m, h or d, like `10s`\n\
         {name}:5:11: serve.listen: invalid type: integer `80`, expected an address to listen on, like `127.0.0.1:8080`, or a list of them\n"
    );
    let arguments = |words: &[&'static str]| {
        words
            .iter()
            .map(OsStr::new)
            .chain([file.as_os_str()])
            .map(OsStr::to_owned)
            .collect::<Vec<_>>()
    };
    for (program, arguments) in [
        ("isomirror", arguments(&["config", "check"])),
        ("isomirror", arguments(&["config", "show"])),
        ("isomirrord", arguments(&["--config"])),
    ] {
        let ended = run(&mut command(program, &arguments));
        assert_eq!((ended.code, ended.output.as_str()), (Some(78), ""), "{arguments:?}");
        assert_eq!(ended.errors, expected, "{program} {arguments:?}");
    }
    let by_environment =
        run(command("isomirror", ["config", "check"]).env("ISOMIRROR_CONFIG", &file));
    assert_eq!((by_environment.code, by_environment.errors), (Some(78), expected));
}

#[test]
fn a_configuration_that_was_named_and_is_not_there_is_78() {
    let ended = run(&mut command("isomirrord", ["--config", "/nowhere/isomirror.yaml"]));
    assert_eq!(ended.code, Some(78));
    let expected = "isomirrord: cannot read the configuration `/nowhere/isomirror.yaml`: \
                    No such file or directory (os error 2)\n";
    assert_eq!(ended.errors, expected);
}
