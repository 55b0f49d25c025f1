//! What is wrong, or surprises, only when all settings are seen together.

use std::{collections::BTreeMap, path::Path};

use super::{Config, EjectPolicy, KeyPath, unknown_key::closest};
use crate::backend_choice::BackendChoice;

/// File system types that options can be given for.
const FILE_SYSTEMS: [&str; 2] = ["iso9660", "udf"];

/// Something that settings of different keys do together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The keys that it takes, the one to look at first.
    pub keys: Vec<KeyPath>,
    /// Whether nothing sensible can be done about it; else it holds, and may surprise.
    pub is_error: bool,
    /// What it is, and what to do.
    pub message: String,
}

/// Looks at a configuration whose values are sound.
#[must_use]
pub fn check_whole(config: &Config) -> Vec<Finding> {
    let checks =
        [directories, published_files, ejecting, autofs, file_systems, aliases, limits, pins];
    checks.iter().flat_map(|check| check(config)).collect()
}

fn finding<const N: usize>(is_error: bool, keys: [&str; N], message: String) -> Finding {
    let keys = keys.map(|key| KeyPath::new(key.split('.')));
    Finding { keys: keys.into(), is_error, message }
}

fn surprise<const N: usize>(keys: [&str; N], message: &str) -> Finding {
    finding(false, keys, message.to_owned())
}

/// Images and what is published of them lie apart.
fn directories(config: &Config) -> Vec<Finding> {
    let webroot = config.webroot.path();
    let keys = ["media.directories", "webroot"];
    let look = |directory: &super::ImageDirectory| {
        let path = directory.path();
        let shown = path.display().to_string();
        let shown = shown.escape_debug();
        if path == webroot {
            let message = format!(
                "`{shown}` is the web root too: images and what is published of them need directories of their own"
            );
            Some(finding(true, keys, message))
        } else if path.starts_with(webroot) {
            let message = format!(
                "`{shown}` lies in the web root: whoever reads that can read the images as they are"
            );
            Some(finding(false, keys, message))
        } else if webroot.starts_with(path) && directory.recursive() {
            let message = format!(
                "the web root lies in `{shown}`: images on media that are mounted there would be published too; set `recursive: false`"
            );
            Some(finding(false, keys, message))
        } else {
            None
        }
    };
    config.media.directories.iter().filter_map(look).collect()
}

/// Files that nobody meant to publish.
fn published_files(config: &Config) -> Vec<Finding> {
    let webroot = config.webroot.path();
    let lies_in = |file: Option<&Path>| file.is_some_and(|file| file.starts_with(webroot));
    let mut found = Vec::new();
    if lies_in(config.fetch.smb_credentials.as_deref()) {
        let message = "the file with the password lies in the web root, where every client can read it: move it";
        found.push(finding(true, ["fetch.smb_credentials", "webroot"], message.to_owned()));
    }
    if lies_in(config.serve.access_log.as_ref().map(super::LogFile::path)) {
        let message = "the access log lies in the web root, where every client can read it";
        found.push(surprise(["serve.access_log", "webroot"], message));
    }
    found
}

fn ejecting(config: &Config) -> Vec<Finding> {
    let mount = &config.mount;
    let default = Config::default().mount.eject_deadline;
    match mount.eject {
        EjectPolicy::Defer if mount.eject_deadline < mount.drain => {
            let message = "is shorter than `mount.drain`: readers are cut off after it, whatever `mount.drain` says";
            vec![surprise(["mount.eject_deadline", "mount.drain"], message)]
        }
        EjectPolicy::Release if mount.eject_deadline != default => {
            let message = "holds only with `mount.eject: defer`";
            vec![surprise(["mount.eject_deadline", "mount.eject"], message)]
        }
        _ => Vec::new(),
    }
}

fn autofs(config: &Config) -> Vec<Finding> {
    if config.mount.backend != BackendChoice::Autofs || config.mount.options.is_empty() {
        return Vec::new();
    }
    let message = "automount mounts by its own options: give them in the master map entry";
    vec![surprise(["mount.options", "mount.backend"], message)]
}

fn file_systems(config: &Config) -> Vec<Finding> {
    let unknown = config.mount.options.keys().filter(|kind| !FILE_SYSTEMS.contains(&kind.as_str()));
    let told = |kind: &String| {
        let meant = closest(kind, &FILE_SYSTEMS).map(|meant| format!(": did you mean `{meant}`?"));
        let meant = meant.unwrap_or_else(|| ": there are `iso9660` and `udf`".to_owned());
        let message = format!("no medium is mounted as `{}`{meant}", kind.escape_debug());
        Finding { keys: vec![KeyPath::new(["mount", "options", kind])], is_error: false, message }
    };
    unknown.map(told).collect()
}

