//! Who serves the web root for autofs, and whether it lists what the map says. It is told again until it does.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use isomirror_core::{plan::Occupant, view::autofs_map::MapKey};
use nix::unistd::Pid;
use tokio::time::Instant;
use tracing::debug;

use super::{observe::Observation, reconciler::Reconciler};
use crate::backend::autofs;

/// How long after it was told automount is told again, where what it lists is not what the map says. It reads its clock
/// in whole seconds, and so may take what it read a moment ago for what it reads now; and it does not take in a key
/// that somebody asked for in vain within the `--negative-timeout=1` of its master entry. While somebody keeps asking,
/// that is so for the first half of every two seconds: what is told in this rhythm once falls into the other half.
const PATIENCE: Duration = Duration::from_millis(700);

/// How often automount is told again in that rhythm, and after that with growing pauses.
const STEADY_TRIES: u32 = 6;

/// How often automount is told again before people are.
pub(super) const TRIES: u32 = STEADY_TRIES + 4;

/// Whether automount lists what the map says.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    /// When to look again, unless it does.
    pub(super) look_again: Option<Duration>,
    /// What is wrong, where telling does not help.
    pub(super) problem: Option<String>,
}

/// Who mounts at the web root.
#[derive(Debug)]
pub(super) enum Automount {
    /// This process.
    Serves(Pid),
    /// Its process is gone.
    Ended,
    /// It has another map.
    Misled(PathBuf),
    /// Nobody.
    Absent,
}

impl Reconciler {
    /// Who serves the web root.
    pub(super) fn automount(&self, observation: &Observation) -> Automount {
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
    pub(super) fn tell(&mut self, automount: Pid) -> Result<(), String> {
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
    pub(super) fn compare(&mut self, automount: Pid, observation: &Observation) -> Agreement {
        let (listed, mounted) = (listed(observation), mounted(observation));
        let map: BTreeSet<MapKey> = self.current_map().keys().into_iter().cloned().collect();
        let is_stale = listed.iter().any(|key| !map.contains(key));
        let is_unlisted = map.iter().any(|key| !listed.contains(key) && !mounted.contains(key));
        if !is_stale && !is_unlisted {
            self.on_demand.tries = 0;
            return Agreement::default();
        }
        if self.on_demand.tries >= TRIES {
            return Agreement {
                look_again: None,
                problem: Some(disagreement(is_unlisted).to_owned()),
            };
        }
        let pause = pause_before(self.on_demand.tries);
        let waited = self.on_demand.told.map_or(pause, |told| told.elapsed());
        let rest = pause.saturating_sub(waited);
        if rest > Duration::ZERO {
            return Agreement { look_again: Some(rest), problem: None };
        }
        self.on_demand.tries += 1;
        let problem = self.tell_again(automount).err();
        Agreement { look_again: Some(PATIENCE), problem }
    }
}

/// How long after it was told automount is told again for the time after `tries`.
fn pause_before(tries: u32) -> Duration {
    PATIENCE * (1 << (tries + 1).saturating_sub(STEADY_TRIES))
}

/// Keys that have a directory with nothing mounted on it.
pub(super) fn listed(observation: &Observation) -> BTreeSet<MapKey> {
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

fn is_same_file(one: &Path, other: &Path) -> bool {
    let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    canonical(one) == canonical(other)
}

fn disagreement(is_unlisted: bool) -> &'static str {
    if is_unlisted {
        "automount does not list all media: put `browse` into its master entry"
    } else {
        "automount keeps directories of media that are gone: run `systemctl restart autofs`"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_phase_automount_is_soon_told_when_it_listens() {
        let told: Vec<_> = (0..STEADY_TRIES)
            .scan(Duration::ZERO, |moment, tries| {
                *moment += pause_before(tries);
                Some(moment.as_millis())
            })
            .collect();
        for phase in 0..2000 {
            let listens = |moment: &&u128| (**moment + phase) % 2000 >= 1000;
            let heard = told.iter().find(listens);
            assert!(heard.is_some_and(|moment| *moment <= 2100), "{phase}: {heard:?}");
        }
        assert!((0..TRIES).map(pause_before).sum::<Duration>() > Duration::from_secs(16));
    }
}
