//! What has to be true of a medium of a family.

use serde::Deserialize;

use super::{Paths, Pattern};

/// Conditions, all of which have to hold, looked at in the order of these fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Conditions {
    /// Paths that all exist.
    pub(crate) all: Paths,
    /// Paths at least one of which exists.
    pub(crate) any: Paths,
    /// Paths none of which exists, nor hides behind what cannot be read.
    pub(crate) none: Paths,
    /// Files and what stands in them.
    pub(crate) content: Vec<ContentCondition>,
    /// The system identifier of the volume.
    pub(crate) system: Option<Pattern>,
    /// Its publisher.
    pub(crate) publisher: Option<Pattern>,
    /// The application that made it.
    pub(crate) application: Option<Pattern>,
    /// The label.
    pub(crate) label: Option<Pattern>,
}

/// What the beginning of a file has to match.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContentCondition {
    /// The file; of several the first that there is.
    pub(crate) file: Paths,
    /// What its text matches somewhere.
    pub(crate) pattern: Pattern,
}

impl Conditions {
    /// Whether nothing has to be there.
    pub(super) fn is_empty(&self) -> bool {
        let Self { all, any, none: _, content, system, publisher, application, label } = self;
        let patterns = [system, publisher, application, label];
        all.is_empty()
            && any.is_empty()
            && content.is_empty()
            && patterns.iter().all(|pattern| pattern.is_none())
    }
}
