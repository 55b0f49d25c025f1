//! Directory records (ECMA-119 9.1): one a file section, packed into the 2048-byte sectors of a directory.

use super::super::{ReadAt, ReadError, bytes};

/// Bytes of a sector. No record crosses the end of one.
pub(super) const SECTOR: usize = 2048;

/// Bytes of a record before the file identifier.
const HEADER: usize = 33;

const FLAG_DIRECTORY: u8 = 0x02;
const FLAG_ASSOCIATED: u8 = 0x04;
const FLAG_MULTI_EXTENT: u8 = 0x80;

/// One record whose length and identifier lie within the bytes it was taken from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a>(&'a [u8]);

impl<'a> Record<'a> {
    /// The record that `bytes` begins with; `None` where there is none or it does not fit.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let record = bytes.get(..usize::from(*bytes.first()?))?;
        let name_length = usize::from(bytes::u8_at(record, 32)?);
        (name_length > 0 && HEADER + name_length <= record.len()).then_some(Self(record))
    }

    /// Reads the record at byte `offset` of an image; `None` where there is none.
    pub(super) fn read(
        source: &dyn ReadAt,
        offset: u64,
        buffer: &'a mut [u8; 255],
    ) -> Result<Option<Self>, ReadError> {
        buffer.fill(0);
        let room = source.size().saturating_sub(offset).min(buffer.len() as u64);
        let part = &mut buffer[..usize::try_from(room).unwrap_or_default()];
        source.read_exact_at(part, offset).map_err(|source| ReadError::Read {
            what: "directory record",
            offset,
            source,
        })?;
        Ok(Self::parse(buffer))
    }

    /// Bytes from here to the next record.
    pub(super) fn length(self) -> usize {
        self.0.len()
    }

    /// First logical block of the data, after the extended attribute record.
    pub(super) fn block(self) -> u64 {
        u64::from(self.number(2)) + u64::from(self.0[1])
    }

    /// Bytes of the data.
    pub(super) fn data_length(self) -> u32 {
        self.number(10)
    }

    /// Recording date, in the 7-byte form.
    pub(super) fn date(self) -> [u8; 7] {
        bytes::array(self.0, 18).expect("a record has a whole header")
    }

    /// Whether it names a directory.
    pub(super) fn is_directory(self) -> bool {
        self.0[25] & FLAG_DIRECTORY != 0
    }

    /// Whether it is an associated file (a resource fork), which shares the name of the real one.
    pub(super) fn is_associated(self) -> bool {
        self.0[25] & FLAG_ASSOCIATED != 0
    }

    /// Whether the next record continues the same file. Directories have one section (ECMA-119 9.1.6).
    pub(super) fn is_continued(self) -> bool {
        self.0[25] & FLAG_MULTI_EXTENT != 0 && !self.is_directory()
    }

    /// Whether its data is interleaved with that of other files.
    pub(super) fn is_interleaved(self) -> bool {
        self.0[26] != 0 || self.0[27] != 0
    }

    /// File identifier: never empty; one byte 0 for the directory itself, one byte 1 for its parent.
    pub(super) fn identifier(self) -> &'a [u8] {
        &self.0[HEADER..HEADER + usize::from(self.0[32])]
    }

    /// Whether it is a directory's record of itself.
    pub(super) fn is_self(self) -> bool {
        self.identifier() == [0] && self.is_directory()
    }

    /// The System Use area, which holds Rock Ridge.
    pub(super) fn system_use(self) -> &'a [u8] {
        let end = HEADER + usize::from(self.0[32]);
        // The identifier is padded to an even length of the record.
        self.0.get(end + end % 2..).unwrap_or_default()
    }

    /// A number recorded in both byte orders. The second, big-endian copy is known to be wrong on some media.
    fn number(self, at: usize) -> u32 {
        bytes::u32_le(self.0, at).expect("a record has a whole header")
    }
}

/// What stands at one place of a sector.
#[derive(Debug)]
pub(super) enum Slot<'a> {
    /// A record, at this byte of the sector.
    Record(usize, Record<'a>),
    /// Something that is none.
    Damaged,
}

