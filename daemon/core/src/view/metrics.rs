//! `/metrics`: figures in the text format of Prometheus, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>). Names follow its conventions: base units, and
//! `_total` where a figure only grows. No label has a value that came from a medium or names one.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::{
    state::{DownloadPhase, MediumState, Phase, StateDocument},
    trust::Trust,
};

/// Value of `Content-Type`.
pub const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What backends are called.
const BACKENDS: [&str; 4] = ["kernel", "erofs", "fuse", "autofs"];

/// What figures are made of.
#[derive(Clone, Copy, Debug)]
pub struct MetricsView<'a> {
    /// The whole document, not its public part: only counts of it are told.
    pub document: &'a StateDocument,
    /// Of the server.
    pub http: HttpFigures,
    /// Of what mounts.
    pub work: WorkFigures,
    /// Version of the program.
    pub version: &'a str,
}

/// Figures of the server since its start, but for `connections` and `listeners`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpFigures {
    /// Open now.
    pub connections: u64,
    /// Accepted.
    pub accepted: u64,
    /// Connections that are told of changes now.
    pub listeners: u64,
    /// Sent, heads included.
    pub bytes: u64,
    /// Responses by the first digit of their status, from 1 to 5.
    pub responses: [u64; 5],
    /// When it was started, seconds since 1970.
    pub started: u64,
}

/// Figures of what mounts and unmounts, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkFigures {
    /// Rounds.
    pub rounds: u64,
    /// Mounts, unmounts and removals that were carried out.
    pub steps: u64,
    /// Those that failed, but for mounts that were in use.
    pub failures: u64,
}

/// The text.
#[must_use]
pub fn metrics(view: &MetricsView<'_>) -> String {
    let mut text = Text(String::with_capacity(4 << 10));
    text.single(
        ("isomirror_build_info", "gauge", "The program that runs."),
        ("version", view.version),
        1,
    );
    let started =
        ("process_start_time_seconds", "gauge", "When the server was started, since 1970.");
    text.plain(started, view.http.started);
    of_media(&mut text, &view.document.media);
    of_downloads(&mut text, view.document);
    of_http(&mut text, view.http);
    let WorkFigures { rounds, steps, failures } = view.work;
    text.plain(
        (
            "isomirror_rounds_total",
            "counter",
            "Times that everything was compared with what is wanted.",
        ),
        rounds,
    );
    let family =
        ("isomirror_steps_total", "counter", "Mounts, unmounts and removals of directories.");
    text.family(family, "outcome", [("done", steps), ("failed", failures)]);
    let problems = view.document.problems.len() as u64;
    text.plain(
        ("isomirror_host_problems", "gauge", "What is wrong and no single medium's fault."),
        problems,
    );
    text.plain(
        ("isomirror_state_revision", "gauge", "Revision of the state document."),
        view.document.revision,
    );
    text.0
}

fn of_media(text: &mut Text, media: &[MediumState]) {
    let count =
        |holds: &dyn Fn(&MediumState) -> bool| media.iter().filter(|m| holds(m)).count() as u64;
    let states = Phase::ALL.map(|phase| (phase.as_str(), count(&|medium| medium.state == phase)));
    text.family(("isomirror_media", "gauge", "Media by what happens with them."), "state", states);
    let served = media.iter().filter(|medium| medium.state == Phase::Serving);
    let bytes = served.fold(0_u64, |sum, medium| sum.saturating_add(medium.size));
    text.plain(
        ("isomirror_media_served_bytes", "gauge", "Size of the media that are served."),
        bytes,
    );
    let problems = count(&|medium| medium.problem.is_some());
    text.plain(("isomirror_media_problems", "gauge", "Media with a problem."), problems);
    let mounts = BACKENDS.map(|backend| {
        let is_its =
            |m: &MediumState| m.mountpoint.is_some() && m.backend.as_deref() == Some(backend);
        (backend, count(&is_its))
    });
    text.family(
        ("isomirror_mounts", "gauge", "Media in the web root by what mounts them."),
        "backend",
        mounts,
    );
    let trust =
        |medium: &MediumState| medium.verified.as_ref().map_or(Trust::Unverified, |v| v.trust);
    let trusts = Trust::ALL.map(|level| (level.as_str(), count(&|medium| trust(medium) == level)));
    text.family(
        ("isomirror_media_verification", "gauge", "Media by what vouches for them."),
        "trust",
        trusts,
    );
}

fn of_downloads(text: &mut Text, document: &StateDocument) {
    let fetch = &document.fetch;
    let count = |phase| fetch.iter().filter(|download| download.state == phase).count() as u64;
    let states = DownloadPhase::ALL.map(|phase| (phase.as_str(), count(phase)));
    text.family(
        ("isomirror_downloads", "gauge", "Wanted images by what happens with them."),
        "state",
        states,
    );
    let problems = fetch.iter().filter(|download| download.problem.is_some()).count() as u64;
    let help = "Wanted images that cannot be fetched or verified.";
    text.plain(("isomirror_downloads_problems", "gauge", help), problems);
    let speed = fetch.iter().fold(0_u64, |sum, download| sum.saturating_add(download.speed));
    let help = "Bytes a second of all downloads.";
    text.plain(("isomirror_downloads_bytes_per_second", "gauge", help), speed);
}

fn of_http(text: &mut Text, http: HttpFigures) {
    text.plain(
        ("isomirror_http_connections", "gauge", "Connections that are open."),
        http.connections,
    );
    let accepted =
        ("isomirror_http_connections_accepted_total", "counter", "Connections that were accepted.");
    text.plain(accepted, http.accepted);
    let listeners = ("isomirror_http_listeners", "gauge", "Connections that are told of changes.");
    text.plain(listeners, http.listeners);
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    let responses = classes.into_iter().zip(http.responses).skip(1);
    let family =
        ("isomirror_http_requests_total", "counter", "Requests by the class of their status.");
    text.family(family, "status", responses);
    let sent =
        ("isomirror_http_sent_bytes_total", "counter", "Bytes that were sent, heads included.");
    text.plain(sent, http.bytes);
}

/// Name, type and help of a family.
type Family<'a> = (&'a str, &'a str, &'a str);

struct Text(String);

impl Text {
    fn begin(&mut self, (name, kind, help): Family<'_>) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn plain(&mut self, family: Family<'_>, value: u64) {
        self.begin(family);
        let _ = writeln!(self.0, "{} {value}", family.0);
    }

    fn single(&mut self, family: Family<'_>, (label, of): (&str, &str), value: u64) {
        self.family(family, label, [(of, value)]);
    }

    fn family<'v>(
        &mut self,
        family: Family<'_>,
        label: &str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) {
        self.begin(family);
        for (of, value) in values {
            let _ = writeln!(self.0, "{}{{{label}=\"{of}\"}} {value}", family.0);
        }
    }
}

#[cfg(test)]
mod tests;
