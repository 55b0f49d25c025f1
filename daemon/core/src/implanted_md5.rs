//! The MD5 sum that implantisomd5 writes into an image, as media of Fedora, Red Hat and their kin have it.
//!
//! It stands as text in the application use area of the primary volume descriptor (bytes 883 to 1394), and is of the
//! whole volume without its last sectors, with that area taken as blanks. Sums of beginnings of the volume, three
//! digits each, tell early where a damaged one is damaged. It tells accidents, not attacks.
//!
//! Source of the format: the tool's behaviour, which the tests compare with.

use crate::{
    digest::{Algorithm, Digest, Hasher},
    image::ReadAt,
};

/// Bytes of a sector.
const SECTOR: u64 = 2048;
/// Bytes of a volume descriptor, which is a sector.
const DESCRIPTOR: usize = 2048;
/// Sector of the first volume descriptor.
const FIRST_DESCRIPTOR: u64 = 16;
/// Descriptors that are looked at.
const MOST_DESCRIPTORS: u64 = 64;
/// Where the application use area begins in the descriptor.
const AREA: usize = 883;
/// Bytes of the area.
const AREA_LENGTH: usize = 512;
/// Where the descriptor has the number of sectors of the volume, most significant byte first.
const SIZE: usize = 84;
/// Digits of all sums of beginnings together.
const FRAGMENT_DIGITS: usize = 60;
/// Bytes after which the tool compares: the sums of beginnings are of whole pieces of this length.
const PIECE: u64 = 32_768;

/// What was implanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImplantedMd5 {
    digest: Digest,
    /// Bytes from the beginning that the sum is of.
    length: u64,
    /// Where the area is that is taken as blanks.
    area: u64,
    /// Number of sums of beginnings, and their digits.
    fragments: Option<(u64, String)>,
}

/// What checking it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImplantedMd5Result {
    /// The sum is that of the volume.
    Good,
    /// It is not.
    Bad {
        /// The bytes between which the first damage lies, where the sums of beginnings tell.
        between: Option<(u64, u64)>,
    },
    /// There were fewer bytes than the sum is of.
    Short,
}

impl ImplantedMd5 {
    /// Looks for a sum in the descriptors of `source`.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn find(source: &dyn ReadAt) -> std::io::Result<Option<Self>> {
        let mut descriptor = [0; DESCRIPTOR];
        for sector in FIRST_DESCRIPTOR..FIRST_DESCRIPTOR + MOST_DESCRIPTORS {
            let offset = sector * SECTOR;
            if source.size() < offset + SECTOR {
                return Ok(None);
            }
            source.read_exact_at(&mut descriptor, offset)?;
            match (&descriptor[1..6], descriptor[0]) {
                (b"CD001", 1) => return Ok(Self::parse(&descriptor, offset)),
                (b"CD001", 255) => return Ok(None),
                _ => {}
            }
        }
        Ok(None)
    }

    fn parse(descriptor: &[u8; DESCRIPTOR], offset: u64) -> Option<Self> {
        let area = &descriptor[AREA..AREA + AREA_LENGTH];
        let text = str::from_utf8(area).ok()?;
        let value = |key: &str| {
            let entry = text.split(';').find_map(|entry| entry.trim_start().strip_prefix(key))?;
            Some(entry.trim())
        };
        let digest = Digest::from_hex(Algorithm::Md5, value("ISO MD5SUM = ")?).ok()?;
        let skipped: u64 = value("SKIPSECTORS = ")?.parse().ok()?;
        let sectors = u32::from_be_bytes(descriptor[SIZE..SIZE + 4].try_into().ok()?);
        let length = u64::from(sectors).checked_sub(skipped)? * SECTOR;
        let count = value("FRAGMENT COUNT = ").and_then(|count| count.parse::<u64>().ok());
        let sums = value("FRAGMENT SUMS = ")
            .filter(|sums| sums.len() == FRAGMENT_DIGITS && sums.is_ascii());
        let fragments = count
            .zip(sums)
            .filter(|(count, _)| (1..=FRAGMENT_DIGITS as u64).contains(count) && length > *count)
            .map(|(count, sums)| (count, sums.to_owned()));
        Some(Self { digest, length, area: offset + AREA as u64, fragments })
    }

    /// Bytes from the beginning that it is of.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }
}

