//! The section `boot`: what the boot menu offers beside what media say of themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Period, Resource, text::Text};
use crate::{name::Name, state::MediumState};

/// The section `boot`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct BootConfig {
    /// Name of the medium that the menu boots by itself; `None` for the machine's own disk.
    #[serde(deserialize_with = "name")]
    pub default: Option<Name>,
    /// How long menus wait for somebody; `None` for ever.
    pub timeout: Option<Period>,
    /// Answer files for installing unattended, by name or else by family.
    pub answers: BTreeMap<String, Resource>,
    /// The program wimboot, without which Windows does not boot.
    pub wimboot: Option<Resource>,
}

impl Default for BootConfig {
    fn default() -> Self {
        Self {
            default: None,
            timeout: Some(Period::from_milliseconds(30_000)),
            answers: BTreeMap::new(),
            wimboot: None,
        }
    }
}

impl BootConfig {
    /// The answer file of a medium: that of its name, else that of its family.
    #[must_use]
    pub fn answers_of(&self, medium: &MediumState) -> Option<&Resource> {
        let family = medium.detection.system.as_ref().map(|system| system.family.as_str());
        let by_name = self.answers.get(medium.name.as_str());
        by_name.or_else(|| self.answers.get(family?))
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Name>, D::Error> {
    let read = Option::<Text<Name>>::deserialize(deserializer)?;
    Ok(read.map(|Text(name)| name))
}