/// Goes through the records of one sector, or of the part of one that the directory has.
#[derive(Debug)]
pub(super) struct Sector<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl<'a> Sector<'a> {
    /// Begins with the first record of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0 }
    }
}

impl<'a> Iterator for Sector<'a> {
    type Item = Slot<'a>;

    fn next(&mut self) -> Option<Slot<'a>> {
        let at = self.next;
        let rest = self.bytes.get(at..)?;
        let length = usize::from(*rest.first()?);
        if length == 0 {
            self.next = self.bytes.len();
            return None;
        }
        if let Some(record) = Record::parse(rest) {
            self.next = at + length;
            return Some(Slot::Record(at, record));
        }
        // A length that can be one is believed, so that a bad identifier costs one record and not its sector.
        let believable = length > HEADER && length <= rest.len();
        self.next = if believable { at + length } else { self.bytes.len() };
        Some(Slot::Damaged)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record as an image would have it.
    pub(in super::super) fn record(
        identifier: &[u8],
        flags: u8,
        (block, length): (u32, u32),
        system_use: &[u8],
    ) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[2..6].copy_from_slice(&block.to_le_bytes());
        bytes[6..10].copy_from_slice(&block.to_be_bytes());
        bytes[10..14].copy_from_slice(&length.to_le_bytes());
        bytes[14..18].copy_from_slice(&length.to_be_bytes());
        bytes[18..25].copy_from_slice(&[120, 1, 2, 3, 4, 5, 0]);
        bytes[25] = flags;
        bytes[28] = 1;
        bytes[32] = u8::try_from(identifier.len()).unwrap();
        bytes.extend_from_slice(identifier);
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        bytes.extend_from_slice(system_use);
        bytes[0] = u8::try_from(bytes.len()).unwrap();
        bytes
    }

    #[test]
    fn fields_are_where_the_standard_puts_them() {
        let mut bytes = record(b"KERNEL.;1", 0x80, (1000, 4096), b"RR");
        bytes[1] = 3;
        bytes[26] = 1;
        let record = Record::parse(&bytes).unwrap();
        assert_eq!(record.block(), 1003);
        assert_eq!(record.data_length(), 4096);
        assert_eq!(record.identifier(), b"KERNEL.;1");
        assert_eq!(record.system_use(), b"RR");
        assert!(record.is_continued() && record.is_interleaved());
        assert!(!record.is_directory() && !record.is_associated() && !record.is_self());
        let own = self::record(&[0], 0x82, (20, 2048), b"");
        let own = Record::parse(&own).unwrap();
        assert!(own.is_self() && !own.is_continued());
    }

    #[test]
    fn a_bad_record_costs_as_little_as_can_be() {
        let good = record(b"GOOD", 0, (1, 1), b"");
        let mut overlong_name = record(b"BAD", 0, (1, 1), b"");
        overlong_name[32] = 255;
        let mut nameless = record(b"BAD", 0, (1, 1), b"");
        nameless[32] = 0;
        let cases: [(&[u8], usize, usize); 6] = [
            (&overlong_name, 2, 1),
            (&nameless, 2, 1),
            (&[1, 2, 3], 1, 1),
            (&[33; 40], 1, 1),
            (&[255; 40], 1, 1),
            (&[0; 40], 1, 0),
        ];
        for (bad, records, damaged) in cases {
            let sector = [&good[..], bad, &good[..]].concat();
            let slots: Vec<_> = Sector::new(&sector).collect();
            let good = slots.iter().filter(|slot| matches!(slot, Slot::Record(..))).count();
            assert_eq!((good, slots.len() - good), (records, damaged), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_sector_is_gone_through_once(bytes in proptest::collection::vec(any::<u8>(), 0..SECTOR)) {
            let mut last = None;
            for slot in Sector::new(&bytes) {
                if let Slot::Record(at, record) = slot {
                    prop_assert!(last < Some(at));
                    prop_assert!(at + record.length() <= bytes.len());
                    last = Some(at);
                    let _ = (record.block(), record.data_length(), record.date());
                    let _ = (record.identifier(), record.system_use(), record.is_interleaved());
                }
            }
        }
    }
}
