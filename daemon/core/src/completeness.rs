//! Is this image file complete? Decided from what one look at it showed, never from a single sign: a name, a close
//! or a rename may all come from a transfer that was broken off.
//!
//! An image is published only when nobody writes to it, and either it came in one piece and holds all that its
//! volume claims, or it has not changed for the settle time, or it was published before and is what it was. What then
//! still turns out to be short is the reader's to tell: a file that nobody touches any more does not get better by
//! waiting.

use std::time::Duration;

/// Byte offset of the descriptor that [`claimed_size`] wants: sector 16 (ECMA-119 8.1.1).
pub const DESCRIPTOR_OFFSET: u64 = 32_768;

/// Bytes that [`claimed_size`] wants.
pub const DESCRIPTOR_LENGTH: usize = 2048;

/// Bytes that a complete file may lack in allocated blocks: small files are kept inside the inode or compressed.
const ALLOCATION_SLACK: u64 = 1 << 20;

/// Age from which the modification time of a file on a network file system is trusted. Server and client clocks may
/// differ, so a younger file has to be seen unchanged; an older one need not wait again at every start.
const TRUSTED_REMOTE_AGE: Duration = Duration::from_hours(24);

/// How a file got where it is, as far as it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrival {
    /// It was there when the directory was read.
    #[default]
    Found,
    /// It was renamed or moved to its place.
    Renamed,
    /// A program that had it open for writing closed it.
    Closed,
    /// It was published before, with this very content as far as can be told without reading it: whoever starts anew
    /// must not make its readers wait for what was decided already.
    Known,
}

/// Whether anybody has the file open for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Nobody: the kernel granted a read lease.
    Nobody,
    /// Somebody: the kernel refused the lease for that reason.
    Somebody,
    /// The file system has no leases, or this process may not take them on this file.
    Unknown,
}

/// What one look at a file showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Length in bytes.
    pub size: u64,
    /// Bytes of the blocks that it occupies.
    pub allocated: u64,
    /// Bytes that its volume descriptor claims; see [`claimed_size`].
    pub claimed: Option<u64>,
    /// How it arrived.
    pub arrival: Arrival,
    /// Who is writing to it.
    pub writer: Writer,
    /// Age of its last change by the clocks; `None` where that lies in the future.
    pub age: Option<Duration>,
    /// For how long it was seen unchanged.
    pub unchanged: Duration,
    /// Whether another machine may be writing to it.
    pub remote: bool,
    /// Whether a control file beside it says that its download is not finished.
    pub unfinished: bool,
}

/// What follows from an [`Observation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It can be published.
    Complete,
    /// It cannot.
    Incomplete {
        /// Why not.
        reason: Reason,
        /// When to look again if nothing is heard of it before.
        look_again: Duration,
    },
}

/// Why a file is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is open for writing.
    BeingWritten,
    /// Its downloader left a note that it is not finished.
    Unfinished,
    /// Its volume claims more bytes than the file has.
    Short,
    /// Most of it was never written.
    Sparse,
    /// It changed lately.
    Changing,
}

impl Reason {
    /// The reason in a lower-case phrase for people. It does not change while the reason does not.
    #[must_use]
    pub fn describe(self, settle: Duration) -> String {
        let seconds = settle.as_secs_f64();
        match self {
            Self::BeingWritten => "another process is writing to it".to_owned(),
            Self::Unfinished => {
                "aria2 has not finished downloading it: resume the download, or remove the `.aria2` \
                 file beside it"
                    .to_owned()
            }
            Self::Short => {
                format!("shorter than its volume, waiting until it has not changed for {seconds} s")
            }
            Self::Sparse => {
                format!("not filled yet, waiting until it has not changed for {seconds} s")
            }
            Self::Changing => format!("waiting until it has not changed for {seconds} s"),
        }
    }
}

/// Whether a file is complete, given how long one has to be left alone to count as settled.
#[must_use]
pub fn completeness(seen: &Observation, settle: Duration) -> Completeness {
    if seen.writer == Writer::Somebody {
        return Completeness::Incomplete { reason: Reason::BeingWritten, look_again: settle };
    }
    if seen.unfinished {
        return Completeness::Incomplete { reason: Reason::Unfinished, look_again: settle };
    }
    if seen.arrival == Arrival::Known || is_settled(seen, settle) || is_whole_arrival(seen) {
        return Completeness::Complete;
    }
    let reason = if seen.claimed.is_some_and(|claimed| claimed > seen.size) {
        Reason::Short
    } else if !is_filled(seen) {
        Reason::Sparse
    } else {
        Reason::Changing
    };
    Completeness::Incomplete { reason, look_again: time_until_settled(seen, settle) }
}

fn is_settled(seen: &Observation, settle: Duration) -> bool {
    let trusted_age = if seen.remote { settle.max(TRUSTED_REMOTE_AGE) } else { settle };
    seen.unchanged >= settle || seen.age.is_some_and(|age| age >= trusted_age)
}

