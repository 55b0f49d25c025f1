//! One image file from its first sight on: waiting until it is complete, ready with its lease held, and waiting again
//! once somebody is about to write to it.

use std::{
    collections::BTreeSet,
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    sync::{Arc, Weak},
    time::{Duration, Instant, SystemTime},
};

use isomirror_core::{
    completeness::{
        Arrival, Completeness, DESCRIPTOR_LENGTH, DESCRIPTOR_OFFSET, Observation, Reason, Writer,
        claimed_size, completeness,
    },
    image::ReadAt,
    medium::{Identity, IdentityKey},
};
use tokio::sync::Notify;

use super::{Readiness, directory_walk::FoundFile, unreadable_image::unreadable};
use crate::sys::{
    lease::LeaseOutcome,
    medium_file::{MediumFile, OpenMediumError, file_identity},
};

/// What is the same for all files of one reading.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    pub(super) now: Instant,
    pub(super) clock: SystemTime,
    pub(super) settle: Duration,
    /// Whether the files lie on a network file system.
    pub(super) remote: bool,
    /// Whether SIGIO is handled, without which no lease may be taken.
    pub(super) leases: bool,
    /// Whether waiting files are to be looked at before their time.
    pub(super) force: bool,
    /// Told when a file that was given away has been closed by all.
    pub(super) released: Arc<Notify>,
}

/// One image file.
#[derive(Debug)]
pub(super) struct ImageCandidate {
    state: State,
    fingerprint: Fingerprint,
    /// Since when the fingerprint is this.
    unchanged_since: Instant,
    arrival: Arrival,
    /// When to look again.
    due: Instant,
}

#[derive(Debug)]
enum State {
    Waiting(String),
    Unreadable(String),
    Ready(Arc<MediumFile>),
    /// Somebody wants to write. Others may hold the file still, and until they have dropped it nothing changes.
    Yielding(Weak<MediumFile>, Identity),
}

/// All that shows a change of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    identity: Identity,
    /// Status change time: unlike the modification time nobody can set it back.
    changed: (i64, i64),
}

impl Fingerprint {
    fn of(metadata: &Metadata) -> Self {
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Self { identity: file_identity(metadata), changed }
    }

    /// Whether both are of one file with one length, so that what was heard of its arrival holds.
    fn is_same_arrival(&self, other: &Self) -> bool {
        let key = |identity| match identity {
            Identity::File { device, inode, size, .. }
            | Identity::Disc { device, sequence: inode, size } => (device, inode, size),
        };
        key(self.identity) == key(other.identity)
    }
}

impl ImageCandidate {
    /// A file that is seen for the first time, where `known` media were published before.
    pub(super) fn new(metadata: &Metadata, now: Instant, known: &BTreeSet<IdentityKey>) -> Self {
        let fingerprint = Fingerprint::of(metadata);
        let is_known = known.contains(&fingerprint.identity.key());
        Self {
            state: State::Waiting(String::new()),
            fingerprint,
            unchanged_since: now,
            arrival: if is_known { Arrival::Known } else { Arrival::Found },
            due: now,
        }
    }

    /// Looks at the file, as far as something is new or its time has come.
    pub(super) fn look(
        &mut self,
        found: &FoundFile,
        metadata: &Metadata,
        heard: Option<Arrival>,
        circumstances: &Circumstances,
    ) {
        self.note_changes(metadata, heard, circumstances.now);
        self.yield_to_writer();
        match &self.state {
            State::Ready(_) => return,
            State::Yielding(file, identity)
                if file.strong_count() > 0 && *identity == self.fingerprint.identity =>
            {
                // The release wakes us; time only helps where the file is never let go.
                self.due = circumstances.now + circumstances.settle;
                return;
            }
            State::Yielding(..) => self.due = circumstances.now,
            State::Waiting(_) | State::Unreadable(_) => {}
        }
        if circumstances.force || self.due <= circumstances.now {
            self.examine(found, metadata, circumstances);
        }
    }

    fn note_changes(&mut self, metadata: &Metadata, heard: Option<Arrival>, now: Instant) {
        let fingerprint = Fingerprint::of(metadata);
        if fingerprint != self.fingerprint {
            if !fingerprint.is_same_arrival(&self.fingerprint) || self.arrival == Arrival::Known {
                self.arrival = Arrival::Found;
            }
            self.fingerprint = fingerprint;
            self.unchanged_since = now;
            self.due = now;
        }
        if let Some(arrival) = heard {
            self.arrival = arrival;
            self.due = now;
        }
        if let State::Ready(file) = &self.state
            && file.identity() != self.fingerprint.identity
        {
            self.state = State::Waiting(String::new());
            self.arrival = heard.unwrap_or_default();
        }
    }

    /// Lets go of a file that somebody waits to write to.
    fn yield_to_writer(&mut self) {
        if let State::Ready(file) = &self.state
            && file.lease_is_breaking()
        {
            tracing::info!(source = %file.path().display(), "image is being rewritten");
            self.state = State::Yielding(Arc::downgrade(file), file.identity());
            self.arrival = Arrival::Found;
        }
    }

