//! How far downloads are, while they run: bars on a terminal, else a line now and then, on standard error.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use isomirror_core::state::{DownloadPhase, DownloadState};

use super::{escape::Escaped, inspect::short_bytes};

/// A download with a size, and one without.
const KNOWN: &str = "{prefix} {bar:24} {bytes:>10}/{total_bytes:10} {msg}";
const UNKNOWN: &str = "{prefix} {spinner} {bytes:>10} {msg}";

/// Where it is shown.
#[derive(Debug)]
pub(super) struct Display {
    /// On a terminal.
    bars: Option<MultiProgress>,
    /// Time between two lines of one download, elsewhere.
    interval: Duration,
    shown: BTreeMap<String, Shown>,
}

#[derive(Debug)]
struct Shown {
    bar: Option<ProgressBar>,
    phase: Option<DownloadPhase>,
    told: Instant,
}

impl Display {
    pub(super) fn new(interval: Duration) -> Self {
        let bars = io::stderr().is_terminal().then(MultiProgress::new);
        Self { bars, interval, shown: BTreeMap::new() }
    }

    /// Shows what there is now.
    pub(super) fn show(&mut self, states: &[DownloadState]) {
        let width = states.iter().map(|state| state.id.len()).max().unwrap_or_default();
        for state in states {
            let bars = self.bars.as_ref();
            let shown = self.shown.entry(state.id.clone()).or_insert_with(|| Shown {
                bar: bars.map(|bars| bars.add(ProgressBar::no_length())),
                phase: None,
                told: Instant::now(),
            });
            match &shown.bar {
                Some(bar) => draw(bar, state, width),
                None => shown.line(state, width, self.interval),
            }
            shown.phase = Some(state.state);
        }
    }

    /// Says something besides.
    pub(super) fn note(&self, text: &str) {
        match &self.bars {
            Some(bars) => drop(bars.println(text)),
            None => say(text),
        }
    }

    /// Leaves the terminal as it was.
    pub(super) fn end(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }
}

fn draw(bar: &ProgressBar, state: &DownloadState, width: usize) {
    let template = if state.size.is_some() { KNOWN } else { UNKNOWN };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(format!("{:width$}", state.id));
    if let Some(size) = state.size {
        bar.set_length(size);
    }
    bar.set_position(state.bytes);
    bar.set_message(words(state));
}

impl Shown {
    fn line(&mut self, state: &DownloadState, width: usize, interval: Duration) {
        let is_new = self.phase != Some(state.state);
        let is_due = state.state == DownloadPhase::Downloading && self.told.elapsed() >= interval;
        if !is_new && !is_due {
            return;
        }
        self.told = Instant::now();
        let mut line = format!("{:width$}  {}", state.id, words(state));
        if state.state == DownloadPhase::Downloading && !is_new {
            let of = state.size.map(|size| format!(" of {}", short_bytes(size)));
            line = format!("{line}, {}{}", short_bytes(state.bytes), of.unwrap_or_default());
        }
        say(&line);
    }
}

/// What happens with it, in words.
fn words(state: &DownloadState) -> String {
    if state.state != DownloadPhase::Downloading {
        return state.state.as_str().to_owned();
    }
    let mut words = format!("{}/s", short_bytes(state.speed));
    if let Some(left) = remaining(state) {
        words = format!("{words}, {left} left");
    }
    if let Some(source) = &state.source {
        words = format!("{words}, from {}", Escaped(source.as_bytes()));
    }
    match &state.problem {
        Some(problem) => format!("{words} ({})", Escaped(problem.as_bytes())),
        None => words,
    }
}

/// The time that it still takes at this speed.
fn remaining(state: &DownloadState) -> Option<String> {
    let left = state.size?.saturating_sub(state.bytes);
    let seconds = left.checked_div(state.speed)?;
    Some(match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    })
}

fn say(text: &str) {
    // There is nobody left to tell that standard error is gone.
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_is_told_as_people_say_it() {
        let state = |bytes: u64, speed| -> DownloadState {
            serde_json::from_value(serde_json::json!({
                "id": "a", "state": "downloading", "since": "", "bytes": bytes, "size": 36_000_000u64,
                "speed": speed, "source": "mirror\u{1b}"
            }))
            .unwrap()
        };
        assert_eq!(remaining(&state(0, 0)), None);
        assert_eq!(remaining(&state(0, 1_000_000)).unwrap(), "36 s");
        assert_eq!(remaining(&state(0, 100_000)).unwrap(), "6 min");
        assert_eq!(remaining(&state(0, 5000)).unwrap(), "2 h 0 min");
        assert!(words(&state(0, 5000)).ends_with("from mirror\\u{1b}"));
    }
}
