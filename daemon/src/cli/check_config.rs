//! `isomirror config`: checking and showing the configuration.

use std::{fs, path::Path};

use isomirror_core::config::{Config, Problem, render};

use super::{CommandError, output::Output};
use crate::{
    catalog::{self, CatalogData},
    environment::Environment,
    settings::{SettingsError, find_config, read_config},
};

/// Reads the configuration that `file` or else the daemon's search names, and says that it is sound.
pub(super) fn check(file: Option<&Path>) -> Result<(), CommandError> {
    let found = find_config(file, &Environment::of_process());
    let mut output = Output::new();
    match found {
        Some(path) => {
            let config = read_config(&path)?;
            check_wants(&path, &config)?;
            output.line(&format!("{}: no problems", path.display()))?;
        }
        None => output.line("no configuration file: the defaults hold")?,
    }
    output.finish()
}

/// Whether everything that is wanted is in the catalog.
fn check_wants(path: &Path, config: &Config) -> Result<(), SettingsError> {
    if config.fetch.want.is_empty() {
        return Ok(());
    }
    let environment = Environment::of_process();
    let directories = catalog::directories(environment.catalog_directories.as_ref());
    let catalog = CatalogData::load(&directories).catalog;
    let text = fs::read_to_string(path)
        .map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
    let unknown = config.fetch.want.iter().filter(|id| catalog.get(id).is_none());
    let problems: Vec<_> = unknown
        .map(|id| {
            let (line, column) = place(&text, id);
            let meant = catalog.closest(id).map(|meant| format!(": did you mean `{meant}`?"));
            let told = meant.unwrap_or_else(|| ": see `isomirror catalog list`".to_owned());
            let message = format!("fetch.want: there is no `{id}` in the catalog{told}");
            Problem { line, column, message }
        })
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(SettingsError::Invalid { path: path.to_owned(), problems })
}

/// Line and column of the first place of `word` after the key `want`, from 1.
fn place(text: &str, word: &str) -> (usize, usize) {
    let lines = text.lines().enumerate().skip_while(|(_, line)| !line.contains("want"));
    let mut found = lines.filter_map(|(index, line)| {
        let start = line.find(word)?;
        Some((index + 1, line[..start].chars().count() + 1))
    });
    found.next().unwrap_or((1, 1))
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
