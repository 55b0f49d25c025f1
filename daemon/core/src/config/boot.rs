//! The section `boot`: what the boot menu offers beside what media say of themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Period, Resource, text::Text};
use crate::{name::Name, state::MediumState};

/// The section `boot`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct BootConfig {
    /// Name of the medium that the menu /boot.ipxe boots when nobody chooses; null for the machine's own
    /// disk.
    #[serde(deserialize_with = "name")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["Rocky-9-6-x86_64-dvd"])))]
    pub default: Option<Name>,
    /// How long menus wait for somebody to choose; null for ever.
    pub timeout: Option<Period>,
    /// Answer files (kickstart, preseed, autoinstall) by name of a medium or else by family. They stand in
    /// the scripts that machines boot by, so whoever may boot can read them; no page or document lists them.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"Rocky-9-6-x86_64-dvd": "/answers/web.ks", "debian-di": "http://example.com/preseed.cfg"}])))]
    pub answers: BTreeMap<String, Resource>,
    /// The program wimboot, without which Windows does not boot; null where no Windows is to be booted.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["https://example.com/wimboot", "/boot/wimboot"])))]
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
