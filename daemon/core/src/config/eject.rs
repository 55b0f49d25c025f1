//! Who has the last word when somebody else wants a drive opened.

use serde::{Deserialize, Serialize};

/// What becomes of a request to eject, by the hypervisor or the drive's button, while a disc is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum EjectPolicy {
    /// Readers have the drain time, cut to what fits into 2.5 s, then the tray opens.
    #[default]
    Release,
    /// The request is held until nobody reads any more, or the deadline is over; meanwhile the hypervisor is
    /// told that the drive is locked.
    Defer,
}
