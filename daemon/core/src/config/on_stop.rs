//! What becomes of mounts when the daemon stops.

use serde::{Deserialize, Serialize};

/// What becomes of mounts when the daemon stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnStop {
    /// Kernel and EROFS mounts stay, and are taken over by the next start.
    #[default]
    Keep,
    /// Everything of ours is unmounted.
    Unmount,
}