/// Checks an implanted sum, given all bytes of the image in their order.
#[derive(Clone, Debug)]
pub struct ImplantedMd5Check {
    implanted: ImplantedMd5,
    hasher: Hasher,
    offset: u64,
    fragment: u64,
    /// Where the last sum of a beginning that was right ends, and the first that was not.
    good_until: u64,
    bad_at: Option<u64>,
}

impl ImplantedMd5Check {
    /// Before the first byte.
    #[must_use]
    pub fn new(implanted: ImplantedMd5) -> Self {
        let hasher = Hasher::new(Algorithm::Md5);
        Self { implanted, hasher, offset: 0, fragment: 0, good_until: 0, bad_at: None }
    }

    /// Takes in what comes next.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.offset < self.implanted.length {
            let piece_end = (self.offset / PIECE + 1) * PIECE;
            let end = piece_end.min(self.implanted.length);
            let wanted = usize::try_from(end - self.offset).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(wanted);
            self.take(now);
            if self.offset == end {
                self.compare_fragment(end.saturating_sub(1) / PIECE * PIECE);
            }
            bytes = later;
        }
    }

    /// Takes in a stretch that lies within one piece.
    fn take(&mut self, bytes: &[u8]) {
        let area = self.implanted.area..self.implanted.area + AREA_LENGTH as u64;
        let end = self.offset + bytes.len() as u64;
        let within = |position: u64| {
            usize::try_from(position.clamp(self.offset, end) - self.offset).unwrap_or(bytes.len())
        };
        let (start, stop) = (within(area.start), within(area.end));
        self.hasher.update(&bytes[..start]);
        self.hasher.update(&[b' '; AREA_LENGTH][..stop - start]);
        self.hasher.update(&bytes[stop..]);
        self.offset = end;
    }

    /// Compares the sum of what was taken in where a new fragment began with the piece that ended here.
    fn compare_fragment(&mut self, piece_start: u64) {
        let Some((count, sums)) = &self.implanted.fragments else { return };
        let fragment = piece_start / (self.implanted.length / (count + 1));
        if fragment == self.fragment || self.bad_at.is_some() {
            return;
        }
        self.fragment = fragment;
        let digits = FRAGMENT_DIGITS / usize::try_from(*count).unwrap_or(FRAGMENT_DIGITS);
        let first = usize::try_from(fragment - 1).unwrap_or(usize::MAX).saturating_mul(digits);
        let Some(expected) = sums.get(first..first.saturating_add(digits)) else { return };
        let digest = self.hasher.clone().finish();
        // Of each byte the first digit that is not a leading zero.
        let found = digest.bytes().iter().take(digits).map(|byte| {
            let nibble = if *byte < 16 { *byte } else { byte >> 4 };
            char::from_digit(u32::from(nibble), 16).unwrap_or_default()
        });
        if expected.chars().eq(found) {
            self.good_until = self.offset;
        } else {
            self.bad_at = Some(self.offset);
        }
    }

    /// What was found when all bytes were taken in.
    #[must_use]
    pub fn finish(self) -> ImplantedMd5Result {
        if self.offset < self.implanted.length {
            return ImplantedMd5Result::Short;
        }
        if self.hasher.finish() == self.implanted.digest {
            return ImplantedMd5Result::Good;
        }
        let has_fragments = self.implanted.fragments.is_some();
        let end = self.bad_at.unwrap_or(self.implanted.length);
        ImplantedMd5Result::Bad { between: has_fragments.then_some((self.good_until, end)) }
    }
}
