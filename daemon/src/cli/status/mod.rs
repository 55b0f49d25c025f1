//! `isomirror status` and `isomirror list`: what the daemon says in its state document.

mod ages;
mod page;
mod text;
mod watch;

use std::{fs, io, path::Path};

use isomirror_core::state::{MediumState, SCHEMA, StateDocument};
use jiff::Timestamp;
use serde::Serialize;

use self::{page::Page, text::status_text};
use super::{CommandError, output::Output};
use crate::{environment::Environment, instance};

/// Bytes of the largest document that is read.
const LARGEST_DOCUMENT: u64 = 64 << 20;

/// Tells people, or as JSON scripts, all that the daemon says. Fails where none is running.
pub(super) fn status(json: bool, is_watched: bool) -> Result<(), CommandError> {
    if is_watched {
        return watch::watch(json);
    }
    let document = read(&Environment::of_process())?;
    let mut output = Output::new();
    if json {
        output.json(&document)?;
    } else {
        let text = status_text(&document, Timestamp::now(), Page::of_output());
        output.write(text.as_bytes())?;
    }
    output.finish()
}

/// Tells the media, one a line.
pub(super) fn list(json: bool) -> Result<(), CommandError> {
    #[derive(Serialize)]
    struct Media<'a> {
        schema: u32,
        media: &'a [MediumState],
    }
    let document = read(&Environment::of_process())?;
    let mut output = Output::new();
    if json {
        output.json(&Media { schema: SCHEMA, media: &document.media })?;
    } else {
        let width = name_width(&document);
        for medium in &document.media {
            let MediumState { name, url, .. } = medium;
            let phase = medium.state.as_str();
            output.line(&format!("{:<width$}  {phase:<8}  {url}", name.as_str()))?;
        }
    }
    output.finish()
}

/// The document of the daemon that is running: this user's own before the machine's.
pub(super) fn read(environment: &Environment) -> Result<StateDocument, CommandError> {
    for path in environment.state_documents() {
        if let Some(document) = read_document(&path)? {
            return Ok(document);
        }
    }
    Err(CommandError::NotRunning)
}

/// The document at `path`; `None` where there is none, or the daemon that wrote it is gone.
fn read_document(path: &Path) -> Result<Option<StateDocument>, CommandError> {
    let failed = |source| CommandError::State { path: path.to_owned(), source };
    let directory = path.parent().unwrap_or(path);
    if !instance::is_running(directory).map_err(failed)? {
        return Ok(None);
    }
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.len() > LARGEST_DOCUMENT => {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        Ok(_) => {}
    }
    let text = fs::read(path).map_err(failed)?;
    let format = |source| CommandError::StateFormat { path: path.to_owned(), source };
    let document: StateDocument =
        serde_json::from_slice(&text).map_err(|error| format(Some(error)))?;
    if document.schema == SCHEMA { Ok(Some(document)) } else { Err(format(None)) }
}

fn name_width(document: &StateDocument) -> usize {
    document.media.iter().map(|medium| medium.name.as_str().chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::Instance;

    fn document() -> StateDocument {
        let document =
            serde_json::json!({"schema": 1, "revision": 3, "media": [], "problems": ["a"]});
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn what_a_dead_daemon_left_behind_is_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        fs::write(&path, serde_json::to_vec(&document()).unwrap()).unwrap();
        assert!(read_document(&path).unwrap().is_none());
        let running = Instance::acquire(directory.path()).unwrap();
        assert_eq!(read_document(&path).unwrap(), Some(document()));
        fs::write(&path, r#"{"schema": 2, "revision": 1, "media": []}"#).unwrap();
        let error = read_document(&path).unwrap_err();
        assert!(matches!(error, CommandError::StateFormat { source: None, .. }));
        drop(running);
        assert!(read_document(&path).unwrap().is_none());
    }
}
