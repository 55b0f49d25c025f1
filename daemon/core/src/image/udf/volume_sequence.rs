//! The volume descriptor sequence (ECMA-167 3/8.4.2): what the medium says of itself and of its partitions.
//!
//! There are two copies. Of descriptors of one kind the one with the highest sequence number prevails.

use super::{
    anchor::{Anchor, BlockExtent},
    characters,
    fields::{field, u16_at, u32_at},
    space::Address,
    tag::{self, identifier},
    timestamp,
};
use crate::image::{OpenError, ReadAt, ReadError, Timestamp, label};

/// Descriptors that are read of one sequence, following pointers included. Real sequences have 6 to 16.
const MAXIMUM_DESCRIPTORS: u32 = 256;
/// Bytes of a descriptor before the table of partition maps.
const MAPS_START: usize = 440;

/// A dstring of a label or of a volume set, as written.
pub(super) type Identifier = [u8; 128];

/// What a sequence says.
#[derive(Debug, Default)]
pub(super) struct VolumeSequence {
    /// The prevailing primary volume descriptor.
    pub(super) primary: Option<Primary>,
    /// The prevailing logical volume descriptor.
    pub(super) logical: Option<Logical>,
    /// The prevailing descriptor of each partition.
    pub(super) partitions: Vec<Partition>,
    /// Identifier of the volume by the first primary descriptor that has one: the one that libblkid takes.
    pub(super) uuid: Option<String>,
    /// Label in the first logical volume descriptor that states its characters: the one that libblkid takes.
    pub(super) label: Option<Identifier>,
    /// Who made the volume, as "owner" of the logical volume.
    pub(super) owner: Option<String>,
    /// Byte offset of the first descriptor that could not be read.
    pub(super) damaged: Option<u64>,
}

/// A primary volume descriptor (ECMA-167 3/10.1).
#[derive(Debug)]
pub(super) struct Primary {
    sequence: u32,
    pub(super) volume_set: Identifier,
    /// Identifier of the application that wrote the volume, in ASCII.
    pub(super) application: [u8; 23],
    /// Identifier of who made that application, in ASCII.
    pub(super) implementation: [u8; 23],
    pub(super) recorded: Option<Timestamp>,
}

/// A logical volume descriptor (ECMA-167 3/10.6, UDF 2.2.4).
#[derive(Debug, Default)]
pub(super) struct Logical {
    sequence: u32,
    pub(super) block_size: u32,
    /// UDF revision in hexadecimal, or 0.
    pub(super) revision: u16,
    /// Where the file set descriptor lies.
    pub(super) file_set: Address,
    /// The partition maps, one after another.
    pub(super) maps: Vec<u8>,
    pub(super) map_count: u32,
    pub(super) integrity: BlockExtent,
}

/// A partition descriptor (ECMA-167 3/10.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    sequence: u32,
    pub(super) number: u16,
    /// First block on the medium.
    pub(super) start: u32,
    /// Blocks.
    pub(super) length: u32,
}

/// Reads the main sequence, or the reserve where that is the better copy, which is told in `problems`.
pub(super) fn read(
    source: &dyn ReadAt,
    anchor: &Anchor,
    problems: &mut Vec<String>,
) -> Result<VolumeSequence, OpenError> {
    let main = VolumeSequence::read(source, anchor.block_size, anchor.main);
    let Some(offset) = main.fault(anchor, anchor.main) else { return Ok(main) };
    let reserve = VolumeSequence::read(source, anchor.block_size, anchor.reserve);
    if reserve.fault(anchor, anchor.reserve).is_none() || !main.is_usable() && reserve.is_usable() {
        problems.push(format!(
            "the main UDF volume descriptor sequence is damaged at byte {offset}; the reserve is used"
        ));
        return Ok(reserve);
    }
    if main.is_usable() {
        problems
            .push(format!("both UDF volume descriptor sequences are damaged, at byte {offset}"));
        return Ok(main);
    }
    Err(OpenError::Damaged { what: "UDF volume descriptor sequence", offset })
}

impl VolumeSequence {
    fn read(source: &dyn ReadAt, block_size: u32, extent: BlockExtent) -> Self {
        let mut found = Self::default();
        let mut next = extent.location;
        let mut left = extent.length / block_size;
        for _ in 0..MAXIMUM_DESCRIPTORS {
            if left == 0 {
                break;
            }
            let offset = u64::from(next) * u64::from(block_size);
            let what = "UDF volume descriptor";
            let block = match tag::read_block(source, offset, block_size, next, what) {
                Ok(block) => block,
                Err(error) => {
                    if !is_unrecorded(source, offset, &error) {
                        found.damaged = Some(offset);
                    }
                    break;
                }
            };
            left -= 1;
            next = next.saturating_add(1);
            match block.identifier {
                identifier::TERMINATING => break,
                identifier::VOLUME_POINTER => {
                    let extent = BlockExtent::parse(&block.bytes, 20);
                    (next, left) = (extent.location, extent.length / block_size);
                }
                identifier => found.take(identifier, &block.bytes),
            }
        }
        found
    }

