//! The state as people read it.

use std::fmt::Write as _;

use isomirror_core::state::{DownloadPhase, DownloadState, MediumState, Phase, StateDocument};
use jiff::Timestamp;

use super::{
    super::{escape::Escaped, inspect::short_bytes},
    ages::{age, ahead, length},
    name_width,
    page::Page,
};

/// The backend of a medium that is not mounted.
const NOT_MOUNTED: &str = "none";

/// Columns below which a medium's line leaves out what can be told from the rest of it.
const NARROW: usize = 110;

/// What people want to know, first things first: how many, which, since when, and what is wrong.
pub(super) fn status_text(document: &StateDocument, now: Timestamp, page: Page) -> String {
    let mut text = summary(document);
    let width = name_width(document);
    for medium in &document.media {
        let _ = writeln!(text, "  {}", medium_line(medium, width, now, page));
        if let Some(problem) = &medium.problem {
            text.push_str(&page.problem(width + 4, problem));
        }
        if let Some(reason) = reason_not_to_mount(medium) {
            text.push_str(&page.remark(width + 4, reason));
        }
    }
    text.push_str(&downloads(&document.fetch, now, page));
    if !document.problems.is_empty() {
        text.push_str("\nProblems:\n");
    }
    for problem in &document.problems {
        text.push_str(&page.problem(2, problem));
    }
    text
}

/// What happens with each wanted entry, and what is wrong with it.
fn downloads(states: &[DownloadState], now: Timestamp, page: Page) -> String {
    let mut text = String::new();
    if states.is_empty() {
        return text;
    }
    let current = states.iter().filter(|state| state.state == DownloadPhase::Current).count();
    let _ = writeln!(text, "\n{} wanted of the catalog: {current} current", states.len());
    let width = states.iter().map(|state| state.id.len()).max().unwrap_or_default();
    for state in states {
        let phase = page.paint.download(state.state, &format!("{:<11}", state.state.as_str()));
        let version = state.version.as_deref().unwrap_or("-");
        let version = Escaped(version.as_bytes()).to_string();
        let id = page.paint.name(&format!("{:<width$}", state.id));
        let line = format!("  {id}  {phase}  {version:<14}  {}", progress(state, now));
        let _ = writeln!(text, "{}", line.trim_end());
        if let Some(problem) = &state.problem {
            text.push_str(&page.problem(width + 4, problem));
        }
    }
    text
}

