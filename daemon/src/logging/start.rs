//! Choosing where log lines go.

use std::{
    env,
    io::{self, IsTerminal},
};

use tracing_subscriber::{
    EnvFilter, Layer, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::{Chain, journal::Readable};

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
        .with_target(false)
        .with_ansi(colours);
    if stderr_is_the_journal() { Box::new(lines.without_time()) } else { Box::new(lines) }
}

/// Whether the service manager connected standard error to the journal: `JOURNAL_STREAM` holds the device and inode
/// of that connection (systemd.exec(5)), and is inherited by children whose standard error may be something else.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr())
        .is_ok_and(|status| stream == format!("{}:{}", status.st_dev, status.st_ino))
}
