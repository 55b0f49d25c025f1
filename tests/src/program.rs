//! Running `isomirror` as a user does, with nothing of this machine's own configuration or daemon.

use std::{
    ffi::OsStr,
    process::{Command, Output, Stdio},
};

use crate::binaries;

/// `isomirror` or `isomirrord`, to be run with `arguments`: without standard input, and without the environment that
/// would lead it to somebody's daemon or configuration.
///
/// # Panics
/// Where it was not built from the present sources.
pub fn command<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binaries::path(name).expect("the program is built"));
    command.args(arguments).stdin(Stdio::null());
    for variable in ["ISOMIRROR_CONFIG", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "JOURNAL_STREAM"] {
        command.env_remove(variable);
    }
    // Neither directory is there: what the program was built with holds.
    command.env("ISOMIRROR_BOOT_DIRECTORIES", "/nonexistent:/nonexistent");
    command
}

/// What a program printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// Exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

/// Runs `command` to its end.
///
/// # Panics
/// Where it cannot be started, or prints what is no UTF-8.
pub fn run(command: &mut Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().expect("the program can be started");
    Ended {
        code: status.code(),
        output: String::from_utf8(stdout).expect("output is UTF-8"),
        errors: String::from_utf8(stderr).expect("messages are UTF-8"),
    }
}

/// Runs `isomirror` with `arguments` to its end.
///
/// # Panics
/// As [`run`].
pub fn isomirror<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ended {
    run(&mut command("isomirror", arguments))
}
