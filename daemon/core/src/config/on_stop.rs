//! What becomes of mounts when the daemon stops.

use serde::{Deserialize, Serialize};

/// What becomes of mounts when the daemon stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnStop {
    /// Mounts by the kernel and by EROFS stay, and the next start takes them over.
    #[default]
    Keep,
    /// Everything of isomirror's is unmounted.
    Unmount,
}