/// How far a download is, or what vouches for what is there and when it is looked at again.
fn progress(state: &DownloadState, now: Timestamp) -> String {
    let (bytes, speed) = (short_bytes(state.bytes), short_bytes(state.speed));
    match (state.state, state.size) {
        (DownloadPhase::Downloading, Some(size)) => {
            let percent = u128::from(state.bytes) * 100 / u128::from(size.max(1));
            let left = size.saturating_sub(state.bytes).checked_div(state.speed);
            let left = left.map(|left| format!(", {} left", length(left))).unwrap_or_default();
            format!("{bytes} of {} ({percent} %), {speed}/s{left}", short_bytes(size))
        }
        (DownloadPhase::Downloading, None) => format!("{bytes}, {speed}/s"),
        _ => {
            let trust = state.trust.map(|trust| trust.to_string());
            let next = state.next_check.as_deref().and_then(|moment| ahead(moment, now));
            let next = next.map(|next| format!("looked at again {next}"));
            trust.into_iter().chain(next).collect::<Vec<_>>().join(", ")
        }
    }
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
    let counted: Vec<_> = Phase::ALL
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

fn medium_line(medium: &MediumState, width: usize, now: Timestamp, page: Page) -> String {
    let MediumState { name, since, size, .. } = medium;
    let paint = page.paint;
    let phase = medium.state.as_str();
    let source = medium.source.path.display().to_string();
    let source = Escaped(source.as_bytes());
    let how = match medium.backend.as_deref() {
        Some(NOT_MOUNTED) => format!("{phase} by HTTP"),
        Some(backend) => format!("{phase} by {}", Escaped(backend.as_bytes())),
        None => phase.to_owned(),
    };
    let how = paint.phase(medium.state, &format!("{how:<17}"));
    let name = paint.name(&format!("{:<width$}", name.as_str()));
    let since = match age(since, now) {
        Some(age) if page.columns.is_some_and(|columns| columns < NARROW) => {
            paint.aside(&format!("{age:<15}"))
        }
        age => {
            let age = age.map(|age| format!("({age})")).unwrap_or_default();
            format!("since {} {}", Escaped(since.as_bytes()), paint.aside(&format!("{age:<17}")))
        }
    };
    // Of what cannot be read no size is known.
    let size = if *size == 0 { "-".to_owned() } else { short_bytes(*size) };
    format!("{name}  {how}  {since}  {size:>8}  {source}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::paint::Paint;

    const PLAIN: Page = Page { paint: Paint::NONE, columns: None };

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

    fn now() -> Timestamp {
        "2026-08-01T12:05:00Z".parse().unwrap()
    }

    #[test]
    fn people_see_what_is_served_since_when_and_what_is_wrong() {
        assert_eq!(
            status_text(&document(), now(), PLAIN),
            "3 media for /srv/isomirror: 2 serving, 1 broken\n\
             \x20 Rocky-9  serving by kernel  since 2026-08-01T10:00:00Z (2 h 5 min ago)      10 GiB  /dev/sr0\n\
             \x20 b        broken             since 2026-08-01T10:00:00Z (2 h 5 min ago)      10 GiB  /dev/sr0\n\
             \x20          `/srv/\\u{1b}b.iso` ends early: copy it again\n\
             \x20 c        serving by HTTP    since 2026-08-01T10:00:00Z (2 h 5 min ago)      10 GiB  /dev/sr0\n\
             \x20          kernel: mounting needs root\n\
             \n\
             Problems:\n\
             \x20 no loop devices: load the module with `modprobe loop`\n"
        );
        let nothing = StateDocument { media: Vec::new(), problems: Vec::new(), ..document() };
        assert_eq!(status_text(&nothing, now(), PLAIN), "No media for /srv/isomirror yet\n");
    }

    #[test]
    fn a_narrow_terminal_hides_nothing_of_what_is_wrong() {
        let mut document = document();
        document.media.truncate(2);
        document.media[1].size = 0;
        let page = Page { columns: Some(60), ..PLAIN };
        assert_eq!(
            status_text(&document, now(), page),
            "2 media for /srv/isomirror: 1 serving, 1 broken\n\
             \x20 Rocky-9  serving by kernel  2 h 5 min ago      10 GiB  /dev/sr0\n\
             \x20 b        broken             2 h 5 min ago           -  /dev/sr0\n\
             \x20          `/srv/\\u{1b}b.iso` ends early: copy it again\n\
             \n\
             Problems:\n\
             \x20 no loop devices: load the module with `modprobe loop`\n"
        );
    }

    #[test]
    fn people_see_how_far_downloads_are_and_what_holds_them() {
        let states = serde_json::json!([
            {"id": "debian-13", "state": "current", "since": "", "version": "13.2", "trust": "signed-list", "size": 7,
             "next_check": "2026-08-01T18:05:00Z"},
            {"id": "rocky-9", "state": "downloading", "since": "", "version": "9.8", "bytes": 1024, "size": 2048, "speed": 512},
            {"id": "x", "state": "held", "since": "", "problem": "no mirror\u{1b}"},
        ]);
        let states: Vec<DownloadState> = serde_json::from_value(states).unwrap();
        assert_eq!(
            downloads(&states, now(), PLAIN),
            "\n3 wanted of the catalog: 1 current\n\
             \x20 debian-13  current      13.2            signed-list, looked at again in 6 h\n\
             \x20 rocky-9    downloading  9.8             1.0 KiB of 2.0 KiB (50 %), 512 B/s, 2 s left\n\
             \x20 x          held         -\n\
             \x20            no mirror\\u{1b}\n"
        );
        assert_eq!(downloads(&[], now(), PLAIN), "");
    }
}
