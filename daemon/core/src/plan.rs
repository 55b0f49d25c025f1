//! What to do next so that the web root comes to look as desired: pure, and with no choices left to whoever does it.
//!
//! At most one step a name: what follows from its outcome is the next plan's. So a step that hangs holds up its own
//! name and nobody else's.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{medium::IdentityKey, name::Name};

/// What is at one name below the web root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupant {
    /// A directory with nothing mounted on it.
    Directory {
        /// Whether isomirror made it, and so may remove it.
        ours: bool,
        /// Whether there is nothing in it.
        empty: bool,
    },
    /// A mount that isomirror made.
    Mounted {
        /// Mount id, so that no other mount is taken for it.
        mount: u32,
        /// The medium that it shows.
        medium: IdentityKey,
        /// Whether nobody serves it any more (FUSE after a crash).
        dead: bool,
        /// Whether the medium is a disc, whose bytes are gone, or another's, as soon as it has left its drive.
        on_disc: bool,
    },
    /// Somebody else's mount, file or link.
    Foreign,
}

/// What is at each name that is occupied at all.
pub type Actual = BTreeMap<Name, Occupant>;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take a mount away.
    Unmount {
        /// The directory that it is on.
        name: Name,
        /// The mount to be found there; another is left alone.
        mount: u32,
        /// The medium that it shows.
        medium: IdentityKey,
        /// Detach it from its readers instead of asking whether there are any.
        detach: bool,
    },
    /// Remove an empty directory.
    RemoveDirectory {
        /// The directory.
        name: Name,
    },
    /// Mount a medium.
    Mount {
        /// The directory to mount it on.
        name: Name,
        /// The medium.
        medium: IdentityKey,
        /// Whether the directory has to be made first.
        create: bool,
    },
}

impl Step {
    /// The name that the step is for.
    #[must_use]
    pub fn name(&self) -> &Name {
        match self {
            Self::Unmount { name, .. }
            | Self::RemoveDirectory { name }
            | Self::Mount { name, .. } => name,
        }
    }
}

/// What became of earlier steps for a name, kept only while it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Failures in a row.
    pub failures: u32,
    /// When the first of them was, on the clock that `now` is read from.
    pub first: Duration,
    /// When the next try is due.
    pub next: Duration,
    /// Whether the last one failed because of readers.
    pub busy: bool,
}

/// Attempts by name.
pub type Attempts = BTreeMap<Name, Attempt>;

/// Steps, what cannot be done, and when to look again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Removals first.
    pub steps: Vec<Step>,
    /// Names that something foreign occupies.
    pub blocked: BTreeSet<Name>,
    /// Names whose next step is under way or not due yet.
    pub waiting: BTreeSet<Name>,
    /// When the first step that is not due yet will be; absolute, on the clock of `now`.
    pub next: Option<Duration>,
}

/// What the plan is made from, beside what is wanted and what is.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Names with a step under way.
    pub in_flight: &'a BTreeSet<Name>,
    /// Failures so far.
    pub attempts: &'a Attempts,
    /// How long readers of a leaving medium may go on.
    pub drain: Duration,
    /// Media that are where they were, whether they are to be published or not.
    pub present: &'a BTreeSet<IdentityKey>,
    /// Media whose readers are cut off at a moment of their own, on the clock of `now`.
    pub cut_at: &'a BTreeMap<IdentityKey, Duration>,
    /// The moment, on any clock that only goes forward.
    pub now: Duration,
}

/// Steps that bring `actual` nearer to `wanted`, the media to be mounted by name.
#[must_use]
pub fn plan(
    wanted: &BTreeMap<Name, IdentityKey>,
    actual: &Actual,
    circumstances: Circumstances<'_>,
) -> Plan {
    let mut plan = Plan::default();
    let mounted: BTreeSet<IdentityKey> = actual.values().filter_map(mounted_medium).collect();
    for name in wanted.keys().chain(actual.keys()).collect::<BTreeSet<_>>() {
        let verdict =
            verdict(name, wanted.get(name).copied(), actual.get(name).copied(), circumstances);
        match verdict {
            Verdict::Settled => {}
            Verdict::Blocked => {
                plan.blocked.insert(name.clone());
            }
            // Its metadata and its memory of names belong to one mount at a time: the removal comes first.
            Verdict::Do(Step::Mount { medium, .. }) if mounted.contains(&medium) => {}
            Verdict::Do(_) if circumstances.in_flight.contains(name) => {
                plan.waiting.insert(name.clone());
            }
            Verdict::Do(step) => match due(&step, circumstances) {
                Some(due) => {
                    plan.waiting.insert(name.clone());
                    plan.next = Some(plan.next.map_or(due, |next| next.min(due)));
                }
                None => plan.steps.push(step),
            },
        }
    }
    plan.steps.sort_by_key(|step| matches!(step, Step::Mount { .. }));
    plan
}

