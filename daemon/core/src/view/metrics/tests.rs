//! The format is checked by a parser that takes nothing but what its description allows.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::view::document::tests::medium;

/// Samples by name and labels, as they are written.
type Samples = BTreeMap<String, f64>;

/// Reads a text strictly, or says which line is wrong and why.
fn parse(text: &str) -> Result<Samples, String> {
    let mut samples = Samples::new();
    let mut families = BTreeSet::new();
    let mut family = (String::new(), String::new());
    let mut help = None;
    if !text.ends_with('\n') {
        return Err("the last line has no end".into());
    }
    for line in text.lines() {
        let wrong = |why: &str| format!("{why}: {line}");
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, words) = rest.split_once(' ').ok_or(wrong("no help"))?;
            if words.trim().is_empty() || words.contains('\\') {
                return Err(wrong("help"));
            }
            help = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or(wrong("no type"))?;
            if help.take().as_deref() != Some(name) || !families.insert(name.to_owned()) {
                return Err(wrong("not directly after its help, or twice"));
            }
            if !is_name(name) || !["counter", "gauge"].contains(&kind) {
                return Err(wrong("name or type"));
            }
            if name.ends_with("_total") != (kind == "counter") {
                return Err(wrong("a counter and nothing else ends with _total"));
            }
            family = (name.to_owned(), kind.to_owned());
        } else {
            let (key, value) = line.rsplit_once(' ').ok_or(wrong("no value"))?;
            let name = key.split('{').next().unwrap_or_default();
            if name != family.0 {
                return Err(wrong("not among its family"));
            }
            if let Some(labels) = key.strip_prefix(name).filter(|labels| !labels.is_empty()) {
                let pair = labels.strip_prefix('{').and_then(|l| l.strip_suffix("\"}"));
                let (label, of) =
                    pair.and_then(|pair| pair.split_once("=\"")).ok_or(wrong("labels"))?;
                if !is_name(label) || label.contains(':') || of.contains(['"', '\\', '\n']) {
                    return Err(wrong("label"));
                }
            }
            let value: f64 = value.parse().map_err(|_| wrong("value"))?;
            if !value.is_finite() || samples.insert(key.to_owned(), value).is_some() {
                return Err(wrong("value, or twice"));
            }
        }
    }
    Ok(samples)
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[test]
fn figures_are_what_is_there_in_the_format_of_prometheus() {
    let mounted = MediumState { backend: Some("erofs".into()), ..medium("A") };
    let mut broken = medium("B");
    (broken.state, broken.problem, broken.mountpoint) = (Phase::Broken, Some("x".into()), None);
    let document =
        StateDocument { revision: 9, media: vec![mounted, broken], ..StateDocument::default() };
    let http = HttpFigures {
        bytes: 77,
        responses: [0, 5, 4, 3, 2],
        listeners: 1,
        ..HttpFigures::default()
    };
    let work = WorkFigures { rounds: 8, steps: 6, failures: 1 };
    let view = MetricsView { document: &document, http, work, version: "1.2.3" };
    let samples = parse(&metrics(&view)).unwrap();
    for (key, value) in [
        ("isomirror_build_info{version=\"1.2.3\"}", 1.),
        ("isomirror_media{state=\"serving\"}", 1.),
        ("isomirror_media{state=\"broken\"}", 1.),
        ("isomirror_media{state=\"draining\"}", 0.),
        ("isomirror_media_served_bytes", 4_700_372_992.),
        ("isomirror_media_problems", 1.),
        ("isomirror_mounts{backend=\"erofs\"}", 1.),
        ("isomirror_media_verification{trust=\"unverified\"}", 2.),
        ("isomirror_media_verification{trust=\"signed-list\"}", 0.),
        ("isomirror_downloads{state=\"held\"}", 0.),
        ("isomirror_http_requests_total{status=\"2xx\"}", 5.),
        ("isomirror_http_requests_total{status=\"5xx\"}", 2.),
        ("isomirror_http_sent_bytes_total", 77.),
        ("isomirror_http_listeners", 1.),
        ("isomirror_rounds_total", 8.),
        ("isomirror_steps_total{outcome=\"failed\"}", 1.),
        ("isomirror_state_revision", 9.),
    ] {
        assert_eq!(samples.get(key), Some(&value), "{key}");
    }
}

#[test]
fn the_parser_takes_nothing_but_the_format() {
    let head = "# HELP a_total A.\n# TYPE a_total counter\n";
    assert!(parse(&format!("{head}a_total 1\n")).is_ok());
    for wrong in [
        "a_total 1\n",
        "# TYPE a_total counter\na_total 1\n",
        &format!("{head}a_total 1"),
        &format!("{head}a_total one\n"),
        &format!("{head}b 1\n"),
        &format!("{head}a_total 1\na_total 1\n"),
        &format!("{head}a_total{{b=\"c}} 1\n"),
        &format!("{head}a_total 1\n{head}"),
        "# HELP a A.\n# TYPE a counter\na 1\n",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
