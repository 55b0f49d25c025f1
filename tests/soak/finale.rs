//! The end of the long run: a few media whose state document is known to the last word.

use isomirror_tests::soak::Disc;
use serde_json::{Value, json};

use crate::{model::IMAGES, run::Run, step::Step};

/// Keys that tell moments, numbers and ways of this one run.
const VOLATILE: [&str; 11] = [
    "backend",
    "digests",
    "diskseq",
    "look",
    "next_check",
    "revision",
    "signer",
    "since",
    "speed",
    "uuid",
    "verified_at",
];

/// Publishes them, and compares.
pub(crate) fn plays(run: &mut Run) {
    // None that there was before: it may have got a name with a suffix, and keeps it.
    let (first, second) = (Disc::single(1), Disc::single(2));
    for step in [
        Step::Fetch,
        Step::Plug(0, Some(first)),
        Step::CopyIn("one.iso".into(), second),
        Step::MoveIn("deep/four.iso".into(), second),
    ] {
        run.step(&step);
    }
    let number = run.model.kept.unwrap();
    let mut state = run.world.look(0, &[]).state;
    let device = state["media"][0]["source"]["path"].as_str().unwrap_or_default().to_owned();
    assert!(device.starts_with("/dev/sr"), "{state:#}");
    forget(&mut state);
    for medium in state["media"].as_array_mut().into_iter().flatten() {
        medium.as_object_mut().map(|fields| fields.remove("id"));
    }
    let size = state["media"][0]["size"].clone();
    let medium = |name: &str, source: Value, more: Value| {
        let mut medium = json!({
            "name": name, "label": name.replace('_', " "), "format": "iso9660", "size": size,
            "source": source, "state": "serving", "mountpoint": format!("/srv/isomirror/{name}"),
            "url": format!("/{name}/"), "boot": [],
        });
        if let (Some(medium), Value::Object(more)) = (medium.as_object_mut(), more) {
            medium.extend(more);
        }
        medium
    };
    let file = |path: &str| json!({ "kind": "file", "path": format!("{IMAGES}/{path}") });
    let release = format!("soak/{number}/soak-{number}.iso");
    let expected = json!({
        "schema": 1,
        "webroot": "/srv/isomirror",
        "media": [
            medium("SOAK_LAST_1", json!({ "kind": "drive", "path": device }), json!({})),
            medium("SOAK_LAST_2", file("one.iso"), json!({ "also_at": [format!("{IMAGES}/deep/four.iso")] })),
            medium(
                &format!("SOAK_RELEASE_{number}"),
                file(&release),
                json!({ "verified": { "trust": "signed-list" } }),
            ),
        ],
        "fetch": [{
            "id": "soak", "state": "current", "version": number.to_string(),
            "file": format!("soak-{number}.iso"), "trust": "signed-list", "bytes": size, "size": size,
        }],
    });
    assert_eq!(state, expected);
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            fields.values_mut().for_each(forget);
        }
        Value::Array(values) => values.iter_mut().for_each(forget),
        _ => {}
    }
}
