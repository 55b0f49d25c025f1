//! `isomirror status --watch`: the state as it changes.

use std::{
    env,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use isomirror_core::state::StateDocument;
use jiff::Timestamp;
use rustix::termios::tcgetwinsize;
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use super::{super::paint::Paint, CommandError, ages::length, page::Page, read, text::status_text};
use crate::environment::Environment;

/// How often it is looked whether something changed. The document is replaced by rename, so a look costs next to nothing.
const LOOK: Duration = Duration::from_millis(250);

/// Looks after which a terminal is drawn again although nothing changed: what it says of times has grown old.
const LOOKS_TO_REDRAW: u32 = 20;

/// Lines of a terminal that does not say how many it has.
const USUAL_LINES: usize = 24;

/// Tells the state now and whenever it changes, until interrupted. A daemon that is not there is waited for.
pub(super) fn watch(json: bool) -> Result<(), CommandError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CommandError::Output)?;
    runtime.block_on(async {
        let listen = |kind| signal(kind).map_err(CommandError::Output);
        let ends = [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?];
        let is_terminal = is_drawn_over() && !json;
        let mut view: Box<dyn View> = if json {
            Box::new(Documents)
        } else if is_terminal {
            Box::new(Screen { drawn: 0 })
        } else {
            Box::new(Blocks)
        };
        follow(view.as_mut(), ends).await
    })
}

/// Whether standard output is a terminal whose lines can be drawn over.
fn is_drawn_over() -> bool {
    io::stdout().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// How changes are told.
trait View {
    /// The state, which changed, or, where `is_redraw`, got older.
    fn show(&mut self, document: &StateDocument, is_redraw: bool) -> io::Result<()>;
    /// There has been no daemon for `seconds`.
    fn absent(&mut self, seconds: u64, is_redraw: bool) -> io::Result<()>;
    /// The end.
    fn finish(&mut self) -> io::Result<()>;
}

async fn follow(view: &mut dyn View, ends: [Signal; 2]) -> Result<(), CommandError> {
    let [mut interrupt, mut terminate] = ends;
    let environment = Environment::of_process();
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown: Option<Option<StateDocument>> = None;
    let (mut looks, mut absent_since) = (0, Timestamp::now());
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = ticks.tick() => {}
        }
        let state = match read(&environment) {
            Ok(document) => Some(document),
            Err(CommandError::NotRunning) => None,
            Err(error) => return Err(error),
        };
        let is_redraw = shown.as_ref() == Some(&state);
        looks = if is_redraw { looks + 1 } else { 0 };
        if is_redraw && looks < LOOKS_TO_REDRAW {
            continue;
        }
        looks = 0;
        if !is_redraw {
            absent_since = Timestamp::now();
        }
        let absent = Timestamp::now().as_second() - absent_since.as_second();
        let told = match &state {
            Some(document) => view.show(document, is_redraw),
            None => view.absent(u64::try_from(absent).unwrap_or(0), is_redraw),
        };
        told.map_err(CommandError::Output)?;
        shown = Some(state);
    }
    view.finish().map_err(CommandError::Output)
}

/// One document a line.
struct Documents;

impl View for Documents {
    fn show(&mut self, document: &StateDocument, is_redraw: bool) -> io::Result<()> {
        if is_redraw {
            return Ok(());
        }
        let mut line = serde_json::to_vec(document)?;
        line.push(b'\n');
        write_out(&line)
    }

    fn absent(&mut self, _: u64, is_redraw: bool) -> io::Result<()> {
        // No document says that, and whoever reads documents reads nothing else.
        if is_redraw { Ok(()) } else { writeln!(io::stderr(), "isomirror: {GONE}") }
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is said where there is no daemon.
const GONE: &str = "isomirrord is not running; waiting for it";

/// A block of text for each change.
struct Blocks;

impl View for Blocks {
    fn show(&mut self, document: &StateDocument, is_redraw: bool) -> io::Result<()> {
        if is_redraw {
            return Ok(());
        }
        let now = Timestamp::now();
        let text = status_text(document, now, Page { paint: Paint::NONE, columns: None });
        write_out(format!("--- {now:.0}\n{text}").as_bytes())
    }

    fn absent(&mut self, _: u64, is_redraw: bool) -> io::Result<()> {
        let now = Timestamp::now();
        if is_redraw { Ok(()) } else { write_out(format!("--- {now:.0}\n{GONE}\n").as_bytes()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal, drawn over in place.
struct Screen {
    /// Lines that were drawn last.
    drawn: usize,
}

impl View for Screen {
    fn show(&mut self, document: &StateDocument, _: bool) -> io::Result<()> {
        self.draw(&status_text(document, Timestamp::now(), Page::of_output()))
    }

    fn absent(&mut self, seconds: u64, _: bool) -> io::Result<()> {
        let text = Paint::of_output().problem(GONE);
        self.draw(&format!("{text} ({})\n", length(seconds)))
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn draw(&mut self, text: &str) -> io::Result<()> {
        let rows = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
        let rows = if rows == 0 { USUAL_LINES } else { rows };
        let (frame, drawn) = frame(text, self.drawn, rows);
        self.drawn = drawn;
        write_out(frame.as_bytes())
    }
}

/// What draws `text` over the `drawn` lines above, on a terminal of `rows` lines, and how many lines it then is. What
/// does not fit is counted: it would scroll away, and the next frame would begin in the wrong line. So would one whose
/// lines are broken, so they are not (DECAWM).
fn frame(text: &str, drawn: usize, rows: usize) -> (String, usize) {
    let room = rows.saturating_sub(1).max(1);
    let lines: Vec<_> = text.lines().collect();
    let mut kept: Vec<String> = lines.iter().take(room).map(|&line| line.to_owned()).collect();
    if lines.len() > room {
        kept.truncate(room - 1);
        kept.push(format!("... and {} lines more", lines.len() - kept.len()));
    }
    let up = if drawn > 0 { format!("\u{1b}[{drawn}A") } else { String::new() };
    let frame = format!("{up}\r\u{1b}[J\u{1b}[?7l{}\n\u{1b}[?7h", kept.join("\n"));
    (frame, kept.len())
}

fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(bytes)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_drawn_over_the_last_one() {
        assert_eq!(frame("a\nb\n", 0, 24), ("\r\u{1b}[J\u{1b}[?7la\nb\n\u{1b}[?7h".to_owned(), 2));
        assert!(frame("a\n", 2, 24).0.starts_with("\u{1b}[2A\r"));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let lines: Vec<_> = (0..30).map(|line| line.to_string()).collect();
        let text = lines.join("\n");
        let (frame, drawn) = frame(&text, 0, 10);
        assert_eq!(drawn, 9);
        assert!(frame.contains("7\n... and 22 lines more\n"), "{frame}");
    }
}