/// Time after which an untouched file is settled.
fn time_until_settled(seen: &Observation, settle: Duration) -> Duration {
    let unchanged = match seen.age {
        Some(age) if !seen.remote => seen.unchanged.max(age),
        _ => seen.unchanged,
    };
    settle.saturating_sub(unchanged)
}

/// Whether it came in one piece and holds all that its volume claims. A closed file says little where writers cannot
/// be asked for: downloaders write by several descriptors.
fn is_whole_arrival(seen: &Observation) -> bool {
    let came_whole = match (seen.arrival, seen.writer) {
        (Arrival::Renamed, _) | (Arrival::Closed, Writer::Nobody) => true,
        (Arrival::Closed | Arrival::Found | Arrival::Known, _) => false,
    };
    let unknown_is_enough = seen.arrival == Arrival::Renamed && seen.writer == Writer::Nobody;
    let fits = seen.claimed.map_or(unknown_is_enough, |claimed| claimed <= seen.size);
    came_whole && fits && is_filled(seen)
}

fn is_filled(seen: &Observation) -> bool {
    seen.allocated.saturating_add(ALLOCATION_SLACK) >= seen.size
}

/// Bytes that the primary volume descriptor of ISO 9660 claims: volume space size times logical block size (ECMA-119
/// 8.4.8, 8.4.12), read from the [`DESCRIPTOR_LENGTH`] bytes at [`DESCRIPTOR_OFFSET`]. `None` where there is no such
/// descriptor (a pure UDF image has none) or it makes no sense.
#[must_use]
pub fn claimed_size(sector: &[u8]) -> Option<u64> {
    const PRIMARY: u8 = 1;
    if sector.first() != Some(&PRIMARY) || sector.get(1..6) != Some(b"CD001") {
        return None;
    }
    let blocks = u32::from_le_bytes(sector.get(80..84)?.try_into().ok()?);
    let block_size = u16::from_le_bytes(sector.get(128..130)?.try_into().ok()?);
    if blocks == 0 || !matches!(block_size, 512 | 1024 | 2048) {
        return None;
    }
    Some(u64::from(blocks) * u64::from(block_size))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTLE: Duration = Duration::from_secs(10);
    const SECOND: Duration = Duration::from_secs(1);
    const MIB: u64 = 1 << 20;
    const ARRIVALS: [Arrival; 4] =
        [Arrival::Found, Arrival::Renamed, Arrival::Closed, Arrival::Known];

    /// A sound image of 8 MiB that was just copied in and closed.
    fn copied() -> Observation {
        Observation {
            size: 8 * MIB,
            allocated: 8 * MIB,
            claimed: Some(8 * MIB),
            arrival: Arrival::Closed,
            writer: Writer::Nobody,
            age: Some(Duration::ZERO),
            unchanged: Duration::ZERO,
            remote: false,
            unfinished: false,
        }
    }

    fn waits(reason: Reason, seconds: u64) -> Completeness {
        Completeness::Incomplete { reason, look_again: Duration::from_secs(seconds) }
    }

    fn assert_cases(cases: &[(&str, Observation, Completeness)]) {
        for (case, seen, expected) in cases {
            assert_eq!(completeness(seen, SETTLE), *expected, "{case}");
        }
    }

    #[test]
    fn what_came_in_one_piece_and_is_whole_is_complete_at_once() {
        let whole = copied();
        let renamed = Observation { arrival: Arrival::Renamed, ..whole };
        let not_iso = |seen| Observation { claimed: None, ..seen };
        let half = Observation { size: 4 * MIB, allocated: 4 * MIB, ..whole };
        let set_aside = Observation { allocated: MIB, ..whole };
        let still_open = Observation { writer: Writer::Somebody, ..whole };
        assert_cases(&[
            ("closed and whole", whole, Completeness::Complete),
            ("renamed and whole", renamed, Completeness::Complete),
            ("renamed, not ISO 9660", not_iso(renamed), Completeness::Complete),
            ("closed, not ISO 9660", not_iso(whole), waits(Reason::Changing, 10)),
            ("closed, another writer is left", still_open, waits(Reason::BeingWritten, 10)),
            ("closed too early", half, waits(Reason::Short, 10)),
            ("its space was only set aside", set_aside, waits(Reason::Sparse, 10)),
        ]);
    }

    #[test]
    fn what_was_left_alone_for_the_settle_time_is_complete() {
        let found = Observation { arrival: Arrival::Found, ..copied() };
        let left_alone = Observation { unchanged: SETTLE, ..found };
        let from_the_future = Observation { age: None, ..found };
        let young = Observation { age: Some(4 * SECOND), ..found };
        let old = Observation { age: Some(SETTLE), ..found };
        let open = Observation { writer: Writer::Somebody, ..left_alone };
        let interrupted = Observation { unfinished: true, ..left_alone };
        assert_cases(&[
            ("found, young", young, waits(Reason::Changing, 6)),
            ("found, old", old, Completeness::Complete),
            ("changed in the future", from_the_future, waits(Reason::Changing, 10)),
            ("left alone", Observation { age: None, ..left_alone }, Completeness::Complete),
            ("short for good", Observation { size: 4 * MIB, ..left_alone }, Completeness::Complete),
            ("sparse for good", Observation { allocated: 0, ..left_alone }, Completeness::Complete),
            ("left alone, but open for writing", open, waits(Reason::BeingWritten, 10)),
            ("aria2 was interrupted", interrupted, waits(Reason::Unfinished, 10)),
        ]);
    }

    #[test]
    fn where_writers_cannot_be_asked_for_only_a_rename_or_time_counts() {
        let remote = Observation { writer: Writer::Unknown, remote: true, ..copied() };
        let renamed = Observation { arrival: Arrival::Renamed, ..remote };
        let not_iso = Observation { claimed: None, ..renamed };
        let aged = |hours| Observation { age: Some(SECOND * 3600 * hours), ..remote };
        let left_alone = Observation { unchanged: SETTLE, ..remote };
        assert_cases(&[
            ("closed", remote, waits(Reason::Changing, 10)),
            ("renamed and whole", renamed, Completeness::Complete),
            ("renamed, not ISO 9660", not_iso, waits(Reason::Changing, 10)),
            ("an hour old by a clock that may be wrong", aged(1), waits(Reason::Changing, 10)),
            ("two days old", aged(48), Completeness::Complete),
            ("seen unchanged", left_alone, Completeness::Complete),
        ]);
    }

    #[test]
    fn what_was_published_before_is_complete_unless_somebody_writes_to_it() {
        let known = Observation { arrival: Arrival::Known, ..copied() };
        let remote = Observation { writer: Writer::Unknown, remote: true, ..known };
        let open = Observation { writer: Writer::Somebody, ..known };
        let resumed = Observation { unfinished: true, ..known };
        assert_cases(&[
            ("young", known, Completeness::Complete),
            ("young, on a network file system", remote, Completeness::Complete),
            ("short for good", Observation { size: 4 * MIB, ..known }, Completeness::Complete),
            ("open for writing", open, waits(Reason::BeingWritten, 10)),
            ("aria2 is at it again", resumed, waits(Reason::Unfinished, 10)),
        ]);
    }

    #[test]
    fn reasons_are_phrases_for_people() {
        assert_eq!(Reason::BeingWritten.describe(SETTLE), "another process is writing to it");
        assert_eq!(
            Reason::Changing.describe(Duration::from_millis(1500)),
            "waiting until it has not changed for 1.5 s"
        );
    }

    #[test]
    fn the_claim_is_blocks_times_block_size() {
        let mut sector = vec![0; DESCRIPTOR_LENGTH];
        sector[0] = 1;
        sector[1..6].copy_from_slice(b"CD001");
        sector[80..84].copy_from_slice(&3_000_000_u32.to_le_bytes());
        sector[128..130].copy_from_slice(&2048_u16.to_le_bytes());
        assert_eq!(claimed_size(&sector), Some(6_144_000_000));
        sector[128..130].copy_from_slice(&2000_u16.to_le_bytes());
        assert_eq!(claimed_size(&sector), None);
        assert_eq!(claimed_size(&[]), None);
        assert_eq!(claimed_size(b"\x01CD001"), None);
        assert_eq!(claimed_size(&[0; DESCRIPTOR_LENGTH]), None);
    }

    proptest! {
        #[test]
        fn nothing_is_complete_while_somebody_writes(
            size in any::<u64>(), allocated in any::<u64>(), claimed in any::<Option<u64>>(),
            unchanged in 0_u64..1_000_000, age in any::<Option<u32>>(), remote in any::<bool>(),
            arrival in prop::sample::select(ARRIVALS.to_vec()),
        ) {
            let seen = Observation {
                size, allocated, claimed, arrival, writer: Writer::Somebody,
                age: age.map(|age| Duration::from_secs(age.into())),
                unchanged: Duration::from_secs(unchanged), remote, unfinished: false,
            };
            prop_assert_ne!(completeness(&seen, SETTLE), Completeness::Complete);
        }

        #[test]
        fn whoever_waits_for_time_is_complete_after_that_time(
            size in any::<u64>(), allocated in any::<u64>(), claimed in any::<Option<u64>>(),
            age in prop::option::of(0_u64..20), remote in any::<bool>(),
            arrival in prop::sample::select(ARRIVALS.to_vec()),
        ) {
            let seen = Observation {
                size, allocated, claimed, arrival, writer: Writer::Unknown,
                age: age.map(Duration::from_secs), unchanged: Duration::ZERO, remote,
                unfinished: false,
            };
            if let Completeness::Incomplete { look_again, .. } = completeness(&seen, SETTLE) {
                let later = Observation {
                    age: seen.age.map(|age| age + look_again),
                    unchanged: look_again,
                    ..seen
                };
                prop_assert_eq!(completeness(&later, SETTLE), Completeness::Complete);
            }
        }

        #[test]
        fn any_bytes_give_a_claim_or_none(sector in prop::collection::vec(any::<u8>(), 0..2100)) {
            let _ = claimed_size(&sector);
        }
    }
}
