use proptest::prelude::*;

use super::*;
use crate::{medium::Identity, name::sanitise};

fn key(sequence: u64) -> IdentityKey {
    Identity::Disc { device: 1, sequence, size: 0 }.key()
}

fn name(text: &str) -> Name {
    sanitise(text).unwrap()
}

fn planned(wanted: &[(&str, u64)], actual: &[(&str, Occupant)]) -> Plan {
    let wanted = wanted.iter().map(|(n, k)| (name(n), key(*k))).collect();
    let actual = actual.iter().map(|(n, o)| (name(n), *o)).collect();
    let none = BTreeSet::new();
    let attempts = Attempts::new();
    plan(&wanted, &actual, calm(&none, &attempts))
}

static NOTHING_PRESENT: BTreeSet<IdentityKey> = BTreeSet::new();
static NOTHING_CUT: BTreeMap<IdentityKey, Duration> = BTreeMap::new();

fn calm<'a>(in_flight: &'a BTreeSet<Name>, attempts: &'a Attempts) -> Circumstances<'a> {
    Circumstances {
        in_flight,
        attempts,
        drain: Duration::from_secs(2),
        present: &NOTHING_PRESENT,
        cut_at: &NOTHING_CUT,
        now: Duration::from_secs(100),
    }
}

fn mounted(mount: u32, medium: u64) -> Occupant {
    Occupant::Mounted { mount, medium: key(medium), dead: false, on_disc: false }
}

fn mounted_disc(mount: u32, medium: u64) -> Occupant {
    Occupant::Mounted { mount, medium: key(medium), dead: false, on_disc: true }
}

#[test]
fn what_is_right_is_left_alone() {
    assert_eq!(planned(&[("A", 1)], &[("A", mounted(7, 1))]), Plan::default());
}

#[test]
fn another_medium_under_the_same_name_is_not_already_mounted() {
    let step = Step::Unmount { name: name("A"), mount: 7, medium: key(1), detach: false };
    assert_eq!(planned(&[("A", 2)], &[("A", mounted(7, 1))]).steps, [step]);
}

#[test]
fn a_dead_mount_is_detached_at_once() {
    let dead = Occupant::Mounted { mount: 7, medium: key(1), dead: true, on_disc: false };
    let step = Step::Unmount { name: name("A"), mount: 7, medium: key(1), detach: true };
    assert_eq!(planned(&[("A", 1)], &[("A", dead)]).steps, [step]);
}

#[test]
fn removals_come_first() {
    let plan = planned(&[("A", 1)], &[("Z", Occupant::Directory { ours: true, empty: true })]);
    assert!(matches!(plan.steps[..], [Step::RemoveDirectory { .. }, Step::Mount { .. }]));
}

#[test]
fn foreign_things_block_a_name_and_are_never_touched() {
    for foreign in [Occupant::Foreign, Occupant::Directory { ours: false, empty: false }] {
        let plan = planned(&[("A", 1)], &[("A", foreign), ("B", foreign)]);
        assert_eq!(plan, Plan { blocked: BTreeSet::from([name("A")]), ..Plan::default() });
    }
    let unowned = Occupant::Directory { ours: false, empty: true };
    assert_eq!(planned(&[], &[("A", unowned)]), Plan::default());
}

#[test]
fn a_medium_is_mounted_under_a_new_name_only_after_the_old_mount_is_gone() {
    let plan = planned(&[("NEW", 1)], &[("OLD", mounted(7, 1))]);
    assert_eq!(
        plan.steps,
        [Step::Unmount { name: name("OLD"), mount: 7, medium: key(1), detach: false }]
    );
}

#[test]
fn readers_have_their_time_before_they_are_cut_off() {
    let actual = Actual::from([(name("A"), mounted(7, 1))]);
    let none = BTreeSet::new();
    let first = Duration::from_secs(100);
    let attempts = Attempts::from([(name("A"), Attempt::after_failure(None, first, true))]);
    for (seconds, steps, detach) in [(100, 0, false), (101, 1, false), (102, 1, true)] {
        let now = Duration::from_secs(seconds);
        let plan = plan(&BTreeMap::new(), &actual, Circumstances { now, ..calm(&none, &attempts) });
        assert_eq!(plan.steps.len(), steps, "{seconds}");
        for step in plan.steps {
            assert_eq!(step, Step::Unmount { name: name("A"), mount: 7, medium: key(1), detach });
        }
    }
}

