//! The daemon: publishes install media by label, mounted below a web root and served over HTTP.

use std::process::ExitCode;

fn main() -> ExitCode {
    isomirror::cli::daemon_main()
}
