//! What is known of each drive between looks: what the last one found, whether one is under way, and when the next is
//! due. One look a drive is under way at most, so that a drive that does not answer holds up nobody but itself.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror_core::{
    inventory::silence,
    medium::{IdentityKey, Source},
};

use super::{
    Candidate, Readiness, SourceSet,
    drive_list::ListedDrive,
    drive_look::{Found, Look, Next},
};
use crate::{sys::medium_file::MediumFile, withheld::Withheld};

/// Time after which a drive counts as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time that a drive and udev have to come to rest.
const REST: Duration = Duration::from_secs(5);

/// All drives, by kernel name.
#[derive(Debug, Default)]
pub(super) struct DriveSlots {
    slots: BTreeMap<String, Slot>,
    /// Counts the drives that ever were, to tell a late answer of one that is gone.
    next_number: u64,
}

#[derive(Debug)]
struct Slot {
    number: u64,
    drive: ListedDrive,
    /// What the last look found; `None` before the first one ended.
    found: Option<Found>,
    under_way_since: Option<Instant>,
    /// Whether something happened since the look under way began.
    again: bool,
    /// Since when its looks want the drives to be listed again.
    unsettled_since: Option<Instant>,
    due: Option<Instant>,
}

/// A look that is to be done.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) name: String,
    pub(super) number: u64,
    pub(super) drive: ListedDrive,
    pub(super) held: Option<Arc<MediumFile>>,
    /// The medium that the last look found, held or withheld.
    pub(super) known: Option<IdentityKey>,
    pub(super) impatient: bool,
}

impl DriveSlots {
    /// Takes over a fresh list. Drives that are not on it are gone at once; all others are due.
    pub(super) fn update(&mut self, listed: Vec<ListedDrive>, now: Instant) {
        let mut previous = std::mem::take(&mut self.slots);
        for drive in listed {
            let mut slot = previous.remove(&drive.name).unwrap_or_else(|| {
                self.next_number += 1;
                Slot::new(self.next_number, drive.clone())
            });
            slot.again = slot.under_way_since.is_some();
            slot.due = Some(now);
            slot.drive = drive;
            self.slots.insert(slot.drive.name.clone(), slot);
        }
    }

    /// The looks whose time has come; they count as under way from now on.
    pub(super) fn errands(&mut self, now: Instant) -> Vec<Errand> {
        let is_due = |slot: &&mut Slot| {
            slot.under_way_since.is_none() && slot.due.is_some_and(|due| due <= now)
        };
        self.slots.values_mut().filter(is_due).map(|slot| slot.begin(now)).collect()
    }

    /// Lets go of the media that are withheld, and looks again at those that no longer are.
    pub(super) fn withhold(&mut self, withheld: &Withheld, now: Instant) {
        for slot in self.slots.values_mut() {
            slot.withhold(&|key| withheld.contains_key(&key), now);
        }
    }

    /// Whether some drive has not come to rest, so that it is worth listing them again soon.
    pub(super) fn is_unsettled(&self) -> bool {
        self.slots.values().any(|slot| slot.unsettled_since.is_some())
    }

    /// Notes what a look found, unless its drive is gone.
    pub(super) fn finish(&mut self, name: &str, number: u64, look: Look, now: Instant) {
        if let Some(slot) = self.slots.get_mut(name).filter(|slot| slot.number == number) {
            slot.finish(look, now);
        }
    }

    /// When a look is due, or a drive has had time enough to answer.
    pub(super) fn wake(&self, now: Instant) -> Option<Instant> {
        self.slots.values().filter_map(|slot| slot.wake(now)).min()
    }

    /// The media that are held open, with the names of their drives.
    pub(super) fn held(&self) -> Vec<(String, Arc<MediumFile>)> {
        let held = self.slots.values().filter_map(|slot| match &slot.found {
            Some(Found::Medium(file)) => Some((slot.drive.name.clone(), Arc::clone(file))),
            _ => None,
        });
        held.collect()
    }

    /// What all drives hold; `None` while one was never looked into and still has time to answer.
    pub(super) fn set(&self, now: Instant) -> Option<SourceSet> {
        let mut set = SourceSet::default();
        for slot in self.slots.values() {
            let readiness = match slot.found(now)? {
                Found::Nothing => continue,
                Found::Medium(file) => Readiness::Ready(file),
                Found::Withheld(key) => Readiness::Withheld(key),
                Found::NotYet(reason) => Readiness::Waiting(reason.to_owned()),
                Found::Unreadable(problem) => Readiness::Unreadable(problem),
            };
            let source = Source::Drive(slot.drive.node.clone());
            set.candidates.push(Candidate { source, readiness });
        }
        Some(set)
    }
}

impl Slot {
    fn new(number: u64, drive: ListedDrive) -> Self {
        Self {
            number,
            drive,
            found: None,
            under_way_since: None,
            again: false,
            unsettled_since: None,
            due: None,
        }
    }

