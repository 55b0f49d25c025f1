//! Standard output, of commands that may print much.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

use super::CommandError;

/// Buffered standard output. Errors say that it was the output that failed: a closed pipe is not a broken image.
#[derive(Debug)]
pub(super) struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    pub(super) fn new() -> Self {
        Self(BufWriter::with_capacity(1 << 16, io::stdout().lock()))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        self.0.write_all(bytes).map_err(CommandError::Output)
    }

    pub(super) fn line(&mut self, text: &str) -> Result<(), CommandError> {
        self.write(text.as_bytes())?;
        self.write(b"\n")
    }

    /// Writes a value as JSON that people can read too.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), CommandError> {
        serde_json::to_writer_pretty(&mut self.0, value)
            .map_err(|error| CommandError::Output(error.into()))?;
        self.write(b"\n")
    }

    /// Writes what is still buffered. Without it a failure at the very end would go unnoticed.
    pub(super) fn finish(mut self) -> Result<(), CommandError> {
        self.0.flush().map_err(CommandError::Output)
    }
}