/// Two labels that are given one name.
fn aliases(config: &Config) -> Vec<Finding> {
    let mut by_name: BTreeMap<&str, Vec<KeyPath>> = BTreeMap::new();
    for (label, name) in &config.names.aliases {
        by_name.entry(name.as_str()).or_default().push(KeyPath::new(["names", "aliases", label]));
    }
    let shared = by_name.into_iter().filter(|(_, keys)| keys.len() > 1);
    let told = |(name, keys): (&str, Vec<KeyPath>)| {
        let message = format!(
            "several labels are called `{name}`: media that are there together get `~` and digits after it"
        );
        Finding { keys, is_error: false, message }
    };
    shared.map(told).collect()
}

fn limits(config: &Config) -> Vec<Finding> {
    let serve = &config.serve;
    if serve.connections_per_address <= serve.connections {
        return Vec::new();
    }
    let message = "is more than `serve.connections`: one client can take all of them";
    vec![surprise(["serve.connections_per_address", "serve.connections"], message)]
}

/// Pinned versions of what nobody wants.
fn pins(config: &Config) -> Vec<Finding> {
    let fetch = &config.fetch;
    let is_wanted = |pin: &str| fetch.want.iter().any(|id| pin.split('/').next() == Some(id));
    let pins = fetch.pin.iter().map(ToString::to_string).filter(|pin| !is_wanted(pin));
    let told = |pin: String| {
        let message =
            format!("`{pin}` is not wanted: it is kept where it is there, and not fetched");
        finding(false, ["fetch.pin", "fetch.want"], message)
    };
    pins.map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn found(text: &str) -> Vec<(String, bool, String)> {
        let findings = check_whole(&parse(text).unwrap());
        let keys =
            |f: &Finding| f.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        findings.iter().map(|f| (keys(f), f.is_error, f.message.clone())).collect()
    }

    #[test]
    fn the_defaults_neither_clash_nor_surprise() {
        assert_eq!(check_whole(&Config::default()), []);
    }

    /// A configuration, the keys that are told, whether it is refused for them, and what is said.
    const CASES: &[(&str, &str, bool, &str)] = &[
        (
            "media: {directories: [/srv/isomirror]}",
            "media.directories webroot",
            true,
            "is the web root too",
        ),
        (
            "media: {directories: [/srv/isomirror/a]}",
            "media.directories webroot",
            false,
            "lies in the web root",
        ),
        (
            "media: {directories: [/srv]}",
            "media.directories webroot",
            false,
            "set `recursive: false`",
        ),
        (
            "fetch: {smb_credentials: /srv/isomirror/a}",
            "fetch.smb_credentials webroot",
            true,
            "password",
        ),
        (
            "serve: {access_log: /srv/isomirror/a}",
            "serve.access_log webroot",
            false,
            "every client",
        ),
        (
            "mount: {eject: defer, eject_deadline: 1s}",
            "mount.eject_deadline mount.drain",
            false,
            "is shorter",
        ),
        (
            "mount: {eject_deadline: 1m}",
            "mount.eject_deadline mount.eject",
            false,
            "holds only with",
        ),
        (
            "mount: {backend: autofs, options: {udf: uid=3}}",
            "mount.options mount.backend",
            false,
            "automount",
        ),
        ("mount: {options: {uddf: uid=3}}", "mount.options.uddf", false, "did you mean `udf`?"),
        ("names: {aliases: {a: x, b: x}}", "names.aliases.a names.aliases.b", false, "called `x`"),
        (
            "serve: {connections: 9}",
            "serve.connections_per_address serve.connections",
            false,
            "all of them",
        ),
        (
            "fetch: {want: [a], pin: [a/1, b/2]}",
            "fetch.pin fetch.want",
            false,
            "`b/2` is not wanted",
        ),
    ];

    #[test]
    fn what_clashes_or_surprises_is_told_with_the_keys_that_do() {
        for (text, keys, is_error, message) in CASES {
            let found = found(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert_eq!((found[0].0.as_str(), found[0].1), (*keys, *is_error), "{text}");
            assert!(found[0].2.contains(message), "{text}: {found:?}");
        }
        assert_eq!(found("media: {directories: [{path: /srv, recursive: false}]}"), []);
    }
}