#[test]
fn a_disc_that_is_gone_from_its_drive_is_detached_at_once_and_one_that_is_there_is_not() {
    let (mut none, attempts) = (BTreeSet::new(), Attempts::new());
    let actual = Actual::from([(name("A"), mounted_disc(7, 1))]);
    for (wanted, present, detach) in [
        (BTreeMap::new(), BTreeSet::from([key(1)]), false),
        (BTreeMap::new(), BTreeSet::new(), true),
        (BTreeMap::from([(name("A"), key(2))]), BTreeSet::from([key(2)]), true),
    ] {
        let circumstances = Circumstances { present: &present, ..calm(&none, &attempts) };
        let step = Step::Unmount { name: name("A"), mount: 7, medium: key(1), detach };
        assert_eq!(plan(&wanted, &actual, circumstances).steps, [step]);
    }
    // Also where readers were being waited for.
    let first = Duration::from_secs(100);
    let attempts = Attempts::from([(name("A"), Attempt::after_failure(None, first, true))]);
    let steps = plan(&BTreeMap::new(), &actual, calm(&none, &attempts)).steps;
    assert!(matches!(steps[..], [Step::Unmount { detach: true, .. }]));
    // But never while another step for it is under way.
    none.insert(name("A"));
    assert_eq!(plan(&BTreeMap::new(), &actual, calm(&none, &attempts)).steps, []);
}

#[test]
fn who_cannot_even_be_detached_is_tried_again_with_pauses() {
    let now = Duration::from_secs(100);
    let attempts = Attempts::from([(name("A"), Attempt::after_failure(None, now, false))]);
    let (none, cut_at) = (BTreeSet::new(), BTreeMap::from([(key(1), now)]));
    for occupant in [mounted_disc(7, 1), mounted(7, 1)] {
        let actual = Actual::from([(name("A"), occupant)]);
        let circumstances = Circumstances { cut_at: &cut_at, ..calm(&none, &attempts) };
        let plan = plan(&BTreeMap::new(), &actual, circumstances);
        assert_eq!((plan.steps.len(), plan.next), (0, Some(Duration::from_secs(101))));
    }
}

#[test]
fn readers_of_a_medium_with_a_moment_of_its_own_are_cut_off_then() {
    let actual = Actual::from([(name("A"), mounted_disc(7, 1))]);
    let none = BTreeSet::new();
    let first = Duration::from_secs(100);
    let busy = Attempts::from([(name("A"), Attempt::after_failure(None, first, true))]);
    let calm_attempts = Attempts::new();
    for (attempts, cut_at, expected) in [
        (&calm_attempts, 100_000, Ok(true)),
        (&calm_attempts, 100_100, Ok(false)),
        (&busy, 100_000, Ok(true)),
        (&busy, 100_100, Err(100_100)),
        (&busy, 100_300, Err(100_200)),
    ] {
        let cut_at = BTreeMap::from([(key(1), Duration::from_millis(cut_at))]);
        let present = BTreeSet::from([key(1)]);
        let circumstances =
            Circumstances { cut_at: &cut_at, present: &present, ..calm(&none, attempts) };
        let plan = plan(&BTreeMap::new(), &actual, circumstances);
        let found = match plan.steps[..] {
            [Step::Unmount { detach, .. }] => Ok(detach),
            _ => Err(plan.next.unwrap().as_millis()),
        };
        assert_eq!(found, expected, "{cut_at:?}");
    }
}

#[test]
fn a_failed_step_is_due_again_later_and_pauses_grow_to_a_minute() {
    let now = Duration::from_secs(100);
    let mut attempt = None;
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let next = Attempt::after_failure(attempt, now, false);
        pauses.push(next.next.saturating_sub(now).as_secs());
        attempt = Some(next);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    let attempts = Attempts::from([(name("A"), Attempt::after_failure(None, now, false))]);
    let wanted = BTreeMap::from([(name("A"), key(1))]);
    let none = BTreeSet::new();
    let plan = plan(&wanted, &Actual::new(), calm(&none, &attempts));
    assert_eq!((plan.steps.len(), plan.next), (0, Some(Duration::from_secs(101))));
}

