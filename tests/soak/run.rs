//! The run itself: steps, a look after each, and rests at which nothing may have grown.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::{
    corrupt::Random,
    soak::{Disc, Gap, Sight},
};

use crate::{
    finale,
    holdings::Holdings,
    model::{Model, left},
    step::Step,
    world::{PATIENCE, World},
};

/// How long anything of a medium that is gone may be seen, in emulation with readers all over it: on a real machine it
/// is 2.5 s for readers, and 2 s until the kernel looks into the drive.
const GONE_WITHIN: Duration = Duration::from_secs(20);
/// Steps that a failure tells of.
const LAST_STEPS: usize = 30;
/// How long a part is at least: after each there is a rest. The first fills caches; from two thirds of all on, processes
/// are killed and restarted.
const PART: Duration = Duration::from_secs(30);
/// How often the configuration is read before anything is measured, and how long that takes in emulation.
const RELOADS: usize = 3;
const RELOAD: Duration = Duration::from_secs(4);
/// Processes that the service has at most.
const PROCESSES: u64 = 3;
/// More parts tell nothing more.
const MOST_PARTS: u32 = 9;
/// Bytes of the journal (in its export format, about 1 KiB an entry) that a step may cause on the average.
const JOURNAL_BYTES: usize = 32 << 10;

/// What is known while it runs.
pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) model: Model,
    random: Random,
    /// How discs are called now.
    names: BTreeMap<Disc, String>,
    steps: usize,
    /// Steps in which a mount showed the next disc for a moment.
    gaps: usize,
    last: VecDeque<String>,
    /// Slowest departure, and slowest time until all was right.
    slowest: [(Duration, String); 2],
}

/// Runs for so long.
pub(crate) fn run(seed: u64, length: Duration) {
    let world = World::boot(seed);
    let mut run = Run {
        world,
        model: Model::default(),
        random: Random::new(seed),
        names: BTreeMap::new(),
        steps: 0,
        gaps: 0,
        last: VecDeque::new(),
        slowest: Default::default(),
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| run.whole(length)));
    if let Err(failure) = outcome {
        run.tell();
        resume_unwind(failure);
    }
}

impl Run {
    fn whole(&mut self, length: Duration) {
        self.step(&Step::Fetch);
        // For a moment there are two catalogs; from the third time on it costs no more memory.
        for _ in 0..RELOADS {
            self.step(&Step::Reload);
            sleep(RELOAD);
        }
        let mut warm: Option<Holdings> = None;
        let mut journal = Vec::new();
        let parts = u32::try_from(length.as_secs() / PART.as_secs()).unwrap_or(MOST_PARTS);
        let parts = parts.clamp(3, MOST_PARTS);
        for part in 0..parts {
            let with_restarts = 3 * part >= 2 * parts;
            let (start, before) = (Instant::now(), self.steps);
            if part + 1 == parts {
                // However short the run, each process is killed once.
                (0..PROCESSES).for_each(|which| self.step(&Step::Kill(which)));
            }
            while start.elapsed() < length / parts {
                let step = Step::next(&mut self.random, &self.model, with_restarts);
                self.step(&step);
            }
            for step in Step::to_rest(&self.model) {
                self.step(&step);
            }
            let bytes = self.world.journal_bytes() / (self.steps - before).max(1);
            journal.push(bytes);
            let now = Holdings::of(&self.world.guest);
            println!("after {} steps: {now:?}, {bytes} bytes of the journal a step", self.steps);
            match &warm {
                None => warm = Some(now),
                Some(warm) => compare(warm, &now, with_restarts),
            }
        }
        assert!(journal.iter().all(|bytes| *bytes < JOURNAL_BYTES), "log volume: {journal:?}");
        finale::plays(self);
        self.ends();
    }

    /// Does a step, and waits until all is as it should be after it.
    pub(crate) fn step(&mut self, step: &Step) {
        self.steps += 1;
        if self.last.len() == LAST_STEPS {
            self.last.pop_front();
        }
        self.last.push_back(format!("{}. {step:?}", self.steps));
        let (before, names) = (self.model.clone(), self.names.clone());
        let name = |disc: Disc| names.get(&disc).cloned().unwrap_or_default();
        self.world.act(step, &before, &name);
        self.model.apply(step);
        let took = self.settles(step, &before);
        if let Some(last) = self.last.back_mut() {
            *last = format!("{last}: right after {took:.1?}");
        }
    }

