//! The names of configuration keys, from the top down.

use std::fmt;

use serde_json::Value;

/// Keys that a key of ours is below at most, itself included: `mount.options.udf`.
const DEEPEST: usize = 3;

/// One step from a value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// To the value of a key.
    Key(String),
    /// To an element of a list.
    Index(usize),
}

/// A key of the configuration, written `mount.options.udf`. Its value is no structure of further keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath(Vec<String>);

impl KeyPath {
    /// The key at these names. Never empty where it comes from a configuration.
    #[must_use]
    pub fn new<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// Its names, from the top down.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether it is the key that is written `dotted`, or one below that.
    #[must_use]
    pub fn is_within(&self, dotted: &str) -> bool {
        let mut names = self.0.iter();
        dotted.split('.').all(|name| names.next().is_some_and(|own| own == name))
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        self.0.iter().cloned().map(Step::Key).collect()
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some names are labels of media: any text at all.
        write!(formatter, "{}", self.0.join(".").escape_debug())
    }
}

/// The keys of a configuration as JSON with their values, in its order. A map without keys is a value.
pub(super) fn leaves(value: &Value) -> Vec<(KeyPath, &Value)> {
    fn walk<'v>(value: &'v Value, path: &[String], found: &mut Vec<(KeyPath, &'v Value)>) {
        match value {
            Value::Object(keys) if path.len() < DEEPEST && !keys.is_empty() => {
                for (key, below) in keys {
                    walk(below, &[path, std::slice::from_ref(key)].concat(), found);
                }
            }
            _ => found.push((KeyPath(path.to_vec()), value)),
        }
    }
    let mut found = Vec::new();
    walk(value, &[], &mut found);
    found
}

/// The value of a key in a configuration as JSON.
pub(super) fn value_of<'v>(value: &'v Value, key: &KeyPath) -> Option<&'v Value> {
    key.0.iter().try_fold(value, |value, name| value.get(name))
}

/// Sets the value of a key in a configuration as JSON.
pub(super) fn set_value(value: &mut Value, key: &KeyPath, new: Value) {
    let place = key.0.iter().fold(value, |value, name| &mut value[name.as_str()]);
    *place = new;
}
