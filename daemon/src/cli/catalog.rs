//! `isomirror catalog`: what can be fetched.

use std::{collections::BTreeMap, fs, path::PathBuf};

use isomirror_core::{
    catalog::{CatalogFile, Entry, ImageKind, Method, Support},
    config::FetchConfig,
    trust::Trust,
};
use serde::Serialize;

use super::{CommandError, output::Output};
use crate::{
    catalog::{self, CatalogData, Keys},
    environment::Environment,
};

/// Version of the documents' shape.
const SCHEMA: u32 = 1;

/// `catalog list --json`.
#[derive(Serialize)]
struct Listed<'c> {
    schema: u32,
    entries: Vec<Shown<'c>>,
}

/// An entry as documents have it.
#[derive(Serialize)]
struct Shown<'c> {
    id: &'c str,
    title: &'c str,
    distribution: &'c str,
    edition: &'c str,
    arch: &'c str,
    support: Support,
    method: Method,
    trust: Trust,
    image: ImageKind,
    max_size: u64,
    poll_seconds: u64,
    /// Versions that its examples have.
    versions: Vec<&'c str>,
    directories: Vec<&'c str>,
    archives: Vec<&'c str>,
    mirrors: Vec<&'c str>,
    name: &'c str,
    label: Option<&'c str>,
    alias: Option<&'c str>,
    /// Its keys, and whether they are there.
    keys: BTreeMap<&'c str, bool>,
    /// Whether each of its signatures can be verified by a key that is there; null where it has none.
    verifiable: Option<bool>,
    notes: Option<&'c str>,
    file: &'c str,
}

impl<'c> Shown<'c> {
    fn of(entry: &'c Entry, file: &'c str, keys: &Keys) -> Self {
        let texts = |templates: &'c [isomirror_core::catalog::Template]| {
            templates.iter().map(isomirror_core::catalog::Template::as_str).collect()
        };
        Self {
            id: entry.id.as_str(),
            title: &entry.title,
            distribution: &entry.distribution,
            edition: &entry.edition,
            arch: &entry.arch,
            support: entry.support,
            method: entry.find.method,
            trust: entry.trust,
            image: entry.image,
            max_size: entry.max_size.bytes(),
            poll_seconds: entry.interval(FetchConfig::default().interval).duration().as_secs(),
            versions: entry.examples.names.values().map(String::as_str).collect(),
            directories: texts(&entry.directories),
            archives: texts(&entry.archives),
            mirrors: texts(&entry.mirrors),
            name: entry.name.as_str(),
            label: entry.label.as_ref().map(isomirror_core::catalog::NamePattern::as_str),
            alias: entry.alias.as_ref().map(isomirror_core::catalog::Template::as_str),
            keys: entry.keys().map(|key| (key.as_str(), keys.get(key).is_some())).collect(),
            verifiable: (!entry.signatures.is_empty()).then(|| keys.missing(entry).is_empty()),
            notes: entry.notes.as_deref(),
            file,
        }
    }

    /// Whether there is a key, in a word.
    fn key_word(&self) -> &'static str {
        match self.verifiable {
            Some(true) => "present",
            Some(false) => "missing",
            None => "-",
        }
    }
}

fn load() -> CatalogData {
    let environment = Environment::of_process();
    CatalogData::load(&catalog::directories(environment.catalog_directories.as_ref()))
}

/// Lists the entries whose id or distribution is in `ids`, or all.
pub(super) fn list(ids: &[String], json: bool) -> Result<(), CommandError> {
    let data = load();
    for id in ids {
        let is_known =
            |(entry, _): (&Entry, &str)| entry.id.as_str() == id || entry.distribution == *id;
        if !data.catalog.iter().any(is_known) {
            return Err(no_entry(&data, id));
        }
    }
    let wanted = |entry: &Entry| {
        ids.is_empty() || ids.iter().any(|id| entry.id.as_str() == id || entry.distribution == *id)
    };
    let entries = data.catalog.iter().filter(|(entry, _)| wanted(entry));
    let entries: Vec<_> = entries.map(|(entry, file)| Shown::of(entry, file, &data.keys)).collect();
    let mut output = Output::new();
    if json {
        output.json(&Listed { schema: SCHEMA, entries })?;
        return output.finish();
    }
    let width = entries.iter().map(|entry| entry.id.len()).max().unwrap_or_default().max(2);
    output
        .line(&format!("{:width$}  {:12}  {:7}  {:20}  TITLE", "ID", "TRUST", "KEY", "VERSION"))?;
    for entry in &entries {
        let version = entry.versions.last().unwrap_or(&"-");
        let (trust, key) = (entry.trust.as_str(), entry.key_word());
        output.line(&format!(
            "{:width$}  {trust:12}  {key:7}  {version:20}  {}",
            entry.id, entry.title
        ))?;
    }
    output.finish()
}