/// When a step is due that is not yet. What readers held up is no longer held up once they are cut off.
fn due(step: &Step, circumstances: Circumstances<'_>) -> Option<Duration> {
    let attempt = circumstances.attempts.get(step.name())?;
    let due = match step {
        Step::Unmount { detach: true, .. } if attempt.busy => circumstances.now,
        Step::Unmount { medium, .. } => {
            let cut_at = circumstances.cut_at.get(medium).filter(|_| attempt.busy);
            cut_at.map_or(attempt.next, |cut_at| attempt.next.min(*cut_at))
        }
        Step::RemoveDirectory { .. } | Step::Mount { .. } => attempt.next,
    };
    (due > circumstances.now).then_some(due)
}

fn mounted_medium(occupant: &Occupant) -> Option<IdentityKey> {
    match occupant {
        Occupant::Mounted { medium, .. } => Some(*medium),
        Occupant::Directory { .. } | Occupant::Foreign => None,
    }
}

enum Verdict {
    Settled,
    Blocked,
    Do(Step),
}

fn verdict(
    name: &Name,
    wanted: Option<IdentityKey>,
    occupant: Option<Occupant>,
    circumstances: Circumstances<'_>,
) -> Verdict {
    let name = || name.clone();
    match (wanted, occupant) {
        (Some(wanted), Some(Occupant::Mounted { medium, dead: false, .. })) if wanted == medium => {
            Verdict::Settled
        }
        (_, Some(Occupant::Mounted { mount, medium, dead, on_disc })) => {
            let is_gone = on_disc && !circumstances.present.contains(&medium);
            let detach = dead || is_gone || is_over(&name(), medium, circumstances);
            Verdict::Do(Step::Unmount { name: name(), mount, medium, detach })
        }
        (Some(medium), None) => Verdict::Do(Step::Mount { name: name(), medium, create: true }),
        (Some(medium), Some(Occupant::Directory { empty: true, .. })) => {
            Verdict::Do(Step::Mount { name: name(), medium, create: false })
        }
        (Some(_), Some(Occupant::Directory { empty: false, .. } | Occupant::Foreign)) => {
            Verdict::Blocked
        }
        (None, Some(Occupant::Directory { ours: true, empty: true })) => {
            Verdict::Do(Step::RemoveDirectory { name: name() })
        }
        (None, _) => Verdict::Settled,
    }
}

/// Whether the readers of `medium`, mounted at `name`, have had their time.
fn is_over(name: &Name, medium: IdentityKey, circumstances: Circumstances<'_>) -> bool {
    let Circumstances { now, drain, .. } = circumstances;
    if let Some(cut_at) = circumstances.cut_at.get(&medium) {
        return now >= *cut_at;
    }
    let attempt = circumstances.attempts.get(name);
    attempt.is_some_and(|attempt| now.saturating_sub(attempt.first) >= drain)
}

/// How long a mount that somebody else took away is left alone: whoever did it may be about to open a tray.
const HOLD_OFF: Duration = Duration::from_secs(5);

/// Wanted media whose mounts were right `before` and are gone `now`, though no step of ours took them away.
#[must_use]
pub fn taken_by_others(
    wanted: &BTreeMap<Name, IdentityKey>,
    before: &BTreeMap<Name, IdentityKey>,
    actual: &Actual,
) -> BTreeSet<Name> {
    let is_taken = |name: &Name, medium: &IdentityKey| {
        before.get(name) == Some(medium)
            && !matches!(actual.get(name), Some(Occupant::Mounted { .. }))
    };
    let taken = wanted.iter().filter(|(name, medium)| is_taken(name, medium));
    taken.map(|(name, _)| name.clone()).collect()
}

impl Attempt {
    /// The record of a mount that was taken away by somebody else at `now`.
    #[must_use]
    pub fn held_off(now: Duration) -> Self {
        Self { failures: 0, first: now, next: now + HOLD_OFF, busy: false }
    }

    /// The record of one more failure at `now`. `busy` mounts are tried again soon, as they are waited for; all else
    /// with growing pauses from one second to one minute.
    #[must_use]
    pub fn after_failure(previous: Option<Self>, now: Duration, busy: bool) -> Self {
        let failures = previous.map_or(0, |attempt| attempt.failures).saturating_add(1);
        let first = previous.map_or(now, |attempt| attempt.first);
        let pause = if busy {
            Duration::from_millis(200)
        } else {
            Duration::from_secs(1 << (failures - 1).min(6)).min(Duration::from_mins(1))
        };
        Self { failures, first, next: now + pause, busy }
    }
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
