//! The System Use Sharing Protocol: fields behind a directory record, continued elsewhere.
//!
//! What the fields mean is for [`super::rock_ridge`] to say.

use super::super::{ReadAt, ReadError, bytes};

/// Continuation areas that one record may have, as many as Linux follows.
const MAXIMUM_CONTINUATIONS: u32 = 32;

/// Bytes of one continuation area.
const MAXIMUM_AREA: u32 = 16 << 10;

/// Bytes read at once where neighbouring areas are likely to be asked for next.
const WINDOW: u64 = 4 << 10;

/// What following one continuation counts, besides its bytes, against [`Continuations::budget`].
const HOP: u64 = 256;

/// One field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    /// Its two letters.
    pub(super) signature: [u8; 2],
    bytes: &'a [u8],
}

impl<'a> Field<'a> {
    /// The byte at `at`, counted from the field's beginning as the standards do (data begins at 4).
    pub(super) fn byte(self, at: usize) -> Option<u8> {
        bytes::u8_at(self.bytes, at)
    }

    /// The number recorded in both byte orders at `at`.
    pub(super) fn number(self, at: usize) -> Option<u32> {
        bytes::u32_le(self.bytes, at)
    }

    /// The little-endian number of 8 bytes at `at`.
    pub(super) fn long_number(self, at: usize) -> Option<u64> {
        bytes::u64_le(self.bytes, at)
    }

    /// All bytes from `at` on.
    pub(super) fn rest(self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }
}

/// Splits an area into its fields, up to its end, its terminator, or the first length that cannot be.
pub(super) fn fields(mut area: &[u8]) -> impl Iterator<Item = Field<'_>> {
    std::iter::from_fn(move || {
        let length = usize::from(bytes::u8_at(area, 2)?);
        if length < 4 || length > area.len() {
            return None;
        }
        let (field, rest) = area.split_at(length);
        area = rest;
        let signature = [field[0], field[1]];
        (signature != *b"ST").then_some(Field { signature, bytes: field })
    })
}

