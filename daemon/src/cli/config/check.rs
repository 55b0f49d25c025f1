//! `isomirror config check`.

use std::path::Path;

use isomirror_core::config::KeyPath;

use super::{
    super::{CommandError, escape::Escaped, output::Output},
    surprises,
};
use crate::{
    catalog::{self, CatalogData},
    environment::Environment,
    settings::{ConfigFiles, SettingsError, Told},
};

/// Reads the configuration that `file` or else the daemon's search names, with its drop-ins, and says that it is sound.
/// What holds and may surprise is told, and no error.
pub(crate) fn check(file: Option<&Path>) -> Result<(), CommandError> {
    let environment = Environment::of_process();
    let files = ConfigFiles::read(file, &environment)?;
    let (mut errors, mut warnings) = files.check_whole();
    errors.extend(unknown_wants(&files, &environment));
    if !errors.is_empty() {
        return Err(SettingsError::Invalid(errors).into());
    }
    warnings.extend(surprises::of_this_host(&files, Path::new("/")));
    let mut output = Output::new();
    for warning in &warnings {
        let line = format!("{}: warning: {}", warning.at, warning.message);
        output.line(&Escaped(line.as_bytes()).to_string())?;
    }
    output.line(&conclusion(&files, warnings.len()))?;
    output.finish()
}

fn conclusion(files: &ConfigFiles, warnings: usize) -> String {
    let paths: Vec<_> = files.paths().map(|path| path.display().to_string()).collect();
    let what = match warnings {
        0 => "no problems".to_owned(),
        1 => "no errors, 1 warning".to_owned(),
        count => format!("no errors, {count} warnings"),
    };
    match paths.as_slice() {
        [] => "no configuration file: the defaults hold".to_owned(),
        paths => format!("{}: {what}", paths.join(", ")),
    }
}

/// What is wanted and not in the catalog.
fn unknown_wants(files: &ConfigFiles, environment: &Environment) -> Vec<Told> {
    let wanted = &files.config().fetch.want;
    if wanted.is_empty() {
        return Vec::new();
    }
    let directories = catalog::directories(environment.catalog_directories.as_ref());
    let catalog = CatalogData::load(&directories).catalog;
    let unknown = wanted.iter().enumerate().filter(|(_, id)| catalog.get(id).is_none());
    unknown
        .map(|(index, id)| {
            let meant = catalog.closest(id).map(|meant| format!(": did you mean `{meant}`?"));
            let told = meant.unwrap_or_else(|| ": see `isomirror catalog list`".to_owned());
            let message = format!("fetch.want: there is no `{id}` in the catalog{told}");
            Told { at: files.at_element(&KeyPath::new(["fetch", "want"]), Some(index)), message }
        })
        .collect()
}
