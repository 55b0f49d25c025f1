//! Another web root than before, after a reload or a restart: nothing of ours stays in the one that nobody looks after
//! any more.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::time::timeout;
use tracing::{info, warn};

use super::reconciler::{Reconciler, Settings};

/// How long readers there have at most, whatever `mount.drain` says: the loop waits, and the watchdog does not.
const DRAIN: Duration = Duration::from_secs(5);

impl Reconciler {
    /// Takes everything down below the web root of the rounds before, where it is another one than that of `settings`.
    /// Readers have the drain time, but 5 s at most; the loop waits for them, so that no name is in two places and no
    /// disc is held by a mount that is not looked at.
    pub(super) async fn leave_former_web_root(&mut self, settings: &Settings) {
        // A path that is no text cannot be written down.
        let current = settings.webroot.to_str();
        if self.memory.ledger.web_root.as_deref() == current {
            return;
        }
        let former = self.memory.ledger.web_root.clone();
        if let Some(former) = former.filter(|former| Path::new(former).exists()) {
            // A drive that hangs is not waited for.
            let _ = timeout(DRAIN, self.finish_steps()).await;
            self.outputs.service.alive();
            info!(from = former, to = %settings.webroot.display(), "moving to another web root");
            self.take_down_all_below(&former, settings).await;
            // What is not mounted here was never mounted here, and no failure there counts.
            self.mounted.clear();
            self.attempts.clear();
        }
        self.memory.ledger.web_root = current.map(str::to_owned);
    }

    /// Waits for the steps that are under way.
    async fn finish_steps(&mut self) {
        while let Some(finished) = self.running.join_next().await {
            self.note(finished.ok());
        }
    }

    async fn take_down_all_below(&mut self, former: &str, settings: &Settings) {
        let there = Settings {
            webroot: former.into(),
            unmount_on_stop: true,
            drain: settings.drain.min(DRAIN),
            ..settings.clone()
        };
        for name in self.take_down(&Arc::new(there)).await {
            let remedy = "run `umount` on it, and remove the directory";
            warn!(name = %name, web_root = former, remedy, "left behind in the former web root");
        }
    }
}
