//! Colours, on a terminal of whoever wants them.

use std::{
    env,
    io::{self, IsTerminal},
};

use isomirror_core::{
    doctor::Level,
    state::{DownloadPhase, Phase},
};

/// Whether texts are coloured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(bool);

/// The colours that mean something, as SGR parameters (ECMA-48, 8.3.117).
const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";
const BOLD: &str = "1";
const FAINT: &str = "2";

impl Paint {
    /// No colours.
    pub(super) const NONE: Self = Self(false);

    /// As standard output and `NO_COLOR` (no-color.org) want it.
    pub(super) fn of_output() -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self(io::stdout().is_terminal() && !refused && !is_dumb)
    }

    fn with(self, colour: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(super) fn phase(self, phase: Phase, text: &str) -> String {
        let colour = match phase {
            Phase::Serving => GREEN,
            Phase::Waiting | Phase::Mounting | Phase::Draining => YELLOW,
            Phase::Blocked | Phase::Broken => RED,
        };
        self.with(colour, text)
    }

    pub(super) fn download(self, phase: DownloadPhase, text: &str) -> String {
        let colour = match phase {
            DownloadPhase::Current => GREEN,
            DownloadPhase::Held => RED,
            _ => YELLOW,
        };
        self.with(colour, text)
    }

    pub(super) fn level(self, level: Level, text: &str) -> String {
        let colour = match level {
            Level::Ok => GREEN,
            Level::Warn => YELLOW,
            Level::Fail => RED,
        };
        self.with(colour, text)
    }

    pub(super) fn problem(self, text: &str) -> String {
        self.with(RED, text)
    }

    pub(super) fn name(self, text: &str) -> String {
        self.with(BOLD, text)
    }

    pub(super) fn aside(self, text: &str) -> String {
        self.with(FAINT, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_coloured_is_the_text_alone() {
        assert_eq!(Paint::NONE.phase(Phase::Broken, "broken"), "broken");
        assert_eq!(Paint(true).phase(Phase::Broken, "broken"), "\u{1b}[31mbroken\u{1b}[0m");
    }
}
