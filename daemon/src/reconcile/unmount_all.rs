//! Taking down everything that is ours without being the daemon: the end of a daemon that never began.

use std::{future::ready, io, path::PathBuf, sync::Arc};

use isomirror_core::name::Name;
use tokio::{runtime::Builder, sync::watch};

use super::reconciler::{Inputs, Outputs, Places, Reconciler, Settings};
use crate::{lanes::Lanes, service::Service, withheld::LettingGo};

/// Why something of ours is still there.
#[derive(Debug, thiserror::Error)]
pub enum UnmountAllError {
    /// The operating system refuses something basic.
    #[error("cannot set up the event loop")]
    System(#[source] io::Error),
    /// Some of it would not go in time.
    #[error("below `{}` there is still: {}", webroot.display(), listed(names))]
    Left {
        /// The web root.
        webroot: PathBuf,
        /// Names of mounts and directories.
        names: Vec<Name>,
    },
}

fn listed(names: &[Name]) -> String {
    let quoted = names.iter().map(|name| format!("`{name}`"));
    quoted.collect::<Vec<_>>().join(", ")
}

/// Unmounts what is ours below the web root and removes our directories there. Readers have the drain time. No daemon
/// may work in the same places meanwhile. Blocks.
pub fn unmount_all(settings: Settings, places: Places) -> Result<(), UnmountAllError> {
    let webroot = settings.webroot.clone();
    if !webroot.exists() {
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(UnmountAllError::System)?;
    let (_, settings) = watch::channel(Arc::new(Settings { unmount_on_stop: true, ..settings }));
    let (_, media) = watch::channel(None);
    let (_, withheld) = watch::channel(Arc::default());
    let (_, downloads) = watch::channel(Arc::default());
    let (let_go, _) = watch::channel(LettingGo::default());
    let outputs = Outputs {
        publish: Box::new(|_| Box::pin(ready(()))),
        let_go,
        service: Service,
        server_url: String::new(),
    };
    let inputs = Inputs { settings, media, withheld, downloads };
    let reconciler = Reconciler::new(inputs, places, outputs, Arc::new(Lanes::default()));
    let names = runtime.block_on(reconciler.stop());
    // A drive that hangs must not hold up the command.
    runtime.shutdown_background();
    if names.is_empty() { Ok(()) } else { Err(UnmountAllError::Left { webroot, names }) }
}
