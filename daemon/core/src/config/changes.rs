//! What differs between two configurations, and what of it a running daemon can take over.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::{Config, KeyPath, Resource, fragment::to_json, key_path::leaves};

/// Keys of the server that its running threads take over; all others of its section have to wait for a restart.
const TAKEN_OVER: [&str; 2] = ["serve.base_url", "serve.access_log"];

/// A key whose value changed. Written `KEY: OLD -> NEW`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: KeyPath,
    /// Whether it holds from the next start on only.
    pub needs_restart: bool,
    /// The value that it had, without the secrets that a URL may hold.
    pub old: String,
    /// The value that it has, in the same way.
    pub new: String,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, old, new, .. } = self;
        write!(formatter, "{key}: {old} -> {new}")
    }
}

/// Everything that differs, in the order of the keys.
#[must_use]
pub fn changes(old: &Config, new: &Config) -> Vec<Change> {
    let (old, new) = (to_json(old), to_json(new));
    let mut values: BTreeMap<KeyPath, (Option<&Value>, Option<&Value>)> = BTreeMap::new();
    let is_stated = |(_, value): &(KeyPath, &Value)| value.as_object().is_none();
    for (key, value) in leaves(&old).into_iter().filter(is_stated) {
        values.entry(key).or_default().0 = Some(value);
    }
    for (key, value) in leaves(&new).into_iter().filter(is_stated) {
        values.entry(key).or_default().1 = Some(value);
    }
    let differing = values.into_iter().filter(|(_, (old, new))| old != new);
    differing
        .map(|(key, (old, new))| Change {
            needs_restart: needs_restart(&key),
            old: shown(&key, old),
            new: shown(&key, new),
            key,
        })
        .collect()
}

fn needs_restart(key: &KeyPath) -> bool {
    key.is_within("serve") && !TAKEN_OVER.iter().any(|taken_over| key.is_within(taken_over))
}

fn shown(key: &KeyPath, value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => {
            // Whoever reads the log need not learn what is in the URL of an answer file.
            let resource = key.is_within("boot").then(|| Resource::try_from(text.clone()).ok());
            match resource.flatten() {
                Some(resource) => format!("{resource:?}").trim_matches('"').to_owned(),
                None => text.escape_debug().to_string(),
            }
        }
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    #[test]
    fn every_changed_key_is_named_with_both_values() {
        let old = parse(
            "mount: {drain: 1s, options: {udf: uid=1}}\nfetch: {want: [a]}\nserve: {connections: 5}",
        );
        let new = parse(
            "media: {settle: 3s}\nmount: {drain: 1s}\nfetch: {want: [a, b]}\n\
             serve: {connections: 6, base_url: 'http://m'}\nboot: {wimboot: 'http://u:secret@m/w?token'}\n",
        );
        let changes = changes(&old.unwrap(), &new.unwrap());
        let told: Vec<_> = changes.iter().map(|c| (c.to_string(), c.needs_restart)).collect();
        let expected = [
            ("boot.wimboot: null -> http://m/w", false),
            ("fetch.want: [\"a\"] -> [\"a\",\"b\"]", false),
            ("media.settle: 10s -> 3s", false),
            ("mount.options.udf: uid=1 -> nothing", false),
            ("serve.base_url: null -> http://m", false),
            ("serve.connections: 5 -> 6", true),
        ];
        let expected: Vec<_> = expected.map(|(text, restart)| (text.to_owned(), restart)).into();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_configuration_does_not_differ_from_itself() {
        assert_eq!(changes(&Config::default(), &Config::default()), []);
    }

    #[test]
    fn of_the_server_only_what_its_threads_look_up_changes_at_once() {
        let all = leaves(&to_json(&Config::default()))
            .into_iter()
            .map(|(key, _)| key)
            .collect::<Vec<_>>();
        let at_restart: Vec<_> =
            all.iter().filter(|key| needs_restart(key)).map(ToString::to_string).collect();
        let expected = [
            "serve.congestion_control",
            "serve.connections",
            "serve.connections_per_address",
            "serve.listen",
            "serve.minimum_speed",
        ];
        assert_eq!(at_restart, expected);
    }
}