    fn take(&mut self, identifier: u16, bytes: &[u8]) {
        match identifier {
            identifier::PRIMARY_VOLUME => self.take_primary(bytes),
            identifier::LOGICAL_VOLUME => self.take_logical(bytes),
            identifier::PARTITION => self.take_partition(Partition::parse(bytes)),
            identifier::IMPLEMENTATION_USE => self.take_owner(bytes),
            _ => {}
        }
    }

    fn take_primary(&mut self, bytes: &[u8]) {
        let primary = Primary::parse(bytes);
        if self.uuid.is_none() && has_osta_characters(bytes, 200) {
            self.uuid = label::udf_uuid(&primary.volume_set);
        }
        if self.primary.as_ref().is_none_or(|known| known.sequence <= primary.sequence) {
            self.primary = Some(primary);
        }
    }

    fn take_logical(&mut self, bytes: &[u8]) {
        let logical = Logical::parse(bytes);
        let identifier: Identifier = field(bytes, 84);
        if has_osta_characters(bytes, 20) && matches!(identifier[0], 8 | 16) {
            self.label.get_or_insert(identifier);
        }
        if self.logical.as_ref().is_none_or(|known| known.sequence <= logical.sequence) {
            self.logical = Some(logical);
        }
    }

    /// The first free text of UDF 2.2.7, which writers use for the owner's name.
    fn take_owner(&mut self, bytes: &[u8]) {
        let is_information = field::<12>(bytes, 21) == *b"*UDF LV Info";
        if self.owner.is_none() && is_information && has_osta_characters(bytes, 52) {
            self.owner = characters::dstring(&field::<36>(bytes, 244));
        }
    }

    fn take_partition(&mut self, partition: Partition) {
        match self.partitions.iter_mut().find(|known| known.number == partition.number) {
            Some(known) if known.sequence <= partition.sequence => *known = partition,
            Some(_) => {}
            None => self.partitions.push(partition),
        }
    }

    /// Whether files can be found by what was read.
    fn is_usable(&self) -> bool {
        self.logical.is_some() && !self.partitions.is_empty()
    }

    /// Byte offset of what is wrong with this sequence, if anything is.
    fn fault(&self, anchor: &Anchor, extent: BlockExtent) -> Option<u64> {
        let start = u64::from(extent.location) * u64::from(anchor.block_size);
        self.damaged.or_else(|| (!self.is_usable()).then_some(start))
    }
}

/// Whether the character set at byte `at` of a descriptor is the one of UDF (ECMA-167 1/7.2.1, UDF 2.1.2). libblkid
/// passes over text in any other.
fn has_osta_characters(bytes: &[u8], at: usize) -> bool {
    field(bytes, at) == *b"\0OSTA Compressed Unicode\0"
}

/// Whether a descriptor could not be read because nothing was ever written there, which ends a sequence.
fn is_unrecorded(source: &dyn ReadAt, offset: u64, error: &ReadError) -> bool {
    let mut tag = [0; tag::LENGTH];
    matches!(error, ReadError::Damaged { .. })
        && source.read_exact_at(&mut tag, offset).is_ok()
        && tag == [0; tag::LENGTH]
}

impl Primary {
    fn parse(bytes: &[u8]) -> Self {
        Self {
            sequence: u32_at(bytes, 16),
            volume_set: field(bytes, 72),
            application: field(bytes, 345),
            implementation: field(bytes, 389),
            recorded: timestamp::parse(bytes, 376),
        }
    }
}

impl Logical {
    fn parse(bytes: &[u8]) -> Self {
        let map_length = usize::try_from(u32_at(bytes, 264)).unwrap_or(usize::MAX);
        let maps = bytes.get(MAPS_START..).unwrap_or_default();
        Self {
            sequence: u32_at(bytes, 16),
            block_size: u32_at(bytes, 212),
            revision: u16_at(bytes, 240),
            file_set: Address::parse_long(bytes, 248),
            maps: maps[..map_length.min(maps.len())].to_vec(),
            map_count: u32_at(bytes, 268),
            integrity: BlockExtent::parse(bytes, 432),
        }
    }
}

impl Partition {
    fn parse(bytes: &[u8]) -> Self {
        Self {
            sequence: u32_at(bytes, 16),
            number: u16_at(bytes, 22),
            start: u32_at(bytes, 188),
            length: u32_at(bytes, 192),
        }
    }
}

