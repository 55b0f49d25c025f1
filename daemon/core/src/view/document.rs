//! The public state as JSON.

use crate::state::StateDocument;

/// `/index.json`: the public document, indented, with a line end. `None` if it cannot be written, which no document
/// made of text is known to do.
#[must_use]
pub fn document_text(document: &StateDocument) -> Option<String> {
    let mut text = serde_json::to_string_pretty(&document.public()).ok()?;
    text.push('\n');
    Some(text)
}

/// `/_/NAME.json`: the public state of one medium, in the same form.
#[must_use]
pub fn medium_text(document: &StateDocument, name: &str) -> Option<String> {
    let medium = document.media.iter().find(|medium| medium.name.as_str() == name)?;
    let alone = StateDocument { media: vec![medium.clone()], ..StateDocument::default() };
    let public = alone.public().media.pop()?;
    let mut text = serde_json::to_string_pretty(&public).ok()?;
    text.push('\n');
    Some(text)
}

#[cfg(test)]
pub(super) mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

    use super::*;
    use crate::{
        boot::Detection,
        name::sanitise,
        state::{MediumState, Phase, SourceKind, SourceState},
    };

    pub(in crate::view) fn medium(name: &str) -> MediumState {
        MediumState {
            id: "00112233445566778899aabbccddeeff".parse().unwrap(),
            name: sanitise(name).unwrap(),
            label: Some("<script>\u{202e}".into()),
            uuid: None,
            format: Some("iso9660".into()),
            size: 4_700_372_992,
            source: SourceState {
                kind: SourceKind::File,
                path: PathBuf::from(OsStr::from_bytes(b"/secret/directory/a\xff.iso")),
                diskseq: None,
            },
            also_at: Vec::new(),
            backend: Some("none".into()),
            backend_reason: None,
            state: Phase::Serving,
            since: "2026-08-01T12:34:00Z".into(),
            mountpoint: Some("/secret/web/a".into()),
            url: "/a/".into(),
            verified: None,
            detection: Detection::default(),
            problem: None,
        }
    }

    #[test]
    fn the_public_document_is_json_without_what_only_the_host_should_know() {
        let document = StateDocument {
            schema: 1,
            revision: 7,
            webroot: Some("/secret/web".into()),
            media: vec![medium("A"), medium("B")],
            problems: vec!["/secret/device is gone".into()],
            ..StateDocument::default()
        };
        let text = document_text(&document).unwrap();
        assert!(!text.contains("secret"), "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["revision"], 7);
        assert_eq!(value["media"][0]["source"]["path"], "a\u{fffd}.iso");
        let one = medium_text(&document, "B").unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&one).unwrap(), value["media"][1]);
        assert_eq!(medium_text(&document, "C"), None);
    }
}