    fn begin(&mut self, now: Instant) -> Errand {
        self.under_way_since = Some(now);
        self.due = None;
        let held = match &self.found {
            Some(Found::Medium(file)) => Some(Arc::clone(file)),
            _ => None,
        };
        let impatient = self.unsettled_since.is_some_and(|since| now >= since + REST);
        let (name, drive) = (self.drive.name.clone(), self.drive.clone());
        let known = self.found.as_ref().and_then(Found::key);
        Errand { name, number: self.number, drive, held, known, impatient }
    }

    fn finish(&mut self, look: Look, now: Instant) {
        self.under_way_since = None;
        self.unsettled_since =
            (look.next == Next::List).then(|| self.unsettled_since.unwrap_or(now));
        self.due = match look.next {
            _ if std::mem::take(&mut self.again) => Some(now),
            Next::Look(pause) => Some(now + pause),
            Next::Event | Next::List => None,
        };
        self.found = Some(look.found);
    }

    fn withhold(&mut self, is_withheld: &dyn Fn(IdentityKey) -> bool, now: Instant) {
        match &self.found {
            Some(Found::Medium(file)) if is_withheld(file.key()) => {
                self.found = Some(Found::Withheld(file.key()));
            }
            Some(Found::Withheld(key)) if !is_withheld(*key) => {
                self.again = self.under_way_since.is_some();
                self.due = Some(now);
            }
            _ => {}
        }
    }

    fn is_silent(&self, now: Instant) -> bool {
        self.under_way_since.is_some_and(|since| now >= since + PATIENCE)
    }

    fn wake(&self, now: Instant) -> Option<Instant> {
        match self.under_way_since {
            Some(since) => Some(since + PATIENCE).filter(|patience_ends| *patience_ends > now),
            None => self.due,
        }
    }

    fn found(&self, now: Instant) -> Option<Found> {
        if self.is_silent(now) {
            let source = Source::Drive(self.drive.node.clone());
            return Some(Found::Unreadable(silence(&source, PATIENCE)));
        }
        self.found.clone()
    }
}

#[cfg(test)]
mod tests {
    use isomirror_core::{
        drive::{DeviceKind, UdevState},
        medium::Identity,
    };

    use super::*;

    fn drive(name: &str) -> ListedDrive {
        ListedDrive {
            name: name.to_owned(),
            node: format!("/dev/{name}").into(),
            kind: DeviceKind::Optical,
            udev: UdevState::Done,
            properties: BTreeMap::new(),
        }
    }

    fn medium(name: &str, sequence: u64) -> Found {
        let file = std::fs::File::open("/dev/null").unwrap();
        let identity = Identity::Disc { device: 1, sequence, size: 1 };
        let source = Source::Drive(format!("/dev/{name}").into());
        Found::Medium(Arc::new(MediumFile::new(file, source, identity, 1)))
    }

    fn found(found: Found) -> Look {
        Look { found, next: Next::Event }
    }

    fn told(slots: &DriveSlots, now: Instant) -> Option<Vec<String>> {
        let describe = |candidate: Candidate| {
            let state = match candidate.readiness {
                Readiness::Ready(_) => "ready".to_owned(),
                Readiness::Withheld(_) => "withheld".to_owned(),
                Readiness::Waiting(text) | Readiness::Unreadable(text) => text,
            };
            format!("{} {state}", candidate.source.path().display())
        };
        slots.set(now).map(|set| set.candidates.into_iter().map(describe).collect())
    }

    #[test]
    fn nothing_is_told_before_every_drive_was_looked_into_once() {
        let (mut slots, now) = (DriveSlots::default(), Instant::now());
        assert_eq!(told(&slots, now), Some(Vec::new()));
        slots.update(vec![drive("sr0"), drive("sr1")], now);
        assert_eq!(told(&slots, now), None);
        let errands = slots.errands(now);
        assert_eq!(errands.len(), 2);
        slots.finish("sr0", errands[0].number, found(medium("sr0", 1)), now);
        assert_eq!(told(&slots, now), None);
        slots.finish("sr1", errands[1].number, found(Found::Nothing), now);
        assert_eq!(told(&slots, now), Some(vec!["/dev/sr0 ready".to_owned()]));
    }

    #[test]
    fn a_drive_that_does_not_answer_holds_up_nobody() {
        let (mut slots, now) = (DriveSlots::default(), Instant::now());
        slots.update(vec![drive("sr0"), drive("sr1")], now);
        let errands = slots.errands(now);
        slots.finish("sr0", errands[0].number, found(medium("sr0", 1)), now);
        let later = slots.wake(now).expect("its patience ends");
        let silent =
            "/dev/sr1 `/dev/sr1` has not answered for 10 s: eject the medium, or unplug the drive";
        assert_eq!(told(&slots, later).unwrap(), ["/dev/sr0 ready", silent]);
        // Events do not start a second look into it, and it is heard when it answers at last.
        slots.update(vec![drive("sr0"), drive("sr1")], later);
        assert_eq!(slots.errands(later).len(), 1);
        slots.finish("sr1", errands[1].number, found(medium("sr1", 2)), later);
        assert_eq!(told(&slots, later).unwrap(), ["/dev/sr0 ready", "/dev/sr1 ready"]);
        assert_eq!(slots.errands(later).len(), 1, "what happened meanwhile is looked at");
    }

