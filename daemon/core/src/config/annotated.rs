//! The configuration as YAML in which every value says where it comes from.

use std::fmt::Write as _;

use serde_json::Value;

use super::{ByteSize, KeyPath, Period};

/// Writes keys with their values, in the order in which they are given, and after each what `origin` says of it. What
/// comes out is read back as the same values.
#[must_use]
pub fn annotate(values: &[(KeyPath, Value)], origin: impl Fn(&KeyPath) -> String) -> String {
    let mut text = String::new();
    let mut open: &[String] = &[];
    for (key, value) in values {
        let Some((name, above)) = key.names().split_last() else { continue };
        let shared = open.iter().zip(above).take_while(|(a, b)| a == b).count();
        for (depth, section) in above.iter().enumerate().skip(shared) {
            let _ = writeln!(text, "{:1$}{2}:", "", 2 * depth, scalar(section));
        }
        open = above;
        let indent = 2 * above.len();
        let origin: String =
            origin(key).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let name = scalar(name);
        match value {
            Value::Array(elements) if !elements.is_empty() => {
                let _ = writeln!(text, "{:indent$}{name}:  # {origin}", "");
                for element in elements {
                    let _ = writeln!(text, "{:indent$}  - {}", "", inline(element));
                }
            }
            value => {
                let _ = writeln!(text, "{:indent$}{name}: {}  # {origin}", "", inline(value));
            }
        }
    }
    text
}

/// A value in one line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(inner).collect::<Vec<_>>().join(", "))
        }
        Value::Object(keys) => {
            let keys = keys.iter().map(|(key, value)| format!("{key}: {}", inner(value)));
            format!("{{{}}}", keys.collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    }
}

/// A value within brackets, where plain texts could end early.
fn inner(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        value => inline(value),
    }
}

/// A text, plain where nobody can take it for anything else.
fn scalar(text: &str) -> String {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let rest = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._+-".contains(c));
    let is_word = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        .contains(&text.to_ascii_lowercase().as_str());
    let is_amount = text.parse::<Period>().is_ok() || text.parse::<ByteSize>().is_ok();
    if is_amount || (first && rest && !is_word) { text.to_owned() } else { quoted(text) }
}

/// A text between double quotes (YAML 1.2, 5.7).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            character if character.is_alphanumeric() => quoted.push(character),
            character => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(character));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Fragment, Layers, parse};

    #[test]
    fn every_value_says_where_it_comes_from_and_is_read_back() {
        let text = "mount: {options: {udf: 'uid=3,gid=4'}, symlinks: off}\n\
                    names: {template: '{label}: #1', aliases: {\"a\\n\\e: b\": x, 'No': é}}\n\
                    media: {directories: [/a b, {path: '/c: #', recursive: false}]}\n\
                    fetch: {want: [a, '5', \"\\u2028\"], bandwidth: [{window: '08:00-18:00', limit: ~}]}\n\
                    serve: {listen: ['[::]:80', 'unix:/a']}\n";
        let mut layers = Layers::default();
        layers.lay(&Fragment::read(text).unwrap()).unwrap();
        let shown = annotate(&layers.values(), |key| match layers.origin(key) {
            Some(_) => "file:\n1".to_owned(),
            None => "default".to_owned(),
        });
        assert_eq!(parse(&shown).as_ref(), Ok(layers.config()), "{shown}");
        for line in [
            "webroot: /srv/isomirror  # default",
            "mount:",
            "  symlinks: \"off\"  # file: 1",
            "  options:",
            "    udf: \"uid=3,gid=4\"  # file: 1",
            "  directories:  # file: 1",
            "    - {path: \"/a b\", recursive: true}",
            "  window: null  # default",
            "  answers: {}  # default",
            "  drain: 2500ms  # default",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
        }
    }

    #[test]
    fn the_defaults_are_read_back() {
        let shown = annotate(&Layers::default().values(), |_| "default".to_owned());
        assert_eq!(parse(&shown), Ok(Config::default()), "{shown}");
    }
}
