//! `isomirror status` and `isomirror list`: what the daemon says in its state document.

use std::{fmt::Write as _, fs, io, path::Path};

use isomirror_core::state::{
    DownloadPhase, DownloadState, MediumState, Phase, SCHEMA, StateDocument,
};
use serde::Serialize;

use super::{CommandError, escape::Escaped, inspect::short_bytes, output::Output};
use crate::{environment::Environment, instance};

/// Bytes of the largest document that is read.
const LARGEST_DOCUMENT: u64 = 64 << 20;

/// The backend of a medium that is not mounted.
const NOT_MOUNTED: &str = "none";

/// All phases, in the order in which a summary counts them.
const PHASES: [Phase; 6] = [
    Phase::Serving,
    Phase::Mounting,
    Phase::Waiting,
    Phase::Draining,
    Phase::Blocked,
    Phase::Broken,
];

/// Tells people, or as JSON scripts, all that the daemon says. Fails where none is running.
pub(super) fn status(json: bool) -> Result<(), CommandError> {
    let document = read(&Environment::of_process())?;
    let mut output = Output::new();
    if json {
        output.json(&document)?;
    } else {
        output.write(status_text(&document).as_bytes())?;
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

/// What people want to know, first things first: how many, which, and what is wrong.
fn status_text(document: &StateDocument) -> String {
    let mut text = summary(document);
    let width = name_width(document);
    for medium in &document.media {
        let _ = writeln!(text, "  {}", medium_line(medium, width));
        for note in medium.problem.iter().chain(reason_not_to_mount(medium)) {
            let _ = writeln!(text, "  {:width$}  {}", "", Escaped(note.as_bytes()));
        }
    }
    text.push_str(&downloads(&document.fetch));
    if !document.problems.is_empty() {
        text.push_str("\nProblems:\n");
    }
    for problem in &document.problems {
        let _ = writeln!(text, "  {}", Escaped(problem.as_bytes()));
    }
    text
}

/// What happens with each wanted entry, and what is wrong with it.
fn downloads(states: &[DownloadState]) -> String {
    let mut text = String::new();
    if states.is_empty() {
        return text;
    }
    let current = states.iter().filter(|state| state.state == DownloadPhase::Current).count();
    let _ = writeln!(text, "\n{} wanted of the catalog: {current} current", states.len());
    let width = states.iter().map(|state| state.id.len()).max().unwrap_or_default();
    for state in states {
        let phase = state.state.as_str();
        let version = state.version.as_deref().unwrap_or("-");
        let _ = write!(text, "  {:<width$}  {phase:<11}  {version:<14}", state.id);
        let _ = match (state.state, state.size, state.trust) {
            (DownloadPhase::Downloading, Some(size), _) => writeln!(
                text,
                "  {} of {}, {}/s",
                short_bytes(state.bytes),
                short_bytes(size),
                short_bytes(state.speed)
            ),
            (DownloadPhase::Downloading, None, _) => {
                writeln!(text, "  {}, {}/s", short_bytes(state.bytes), short_bytes(state.speed))
            }
            (_, _, Some(trust)) => writeln!(text, "  {trust}"),
            _ => writeln!(text),
        };
        if let Some(problem) = &state.problem {
            let _ = writeln!(text, "  {:width$}  {}", "", Escaped(problem.as_bytes()));
        }
    }
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Why a medium is not mounted. That it is mounted by one backend rather than another is for `--json`.
fn reason_not_to_mount(medium: &MediumState) -> Option<&String> {
    medium.backend_reason.as_ref().filter(|_| medium.backend.as_deref() == Some(NOT_MOUNTED))
}

/// The line that tells how many media there are, and in which states.
fn summary(document: &StateDocument) -> String {
    let webroot = document.webroot.as_ref().map(|path| path.display().to_string());
    let webroot = webroot.as_deref().unwrap_or("the web root");
    let webroot = Escaped(webroot.as_bytes());
    let count = |phase| document.media.iter().filter(|medium| medium.state == phase).count();
    let counted: Vec<_> = PHASES
        .into_iter()
        .map(|phase| (count(phase), phase))
        .filter(|(count, _)| *count > 0)
        .map(|(count, phase)| format!("{count} {}", phase.as_str()))
        .collect();
    match document.media.len() {
        0 => format!("No media for {webroot} yet\n"),
        1 => format!("1 medium for {webroot}: {}\n", counted.join(", ")),
        media => format!("{media} media for {webroot}: {}\n", counted.join(", ")),
    }
}

fn medium_line(medium: &MediumState, width: usize) -> String {
    let MediumState { name, since, size, .. } = medium;
    let phase = medium.state.as_str();
    let source = medium.source.path.display().to_string();
    let (since, source) = (Escaped(since.as_bytes()), Escaped(source.as_bytes()));
    let how = match medium.backend.as_deref() {
        Some(NOT_MOUNTED) => format!("{phase} by HTTP"),
        Some(backend) => format!("{phase} by {}", Escaped(backend.as_bytes())),
        None => phase.to_owned(),
    };
    let size = short_bytes(*size);
    format!("{:<width$}  {how:<17}  since {since}  {size:>8}  {source}", name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::Instance;

    fn document() -> StateDocument {
        let medium = serde_json::json!({
            "id": "0123456789abcdef0123456789abcdef", "name": "Rocky-9", "label": "Rocky-9",
            "uuid": null, "format": "iso9660", "size": 10_737_418_240_u64, "backend": "kernel",
            "source": {"kind": "drive", "path": "/dev/sr0", "diskseq": 7}, "state": "serving",
            "since": "2026-08-01T10:00:00Z", "url": "/Rocky-9/", "boot": [],
        });
        let mut broken = medium.clone();
        broken["name"] = "b".into();
        broken["state"] = "broken".into();
        broken["backend"] = serde_json::Value::Null;
        broken["backend_reason"] = "not shown".into();
        broken["problem"] = "`/srv/\u{1b}b.iso` ends early: copy it again".into();
        let mut unmounted = medium.clone();
        unmounted["name"] = "c".into();
        unmounted["backend"] = "none".into();
        unmounted["backend_reason"] = "kernel: mounting needs root".into();
        let document = serde_json::json!({
            "schema": 1, "revision": 3, "webroot": "/srv/isomirror", "media": [medium, broken, unmounted],
            "problems": ["no loop devices: load the module with `modprobe loop`"],
        });
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn people_see_what_is_served_and_what_is_wrong() {
        assert_eq!(
            status_text(&document()),
            "3 media for /srv/isomirror: 2 serving, 1 broken\n\
             \x20 Rocky-9  serving by kernel  since 2026-08-01T10:00:00Z    10 GiB  /dev/sr0\n\
             \x20 b        broken             since 2026-08-01T10:00:00Z    10 GiB  /dev/sr0\n\
             \x20          `/srv/\\u{1b}b.iso` ends early: copy it again\n\
             \x20 c        serving by HTTP    since 2026-08-01T10:00:00Z    10 GiB  /dev/sr0\n\
             \x20          kernel: mounting needs root\n\
             \n\
             Problems:\n\
             \x20 no loop devices: load the module with `modprobe loop`\n"
        );
        let nothing = StateDocument { media: Vec::new(), problems: Vec::new(), ..document() };
        assert_eq!(status_text(&nothing), "No media for /srv/isomirror yet\n");
    }

    #[test]
    fn people_see_how_far_downloads_are_and_what_holds_them() {
        let states = serde_json::json!([
            {"id": "debian-13", "state": "current", "since": "", "version": "13.2", "trust": "signed-list", "size": 7},
            {"id": "rocky-9", "state": "downloading", "since": "", "version": "9.8", "bytes": 1024, "size": 2048, "speed": 512},
            {"id": "x", "state": "held", "since": "", "problem": "no mirror\u{1b}"},
        ]);
        let states: Vec<DownloadState> = serde_json::from_value(states).unwrap();
        assert_eq!(
            downloads(&states),
            "\n3 wanted of the catalog: 1 current\n\
             \x20 debian-13  current      13.2            signed-list\n\
             \x20 rocky-9    downloading  9.8             1.0 KiB of 2.0 KiB, 512 B/s\n\
             \x20 x          held         -\n\
             \x20            no mirror\\u{1b}\n"
        );
        assert_eq!(downloads(&[]), "");
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