/// Shows the entry `id`.
pub(super) fn show(id: &str, json: bool) -> Result<(), CommandError> {
    let data = load();
    let found = data.catalog.iter().find(|(entry, _)| entry.id.as_str() == id);
    let (entry, file) = found.ok_or_else(|| no_entry(&data, id))?;
    let shown = Shown::of(entry, file, &data.keys);
    let mut output = Output::new();
    if json {
        output.json(&shown)?;
        return output.finish();
    }
    output.line(&format!("{}: {}", shown.id, shown.title))?;
    let mut line = |what: &str, text: &str| output.line(&format!("  {what:12} {text}"));
    line("found by", shown.method.as_str())?;
    line("trust", shown.trust.as_str())?;
    for (key, is_there) in &shown.keys {
        line("key", &format!("{key} ({})", if *is_there { "present" } else { "missing" }))?;
    }
    line("name", shown.name)?;
    for (what, urls) in [
        ("directory", &shown.directories),
        ("archive", &shown.archives),
        ("mirror", &shown.mirrors),
    ] {
        for url in urls {
            line(what, url)?;
        }
    }
    for (what, text) in [("label", shown.label), ("alias", shown.alias), ("notes", shown.notes)] {
        if let Some(text) = text {
            line(what, text)?;
        }
    }
    if let Some(true) = shown.verifiable.map(|verifiable| !verifiable) {
        line("to do", &add_keys(&data.keys, entry))?;
    }
    line("file", shown.file)?;
    output.finish()
}

/// Checks `files`, or the machine's catalog.
pub(super) fn check(files: &[PathBuf]) -> Result<(), CommandError> {
    if files.is_empty() {
        let data = load();
        if !data.problems.is_empty() {
            return Err(CommandError::Catalog(data.problems));
        }
        let lacking: Vec<_> =
            data.catalog.iter().filter(|(entry, _)| !data.keys.missing(entry).is_empty()).collect();
        let mut output = Output::new();
        for (entry, _) in &lacking {
            output.line(&format!("{}: {}", entry.id, add_keys(&data.keys, entry)))?;
        }
        let count = data.catalog.iter().len();
        output
            .line(&format!("{count} entries, no problems; {} without their keys", lacking.len()))?;
        return output.finish();
    }
    let mut problems = Vec::new();
    for path in files {
        let text = fs::read_to_string(path)
            .map_err(|source| CommandError::Open { path: path.clone(), source })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (_, wrong) = CatalogFile::parse(&name, &text);
        problems.extend(wrong.iter().map(|problem| format!("{}:{problem}", path.display())));
    }
    if !problems.is_empty() {
        return Err(CommandError::Catalog(problems));
    }
    let mut output = Output::new();
    for path in files {
        output.line(&format!("{}: no problems", path.display()))?;
    }
    output.finish()
}

/// What to do about the keys of `entry` that are missing.
fn add_keys(keys: &Keys, entry: &Entry) -> String {
    let file = |key: &isomirror_core::catalog::KeyId| {
        format!("{key}.{}", if key.is_fingerprint() { "asc" } else { "pub" })
    };
    let missing: Vec<_> = keys.missing(entry).into_iter().map(file).collect();
    format!("put a key into /etc/isomirror/catalog.d/keys: {}", missing.join(" or "))
}

/// That there is no such entry, and which was probably meant.
pub(super) fn no_entry(data: &CatalogData, id: &str) -> CommandError {
    CommandError::NoEntry { id: id.to_owned(), meant: data.catalog.closest(id).map(str::to_owned) }
}