/// When the logical volume was last closed or opened for writing: the last integrity descriptor (ECMA-167 3/10.10).
pub(super) fn last_integrity(
    source: &dyn ReadAt,
    block_size: u32,
    mut extent: BlockExtent,
) -> Option<Timestamp> {
    let mut last = None;
    let mut budget = MAXIMUM_DESCRIPTORS;
    while extent.length >= block_size {
        let mut following = BlockExtent::default();
        for index in 0..extent.length / block_size {
            budget = budget.checked_sub(1)?;
            let location = extent.location.checked_add(index)?;
            let offset = u64::from(location) * u64::from(block_size);
            let what = "UDF integrity descriptor";
            let Ok(block) = tag::read_block(source, offset, block_size, location, what) else {
                break;
            };
            if block.identifier != identifier::INTEGRITY {
                break;
            }
            last = timestamp::parse(&block.bytes, 16);
            following = BlockExtent::parse(&block.bytes, 32);
        }
        extent = following;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::{super::tag::tests::seal, *};

    const BLOCK: usize = 512;

    struct Medium(Vec<u8>);

    impl Medium {
        fn new() -> Self {
            Self(vec![0; 64 * BLOCK])
        }

        fn put(
            &mut self,
            location: u32,
            identifier: u16,
            sequence: u32,
            fields: &[(usize, &[u8])],
        ) {
            let start = location as usize * BLOCK;
            let block = &mut self.0[start..start + BLOCK];
            block[21..44].copy_from_slice(b"OSTA Compressed Unicode");
            block[16..20].copy_from_slice(&sequence.to_le_bytes());
            for (at, value) in fields {
                block[*at..*at + value.len()].copy_from_slice(value);
            }
            seal(block, identifier, location);
        }

        fn put_sequence(&mut self, start: u32) {
            self.put(start, identifier::PRIMARY_VOLUME, 1, &[(72, b"\x08set")]);
            self.put(start + 1, identifier::PARTITION, 2, &[(188, &[9]), (192, &[50])]);
            self.put(start + 2, identifier::LOGICAL_VOLUME, 3, &[(84, b"\x08one"), (240, &[2, 1])]);
            self.put(start + 3, identifier::TERMINATING, 4, &[]);
        }

        fn read(&self) -> (Result<VolumeSequence, OpenError>, Vec<String>) {
            let extent = |location| BlockExtent { length: 16 * 512, location };
            let anchor = Anchor { block_size: 512, main: extent(8), reserve: extent(32) };
            let mut problems = vec![];
            (read(&self.0, &anchor, &mut problems), problems)
        }
    }

    #[test]
    fn the_highest_sequence_number_prevails_and_the_first_gives_the_label() {
        let mut medium = Medium::new();
        medium.put_sequence(8);
        medium.put(11, identifier::LOGICAL_VOLUME, 9, &[(84, b"\x08two"), (240, &[1, 2])]);
        medium.put(12, identifier::LOGICAL_VOLUME, 8, &[(84, b"\x08old"), (240, &[0, 2])]);
        medium.put(13, identifier::PARTITION, 7, &[(188, &[20]), (192, &[30])]);
        medium.put(14, identifier::PARTITION, 1, &[(188, &[21]), (192, &[30])]);
        let (found, problems) = medium.read();
        let found = found.unwrap();
        assert_eq!(found.logical.unwrap().revision, 0x0201);
        assert_eq!(&found.label.unwrap()[..4], b"\x08one");
        assert_eq!(
            found.partitions.iter().map(|p| (p.start, p.length)).collect::<Vec<_>>(),
            [(20, 30)]
        );
        assert!(problems.is_empty());
    }

    #[test]
    fn a_pointer_continues_the_sequence_elsewhere() {
        let mut medium = Medium::new();
        medium.put_sequence(40);
        let next = [(4 * 512_u32).to_le_bytes(), 40_u32.to_le_bytes()].concat();
        medium.put(8, identifier::VOLUME_POINTER, 1, &[(20, &next)]);
        assert_eq!(medium.read().0.unwrap().logical.unwrap().revision, 0x0102);
    }

    #[test]
    fn pointers_in_a_circle_end() {
        let mut medium = Medium::new();
        let next = [(4 * 512_u32).to_le_bytes(), 8_u32.to_le_bytes()].concat();
        medium.put(8, identifier::VOLUME_POINTER, 1, &[(20, &next)]);
        assert!(matches!(medium.read().0, Err(OpenError::Damaged { offset: 4096, .. })));
    }

    #[test]
    fn the_reserve_is_used_where_the_main_sequence_is_damaged_and_it_is_told() {
        let mut medium = Medium::new();
        medium.put_sequence(8);
        medium.put_sequence(32);
        medium.0[10 * BLOCK + 100] ^= 1;
        let (found, problems) = medium.read();
        assert!(found.unwrap().logical.is_some());
        assert_eq!(
            problems,
            [
                "the main UDF volume descriptor sequence is damaged at byte 5120; the reserve is used"
            ]
        );
        medium.0[33 * BLOCK] ^= 1;
        assert!(medium.read().0.is_err());
    }

    #[test]
    fn a_sequence_that_says_enough_is_used_where_both_are_damaged() {
        let mut medium = Medium::new();
        medium.put_sequence(8);
        medium.0[11 * BLOCK + 100] ^= 1;
        let (found, problems) = medium.read();
        assert!(found.unwrap().logical.is_some());
        assert_eq!(problems, ["both UDF volume descriptor sequences are damaged, at byte 5632"]);
    }
}