/// Follows continuations, within a bound on the work for all records that share it.
pub(super) struct Continuations<'a> {
    source: &'a dyn ReadAt,
    block_size: u32,
    budget: u64,
    ahead: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl<'a> Continuations<'a> {
    /// For a single record.
    pub(super) fn of_record(source: &'a dyn ReadAt, block_size: u32) -> Self {
        Self { source, block_size, budget: 1 << 20, ahead: 0, window: Vec::new(), window_start: 0 }
    }

    /// For all records of a directory. The largest legal directory whose records are all continued needs less than
    /// this budget, and the work it allows takes well under a second.
    pub(super) fn of_directory(source: &'a dyn ReadAt, block_size: u32) -> Self {
        Self { budget: 128 << 20, ahead: WINDOW, ..Self::of_record(source, block_size) }
    }

    /// Shows all fields of a record's System Use area and its continuations to `visit`.
    ///
    /// # Errors
    /// Where a continuation cannot be reached. What was shown until then is a part of the record's fields.
    pub(super) fn visit(
        &mut self,
        area: &[u8],
        mut visit: impl FnMut(Field<'_>),
    ) -> Result<(), ReadError> {
        let mut next = None;
        let mut show = |area: &[u8], next: &mut Option<Area>| {
            for field in fields(area) {
                match &field.signature {
                    b"CE" => *next = Area::of(field).or(*next),
                    _ => visit(field),
                }
            }
        };
        show(area, &mut next);
        for _ in 0..MAXIMUM_CONTINUATIONS {
            let Some(area) = next.take() else { return Ok(()) };
            show(self.read(area)?, &mut next);
        }
        next.map_or(Ok(()), |area| Err(damaged(area.offset(self.block_size))))
    }

    fn read(&mut self, area: Area) -> Result<&[u8], ReadError> {
        let start = area.offset(self.block_size);
        let length = u64::from(area.length);
        let room = self.source.size().saturating_sub(start);
        if area.length > MAXIMUM_AREA || length > room || self.budget < length + HOP {
            return Err(damaged(start));
        }
        self.budget -= length + HOP;
        let window_end = self.window_start + self.window.len() as u64;
        if start < self.window_start || start + length > window_end {
            self.fill(start, length.max(self.ahead.min(room)))?;
        }
        let from = usize::try_from(start - self.window_start).unwrap_or(usize::MAX);
        Ok(&self.window[from..from + area.length as usize])
    }

    fn fill(&mut self, start: u64, length: u64) -> Result<(), ReadError> {
        self.window.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
        self.window_start = start;
        let result = self.source.read_exact_at(&mut self.window, start);
        if result.is_err() {
            self.window.clear();
        }
        result.map_err(|source| ReadError::Read {
            what: "continuation area",
            offset: start,
            source,
        })
    }
}

/// Where a continuation lies.
#[derive(Clone, Copy, Debug)]
struct Area {
    block: u32,
    offset: u32,
    length: u32,
}

impl Area {
    fn of(field: Field<'_>) -> Option<Self> {
        let (block, offset, length) = (field.number(4)?, field.number(12)?, field.number(20)?);
        Some(Self { block, offset, length })
    }

    fn offset(self, block_size: u32) -> u64 {
        u64::from(self.block) * u64::from(block_size) + u64::from(self.offset)
    }
}

fn damaged(offset: u64) -> ReadError {
    ReadError::Damaged { what: "continuation area", offset }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A field as an image would have it.
    pub(in super::super) fn field(signature: [u8; 2], data: &[u8]) -> Vec<u8> {
        let length = u8::try_from(4 + data.len()).unwrap();
        [&signature[..], &[length, 1], data].concat()
    }

    /// A number in both byte orders.
    pub(in super::super) fn both(number: u32) -> Vec<u8> {
        [number.to_le_bytes(), number.to_be_bytes()].concat()
    }

    fn continuation(block: u32, offset: u32, length: u32) -> Vec<u8> {
        field(*b"CE", &[both(block), both(offset), both(length)].concat())
    }

    fn signatures(source: &dyn ReadAt, area: &[u8]) -> (Vec<[u8; 2]>, bool) {
        let mut seen = Vec::new();
        let result =
            Continuations::of_record(source, 2048).visit(area, |field| seen.push(field.signature));
        (seen, result.is_ok())
    }

    #[test]
    fn fields_end_where_lengths_stop_making_sense() {
        let cases: [(&[u8], usize); 7] = [
            (b"NM\x05\x01\0PX\x04\x01", 2),
            (b"NM\x04\x01\0\0\0\0", 1),
            (b"NM\x04\x01PX\x03\x01TF\x04\x01", 1),
            (b"NM\x04\x01ST\x04\x01TF\x04\x01", 1),
            (b"NM\xFF\x01", 0),
            (b"NM", 0),
            (b"", 0),
        ];
        for (area, count) in cases {
            assert_eq!(fields(area).count(), count, "{area:?}");
        }
    }

    #[test]
    fn continuations_are_followed_in_their_order() {
        let mut source = vec![0; 3 * 2048];
        let second = [field(*b"BB", b""), continuation(2, 10, 4)].concat();
        source[2048..2048 + second.len()].copy_from_slice(&second);
        source[4106..4110].copy_from_slice(&field(*b"CC", b""));
        let length = u32::try_from(second.len()).unwrap();
        let first = [continuation(1, 0, length), field(*b"AA", b"")].concat();
        assert_eq!(signatures(&source, &first), (vec![*b"AA", *b"BB", *b"CC"], true));
    }

    #[test]
    fn continuations_that_lead_nowhere_are_damage() {
        let mut source = vec![0; 2048];
        let own = continuation(0, 0, 28);
        source[..28].copy_from_slice(&own);
        assert!(!signatures(&source, &own).1, "a loop");
        assert!(!signatures(&source, &continuation(0, 2040, 28)).1, "beyond the end");
        assert!(!signatures(&source, &continuation(u32::MAX, u32::MAX, 28)).1, "far");
        assert!(!signatures(&source, &continuation(0, 100, MAXIMUM_AREA + 1)).1, "huge");
        assert_eq!(signatures(&source, &continuation(0, 100, 0)), (vec![], true), "empty");
    }

    proptest! {
        #[test]
        fn any_area_is_left_again(
            mut source in proptest::collection::vec(any::<u8>(), 0..600),
            at in 0_usize..500,
            offset in 0_u32..600,
            length in 0_u32..600,
        ) {
            let field = continuation(0, offset, length);
            if let Some(place) = source.get_mut(at..at + field.len()) {
                place.copy_from_slice(&field);
            }
            let _ = signatures(&source, &field);
        }
    }
}
