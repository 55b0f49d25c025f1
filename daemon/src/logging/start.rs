//! Choosing where log lines go.

use std::{
    env, fmt,
    io::{self, IsTerminal},
};

use tracing::field::{Field, Visit};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    field::RecordFields,
    fmt::{FormatFields, format::Writer},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::{Chain, journal::Readable, message_id};

/// What is logged unless `RUST_LOG` or `ISOMIRROR_LOG` say otherwise.
const DEFAULT_FILTER: &str = "info";

/// Starts logging for this process. Once a process; a second call changes nothing.
pub fn start() {
    let wanted = env::var("RUST_LOG").or_else(|_| env::var("ISOMIRROR_LOG")).ok();
    let parsed = wanted.as_deref().map(EnvFilter::try_new);
    let (filter, error) = match parsed {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(DEFAULT_FILTER), Some(error)),
        None => (EnvFilter::new(DEFAULT_FILTER), None),
    };
    // Failing means that a subscriber is there already: a test's, whose business it then is.
    let _ = tracing_subscriber::registry().with(destination()).with(filter).try_init();
    if let Some(error) = error {
        tracing::warn!(error = %Chain(&error), "log filter not understood, logging at info");
    }
}

fn destination() -> Box<dyn Layer<Registry> + Send + Sync> {
    if stderr_is_the_journal()
        && let Ok(journal) = tracing_journald::layer()
    {
        return Box::new(Readable(journal.with_field_prefix(None)));
    }
    let terminal = io::stderr().is_terminal();
    let colours = terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .fmt_fields(Fields)
        .with_target(false)
        .with_ansi(colours);
    if stderr_is_the_journal() { Box::new(lines.without_time()) } else { Box::new(lines) }
}

/// Writes the fields of an event, in one line and without what is for programs.
struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = Line { writer, is_begun: false, result: Ok(()) };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'writer> {
    writer: Writer<'writer>,
    is_begun: bool,
    result: fmt::Result,
}

impl Line<'_> {
    /// Values come from labels and file names: nothing of them may break the line.
    fn write(&mut self, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
        if self.is_begun {
            self.writer.write_char(' ')?;
        }
        self.is_begun = true;
        if field.name() != "message" {
            write!(self.writer, "{field}=")?;
        }
        for character in format!("{value:?}").chars() {
            if character.is_control() {
                write!(self.writer, "{}", character.escape_default())?;
            } else {
                self.writer.write_char(character)?;
            }
        }
        Ok(())
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.result.is_ok() && field.name() != message_id::FIELD {
            self.result = self.write(field, value);
        }
    }
}

/// Whether the service manager connected standard error to the journal: `JOURNAL_STREAM` holds the device and inode
/// of that connection (systemd.exec(5)), and is inherited by children whose standard error may be something else.
#[must_use]
pub fn stderr_is_the_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr())
        .is_ok_and(|status| stream == format!("{}:{}", status.st_dev, status.st_ino))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_value_breaks_its_line_and_ids_are_not_shown() {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .fmt_fields(Fields)
            .with_target(false)
            .with_ansi(false)
            .without_time();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            let source = "/srv/a\nERROR \u{1b}[31m.iso";
            tracing::info!(
                message_id = message_id::SERVED,
                label = "\n",
                source = %source,
                size = 3,
                "published"
            );
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let expected =
            " INFO published label=\"\\n\" source=/srv/a\\nERROR \\u{1b}[31m.iso size=3\n";
        assert_eq!(text, expected);
    }
}
