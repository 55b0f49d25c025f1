//! Rock Ridge (RRIP 1.12, and the zisofs field): what the System Use fields of a record say of the object.

use super::{
    date,
    name::RockRidgeName,
    record::Record,
    symbolic_link::SymbolicLink,
    system_use::{Continuations, Field},
};
use crate::image::{Kind, ReadError, Timestamp, zisofs};

const TYPE_MASK: u32 = 0o170_000;

/// All that the fields of one record say.
#[derive(Debug, Default)]
pub(super) struct RockRidge {
    /// The name, of NM.
    pub(super) name: RockRidgeName,
    /// Mode, links and owners, of PX.
    pub(super) attributes: Option<Attributes>,
    /// Major and minor number, of PN.
    pub(super) device: Option<(u32, u32)>,
    /// Last change, of TF.
    pub(super) modified: Option<Timestamp>,
    /// Target, of SL.
    pub(super) link: SymbolicLink,
    /// First block of the directory that this record stands for though it looks like a file, of CL.
    pub(super) child: Option<u32>,
    /// Whether the record is only there to keep a relocated directory reachable without Rock Ridge, of RE.
    pub(super) is_relocated: bool,
    /// Bytes of a sparse file, of SF.
    pub(super) sparse_size: Option<u64>,
    /// How the file is compressed, of ZF.
    pub(super) zisofs: Option<zisofs::Field>,
}

/// What PX says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    /// `st_mode`.
    pub(super) mode: u32,
    /// Number of links, as written.
    pub(super) links: u32,
    /// Owner.
    pub(super) owner: u32,
    /// Group.
    pub(super) group: u32,
}

impl Attributes {
    /// What the mode says that the object is; `None` of a type that there is not, as of a mode without type.
    pub(super) fn kind(self) -> Option<Kind> {
        Some(match self.mode & TYPE_MASK {
            0o010_000 => Kind::Fifo,
            0o020_000 => Kind::CharacterDevice,
            0o040_000 => Kind::Directory,
            0o060_000 => Kind::BlockDevice,
            0o100_000 => Kind::File,
            0o120_000 => Kind::Symlink,
            0o140_000 => Kind::Socket,
            _ => return None,
        })
    }

    /// Permission bits with setuid, setgid and sticky.
    pub(super) fn permissions(self) -> u16 {
        u16::try_from(self.mode & 0o7777).unwrap_or_default()
    }
}

impl RockRidge {
    /// Takes in the fields of `record`, of which the first `skip` bytes belong to something else.
    ///
    /// # Errors
    /// Where a continuation cannot be reached; what was found until then stays.
    pub(super) fn gather(
        &mut self,
        record: Record<'_>,
        skip: usize,
        continuations: &mut Continuations<'_>,
    ) -> Result<(), ReadError> {
        let area = record.system_use().get(skip..).unwrap_or_default();
        continuations.visit(area, |field| {
            // A field that is too short for what it has to say is as good as none.
            let _ = self.take(field);
        })
    }

    fn take(&mut self, field: Field<'_>) -> Option<()> {
        match &field.signature {
            b"NM" => self.name.push(field.byte(4)?, field.rest(5)),
            b"PX" => self.attributes = Some(attributes(field)?),
            b"PN" => self.device = Some(device(field.number(4)?, field.number(12)?)),
            b"SL" => self.link.push(field.byte(4)?, field.rest(5)),
            b"TF" => self.modified = modified(field.byte(4)?, field.rest(5)).or(self.modified),
            b"CL" => self.child = Some(field.number(4)?),
            b"RE" => self.is_relocated = true,
            b"SF" => self.sparse_size = Some(sparse_size(field)?),
            b"ZF" | b"Z2" => self.zisofs = Some(zisofs_field(field)?),
            _ => {}
        }
        Some(())
    }
}

fn attributes(field: Field<'_>) -> Option<Attributes> {
    Some(Attributes {
        mode: field.number(4)?,
        links: field.number(12)?,
        owner: field.number(20)?,
        group: field.number(28)?,
    })
}

/// The standard has a device number of 32 bits in the low half alone, and in halves otherwise. Told apart as Linux
/// does.
fn device(high: u32, low: u32) -> (u32, u32) {
    if high == 0 && low > 0xFF { (low >> 8, low & 0xFF) } else { (high, low) }
}

/// The time of modification among the times of a TF field, which has them in the order of the flags.
fn modified(flags: u8, times: &[u8]) -> Option<Timestamp> {
    const CREATION: u8 = 1;
    const MODIFY: u8 = 2;
    const LONG_FORM: u8 = 0x80;
    if flags & MODIFY == 0 {
        return None;
    }
    let index = usize::from(flags & CREATION != 0);
    if flags & LONG_FORM == 0 {
        date::from_binary(times.get(7 * index..)?.first_chunk().copied()?)
    } else {
        date::from_digits(times.get(17 * index..)?.first_chunk()?)
    }
}

fn sparse_size(field: Field<'_>) -> Option<u64> {
    Some(u64::from(field.number(4)?) << 32 | u64::from(field.number(12)?))
}

