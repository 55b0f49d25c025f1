//! `config/state.schema.json` describes the documents that there are, and all of their fields.

use std::{fs, time::Duration};

use boon::{Compiler, Schemas};
use isomirror_core::{
    boot::{
        BootAction, BootEntry, BootMode, Detection, Firmware, Initrd, Repository, RepositoryKind,
        System,
    },
    digest::{Algorithm, Digest},
    name::sanitise,
    state::{
        DownloadPhase, DownloadState, MediumState, Phase, SourceKind, SourceState, StateDocument,
    },
    trust::Trust,
    verified::Verified,
};
use isomirror_tests::daemon::{Daemon, DaemonOptions};
use serde_json::{Value, json};

use crate::publishing::image;

const MOMENT: &str = "2026-08-01T12:34:00Z";

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/state.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The schema, but without fields that it does not name.
fn strict(mut schema: Value) -> Value {
    fn forbid(value: &mut Value) {
        match value {
            Value::Object(object) => {
                if object
                    .get("properties")
                    .is_some_and(|properties| properties.get("type").is_none())
                {
                    object.insert("additionalProperties".into(), json!(false));
                }
                object.values_mut().for_each(forbid);
            }
            Value::Array(items) => items.iter_mut().for_each(forbid),
            _ => {}
        }
    }
    forbid(&mut schema);
    schema
}

/// What is wrong with `document`.
fn faults(schema: Value, document: &Value) -> Option<String> {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    let id = schema["$id"].as_str().unwrap().to_owned();
    compiler.add_resource(&id, schema).unwrap();
    let index = compiler.compile(&id, &mut schemas).unwrap();
    schemas.validate(document, index).err().map(|error| format!("{error:#}"))
}

fn boot() -> Vec<BootEntry> {
    let initrd = |name: Option<&str>| Initrd { file: "a".into(), name: name.map(str::to_owned) };
    let pair = || ("a".to_owned(), "b".to_owned());
    let actions = [
        BootAction::Kernel {
            kernel: "a".into(),
            initrds: vec![initrd(None), initrd(Some("b"))],
            command_line: "c".into(),
        },
        BootAction::Multiboot { loader: Some("a".into()), kernel: pair(), modules: vec![pair()] },
        BootAction::Wimboot { files: vec![initrd(Some("b"))] },
        BootAction::Program { program: "a".into(), command_line: "b".into() },
        BootAction::Sanboot,
    ];
    let entry = |action| BootEntry {
        mode: BootMode::HttpTree,
        arch: Some("x86_64".into()),
        firmware: Firmware::Any,
        action,
    };
    actions.map(entry).into()
}

fn detection() -> Detection {
    Detection {
        system: Some(System {
            family: "a".into(),
            name: "b".into(),
            version: Some("c".into()),
            arch: Some("d".into()),
            edition: Some("e".into()),
            codename: Some("f".into()),
        }),
        boot: boot(),
        obstacle: Some("a".into()),
        repositories: vec![Repository {
            id: "a".into(),
            kind: RepositoryKind::Apt,
            path: String::new(),
            key: Some("b".into()),
            suite: vec!["c".into()],
        }],
    }
}

/// A document in which nothing is missing: a new field does not compile until it stands here.
fn whole() -> StateDocument {
    let medium = MediumState {
        id: "00112233445566778899aabbccddeeff".parse().unwrap(),
        name: sanitise("A ü").unwrap(),
        label: Some("a".into()),
        uuid: Some("b".into()),
        format: Some("iso9660".into()),
        size: 1,
        source: SourceState { kind: SourceKind::Drive, path: "/dev/sr0".into(), diskseq: Some(2) },
        also_at: vec!["/a".into()],
        backend: Some("erofs".into()),
        backend_reason: Some("a".into()),
        state: Phase::Serving,
        since: MOMENT.into(),
        mountpoint: Some("/b".into()),
        url: "/A_%C3%BC/".into(),
        verified: Some(Verified {
            trust: Trust::SignedList,
            digests: vec![Digest::from_bytes(Algorithm::Sha256, &[7; 32]).unwrap()],
            signer: Some("a".into()),
            verified_at: MOMENT.into(),
        }),
        detection: detection(),
        problem: Some("a".into()),
    };
    let download = DownloadState {
        id: "a".into(),
        state: DownloadPhase::Held,
        since: MOMENT.into(),
        version: Some("1".into()),
        file: Some("a.iso".into()),
        bytes: 1,
        size: Some(2),
        speed: 3,
        source: Some("mirror.example".into()),
        trust: Some(Trust::Pinned),
        next_check: Some(MOMENT.into()),
        look: 0,
        refused: false,
        problem: Some("a".into()),
    };
    StateDocument {
        schema: 1,
        revision: 1,
        webroot: Some("/srv".into()),
        media: vec![medium],
        fetch: vec![download],
        problems: vec!["a".into()],
    }
}

#[test]
fn the_schema_has_every_field_of_the_document() {
    let whole = whole();
    for document in
        [whole.clone(), whole.public(), StateDocument { schema: 1, ..StateDocument::default() }]
    {
        let document = serde_json::to_value(&document).unwrap();
        assert_eq!(faults(strict(schema()), &document), None);
    }
}

#[test]
fn the_schema_has_every_word_of_the_document() {
    let document = serde_json::to_value(whole()).unwrap();
    let with = |pointer: &str, word: &str| {
        let mut document = document.clone();
        *document.pointer_mut(pointer).unwrap() = word.into();
        faults(strict(schema()), &document)
    };
    for phase in Phase::ALL {
        assert_eq!(with("/media/0/state", phase.as_str()), None);
    }
    for phase in DownloadPhase::ALL {
        assert_eq!(with("/fetch/0/state", phase.as_str()), None);
    }
    for trust in Trust::ALL {
        assert_eq!(with("/media/0/verified/trust", trust.as_str()), None);
    }
    for (pointer, wrong) in [
        ("/media/0/state", "lost"),
        ("/media/0/since", "today"),
        ("/media/0/size", "1"),
        ("/media/0/boot/0/kind", "floppy"),
        ("/fetch/0/trust", "verified"),
    ] {
        assert!(with(pointer, wrong).is_some(), "{pointer} {wrong}");
    }
}

#[test]
fn a_field_that_the_schema_does_not_know_is_noticed_here_and_passed_over_by_readers() {
    for pointer in
        ["", "/media/0", "/media/0/source", "/media/0/verified", "/media/0/boot/1", "/fetch/0"]
    {
        let mut document = serde_json::to_value(whole()).unwrap();
        document.pointer_mut(pointer).unwrap()["new"] = json!(1);
        assert!(faults(strict(schema()), &document).is_some(), "{pointer}");
        assert_eq!(faults(schema(), &document), None, "{pointer}");
    }
}

#[test]
fn what_the_daemon_tells_is_what_the_schema_says() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    image(&daemon.images().join("a.iso"), "SCHEMA", "x");
    fs::write(daemon.images().join("broken.iso"), [7; 4096]).unwrap();
    let state = daemon.wait_for_serving(Duration::from_secs(20), &["SCHEMA"]).unwrap();
    assert_eq!(faults(strict(schema()), &state), None);
    let public = daemon.http_get("/index.json").unwrap().body;
    let public: Value = serde_json::from_slice(&public).unwrap();
    assert_eq!(faults(strict(schema()), &public), None);
}
