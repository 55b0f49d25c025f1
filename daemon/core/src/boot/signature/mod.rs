//! Signatures: data that tells how a family of media is recognised, where it names itself, and how it boots.
//!
//! `config/boot.d/*.yaml` are such data; the fields of [`Signature`] document the format. Whatever is wrong with a
//! file is found when it is read, with its place, and not when a medium is looked at.

mod boot_rule;
mod conditions;
mod examples;
mod fact_rule;
mod file;
mod paths;
mod pattern;
mod set;
mod template;

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

pub(crate) use boot_rule::{Action, BootRule, ExtraFile};
pub(crate) use conditions::Conditions;
pub use examples::{Examples, Expected, SampleMedium};
pub(crate) use fact_rule::{FactRule, Origin};
pub use file::{Problem, SignatureFile};
pub(crate) use paths::Paths;
pub(crate) use pattern::Pattern;
pub use set::Signatures;
pub(crate) use template::{Template, Values};

use super::detection::BootMode;
use crate::config::text::deserialize_from_text;

/// How one family of media is recognised, where it names itself, and how it boots.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Its name in documents and in the configuration.
    pub(crate) id: SignatureId,
    /// What it is called where the medium does not name itself.
    pub(crate) name: String,
    /// Whether it is tried after all that are not: it fits media that somebody else may know better.
    #[serde(default)]
    pub(crate) fallback: bool,
    /// Whether the case of ASCII letters does not matter in names of files that are not there as they are written.
    #[serde(default)]
    pub(crate) any_case: bool,
    /// What has to be true of a medium. All of it.
    pub(crate) when: Conditions,
    /// What labels of the family look like. It decides nothing, for people make media with other labels.
    #[serde(default)]
    pub(crate) usual_label: Option<Pattern>,
    /// Where a medium names itself. Of each field the first rule that knows it decides.
    #[serde(default)]
    pub(crate) facts: Vec<FactRule>,
    /// Ways to boot. Of several that lead to the same for the same machines the first that there is counts.
    #[serde(default)]
    pub(crate) boot: Vec<BootRule>,
    /// Command lines by mode, for all of `boot` that have none of their own.
    #[serde(default)]
    pub(crate) modes: BTreeMap<BootMode, Template>,
    /// Why it cannot be installed over the network from itself, and what it would need.
    #[serde(default)]
    pub(crate) obstacle: Option<String>,
    /// What its media look like, to try it on.
    #[serde(default)]
    pub(crate) examples: Examples,
}

impl Signature {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id.0
    }

    /// Examples of its media.
    #[must_use]
    pub fn examples(&self) -> &Examples {
        &self.examples
    }

    /// Whether `label` is one that its media usually have; `None` where nothing is known of that.
    #[must_use]
    pub fn is_usual_label(&self, label: &str) -> Option<bool> {
        let pattern = self.usual_label.as_ref().or(self.when.label.as_ref());
        pattern.map(|pattern| pattern.is_match(label))
    }

    /// What is wrong with it, beyond what its types tell.
    fn check(&self) -> Result<(), String> {
        if self.when.is_empty() {
            return Err(format!("`{}`: `when` fits every medium", self.id));
        }
        for rule in &self.boot {
            let modes = self.modes_of(rule);
            rule.check(&modes).map_err(|what| format!("`{}`: {what}", self.id))?;
        }
        Ok(())
    }

    /// The command lines of `rule` by mode.
    pub(crate) fn modes_of<'s>(&'s self, rule: &'s BootRule) -> BTreeMap<BootMode, &'s Template> {
        let own = if rule.modes_replace { None } else { Some(&self.modes) };
        own.into_iter().flatten().chain(&rule.modes).map(|(mode, line)| (*mode, line)).collect()
    }
}

/// Lower-case letters, digits and dashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SignatureId(String);

/// Why a text is no id.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not an id: use lower-case letters, digits and dashes", .0.escape_debug())]
pub(crate) struct InvalidId(String);

deserialize_from_text!(SignatureId, Pattern, Template);

impl TryFrom<String> for SignatureId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=40).contains(&text.len()) && text.bytes().all(is_plain) && !text.starts_with('-') {
            Ok(Self(text))
        } else {
            Err(InvalidId(text))
        }
    }
}

impl fmt::Display for SignatureId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
