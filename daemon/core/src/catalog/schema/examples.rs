//! Names on which an entry is tried.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Entry;

/// Names of images, real ones.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Examples {
    /// Names that fit, with their versions.
    pub names: BTreeMap<String, String>,
    /// Names beside them that do not fit.
    pub other_names: Vec<String>,
    /// Labels that the images have.
    pub labels: Vec<String>,
}

impl Entry {
    /// Tries the entry on its examples. Returns what is not as they say, each a phrase for people.
    #[must_use]
    pub fn check_examples(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (name, version) in &self.examples.names {
            match self.version_of(name) {
                Some(found) if found == *version => {}
                Some(found) => {
                    failures.push(format!("the version of `{name}` is `{found}`, not `{version}`"));
                }
                None => failures.push(format!("`{name}` does not fit `name`")),
            }
        }
        for name in self.examples.other_names.iter().filter(|name| self.name.fits(name)) {
            failures.push(format!("`{name}` fits `name`, and should not"));
        }
        for label in &self.examples.labels {
            if self.label.as_ref().is_none_or(|pattern| !pattern.fits(label)) {
                failures.push(format!("the label `{label}` does not fit `label`"));
            }
        }
        failures
    }

    /// The version that the name of an image tells, or the entry for all of them.
    #[must_use]
    pub fn version_of(&self, name: &str) -> Option<String> {
        let groups = self.name.groups(name)?;
        match &self.version {
            Some(template) => template.fill(&groups),
            None => groups.get("version").cloned(),
        }
    }
}