    /// Opens the file only if it would be complete with nobody writing to it: an open descriptor with a lease gets in
    /// the way of writers, if only for a moment.
    fn examine(&mut self, found: &FoundFile, metadata: &Metadata, circumstances: &Circumstances) {
        let hoped = Observation {
            writer: Writer::Nobody,
            claimed: Some(0),
            ..self.observation(found, metadata, circumstances)
        };
        match completeness(&hoped, circumstances.settle) {
            Completeness::Complete => match self.open(found, circumstances) {
                Ok(file) => self.state = State::Ready(file),
                Err(state) => (self.state, self.due) = *state,
            },
            Completeness::Incomplete { reason, look_again } => {
                self.wait(reason, look_again, circumstances);
            }
        }
    }

    fn wait(&mut self, reason: Reason, look_again: Duration, circumstances: &Circumstances) {
        self.state = State::Waiting(reason.describe(circumstances.settle));
        self.due = circumstances.now + look_again;
    }

    fn observation(
        &self,
        found: &FoundFile,
        metadata: &Metadata,
        circumstances: &Circumstances,
    ) -> Observation {
        Observation {
            size: metadata.size(),
            allocated: metadata.blocks().saturating_mul(512),
            claimed: None,
            arrival: self.arrival,
            writer: Writer::Unknown,
            age: age(metadata, circumstances.clock),
            unchanged: circumstances.now.saturating_duration_since(self.unchanged_since),
            remote: circumstances.remote,
            unfinished: found.unfinished,
        }
    }

    /// Opens the file and takes its lease; all that is concluded is read under the lease. The error is the state to
    /// be in instead, and when to look again.
    fn open(
        &self,
        found: &FoundFile,
        circumstances: &Circumstances,
    ) -> Result<Arc<MediumFile>, Box<(State, Instant)>> {
        let Circumstances { now, settle, .. } = *circumstances;
        let later = |state| Box::new((state, now + settle));
        let refused = |reason: Reason| State::Waiting(reason.describe(settle));
        let failed = |error: &io::Error| later(State::Unreadable(unreadable(&found.path, error)));

        let mut file = MediumFile::open_image(&found.path).map_err(|error| match error {
            OpenMediumError::Open { source, .. } if source.kind() == io::ErrorKind::WouldBlock => {
                later(refused(Reason::BeingWritten))
            }
            OpenMediumError::Open { source, .. } | OpenMediumError::Inspect { source, .. } => {
                failed(&source)
            }
            error @ OpenMediumError::WrongType { .. } => {
                later(State::Unreadable(error.to_string()))
            }
        })?;
        let writer = take_lease(&mut file, circumstances).map_err(|error| failed(&error))?;
        let metadata = file.metadata().map_err(|error| failed(&error))?;
        if Fingerprint::of(&metadata) != self.fingerprint {
            return Err(later(refused(Reason::Changing)));
        }
        let claimed = read_claim(&file);
        let seen =
            Observation { writer, claimed, ..self.observation(found, &metadata, circumstances) };
        match completeness(&seen, settle) {
            Completeness::Complete => {
                file.notify_on_release(Arc::clone(&circumstances.released));
                Ok(Arc::new(file))
            }
            Completeness::Incomplete { reason, look_again } => {
                Err(Box::new((refused(reason), now + look_again)))
            }
        }
    }

    /// What to tell of it.
    pub(super) fn readiness(&self) -> Readiness {
        match &self.state {
            State::Waiting(reason) => Readiness::Waiting(reason.clone()),
            State::Unreadable(problem) => Readiness::Unreadable(problem.clone()),
            State::Ready(file) => Readiness::Ready(Arc::clone(file)),
            State::Yielding(..) => Readiness::Waiting("being rewritten".to_owned()),
        }
    }

    /// When it wants to be looked at again if nothing is heard of it.
    pub(super) fn due(&self) -> Option<Instant> {
        (!matches!(self.state, State::Ready(_))).then_some(self.due)
    }
}

fn take_lease(file: &mut MediumFile, circumstances: &Circumstances) -> io::Result<Writer> {
    if !circumstances.leases {
        return Ok(Writer::Unknown);
    }
    Ok(match file.take_lease()? {
        LeaseOutcome::Granted => Writer::Nobody,
        LeaseOutcome::Writer => Writer::Somebody,
        LeaseOutcome::Unavailable => Writer::Unknown,
    })
}

/// The bytes that the volume claims. What cannot be read claims nothing: the reader will tell.
fn read_claim(file: &MediumFile) -> Option<u64> {
    let mut descriptor = [0; DESCRIPTOR_LENGTH];
    file.read_exact_at(&mut descriptor, DESCRIPTOR_OFFSET).ok()?;
    claimed_size(&descriptor)
}

/// Age of the last change by the clock; `None` where that lies in the future.
fn age(metadata: &Metadata, clock: SystemTime) -> Option<Duration> {
    let last =
        (metadata.mtime(), metadata.mtime_nsec()).max((metadata.ctime(), metadata.ctime_nsec()));
    let seconds = u64::try_from(last.0).ok()?;
    let nanoseconds = u32::try_from(last.1).ok()?;
    let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))?;
    clock.duration_since(changed).ok()
}
