//! Lines of a script, and the parts that all scripts have.

use std::fmt::{Display, Write};

use super::word::MIRROR;

/// How long a machine that nobody looks at shows what went wrong before it goes on, in milliseconds.
const FAILURE_SHOWN: u32 = 30_000;

/// A script that is being written.
#[derive(Debug)]
pub(super) struct Script(String);

impl Script {
    /// Begins a script that lies `depth` directories below the web root. If it does not know the mirror's URL, it finds
    /// it out: from the URL that it was fetched by, which iPXE tells since 2020, or else by asking.
    pub(super) fn begin(knows_mirror: bool, depth: usize) -> Self {
        let mut script = Self("#!ipxe\n".to_owned());
        if !knows_mirror {
            let root = if depth == 0 { "." } else { ".." };
            script.line(format_args!("isset ${{cwduri}} && set isomirror ${{cwduri}}{root} ||"));
            script.line(format_args!("isset {MIRROR} && goto known ||"));
            script.line("echo This iPXE does not tell where it got this menu from.");
            script.line("echo Type the URL of the mirror, like http://mirror.example");
            script.line("read isomirror ||");
            script.line(":known");
        }
        script
    }

    /// Writes a line. Foreign text comes as [`super::word::Words`] or [`super::word::Shown`] only.
    pub(super) fn line(&mut self, line: impl Display) {
        let start = self.0.len();
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
        debug_assert!(!self.0[start..].trim_end_matches('\n').contains(['\n', '\r']));
    }

    /// Writes the command that shows the menu, with what leads to `otherwise` where somebody leaves it.
    pub(super) fn choose(&mut self, options: &str, timeout: Option<u128>, otherwise: &str) {
        let timeout = match timeout {
            // To iPXE 0 is for ever, and its numbers have 32 bits.
            Some(time) => format!("--timeout {} ", time.clamp(1, u128::from(u32::MAX))),
            None => String::new(),
        };
        self.line(format_args!("choose {options}{timeout}chosen || goto {otherwise}"));
        self.line("goto ${chosen}");
    }

    /// Writes where commands that failed lead to: back to the menu.
    pub(super) fn failed(&mut self) {
        self.line(":failed");
        self.line(format_args!(
            "prompt --timeout {FAILURE_SHOWN} That did not work. Press a key to go back. ||"
        ));
        self.line("goto menu");
    }

    /// The script.
    pub(super) fn end(self) -> String {
        self.0
    }
}
