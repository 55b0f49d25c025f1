//! The HTTP server: hands out trees, images and views. It never mounts, opens or names anything by itself.

use std::{collections::BTreeMap, sync::Arc};

use isomirror_core::{name::Name, state::StateDocument};

use crate::open_medium::OpenMedium;

/// All that is to be served now. Replaced as a whole; a name that is gone refuses new requests at once, and its
/// running responses may go on for `drain`.
#[derive(Debug, Default)]
pub struct Exports {
    /// Media by the name they are published under.
    pub media: BTreeMap<Name, Arc<OpenMedium>>,
    /// What views are rendered from. Of its media only those in `media` can be asked for.
    pub state: Arc<StateDocument>,
}
