//! Writes manual pages, completions and schemas anew, from what the programs say of themselves. Run it where a command
//! line, the configuration or the catalog changes, and commit what it writes: `cargo run -p isomirror-tests --bin
//! make_manuals`.

use std::io;

fn main() -> io::Result<()> {
    isomirror_tests::manuals::write_all(isomirror_tests::packages::checkout())
}
