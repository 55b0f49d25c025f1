//! Media that autofs mounts when they are asked for: the map says what there is, and automount is told when its keys
//! change. What automount has mounted is observed and taken away like any other mount of ours.
//!
//! Automount makes and removes the directories of the keys. It may leave the directory of a key that was in use when
//! the key went, and miss a signal that comes while it is busy; so what it lists is compared with the map, and it is
//! told again until both agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use isomirror_core::{
    backend_choice::BackendChoice,
    desired::Desired,
    medium::IdentityKey,
    name::Name,
    plan::Occupant,
    view::autofs_map::{AutofsMap, EntryRules, MapKey, Unmappable},
};
use nix::unistd::Pid;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{
    automount::{Automount, TRIES, listed},
    observe::Observation,
    reconciler::{Reconciler, Settings},
};
use crate::{
    backend::{self, autofs},
    logging::Chain,
};

/// How long automount mostly takes to read its map.
const READING: Duration = Duration::from_millis(200);

/// How long automount, which starts after the daemon, has for that.
const START: Duration = Duration::from_secs(10);

/// What is remembered from round to round.
#[derive(Debug, Default)]
pub(super) struct OnDemand {
    /// The map as it was written; `None` before anything is known of it.
    map: Option<AutofsMap>,
    /// The media in it, for their metadata.
    media: BTreeSet<IdentityKey>,
    /// When automount was last told.
    pub(super) told: Option<Instant>,
    /// How often it was told again since it last agreed with the map.
    pub(super) tries: u32,
    /// The automount that was asked to read its master map.
    asked: Option<Pid>,
}

/// What a round came to.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    /// Media that automount mounts when they are asked for.
    pub(super) names: BTreeSet<Name>,
    /// Why it does not mount others, and what to do.
    pub(super) failures: BTreeMap<Name, String>,
}

/// The autofs mount at the web root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AutomountPoint {
    /// Path of its map.
    pub(super) map: PathBuf,
    /// Process group of its automount.
    pub(super) group: i32,
}

impl Reconciler {
    /// Brings the map nearer to what is desired; nothing is mapped unless autofs is to mount. The time is when to look
    /// whether automount has caught up.
    pub(super) fn mount_on_demand(
        &mut self,
        settings: &Settings,
        desired: &Desired,
        observation: &Observation,
        problems: &mut Vec<String>,
    ) -> (Option<Mapped>, Option<Duration>) {
        if settings.backend != BackendChoice::Autofs {
            if observation.automount.is_some() {
                problems.push(format!(
                    "`{}` belongs to autofs: take isomirror.autofs out of its auto.master.d and reload it, or set \
                     `mount.backend: autofs`",
                    settings.webroot.display()
                ));
            }
            return (None, self.withdraw_map(observation));
        }
        let mut look_again = None;
        let mut mapped = Mapped::default();
        let (wanted, keys) = self.wanted_map(settings, desired, observation, &mut mapped);
        let automount = self.automount(observation);
        let next = match automount {
            Automount::Serves(_) if self.on_demand.tries < TRIES => {
                let listed = listed(observation);
                self.current_map().towards(&wanted, |key| listed.contains(key))
            }
            _ => wanted.clone(),
        };
        if next != wanted {
            look_again = Some(READING);
        }
        let has_new_keys = next.keys() != self.current_map().keys();
        if let Err(problem) = self.write_map(next) {
            problems.push(problem);
        }
        match automount {
            Automount::Serves(pid) => {
                if has_new_keys {
                    problems.extend(self.tell(pid).err());
                }
                let agreed = self.compare(pid, observation);
                look_again = look_again.into_iter().chain(agreed.look_again).min();
                problems.extend(agreed.problem);
                let map = self.current_map().keys().into_iter().cloned().collect::<BTreeSet<_>>();
                mapped.names = keys
                    .into_iter()
                    .filter(|(_, key)| map.contains(key))
                    .map(|(name, _)| name)
                    .collect();
            }
            other => {
                look_again = self.fail(&other, settings, keys, &mut mapped, problems);
            }
        }
        (Some(mapped), look_again)
    }

    /// Empties the map, so that automount offers nothing that nobody looks after.
    /// Returns when to look whether automount has caught up, unless it has.
    pub(super) fn withdraw_map(&mut self, observation: &Observation) -> Option<Duration> {
        let automount = self.automount(observation);
        let was_empty = self.current_map().is_empty();
        if !was_empty && let Err(problem) = self.write_map(AutofsMap::default()) {
            warn!(problem, "media stay in the autofs map");
        }
        let Automount::Serves(pid) = automount else { return None };
        if !was_empty && let Err(problem) = self.tell(pid) {
            warn!(problem, "media stay listed by autofs");
        }
        self.compare(pid, observation).look_again
    }