fn zisofs_field(field: Field<'_>) -> Option<zisofs::Field> {
    let version = match field.rest(4).first_chunk()? {
        b"pz" => zisofs::Version::One,
        b"PZ" => zisofs::Version::Two,
        _ => zisofs::Version::Unknown,
    };
    let size = match version {
        zisofs::Version::Two => field.long_number(8)?,
        _ => u64::from(field.number(8)?),
    };
    let (header_quarter, block_size_log2) = (field.byte(6)?, field.byte(7)?);
    Some(zisofs::Field { version, header_quarter, block_size_log2, size })
}

/// Whether a directory's record of itself shows that its tree has Rock Ridge, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presence {
    /// Bytes to skip in the System Use area of every other record.
    pub(super) skip: usize,
    /// Whether the extension is announced as it has to be (ER). Linux prefers Joliet to Rock Ridge that is not.
    pub(super) is_announced: bool,
}

impl Presence {
    /// Bytes that CD-ROM XA puts before the System Use fields of the root's record.
    const XA_LENGTH: usize = 14;

    /// Looks at the root directory's record of itself.
    pub(super) fn of(root: Record<'_>, continuations: &mut Continuations<'_>) -> Option<Self> {
        [0, Self::XA_LENGTH].into_iter().find_map(|at| {
            let mut skip = None;
            let (mut is_announced, mut has_attributes) = (false, false);
            let area = root.system_use().get(at..)?;
            // An unreadable continuation may hide the announcement; what the record itself says still counts.
            let _ = continuations.visit(area, |field| match &field.signature {
                b"SP" if field.rest(4).starts_with(&[0xBE, 0xEF]) => skip = field.byte(6),
                b"ER" => is_announced = true,
                b"PX" | b"RR" | b"TF" => has_attributes = true,
                _ => {}
            });
            let skip = usize::from(skip.unwrap_or_default());
            (is_announced || has_attributes).then_some(Self { skip, is_announced })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            record::tests::record,
            system_use::tests::{both, field},
        },
        *,
    };

    fn read(area: &[u8], skip: usize) -> RockRidge {
        let bytes = record(b"X.;1", 0, (1, 1), area);
        let source = Vec::new();
        let mut continuations = Continuations::of_record(&source, 2048);
        let mut found = RockRidge::default();
        found.gather(Record::parse(&bytes).unwrap(), skip, &mut continuations).unwrap();
        found
    }

    #[test]
    fn attributes_are_read() {
        let px = [both(0o104_755), both(2), both(70_000), both(7)].concat();
        let area = [field(*b"PX", &px), field(*b"NM", b"\0hello")].concat();
        for skip in [0, 7] {
            let found = read(&[&vec![0xAA; skip][..], &area].concat(), skip);
            let attributes = found.attributes.unwrap();
            assert_eq!(attributes.kind(), Some(Kind::File));
            assert_eq!(attributes.permissions(), 0o4755);
            assert_eq!((attributes.links, attributes.owner, attributes.group), (2, 70_000, 7));
            assert_eq!(found.name.get(), Some(&b"hello"[..]));
        }
    }

    #[test]
    fn fields_too_short_for_their_meaning_are_none() {
        for signature in [b"NM", b"PX", b"PN", b"SL", b"TF", b"CL", b"SF", b"ZF"] {
            let found = read(&field(*signature, b""), 0);
            assert!(found.attributes.is_none() && found.device.is_none() && found.child.is_none());
            assert!(found.name.get().is_none() && found.link.target().is_none());
            assert!(found.modified.is_none() && found.sparse_size.is_none());
            assert!(found.zisofs.is_none());
        }
    }

    #[test]
    fn the_time_of_modification_is_found_among_the_others() {
        let (a, b) = ([100, 1, 1, 0, 0, 0, 0], [101, 1, 1, 0, 0, 0, 0]);
        let of = |bytes| date::from_binary(bytes);
        assert_eq!(modified(0x03, &[a, b].concat()), of(b));
        assert_eq!(modified(0x0E, &[a, b, b].concat()), of(a));
        assert_eq!(modified(0x0D, &[a, b, b].concat()), None);
        assert_eq!(modified(0x03, &a), None);
        let long = [&b"2000010100000000\0"[..], b"2001010100000000\0"].concat();
        assert_eq!(modified(0x83, &long), of(b));
    }

    #[test]
    fn device_numbers_are_read_as_linux_reads_them() {
        assert_eq!(device(0, 0x0803), (8, 3));
        assert_eq!(device(0, 5), (0, 5));
        assert_eq!(device(1, 3), (1, 3));
        assert_eq!(device(8, 300), (8, 300));
    }

    #[test]
    fn presence_is_seen_with_and_without_the_data_of_cd_xa() {
        let fields =
            [field(*b"SP", &[0xBE, 0xEF, 3]), field(*b"ER", b"\x0A\0\0\x01RRIP_1991A")].concat();
        let source = Vec::new();
        let presence = |area: &[u8]| {
            let bytes = record(&[0], 2, (1, 2048), area);
            let mut continuations = Continuations::of_record(&source, 2048);
            Presence::of(Record::parse(&bytes).unwrap(), &mut continuations)
        };
        let expected = Some(Presence { skip: 3, is_announced: true });
        assert_eq!(presence(&fields), expected);
        assert_eq!(presence(&[&[0; 14][..], &fields].concat()), expected);
        assert_eq!(
            presence(&field(*b"RR", b"\x81")),
            Some(Presence { skip: 0, is_announced: false })
        );
        assert_eq!(presence(&field(*b"AA", b"\x81")), None);
        assert_eq!(presence(b""), None);
    }
}