#[test]
fn a_name_with_a_step_under_way_waits_and_others_do_not() {
    let wanted = BTreeMap::from([(name("A"), key(1)), (name("B"), key(2))]);
    let in_flight = BTreeSet::from([name("A")]);
    let attempts = Attempts::new();
    let plan = plan(&wanted, &Actual::new(), calm(&in_flight, &attempts));
    assert_eq!(plan.steps, [Step::Mount { name: name("B"), medium: key(2), create: true }]);
}

#[test]
fn a_mount_that_others_took_away_is_left_alone_for_a_while() {
    let wanted = BTreeMap::from([(name("A"), key(1)), (name("B"), key(2)), (name("C"), key(3))]);
    let before = BTreeMap::from([(name("A"), key(1)), (name("B"), key(9))]);
    let actual = Actual::from([(name("A"), Occupant::Directory { ours: true, empty: true })]);
    let taken = taken_by_others(&wanted, &before, &actual);
    assert_eq!(taken, BTreeSet::from([name("A")]));
    let none = BTreeSet::new();
    let attempts = Attempts::from([(name("A"), Attempt::held_off(Duration::from_secs(99)))]);
    let plan = plan(&wanted, &actual, calm(&none, &attempts));
    assert!(plan.steps.iter().all(|step| *step.name() != name("A")));
    assert_eq!(plan.next, Some(Duration::from_secs(104)));
}

/// A web root that does what steps say, or fails.
#[derive(Clone, Debug)]
struct World {
    actual: Actual,
    attempts: Attempts,
    now: Duration,
    next_mount: u32,
}

impl World {
    fn round(
        &mut self,
        wanted: &BTreeMap<Name, IdentityKey>,
        mut fails: impl FnMut() -> bool,
    ) -> Plan {
        let none = BTreeSet::new();
        let drain = Duration::from_secs(2);
        let present = wanted.values().copied().collect();
        let circumstances = Circumstances {
            drain,
            now: self.now,
            present: &present,
            ..calm(&none, &self.attempts)
        };
        let plan = plan(wanted, &self.actual, circumstances);
        for step in &plan.steps {
            let before = self.actual.get(step.name()).copied();
            let busy = matches!(step, Step::Unmount { .. });
            if fails() {
                let attempt =
                    Attempt::after_failure(self.attempts.get(step.name()).copied(), self.now, busy);
                self.attempts.insert(step.name().clone(), attempt);
            } else {
                self.attempts.remove(step.name());
                self.carry_out(step, before);
            }
        }
        self.now += Duration::from_secs(1);
        plan
    }

    /// Panics at a step that touches what is not ours.
    fn carry_out(&mut self, step: &Step, before: Option<Occupant>) {
        match step {
            Step::Unmount { name, mount, .. } => {
                assert!(
                    matches!(before, Some(Occupant::Mounted { mount: there, .. }) if there == *mount)
                );
                self.actual.insert(name.clone(), Occupant::Directory { ours: true, empty: true });
            }
            Step::RemoveDirectory { name } => {
                assert_eq!(before, Some(Occupant::Directory { ours: true, empty: true }));
                self.actual.remove(name);
            }
            Step::Mount { name, medium, create } => {
                assert_eq!(before.is_none(), *create);
                assert!(matches!(before, None | Some(Occupant::Directory { empty: true, .. })));
                let mount = self.next_mount;
                self.next_mount += 1;
                self.actual.insert(
                    name.clone(),
                    Occupant::Mounted { mount, medium: *medium, dead: false, on_disc: true },
                );
            }
        }
    }

