//! Figures and digests that the server gives out.

use std::{fs, process::Command, sync::Arc};

use isomirror_core::{
    digest::{Algorithm, Digest},
    trust::Trust,
    verified::Verified,
};
use sha2::Digest as _;

use crate::http_fixture::{Client, Workshop, exports, medium, server, settings};

/// The value of a sample.
fn sample(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

#[test]
fn figures_count_what_was_asked_and_sent() {
    let workshop = Workshop::with_files();
    let (server, address) = server(&settings());
    server.publish(exports([("A", medium(&workshop.image("a.iso")))]));
    let mut client = Client::connect(address);
    let before = client.get("/metrics");
    assert_eq!(before.field("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let before = before.text();
    assert_eq!(sample(&before, "isomirror_media{state=\"serving\"}"), 1);
    assert_eq!(sample(&before, "isomirror_http_connections"), 1);
    assert_eq!(sample(&before, "isomirror_media_verification{trust=\"unverified\"}"), 1);
    for (target, status) in [("/A/large.bin", 200), ("/A/none", 404), ("/A", 301), ("/%", 400)] {
        assert_eq!(client.get(target).status, status);
    }
    let tag = client.get("/").field("ETag").unwrap().to_owned();
    let not_modified = client.request("GET", "/", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!(not_modified.status, 304);
    let after = client.get("/metrics").text();
    let grown = |name: &str| sample(&after, name) - sample(&before, name);
    // The first answer with figures was not counted yet when it was made.
    assert_eq!(grown("isomirror_http_requests_total{status=\"2xx\"}"), 3);
    assert_eq!(grown("isomirror_http_requests_total{status=\"3xx\"}"), 2);
    assert_eq!(grown("isomirror_http_requests_total{status=\"4xx\"}"), 2);
    assert_eq!(grown("isomirror_http_requests_total{status=\"5xx\"}"), 0);
    let sent = grown("isomirror_http_sent_bytes_total");
    assert!((3_000_001..3_100_000).contains(&sent), "{sent}");
}

#[test]
fn downloads_are_checked_by_sha256sum_and_only_what_is_verified_is_listed() {
    let workshop = Workshop::with_files();
    let path = workshop.image("a.iso");
    let digest = sha2::Sha256::digest(fs::read(&path).unwrap());
    let verified = |trust| Verified {
        trust,
        digests: vec![Digest::from_bytes(Algorithm::Sha256, &digest).unwrap()],
        signer: None,
        verified_at: "2026-08-01T12:34:00Z".into(),
    };
    let opened = medium(&path);
    let names = ["A (b) = c\\d", "Plain", "Unknown", "Unverified"];
    let mut exports = exports(names.map(|name| (name, opened.clone())));
    let state = Arc::make_mut(&mut exports.state);
    state.media[0].verified = Some(verified(Trust::Pinned));
    state.media[1].verified = Some(verified(Trust::OneSource));
    state.media[3].verified = Some(verified(Trust::Unverified));
    let (server, address) = server(&settings());
    server.publish(exports);
    let mut client = Client::connect(address);
    let list = client.get("/CHECKSUM");
    assert_eq!(list.field("Content-Type"), Some("text/plain; charset=utf-8"));
    assert!(!list.text().contains("Un"), "{}", list.text());
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("CHECKSUM"), &list.body).unwrap();
    for (name, url) in
        [("A_(b)_=_c\\d.iso", "/_/A_%28b%29_%3D_c%5Cd.iso"), ("Plain.iso", "/_/Plain.iso")]
    {
        fs::write(directory.path().join(name), client.get(url).body).unwrap();
    }
    let check = || {
        let mut command = Command::new("sha256sum");
        command.args(["-c", "--strict", "CHECKSUM"]).current_dir(&directory).output().unwrap()
    };
    let output = check();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.matches(": OK").count() == 2, "{output:?}");
    fs::write(directory.path().join("Plain.iso"), b"another").unwrap();
    assert!(!check().status.success());
}
