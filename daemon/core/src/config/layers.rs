//! The configuration that comes of several files, the environment and the command line, with the origin of each value.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Config, Fragment, KeyPath,
    fragment::to_json,
    key_path::{leaves, set_value},
};

/// Who gave a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, by its number in the order in which they were laid.
    File(usize),
    /// A variable of the environment.
    Variable(&'static str),
    /// An option of the command line.
    Option(&'static str),
}

/// Values laid over each other. Maps are merged key by key; all other values are replaced.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    config: Config,
    origins: BTreeMap<KeyPath, Origin>,
    files: usize,
}

impl Layers {
    /// Lays a file over what is there. It is the next of [`Origin::File`].
    ///
    /// # Errors
    /// Never for fragments that were read: each was checked by itself, and what is merged holds no less.
    pub fn lay(&mut self, fragment: &Fragment) -> Result<(), serde_json::Error> {
        let mut values = to_json(&self.config);
        for (key, value) in fragment.stated() {
            set_value(&mut values, key, value.clone());
            self.origins.insert(key.clone(), Origin::File(self.files));
        }
        self.config = serde_json::from_value(values)?;
        self.files += 1;
        Ok(())
    }

    /// Lays something over that is not a file. The values that differ afterwards have the origin that `origin` tells.
    pub fn change(
        &mut self,
        change: impl FnOnce(&mut Config),
        origin: impl Fn(&KeyPath) -> Origin,
    ) {
        let before = to_json(&self.config);
        change(&mut self.config);
        let after = to_json(&self.config);
        let old: BTreeMap<_, _> = leaves(&before).into_iter().collect();
        for (key, value) in leaves(&after) {
            if old.get(&key) != Some(&value) {
                let origin = origin(&key);
                self.origins.insert(key, origin);
            }
        }
    }

    /// What holds in the end.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Who gave the value of a key; `None` for its default.
    #[must_use]
    pub fn origin(&self, key: &KeyPath) -> Option<&Origin> {
        self.origins.get(key)
    }

    /// As [`Layers::origin`], and of a map that of the first of its keys that somebody gave, with that key.
    #[must_use]
    pub fn origin_within(&self, key: &KeyPath) -> (KeyPath, Option<&Origin>) {
        let dotted = key.to_string();
        let mut below = self.origins.iter().filter(|(given, _)| given.is_within(&dotted));
        match self.origin(key).map(|origin| (key, origin)).or_else(|| below.next()) {
            Some((key, origin)) => (key.clone(), Some(origin)),
            None => (key.clone(), None),
        }
    }

    /// All keys with their values as they would be written, in the order in which they are shown.
    #[must_use]
    pub fn values(&self) -> Vec<(KeyPath, Value)> {
        let values = to_json(&self.config);
        leaves(&values).into_iter().map(|(key, value)| (key, value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(texts: &[&str]) -> Layers {
        let mut layers = Layers::default();
        for text in texts {
            layers.lay(&Fragment::read(text).unwrap()).unwrap();
        }
        layers
    }

    fn origin(layers: &Layers, key: &str) -> Option<Origin> {
        layers.origin(&KeyPath::new(key.split('.'))).cloned()
    }

    #[test]
    fn maps_are_merged_and_everything_else_is_replaced() {
        let layers = laid(&[
            "webroot: /a\nmount: {drain: 1s, options: {udf: uid=1, iso9660: uid=2}}\nfetch: {want: [a, b]}\n",
            "mount:\n  options: {udf: uid=3}\nfetch: {want: [c], bandwidth: ~}\nmedia:\nnames: {aliases: {'5': x, 6: y}}",
        ]);
        let config = layers.config();
        assert_eq!(config.webroot.path(), std::path::Path::new("/a"));
        assert_eq!(config.mount.drain.to_string(), "1s");
        assert_eq!(config.mount.options["udf"].as_str(), "uid=3");
        assert_eq!(config.mount.options["iso9660"].as_str(), "uid=2");
        assert_eq!(config.fetch.want, ["c"]);
        assert_eq!(config.names.aliases["6"].as_str(), "y");
        assert_eq!(config.media, Config::default().media);
        for (key, expected) in [
            ("webroot", Some(Origin::File(0))),
            ("mount.options.udf", Some(Origin::File(1))),
            ("mount.options.iso9660", Some(Origin::File(0))),
            ("fetch.want", Some(Origin::File(1))),
            ("fetch.bandwidth", Some(Origin::File(1))),
            ("media.settle", None),
        ] {
            assert_eq!(origin(&layers, key), expected, "{key}");
        }
    }

    #[test]
    fn what_lies_over_the_files_has_its_own_origin() {
        let mut layers = laid(&["webroot: /a\n"]);
        layers.change(
            |config| config.media.settle = "3s".parse().unwrap(),
            |_| Origin::Option("--settle"),
        );
        assert_eq!(origin(&layers, "media.settle"), Some(Origin::Option("--settle")));
        assert_eq!(origin(&layers, "webroot"), Some(Origin::File(0)));
    }
}
