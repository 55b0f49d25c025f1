//! One configuration file, as a part of the configuration.

use serde_json::Value;

use super::{
    Config, KeyPath, Place, Problem,
    key_path::{Step, value_of},
    outline::Outline,
    parse::parse,
    place::place,
};

/// A file that was read: the keys that it states, and their values. The others are somebody else's.
#[derive(Clone, Debug)]
pub struct Fragment {
    text: String,
    stated: Vec<(KeyPath, Value)>,
}

impl Fragment {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`parse`].
    pub fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let values = to_json(&parse(text)?);
        // What was parsed has an outline, unless it has nothing at all.
        let keys = serde_yaml::from_str::<Outline>(text).map_or_else(|_| Vec::new(), |o| o.keys());
        let stated = keys.into_iter().filter_map(|key| {
            // An empty section states nothing.
            let value = value_of(&values, &key).filter(|value| !value.is_object())?.clone();
            Some((key, value))
        });
        Ok(Self { stated: stated.collect(), text: text.to_owned() })
    }

    /// The keys that it states with their values, in its order.
    pub(super) fn stated(&self) -> &[(KeyPath, Value)] {
        &self.stated
    }

    /// Where it states a key.
    #[must_use]
    pub fn place(&self, key: &KeyPath) -> Option<Place> {
        place(&self.text, &key.steps())
    }

    /// Where an element of a key's list stands, counted from 0.
    #[must_use]
    pub fn place_of_element(&self, key: &KeyPath, index: usize) -> Option<Place> {
        place(&self.text, &[key.steps(), vec![Step::Index(index)]].concat())
    }
}

/// A configuration as JSON: every value as it would be written.
pub(super) fn to_json(config: &Config) -> Value {
    // Paths were texts when they were read, so there is always a JSON of it.
    serde_json::to_value(config).unwrap_or_default()
}
