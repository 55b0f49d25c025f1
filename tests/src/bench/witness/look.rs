//! One look at a name: the state document where there is one, the directory, the URL.

use std::{collections::BTreeSet, fs, io, os::unix::fs::MetadataExt, path::PathBuf};

use serde_json::{Value, json};

use super::now;
use crate::http;

/// Where names are to be seen.
#[derive(Clone, Debug)]
pub struct Place {
    /// The directory below which they are.
    pub root: PathBuf,
    /// The port on 127.0.0.1 where the same is served, if anybody serves.
    pub port: Option<u16>,
    /// The state document, if there is one.
    pub document: Option<PathBuf>,
}

/// When a name was as wanted, on the monotonic clock.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// In the state document.
    pub document: Option<f64>,
    /// Below the root.
    pub mounted: Option<f64>,
    /// Over HTTP.
    pub http: Option<f64>,
    /// In every respect.
    pub all: Option<f64>,
}

impl Seen {
    pub(super) fn told(&self) -> Value {
        let Self { document, mounted, http, all } = self;
        json!({ "document": document, "mounted": mounted, "http": http, "all": all })
    }

    fn finish(&mut self) {
        if self.document.is_some() && self.mounted.is_some() && self.http.is_some() {
            self.all = self.all.or_else(|| Some(now()));
        }
    }
}

impl Place {
    /// Begins to look.
    #[must_use]
    pub(super) fn look(&self) -> Look<'_> {
        let mut look =
            Look { place: self, version: None, serving: BTreeSet::new(), all: BTreeSet::new() };
        look.refresh();
        look
    }
}

/// Looks, with what the state document said last: to read it at every look would be most of the work.
#[derive(Debug)]
pub(super) struct Look<'a> {
    place: &'a Place,
    version: Option<(u64, i64, i64)>,
    serving: BTreeSet<String>,
    all: BTreeSet<String>,
}

impl Look<'_> {
    /// Reads the state document if it is another one than before.
    pub(super) fn refresh(&mut self) {
        let Some(path) = &self.place.document else { return };
        let version = fs::metadata(path).ok().map(|m| (m.ino(), m.mtime(), m.mtime_nsec()));
        if version == self.version {
            return;
        }
        let document = fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let Some::<Value>(document) = document else { return };
        self.version = version;
        let media = document["media"].as_array().cloned().unwrap_or_default();
        let name = |medium: &Value| medium["name"].as_str().unwrap_or_default().to_owned();
        self.all = media.iter().map(name).collect();
        self.serving = media.iter().filter(|m| m["state"] == "serving").map(name).collect();
    }

    pub(super) fn for_right(&self, name: &str, text: &str, seen: &mut Seen) {
        // Where there is a document it tells last, and asking for what it does not have yet would cost the others.
        if seen.all.is_some() || (self.place.document.is_some() && !self.serving.contains(name)) {
            return;
        }
        note(&mut seen.document, true);
        let file = self.place.root.join(name).join("label.txt");
        if seen.mounted.is_none() {
            note(&mut seen.mounted, fs::read(file).is_ok_and(|bytes| bytes == text.as_bytes()));
        }
        if seen.http.is_none() {
            note(
                &mut seen.http,
                self.answer(name)
                    .is_none_or(|(status, body)| status == 200 && body == text.as_bytes()),
            );
        }
        seen.finish();
    }

    pub(super) fn for_gone(&self, name: &str, seen: &mut Seen) {
        if seen.all.is_some() {
            return;
        }
        note(&mut seen.document, !self.all.contains(name));
        if seen.mounted.is_none() {
            let there = fs::symlink_metadata(self.place.root.join(name));
            note(&mut seen.mounted, there.is_err_and(|e| e.kind() == io::ErrorKind::NotFound));
        }
        if seen.http.is_none() {
            note(&mut seen.http, self.answer(name).is_none_or(|(status, _)| status == 404));
        }
        seen.finish();
    }

    /// Status and body of `label.txt` over HTTP; `None` where nobody serves.
    fn answer(&self, name: &str) -> Option<(u16, Vec<u8>)> {
        let answer = http::get(self.place.port?, &format!("/{name}/label.txt"));
        // Or a server that is being restarted, or that cuts a response off.
        Some(answer.map_or_else(|_| (0, Vec::new()), |response| (response.status, response.body)))
    }
}

fn note(moment: &mut Option<f64>, is_so: bool) {
    if is_so && moment.is_none() {
        *moment = Some(now());
    }
}
