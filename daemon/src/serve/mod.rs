//! The HTTP server: hands out trees, images and views. It never mounts, opens or names anything by itself.
//!
//! A few threads run one event loop each (`worker`) over connections that are state machines (`connection`); media
//! on drives are read by a thread of their own each (`drive`), so that a slow disc stops nobody else. Bodies go
//! from the image to the socket by sendfile, from a disc by reads that are checked (`body`). What is served is
//! replaced as a whole by [`Server::publish`]; a response
//! keeps the medium that it was begun with, until it ends or is cut.

mod access_log;
mod admission;
mod answer;
mod body;
mod congestion;
mod connection;
mod deadlines;
mod drive;
mod events;
mod file_cache;
mod file_response;
mod index_view;
mod listen;
mod listing;
mod mirror_view;
mod pages;
mod published;
mod server;
mod settings;
mod shared;
mod socket_file;
mod tree;
mod turn;
mod worker;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror_core::{
    containment::SymlinkPolicy, medium::IdentityKey, name::Name, state::StateDocument,
    view::ViewSettings,
};

use crate::{open_medium::OpenMedium, tally::Tally};

pub use listen::{BindError, Bound};
pub use server::{Server, StartError};
pub use settings::ServeSettings;
pub use shared::Statistics;

/// All that is to be served now. Replaced as a whole; a name that is gone refuses new requests at once, and its
/// running responses may go on for `drain`.
#[derive(Clone, Debug, Default)]
pub struct Exports {
    /// Media by the name they are published under.
    pub media: BTreeMap<Name, Arc<OpenMedium>>,
    /// What views are rendered from. Of its media only those in `media` can be asked for.
    pub state: Arc<StateDocument>,
    /// Media whose responses end at a moment of their own, instead of `drain` after they left; it may be told once
    /// more after they did.
    pub cut_at: BTreeMap<IdentityKey, Instant>,
    /// For how long responses from a medium that leaves with this set may go on; `None` for the settings' time.
    pub drain: Option<Duration>,
    /// What is done with symbolic links. The host's files are never reached, whatever the policy.
    pub symlinks: SymlinkPolicy,
    /// What else views are rendered by.
    pub views: Arc<ViewSettings>,
    /// What has been done to the web root.
    pub tally: Arc<Tally>,
}
