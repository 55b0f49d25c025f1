//! What the server, scripts and people are told of a round.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use isomirror_core::{
    backend_choice::BackendChoice,
    desired::Desired,
    medium::IdentityKey,
    name::Name,
    plan::{Plan, Step},
    state::{Round, StateDocument},
};
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use super::{
    observe::Observation,
    on_demand::Mapped,
    reconciler::{Reconciler, Settings},
    tell,
};
use crate::{
    backend,
    environment::STATE_DOCUMENT,
    logging::{Chain, message_id},
    open_medium::OpenMedium,
    probe::ProbedSet,
    serve::Exports,
    sys::replace_file::replace_file,
    withheld::Withheld,
};

/// All that a round has found out, for those who tell of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture<'a> {
    pub(super) settings: &'a Arc<Settings>,
    pub(super) desired: &'a Desired,
    /// Media to be mounted, by name.
    pub(super) wanted: &'a BTreeMap<Name, IdentityKey>,
    /// What autofs mounts on demand, if it is to.
    pub(super) mapped: Option<&'a Mapped>,
    pub(super) observation: &'a Observation,
    pub(super) plan: &'a Plan,
    pub(super) withheld: &'a Withheld,
    /// What is wrong with no single medium.
    pub(super) problems: &'a [String],
}

impl Reconciler {
    /// Hands the server what is published now.
    pub(super) async fn publish(
        &mut self,
        picture: Picture<'_>,
        set: &ProbedSet,
        document: &StateDocument,
    ) {
        let Picture { settings, desired, plan, withheld, .. } = picture;
        let media: BTreeMap<Name, Arc<OpenMedium>> = desired
            .media()
            .filter(|(name, _, _)| !plan.blocked.contains(*name))
            .filter_map(|(name, entry, _)| {
                Some((name.clone(), Arc::clone(set.media.get(&entry.key())?)))
            })
            .collect();
        let keys = |media: &BTreeMap<Name, Arc<OpenMedium>>| -> Vec<_> {
            media.iter().map(|(name, medium)| (name.clone(), medium.file().key())).collect()
        };
        let views = Arc::clone(&settings.views);
        let now = (keys(&media), withheld.clone(), settings.symlinks, views, document.revision);
        if self.published.as_ref() != Some(&now) {
            self.published = Some(now);
            let state = Arc::new(document.clone());
            let (cut_at, symlinks) = (withheld.clone(), settings.symlinks);
            let views = Arc::clone(&settings.views);
            let tally = Arc::clone(&self.tally);
            let drain = Some(settings.drain);
            let exports = Exports { media, state, cut_at, drain, symlinks, views, tally };
            (self.outputs.publish)(exports).await;
        }
    }

    /// The first round is over: scripts may rely on the state from now on.
    pub(super) fn become_ready(&mut self) {
        self.is_ready = true;
        self.outputs.service.ready();
        info!(message_id = message_id::READY, media = self.document.media.len(), "ready");
        let in_flight = self.in_flight.values().filter_map(|begun| match &begun.step {
            Step::Mount { medium, .. } => Some(*medium),
            Step::Unmount { .. } | Step::RemoveDirectory { .. } => None,
        });
        let keep: HashSet<IdentityKey> = self.mounted.values().copied().chain(in_flight).collect();
        let state_directory = self.places.state_directory.clone();
        // A crash may have left metadata that no mount uses any more.
        spawn_blocking(move || {
            if let Err(error) = backend::sweep(&keep, &state_directory) {
                warn!(error = %Chain(&error), "metadata of an earlier run is left behind");
            }
        });
    }

    /// What people are told of how media are shown.
    pub(super) fn note_backends(&mut self, picture: Picture<'_>) {
        let Picture { settings, desired, mapped, observation, .. } = picture;
        let capabilities = &self.workshop.capabilities;
        let unmounted = match settings.backend {
            BackendChoice::None => Some(None),
            BackendChoice::Auto if !capabilities.root => Some(Some(capabilities.describe())),
            _ => None,
        };
        for (name, _, _) in desired.media() {
            let account = self.accounts.entry(name.clone()).or_default();
            if let Some(mapped) = mapped {
                account.backend = Some(settings.backend.as_str().to_owned());
                account.failure = mapped.failures.get(name).cloned().or(account.failure.take());
                continue;
            }
            match (observation.backends.get(name), &unmounted) {
                (Some(backend), _) => account.backend = Some(backend.as_str().to_owned()),
                (None, Some(reason)) => {
                    account.backend = Some("none".to_owned());
                    account.backend_reason.clone_from(reason);
                }
                (None, None) => account.backend = None,
            }
        }
    }

    pub(super) fn document(&self, picture: Picture<'_>) -> StateDocument {
        let Picture { settings, desired, wanted, mapped, observation, plan, problems, .. } =
            picture;
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let round = Round {
            webroot: &settings.webroot,
            desired,
            wanted,
            on_demand: mapped.map(|mapped| &mapped.names),
            actual: &observation.actual,
            blocked: &plan.blocked,
            accounts: &self.accounts,
            downloads: &self.downloads.borrow(),
            problems,
            previous: &self.document,
            now: &now,
        };
        round.document()
    }

    /// Tells people and scripts what changed.
    pub(super) async fn write(&mut self, document: &StateDocument) {
        if *document == self.document {
            return;
        }
        tell::changes(&self.document, document, &self.outputs.server_url);
        self.outputs.service.status(&tell::status(document));
        self.document = document.clone();
        let path = self.places.runtime_directory.join(STATE_DOCUMENT);
        let text = serde_json::to_vec_pretty(&self.document).map_err(std::io::Error::from);
        let written = match text {
            Ok(text) => spawn_blocking(move || replace_file(&path, &text)).await.unwrap_or(Ok(())),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            warn!(error = %Chain(&error), "the state document cannot be written");
        }
    }
}
