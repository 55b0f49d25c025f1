//! Looks into install media, and at the isomirror daemon of this machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    isomirror::cli::main()
}
