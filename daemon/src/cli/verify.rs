//! `isomirror verify`: what speaks about an image, and whether it agrees.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressStyle};
use isomirror_core::signature::Keys;
use jiff::Timestamp;
use serde::Serialize;

use super::{CommandError, escape::Escaped, output::Output, status};
use crate::{
    environment::Environment,
    verified_records::{Fetched, VerifiedRecords, store_below},
    verify::{self, Check, CheckResult, Expected, Fault, Report, Verdict},
};

/// Version of the document.
const SCHEMA: u32 = 1;

/// What was found of everything that was asked for.
#[derive(Serialize)]
struct Document {
    schema: u32,
    results: Vec<Verified>,
}

/// What was found of one of them.
#[derive(Serialize)]
struct Verified {
    /// As it was asked for.
    target: String,
    /// Where it is.
    path: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Found(Report),
    Unreadable { error: String },
}

/// Verifies `targets`, or all published media where there are none.
pub(super) fn run(targets: &[PathBuf], keys: &[PathBuf], json: bool) -> Result<(), CommandError> {
    let directories = verify::KEY_DIRECTORIES.map(PathBuf::from);
    let keys = verify::load_keys(&directories, keys).map_err(Box::new)?;
    let mut output = Output::new();
    let mut document = Document { schema: SCHEMA, results: Vec::new() };
    for (target, path) in places(targets)? {
        let outcome = match one(&path, &keys) {
            Ok(report) => Outcome::Found(report),
            Err(error) => Outcome::Unreadable { error: crate::logging::Chain(&error).to_string() },
        };
        let path = path.display().to_string();
        let verified = Verified { target, path, outcome };
        if !json {
            output.write(text(&verified).as_bytes())?;
        }
        document.results.push(verified);
    }
    if json {
        output.json(&document)?;
    }
    output.finish()?;
    worst(&document.results)
}

/// Where the targets are: a path that exists is a path, all else a published name.
fn places(targets: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, CommandError> {
    let is_path =
        |target: &Path| target.components().count() > 1 || target.symlink_metadata().is_ok();
    let shown = |target: &Path| target.display().to_string();
    if !targets.is_empty() && targets.iter().all(|target| is_path(target)) {
        return Ok(targets.iter().map(|target| (shown(target), target.clone())).collect());
    }
    let document = status::read(&Environment::of_process())?;
    let published = |name: &str| document.media.iter().find(|medium| medium.name.as_str() == name);
    if targets.is_empty() {
        let media = document.media.iter();
        return Ok(media
            .map(|medium| (medium.name.as_str().to_owned(), medium.source.path.clone()))
            .collect());
    }
    let place = |target: &PathBuf| match published(&shown(target)) {
        _ if is_path(target) => Ok((shown(target), target.clone())),
        Some(medium) => Ok((shown(target), medium.source.path.clone())),
        None => Err(CommandError::NotPublished(shown(target))),
    };
    targets.iter().map(place).collect()
}

fn one(path: &Path, keys: &Keys) -> Result<Report, verify::VerifyError> {
    let request = verify::Request { expected: expected(path), keys, now: Timestamp::now() };
    let bar = bar(path);
    let report = verify::verify(path, &request, &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    report
}

/// What the catalog's list said of an image of the store when it was fetched.
fn expected(path: &Path) -> Expected {
    let store = Environment::of_process().state().map(|state| store_below(&state));
    let fetched = store.and_then(|store| VerifiedRecords::new(store).fetched(path));
    let Some(Fetched { id, image }) = fetched else { return Expected::default() };
    let by = format!("the catalog, as `{id}` {}", image.version);
    Expected { by, digests: image.digests, trust: image.trust, ..Expected::default() }
}

/// A progress bar, on a terminal; else one that is not seen.
fn bar(path: &Path) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    let style =
        ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    let name = path.file_name().unwrap_or(path.as_os_str());
    bar.set_message(Escaped(name.as_encoded_bytes()).to_string());
    bar
}

/// What people are told of one target.
fn text(verified: &Verified) -> String {
    let target = Escaped(verified.target.as_bytes());
    let report = match &verified.outcome {
        Outcome::Found(report) => report,
        Outcome::Unreadable { error } => {
            return format!("{target}: {}\n", Escaped(error.as_bytes()));
        }
    };
    let verdict = match report.verdict {
        Verdict::Verified => match &report.signer {
            Some(signer) => format!("verified, signed by {}", Escaped(signer.as_bytes())),
            None => "verified".to_owned(),
        },
        Verdict::Intact => {
            "intact as far as can be told, but NOT verified: no pinned key signed it".to_owned()
        }
        Verdict::Unknown => "NOT verified: nothing that can be checked speaks about it".to_owned(),
        Verdict::Failed => "FAILED".to_owned(),
    };
    let mut text = format!("{target}: {verdict}\n");
    let (absent, found): (Vec<_>, Vec<_>) =
        report.checks.iter().partition(|check| check.result == CheckResult::Absent);
    for check in found {
        tell(&mut text, check);
    }
    if !absent.is_empty() {
        let absent: Vec<_> = absent.into_iter().map(silent).collect();
        let _ = writeln!(text, "  absent     {}", absent.join(", "));
    }
    text
}

/// Adds what came of a check.
fn tell(text: &mut String, check: &Check) {
    let result = match check.result {
        CheckResult::Ok => "ok",
        CheckResult::Failed => "FAILED",
        CheckResult::Absent => "absent",
        CheckResult::Unchecked => "unchecked",
    };
    let (by, detail) = (Escaped(check.by.as_bytes()), Escaped(check.detail.as_bytes()));
    let _ = writeln!(text, "  {result:<9}  {:<13}  {by}: {detail}", check.kind);
    for problem in &check.faults {
        let fault = match problem.fault {
            Fault::Differs => "differs",
            Fault::Missing => "missing",
            Fault::Unreadable => "unreadable",
        };
        let _ = writeln!(text, "  {:9}  {fault:<13}  {}", "", Escaped(problem.path.as_bytes()));
    }
}

/// Who could have spoken and did not.
fn silent(check: &Check) -> String {
    match check.kind {
        "files" => Escaped(check.by.as_bytes()).to_string(),
        kind => kind.to_owned(),
    }
}

/// Fails as the worst of the results does.
fn worst(results: &[Verified]) -> Result<(), CommandError> {
    let is = |verdict| {
        results.iter().any(
            |result| matches!(&result.outcome, Outcome::Found(report) if report.verdict == verdict),
        )
    };
    if is(Verdict::Failed) {
        return Err(CommandError::VerificationFailed);
    }
    if results.iter().any(|result| matches!(result.outcome, Outcome::Unreadable { .. })) {
        return Err(CommandError::NotAllRead);
    }
    if is(Verdict::Unknown) || results.is_empty() {
        return Err(CommandError::NothingToCompare);
    }
    Ok(())
}