    fn settles(&mut self, step: &Step, before: &Model) -> Duration {
        let start = Instant::now();
        let expected = self.model.expected();
        let gone: BTreeSet<Disc> =
            before.expected().into_keys().filter(|disc| !expected.contains_key(disc)).collect();
        let asked: Vec<String> = self.names.values().cloned().collect();
        let mut departed = gone.is_empty();
        let mut gap = self.gap(step, before);
        loop {
            let sight = self.world.look(self.random_piece(), &asked);
            let violations = self.world.violations();
            let unexplained = match &mut gap {
                Some(gap) => gap.unexplained(&violations),
                None => violations.lines().collect(),
            };
            assert!(unexplained.is_empty(), "readers saw what they should not have: {violations}");
            if !departed {
                let left = left(&sight, &gone);
                let elapsed = start.elapsed();
                assert!(left.is_empty() || elapsed < GONE_WITHIN, "after {elapsed:?}: {left:#?}");
                departed = left.is_empty();
                self.note_time(0, elapsed, step);
            }
            let wrong = self.model.wrong(&sight);
            let elapsed = start.elapsed();
            if wrong.is_empty() {
                self.names = names(&sight);
                self.note_time(1, elapsed, step);
                if gap.is_some_and(|gap| gap.is_seen()) {
                    self.gaps += 1;
                    self.world.forgive_all();
                }
                return elapsed;
            }
            assert!(elapsed < PATIENCE, "not right after {step:?}: {wrong:#?}");
            sleep(Duration::from_millis(100));
        }
    }

    /// What is forgiven while a disc is changed by force: its mount may show the next one for a moment.
    fn gap(&self, step: &Step, before: &Model) -> Option<Gap> {
        let Step::Swap(drive, next) = step else { return None };
        let gone = (*before.drives.get(drive)?)?;
        Some(Gap::new(self.names.get(&gone)?.clone(), *next))
    }

    /// Where the next look reads. It depends on the number of the step alone: how often is looked must not change what
    /// comes next.
    fn random_piece(&self) -> u64 {
        u64::try_from(self.steps).unwrap_or_default()
    }

    fn note_time(&mut self, which: usize, took: Duration, step: &Step) {
        if took > self.slowest[which].0 {
            self.slowest[which] = (took, format!("{step:?}"));
        }
    }

    /// Nobody saw anything wrong, and readers did read.
    fn ends(&self) {
        let counts = self.world.check("cat /var/tmp/soak/counts");
        let read: Vec<u64> = counts.split(' ').map(|count| count.parse().unwrap()).collect();
        assert!(read[0] > 0 && read[1] > 0, "readers read nothing: {counts}");
        let failed = self.world.check("systemctl list-units --failed --no-legend --plain");
        assert_eq!(failed, "", "failed units");
        let [(departure, departing), (arrival, arriving)] = &self.slowest;
        println!(
            "{} steps; {} blocks read through mounts, {} over HTTP, {} readings cut off; {} times a mount showed the next \
             disc for a moment",
            self.steps, read[0], read[1], read[2], self.gaps
        );
        println!(
            "slowest departure {departure:.1?} ({departing}), slowest of all {arrival:.1?} ({arriving})"
        );
    }

    /// What happened last, after a failure.
    fn tell(&self) {
        eprintln!("--- the last steps ---");
        self.last.iter().for_each(|step| eprintln!("{step}"));
        eprintln!("--- what should be there: {:#?}", self.model.expected());
        for script in [
            "cat /run/isomirror/state.json",
            "cat /var/tmp/soak/violations",
            "systemctl list-units 'isomirror*' --all --plain --no-legend",
            "ls -laR /srv/isomirror /var/lib/isomirror/images | head -80; grep /srv /proc/1/mountinfo",
        ] {
            if let Ok(output) = self.world.guest.run_for(script, Duration::from_secs(20)) {
                eprintln!("--- {script}\n{}{}", output.stdout, output.stderr);
            }
        }
        self.world.guest.show_what_happened();
    }
}

/// Nothing has grown, and without restarts the processes are the same.
fn compare(warm: &Holdings, now: &Holdings, with_restarts: bool) {
    let grown = now.grown_since(warm);
    assert!(grown.is_empty(), "{grown:#?}");
    if !with_restarts {
        for (unit, process) in &warm.processes {
            assert_eq!(now.processes[unit].pid, process.pid, "{unit} was restarted");
        }
    }
}

/// How discs are called.
fn names(sight: &Sight) -> BTreeMap<Disc, String> {
    let named = sight.names.iter();
    named.filter_map(|(name, seen)| Some((seen.http.clone().ok()?, name.clone()))).collect()
}
