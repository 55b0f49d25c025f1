//! `isomirror config`: checking and showing the configuration.

use std::path::Path;

use isomirror_core::config::{Config, render};

use super::{CommandError, output::Output};
use crate::{
    environment::Environment,
    settings::{find_config, read_config},
};

/// Reads the configuration that `file` or else the daemon's search names, and says that it is sound.
pub(super) fn check(file: Option<&Path>) -> Result<(), CommandError> {
    let found = find_config(file, &Environment::of_process());
    let mut output = Output::new();
    match found {
        Some(path) => {
            read_config(&path)?;
            output.line(&format!("{}: no problems", path.display()))?;
        }
        None => output.line("no configuration file: the defaults hold")?,
    }
    output.finish()
}

/// Prints the configuration with what the file does not state.
pub(super) fn show(file: Option<&Path>) -> Result<(), CommandError> {
    let found = find_config(file, &Environment::of_process());
    let config = found.map_or_else(|| Ok(Config::default()), |path| read_config(&path))?;
    let text = render(&config).map_err(|error| CommandError::Render(Box::new(error)))?;
    let mut output = Output::new();
    output.write(text.as_bytes())?;
    output.finish()
}
