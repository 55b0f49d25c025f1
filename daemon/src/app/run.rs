//! Starting: what every process does, whatever its roles.

use std::{io, time::Duration};

use isomirror_core::config::Change;
use tokio::runtime::{Builder, Runtime};
use tracing::{error, info, warn};

use super::{beside, mounting};
use crate::{
    control::ListenError,
    instance::InstanceError,
    logging::{Chain, message_id},
    roles::RoleSocketError,
    serve::{BindError, StartError as ServeError},
    settings::Settings,
    sys::resource::raise_open_file_limit,
};

/// Threads for what may block. One that hangs with its drive is one less.
const BLOCKING_THREADS: usize = 128;

/// How long threads that still block are waited for at the end.
pub(super) const LAST_WAIT: Duration = Duration::from_millis(500);

/// Why the daemon could not start, or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another one runs, or the runtime directory cannot be used.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// Nobody could control the daemon.
    #[error(transparent)]
    Control(#[from] ListenError),
    /// Roles in other processes could not be talked to.
    #[error(transparent)]
    Roles(#[from] RoleSocketError),
    /// Nothing can be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The server's threads cannot be started.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The operating system refuses something basic.
    #[error("cannot set up {what}")]
    System {
        /// What was to be set up.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A part that runs for as long as the daemon does has ended.
    #[error("a part of the daemon has ended unexpectedly")]
    PartEnded,
}

/// Plays the roles of `settings` until told to end. Whoever mounts is the one that the others come to.
pub fn run(settings: Settings) -> Result<(), RunError> {
    if let Err(error) = raise_open_file_limit() {
        warn!(error = %Chain(&error), "the limit of open files stays low");
    }
    if settings.roles.mount { mounting::run(settings) } else { beside::run(settings) }
}

/// The event loop of a process.
pub(super) fn event_loop() -> Result<Runtime, RunError> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|source| RunError::System { what: "the event loop", source })
}

/// Reads the configuration again, into `settings`. A broken one leaves everything as it is, and is no reason to end.
pub(super) fn reread(settings: &mut Settings) -> bool {
    let new = match settings.reload() {
        Ok(new) => new,
        Err(error) => {
            error!(message_id = message_id::CONFIGURATION_REFUSED, error = %Chain(&error), "the configuration is not taken over");
            return false;
        }
    };
    tell_changes(settings, &new);
    *settings = new;
    true
}

/// Says what a reload changes for the roles of this process, and what of it has to wait.
fn tell_changes(old: &Settings, new: &Settings) {
    let roles = old.roles;
    for Change { key, needs_restart, old, new } in old.changes(new) {
        let is_ours = match key.names().first().map(String::as_str) {
            Some("serve") => roles.serve,
            Some("fetch") => roles.fetch,
            _ => roles.mount,
        };
        if !is_ours {
            continue;
        }
        if needs_restart {
            warn!(%key, %old, %new, "setting changes at the next restart");
        } else {
            info!(%key, %old, %new, "setting changes");
        }
    }
}
