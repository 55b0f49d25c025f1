//! The configuration that packages install says what holds without it.

use std::{collections::BTreeSet, fs, path::Path};

use isomirror_core::config::{Config, parse, render};
use isomirror_tests::program::{command, run};

pub(crate) fn shipped() -> String {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(checkout.join("config/isomirror.yaml")).unwrap()
}

/// The text with its settings taken out of their comments: prose has a blank after the `#`.
pub(crate) fn uncommented(text: &str) -> String {
    let line = |line: &str| {
        let (before, after) = line.split_once('#').unwrap_or((line, ""));
        let is_setting =
            before.trim().is_empty() && after.starts_with(|c: char| c.is_ascii_lowercase());
        if is_setting { format!("{before}{after}\n") } else { format!("{line}\n") }
    };
    text.lines().map(line).collect()
}

#[test]
fn as_it_is_shipped_it_changes_nothing() {
    assert_eq!(parse(&shipped()), Ok(Config::default()));
}

#[test]
fn every_key_is_shown_with_its_default() {
    let text = uncommented(&shipped());
    assert_eq!(parse(&text), Ok(Config::default()), "{text}");
    let keys = |text: &str| -> BTreeSet<String> {
        let key = |line: &str| line.split_once(':').map(|(key, _)| key.to_owned());
        text.lines().filter(|line| !line.trim().starts_with(['#', '-'])).filter_map(key).collect()
    };
    let mut all = keys(&render(&Config::default()).unwrap());
    // The key of a list's elements, which stands in the list's own line.
    all.remove("    recursive");
    assert_eq!(keys(&text), all);
}

#[test]
fn config_show_prints_what_config_check_accepts() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("isomirror.yaml");
    fs::write(&file, "media: {drives: none, settle: 90s}\nserve: {listen: '[::]:80'}\n").unwrap();
    let shown = run(command("isomirror", ["config", "show"]).arg(&file));
    assert_eq!((shown.code, shown.errors.as_str()), (Some(0), ""));
    assert_eq!(parse(&shown.output), parse(&fs::read_to_string(&file).unwrap()));
    fs::write(&file, &shown.output).unwrap();
    let checked = run(command("isomirror", ["config", "check"]).arg(&file));
    assert_eq!(checked.output, format!("{}: no problems\n", file.display()));
    assert_eq!(checked.code, Some(0));
}
