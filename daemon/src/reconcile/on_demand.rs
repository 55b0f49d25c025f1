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
    observe::Observation,
    reconciler::{Reconciler, Settings},
};
use crate::{
    backend::{self, autofs},
    logging::Chain,
};

/// How long automount has for what it was told, before it is looked at.
const PATIENCE: Duration = Duration::from_millis(200);

/// How often automount is told again, with growing pauses, before people are.
const TRIES: u32 = 6;

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
    told: Option<Instant>,
    /// How often it was told again since it last agreed with the map.
    tries: u32,
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
    /// When to look whether automount has caught up.
    pub(super) look_again: Option<Duration>,
}

/// The autofs mount at the web root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AutomountPoint {
    /// Path of its map.
    pub(super) map: PathBuf,
    /// Process group of its automount.
    pub(super) group: i32,
}

/// Who mounts at the web root.
enum Automount {
    Serves(Pid),
    /// Its process is gone.
    Ended,
    /// It has another map.
    Misled(PathBuf),
    Absent,
}

impl Reconciler {
    /// Brings the map nearer to what is desired. `None` unless autofs is to mount.
    pub(super) fn mount_on_demand(
        &mut self,
        settings: &Settings,
        desired: &Desired,
        observation: &Observation,
        problems: &mut Vec<String>,
    ) -> Option<Mapped> {
        if settings.backend != BackendChoice::Autofs {
            self.withdraw_map(observation);
            return None;
        }
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
            mapped.look_again = Some(PATIENCE);
        }
        let has_new_keys = next.keys() != self.current_map().keys();
        if let Err(problem) = self.write_map(next) {
            problems.push(problem);
        }
        match automount {
            Automount::Serves(pid) => {
                let told = if has_new_keys {
                    self.tell(pid)
                } else {
                    self.compare(pid, observation, &mut mapped, problems)
                };
                problems.extend(told.err());
                let map = self.current_map().keys().into_iter().cloned().collect::<BTreeSet<_>>();
                mapped.names = keys
                    .into_iter()
                    .filter(|(_, key)| map.contains(key))
                    .map(|(name, _)| name)
                    .collect();
            }
            other => self.fail(&other, settings, keys, &mut mapped, problems),
        }
        Some(mapped)
    }

    /// Empties the map, so that automount offers nothing that nobody looks after.
    pub(super) fn withdraw_map(&mut self, observation: &Observation) {
        if self.current_map().is_empty() {
            return;
        }
        if let Err(problem) = self.write_map(AutofsMap::default()) {
            warn!(problem, "media stay in the autofs map");
        }
        if let Automount::Serves(pid) = self.automount(observation)
            && let Err(problem) = self.tell(pid)
        {
            warn!(problem, "media stay listed by autofs");
        }
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
    fn current_map(&mut self) -> &AutofsMap {
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

    fn automount(&self, observation: &Observation) -> Automount {
        let map = autofs::map_path(&self.places.runtime_directory);
        match &observation.automount {
            None => Automount::Absent,
            Some(point) if !is_same_file(&point.map, &map) => Automount::Misled(point.map.clone()),
            Some(point) => {
                autofs::automount_of_group(point.group).map_or(Automount::Ended, Automount::Serves)
            }
        }
    }

    /// Tells automount that keys changed.
    fn tell(&mut self, automount: Pid) -> Result<(), String> {
        self.on_demand.tries = 0;
        self.tell_again(automount)
    }

    fn tell_again(&mut self, automount: Pid) -> Result<(), String> {
        self.on_demand.told = Some(Instant::now());
        debug!(process = automount.as_raw(), "automount reads its maps again");
        autofs::read_again(automount)
            .map_err(|error| format!("cannot tell automount of changes: {error}: run as root"))
    }

    /// Looks whether automount lists what the map says, and tells it again where it does not.
    fn compare(
        &mut self,
        automount: Pid,
        observation: &Observation,
        mapped: &mut Mapped,
        problems: &mut Vec<String>,
    ) -> Result<(), String> {
        let (listed, mounted) = (listed(observation), mounted(observation));
        let map = self.current_map().keys().into_iter().cloned().collect::<BTreeSet<_>>();
        let is_stale = listed.iter().any(|key| !map.contains(key));
        let is_unlisted = map.iter().any(|key| !listed.contains(key) && !mounted.contains(key));
        if !is_stale && !is_unlisted {
            self.on_demand.tries = 0;
            return Ok(());
        }
        if self.on_demand.tries >= TRIES {
            problems.push(disagreement(is_unlisted).to_owned());
            return Ok(());
        }
        let pause = PATIENCE * (1 << self.on_demand.tries);
        let waited = self.on_demand.told.map_or(pause, |told| told.elapsed());
        if waited < pause {
            mapped.look_again = Some(pause - waited);
            return Ok(());
        }
        self.on_demand.tries += 1;
        mapped.look_again = Some(PATIENCE);
        self.tell_again(automount)
    }

    /// Says why nothing is mounted, and what to do.
    fn fail(
        &mut self,
        automount: &Automount,
        settings: &Settings,
        keys: BTreeMap<Name, MapKey>,
        mapped: &mut Mapped,
        problems: &mut Vec<String>,
    ) {
        let is_absent = matches!(automount, Automount::Absent);
        // An automount that found no map when it started does not look for it again by itself.
        let machine = autofs::automount_of_machine();
        if is_absent && machine != self.on_demand.asked {
            self.on_demand.asked = machine;
            problems.extend(machine.and_then(|pid| self.tell(pid).err()));
        }
        let grace = START.saturating_sub(self.now());
        if is_absent && grace > Duration::ZERO {
            mapped.look_again = Some(grace);
            return;
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
    }
}

/// Keys that have a directory with nothing mounted on it.
fn listed(observation: &Observation) -> BTreeSet<MapKey> {
    keys_of(observation, |occupant| matches!(occupant, Occupant::Directory { .. }))
}

/// Keys that something is mounted on.
fn mounted(observation: &Observation) -> BTreeSet<MapKey> {
    keys_of(observation, |occupant| !matches!(occupant, Occupant::Directory { .. }))
}

fn keys_of(observation: &Observation, is_meant: fn(&Occupant) -> bool) -> BTreeSet<MapKey> {
    let meant = observation.actual.iter().filter(|(_, occupant)| is_meant(occupant));
    meant.filter_map(|(name, _)| MapKey::of(name).ok()).collect()
}

fn is_same_file(one: &std::path::Path, other: &std::path::Path) -> bool {
    let canonical =
        |path: &std::path::Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    canonical(one) == canonical(other)
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

fn disagreement(is_unlisted: bool) -> &'static str {
    if is_unlisted {
        "automount does not list all media: put `browse` into its master entry"
    } else {
        "automount keeps directories of media that are gone: run `systemctl restart autofs`"
    }
}
