//! What the operator says of views.

use crate::config::{BaseUrl, BootConfig, Config};

/// What views are rendered by, beside the state document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewSettings {
    /// The address in generated files; `None` for the one that the client asked.
    pub base_url: Option<BaseUrl>,
    /// What the boot menu offers beside what media say of themselves.
    pub boot: BootConfig,
}

impl ViewSettings {
    /// The settings of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { base_url: config.serve.base_url.clone(), boot: config.boot.clone() }
    }
}