    /// Everything wanted that is not blocked is there, and nothing else of ours.
    fn is_as_wanted(&self, wanted: &BTreeMap<Name, IdentityKey>) -> bool {
        let is_right = |(name, key): (&Name, &IdentityKey)| match self.actual.get(name) {
            Some(Occupant::Mounted { medium, dead, .. }) => medium == key && !dead,
            Some(Occupant::Foreign | Occupant::Directory { empty: false, .. }) => true,
            Some(Occupant::Directory { .. }) | None => false,
        };
        let is_stale = |(name, occupant): (&Name, &Occupant)| {
            !wanted.contains_key(name)
                && matches!(
                    occupant,
                    Occupant::Mounted { .. } | Occupant::Directory { ours: true, empty: true }
                )
        };
        wanted.iter().all(is_right) && !self.actual.iter().any(is_stale)
    }
}

fn occupants() -> impl Strategy<Value = Occupant> {
    prop_oneof![
        (any::<bool>(), any::<bool>())
            .prop_map(|(ours, empty)| Occupant::Directory { ours, empty }),
        (0..9u32, 0..4u64, any::<bool>(), any::<bool>()).prop_map(
            |(mount, medium, dead, on_disc)| Occupant::Mounted {
                mount,
                medium: key(medium),
                dead,
                on_disc
            }
        ),
        Just(Occupant::Foreign),
    ]
}

fn worlds() -> impl Strategy<Value = World> {
    proptest::collection::btree_map("[A-E]".prop_map(|n| name(&n)), occupants(), 0..5).prop_map(
        |actual| World {
            actual,
            attempts: Attempts::new(),
            now: Duration::from_secs(100),
            next_mount: 1000,
        },
    )
}

fn wishes() -> impl Strategy<Value = BTreeMap<Name, IdentityKey>> {
    // Unique media, as names are assigned one to a medium.
    proptest::collection::btree_map("[A-E]", Just(()), 0..4)
        .prop_map(|names| names.keys().zip(0..).map(|(n, k)| (name(n), key(k))).collect())
}

proptest! {
    #[test]
    fn plans_converge_and_then_there_is_nothing_to_do(world in worlds(), wanted in wishes()) {
        let mut world = world;
        for _ in 0..8 {
            world.round(&wanted, || false);
        }
        prop_assert!(world.is_as_wanted(&wanted), "{:?}", world.actual);
        prop_assert!(world.round(&wanted, || false).steps.is_empty());
    }

    #[test]
    fn failures_at_random_still_converge_when_they_stop(
        world in worlds(),
        wanted in proptest::collection::vec(wishes(), 1..4),
        failures in proptest::collection::vec(any::<bool>(), 1..40),
    ) {
        let mut world = world;
        let mut failures = failures.into_iter();
        for _ in 0..failures.len() {
            for wanted in &wanted {
                world.round(wanted, || failures.next().unwrap_or(false));
            }
        }
        let last = wanted.last().unwrap();
        for _ in 0..130 {
            world.round(last, || false);
        }
        prop_assert!(world.is_as_wanted(last), "{:?}", world.actual);
    }

    #[test]
    fn after_one_round_nothing_shows_a_disc_that_is_gone(
        world in worlds(),
        wanted in wishes(),
        busy in any::<bool>(),
    ) {
        let mut world = world;
        if busy {
            for name in world.actual.keys() {
                let attempt = Attempt::after_failure(None, world.now, true);
                world.attempts.insert(name.clone(), attempt);
            }
        }
        let is_gone = |occupant: &Occupant| matches!(
            occupant,
            Occupant::Mounted { medium, on_disc: true, .. } if !wanted.values().any(|key| key == medium)
        );
        let before = world.actual.clone();
        for step in &world.round(&wanted, || false).steps {
            if before.get(step.name()).is_some_and(is_gone) {
                let detached = matches!(step, Step::Unmount { detach: true, .. });
                prop_assert!(detached, "{step:?}");
            }
        }
        prop_assert!(!world.actual.values().any(is_gone), "{:?}", world.actual);
    }

    #[test]
    fn foreign_things_stay_as_they_are(world in worlds(), wanted in wishes()) {
        let foreign: Vec<_> = world.actual.clone().into_iter()
            .filter(|(_, o)| matches!(o, Occupant::Foreign | Occupant::Directory { ours: false, empty: false }))
            .collect();
        let mut world = world;
        for _ in 0..8 {
            world.round(&wanted, || false);
        }
        for (name, occupant) in foreign {
            prop_assert_eq!(world.actual.get(&name), Some(&occupant));
        }
    }
}