    #[test]
    fn a_drive_that_is_gone_is_gone_at_once_and_its_late_answer_counts_for_nothing() {
        let (mut slots, now) = (DriveSlots::default(), Instant::now());
        slots.update(vec![drive("sr0")], now);
        let first = slots.errands(now).remove(0);
        slots.update(Vec::new(), now);
        assert_eq!(told(&slots, now), Some(Vec::new()));
        slots.update(vec![drive("sr0")], now);
        slots.finish("sr0", first.number, found(medium("sr0", 1)), now);
        assert_eq!(told(&slots, now), None, "it was the answer of the drive before");
    }

    #[test]
    fn a_drive_has_time_to_come_to_rest_but_not_without_end() {
        let (mut slots, start) = (DriveSlots::default(), Instant::now());
        for second in 0..8 {
            let now = start + Duration::from_secs(second);
            slots.update(vec![drive("sr0")], now);
            let errand = slots.errands(now).remove(0);
            assert_eq!(errand.impatient, second >= 5, "after {second} s");
            let found = Found::NotYet("the medium has just been changed");
            slots.finish("sr0", errand.number, Look { found, next: Next::List }, now);
            assert!(slots.is_unsettled());
        }
        slots.update(vec![drive("sr0")], start);
        let errand = slots.errands(start).remove(0);
        slots.finish("sr0", errand.number, found(Found::Nothing), start);
        assert!(!slots.is_unsettled());
    }

    #[test]
    fn a_published_disc_is_asked_for_again_without_an_event() {
        let (mut slots, now) = (DriveSlots::default(), Instant::now());
        slots.update(vec![drive("sr0")], now);
        let errand = slots.errands(now).remove(0);
        let pause = Duration::from_secs(5);
        let look = Look { found: medium("sr0", 1), next: Next::Look(pause) };
        slots.finish("sr0", errand.number, look, now);
        assert_eq!(slots.wake(now), Some(now + pause));
        assert_eq!(slots.errands(now + pause).len(), 1);
    }

    #[test]
    fn a_withheld_medium_is_let_go_of_and_comes_back_when_it_no_longer_is() {
        let (mut slots, now) = (DriveSlots::default(), Instant::now());
        slots.update(vec![drive("sr0")], now);
        let errand = slots.errands(now).remove(0);
        let Found::Medium(file) = medium("sr0", 1) else { unreachable!() };
        let weak = Arc::downgrade(&file);
        let withheld = Withheld::from([(file.key(), now)]);
        slots.finish("sr0", errand.number, found(Found::Medium(file)), now);
        slots.withhold(&withheld, now);
        assert_eq!(told(&slots, now).unwrap(), ["/dev/sr0 withheld"]);
        assert_eq!(weak.strong_count(), 0, "it is still held");
        assert_eq!(slots.errands(now).len(), 0);

        // Whoever looks meanwhile finds it again, and lets go of it again.
        slots.update(vec![drive("sr0")], now);
        let errand = slots.errands(now).remove(0);
        assert!(errand.held.is_none());
        slots.finish("sr0", errand.number, found(medium("sr0", 1)), now);
        slots.withhold(&withheld, now);
        assert_eq!(told(&slots, now).unwrap(), ["/dev/sr0 withheld"]);

        slots.withhold(&Withheld::new(), now);
        let errand = slots.errands(now).remove(0);
        slots.finish("sr0", errand.number, found(medium("sr0", 1)), now);
        slots.withhold(&Withheld::new(), now);
        assert_eq!(told(&slots, now).unwrap(), ["/dev/sr0 ready"]);

        // Another disc in the same drive is not the one that was let go of.
        slots.update(vec![drive("sr0")], now);
        let errand = slots.errands(now).remove(0);
        slots.finish("sr0", errand.number, found(medium("sr0", 2)), now);
        slots.withhold(&withheld, now);
        assert_eq!(told(&slots, now).unwrap(), ["/dev/sr0 ready"]);
    }

    #[test]
    fn the_medium_of_the_last_look_goes_into_the_next() {
        let (mut slots, now) = (DriveSlots::default(), Instant::now());
        slots.update(vec![drive("sr0")], now);
        let first = slots.errands(now).remove(0);
        assert!(first.held.is_none());
        let Found::Medium(file) = medium("sr0", 1) else { unreachable!() };
        slots.finish("sr0", first.number, found(Found::Medium(Arc::clone(&file))), now);
        slots.update(vec![drive("sr0")], now);
        assert!(Arc::ptr_eq(slots.errands(now).remove(0).held.as_ref().unwrap(), &file));
    }
}
