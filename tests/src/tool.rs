//! Running the tools that people have: each failure tells the command and what it said.

use std::{
    io::{self, Write},
    process::{Command, Output, Stdio},
};

/// Runs `program` with what `arguments` adds to it, and returns its standard output.
///
/// # Errors
/// Where it cannot be started, with the advice to install it; where it fails, with its standard error.
pub fn run(
    program: &str,
    arguments: impl FnOnce(&mut Command) -> &mut Command,
) -> io::Result<String> {
    let mut command = Command::new(program);
    arguments(command.stdin(Stdio::null()));
    let output = command.output().map_err(|error| missing(program, &error))?;
    finished(&command, &output)
}

/// As [`run`], with `input` on its standard input.
///
/// # Errors
/// As [`run`].
pub fn run_with_input(
    program: &str,
    input: &str,
    arguments: impl FnOnce(&mut Command) -> &mut Command,
) -> io::Result<String> {
    let mut command = Command::new(program);
    arguments(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut child = command.spawn().map_err(|error| missing(program, &error))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    finished(&command, &output)
}

fn missing(program: &str, error: &io::Error) -> io::Error {
    let advice = "tests/install-dependencies.sh installs what the tests need";
    io::Error::new(error.kind(), format!("cannot run `{program}`: {error}; {advice}"))
}

fn finished(command: &Command, output: &Output) -> io::Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?} failed ({}): {}", output.status, said.trim())))
}