    /// What the map should say, with the keys of the names in it. A name that something else is mounted on has to
    /// be free first.
    fn wanted_map(
        &mut self,
        settings: &Settings,
        desired: &Desired,
        observation: &Observation,
        mapped: &mut Mapped,
    ) -> (AutofsMap, BTreeMap<Name, MapKey>) {
        let rules = EntryRules {
            symlinks: settings.symlinks,
            options: &settings.options,
            state_directory: &self.places.state_directory,
        };
        let (mut map, mut keys, mut media) =
            (AutofsMap::default(), BTreeMap::new(), BTreeSet::new());
        for (name, entry, _) in desired.media() {
            media.insert(entry.key());
            let is_free = match observation.actual.get(name) {
                Some(Occupant::Mounted { medium, .. }) => *medium == entry.key(),
                Some(Occupant::Foreign) => false,
                Some(Occupant::Directory { .. }) | None => true,
            };
            if !is_free {
                continue;
            }
            let inserted = map.insert(name, entry.key(), entry.sighting.source.path(), rules);
            match inserted.and_then(|()| MapKey::of(name)) {
                Ok(key) => drop(keys.insert(name.clone(), key)),
                Err(reason) => drop(mapped.failures.insert(name.clone(), unmapped(reason))),
            }
        }
        self.forget_metadata(media, observation);
        (map, keys)
    }

    /// Removes the metadata of media that left after automount had unmounted them by itself.
    fn forget_metadata(&mut self, media: BTreeSet<IdentityKey>, observation: &Observation) {
        let is_mounted = |key: &IdentityKey| {
            observation
                .actual
                .values()
                .any(|there| matches!(there, Occupant::Mounted { medium, .. } if medium == key))
        };
        for key in self.on_demand.media.difference(&media).filter(|key| !is_mounted(key)) {
            if let Err(error) = backend::forget(*key, &self.places.state_directory) {
                debug!(medium = %key, error = %Chain(&error), "metadata of a medium is left behind");
            }
        }
        self.on_demand.media = media;
    }

    /// The map as it is.
    pub(super) fn current_map(&mut self) -> &AutofsMap {
        let path = autofs::map_path(&self.places.runtime_directory);
        self.on_demand.map.get_or_insert_with(|| {
            autofs::read_map(&path).unwrap_or_else(|error| {
                warn!(path = %path.display(), error = %Chain(&error), "the autofs map cannot be read");
                AutofsMap::default()
            })
        })
    }

    fn write_map(&mut self, map: AutofsMap) -> Result<(), String> {
        let path = autofs::map_path(&self.places.runtime_directory);
        if *self.current_map() == map && path.exists() {
            return Ok(());
        }
        autofs::write_map(&path, &map).map_err(|error| {
            format!(
                "cannot write `{}`: {error}: make room there, or make it writable",
                path.display()
            )
        })?;
        self.on_demand.map = Some(map);
        Ok(())
    }

    /// Says why nothing is mounted, and what to do. An automount that is only late has time until the one returned.
    fn fail(
        &mut self,
        automount: &Automount,
        settings: &Settings,
        keys: BTreeMap<Name, MapKey>,
        mapped: &mut Mapped,
        problems: &mut Vec<String>,
    ) -> Option<Duration> {
        let is_absent = matches!(automount, Automount::Absent);
        // An automount that found no map when it started does not look for it again by itself.
        let machine = autofs::automount_of_machine();
        if is_absent && machine != self.on_demand.asked {
            self.on_demand.asked = machine;
            problems.extend(machine.and_then(|pid| self.tell(pid).err()));
        }
        let grace = START.saturating_sub(self.now());
        if is_absent && grace > Duration::ZERO {
            return Some(grace);
        }
        let webroot = settings.webroot.display();
        let map = autofs::map_path(&self.places.runtime_directory);
        let problem = match automount {
            Automount::Ended => {
                format!("the automount of `{webroot}` has ended: run `systemctl restart autofs`")
            }
            Automount::Misled(path) => format!(
                "autofs mounts at `{webroot}` what `{}` says: make its master entry name `{}`",
                path.display(),
                map.display()
            ),
            Automount::Absent | Automount::Serves(_) => format!(
                "no automount serves `{webroot}`: install autofs, put isomirror.autofs into its auto.master.d, and \
                 run `systemctl enable --now autofs` and `systemctl reload autofs`"
            ),
        };
        let media =
            keys.into_keys().map(|name| (name, format!("it is not mounted, for {problem}")));
        mapped.failures.extend(media);
        problems.push(problem);
        None
    }
}

/// What stays mounted at a web root that is automount's: by autofs what is desired and there, for it mounts the rest
/// when it is asked for; by the other backends nothing.
pub(super) fn kept_by_automount(
    desired: &Desired,
    settings: &Settings,
    observation: &Observation,
) -> BTreeMap<Name, IdentityKey> {
    let is_occupied = |name: &Name| {
        let occupant = observation.actual.get(name);
        matches!(occupant, Some(Occupant::Mounted { .. } | Occupant::Foreign))
    };
    let media = desired.media().filter(|_| settings.backend == BackendChoice::Autofs);
    media
        .filter(|(name, _, _)| is_occupied(name))
        .map(|(name, entry, _)| (name.clone(), entry.key()))
        .collect()
}

fn unmapped(reason: Unmappable) -> String {
    let remedy = match reason {
        Unmappable::Asterisk | Unmappable::Name => "give it another name by `names.aliases`",
        Unmappable::Path => "move the image",
        Unmappable::Options => {
            "write `mount.options` and $STATE_DIRECTORY without commas and control characters"
        }
    };
    format!("it is not mounted, for {reason}: {remedy}")
}
