//! The volume descriptors (ECMA-119 8): what a volume says of itself and where its trees begin.

use super::{super::bytes, date, record::SECTOR};
use crate::image::{OpenError, ReadAt, Timestamp, el_torito};

/// Byte offset of the first volume descriptor.
const FIRST: u64 = 16 * SECTOR as u64;

/// Descriptors that are looked at.
const MAXIMUM_DESCRIPTORS: u64 = 64;

const TYPE_BOOT: u8 = 0;
const TYPE_PRIMARY: u8 = 1;
const TYPE_SUPPLEMENTARY: u8 = 2;
const TYPE_TERMINATOR: u8 = 255;

/// The primary volume descriptor, its texts as they are recorded: padded with blanks.
#[derive(Clone, Debug)]
pub(in crate::image) struct PrimaryDescriptor {
    /// System identifier.
    pub(in crate::image) system: [u8; 32],
    /// Volume identifier.
    pub(in crate::image) volume_id: [u8; 32],
    /// Logical blocks of the volume.
    pub(in crate::image) space_size: u32,
    /// Bytes of a logical block: 512, 1024 or 2048.
    pub(in crate::image) block_size: u32,
    /// Volume set identifier.
    pub(in crate::image) volume_set: [u8; 128],
    /// Publisher.
    pub(in crate::image) publisher: [u8; 128],
    /// Data preparer.
    pub(in crate::image) preparer: [u8; 128],
    /// Application.
    pub(in crate::image) application: [u8; 128],
    /// Volume creation date, in the 17-byte form.
    pub(in crate::image) creation_date: [u8; 17],
    /// Volume modification date, in the 17-byte form.
    pub(in crate::image) modification_date: [u8; 17],
    /// First logical block of the root directory.
    pub(super) root: u64,
}

impl PrimaryDescriptor {
    /// When the volume was made.
    pub(in crate::image) fn created(&self) -> Option<Timestamp> {
        date::from_digits(&self.creation_date)
    }

    /// When the volume was last changed.
    pub(in crate::image) fn modified(&self) -> Option<Timestamp> {
        date::from_digits(&self.modification_date)
    }

    fn parse(sector: &[u8; SECTOR]) -> Self {
        Self {
            system: field(sector, 8),
            volume_id: field(sector, 40),
            space_size: u32::from_le_bytes(field(sector, 80)),
            block_size: u32::from(u16::from_le_bytes(field(sector, 128))),
            volume_set: field(sector, 190),
            publisher: field(sector, 318),
            preparer: field(sector, 446),
            application: field(sector, 574),
            creation_date: field(sector, 813),
            modification_date: field(sector, 830),
            root: root_block(sector),
        }
    }
}

/// What is needed of a supplementary or enhanced volume descriptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct SupplementaryDescriptor {
    /// Volume identifier.
    pub(super) volume_id: [u8; 32],
    /// First logical block of the root directory.
    pub(super) root: u64,
}

/// All descriptors of a volume.
#[derive(Clone, Debug)]
pub(super) struct Descriptors {
    /// The first primary descriptor.
    pub(super) primary: PrimaryDescriptor,
    /// The first one with Joliet's escape sequences.
    pub(super) joliet: Option<SupplementaryDescriptor>,
    /// The first enhanced one (ISO 9660:1999).
    pub(super) enhanced: Option<SupplementaryDescriptor>,
    /// Sector of the El Torito boot catalogue.
    pub(super) boot_catalog: Option<u32>,
    /// What is wrong with the descriptors.
    pub(super) problems: Vec<String>,
}

impl Descriptors {
    /// Reads the descriptors; `None` where the first one is none.
    pub(super) fn read(source: &dyn ReadAt) -> Result<Option<Self>, OpenError> {
        let mut primary = None;
        let (mut joliet, mut enhanced, mut boot_catalog) = (None, None, None);
        let mut problems = Vec::new();
        for index in 0..MAXIMUM_DESCRIPTORS {
            let Some(sector) = read_descriptor(source, FIRST + index * SECTOR as u64)? else {
                if index == 0 {
                    return Ok(None);
                }
                problems.push("the volume descriptors have no terminator".to_owned());
                break;
            };
            match sector[0] {
                TYPE_BOOT => boot_catalog = boot_catalog.or(el_torito::catalog_sector(&sector)),
                TYPE_PRIMARY if primary.is_none() => {
                    primary = Some(PrimaryDescriptor::parse(&sector));
                }
                TYPE_SUPPLEMENTARY if is_joliet(&sector) => {
                    joliet = joliet.or(Some(supplementary(&sector)));
                }
                TYPE_SUPPLEMENTARY if sector[6] == 2 => {
                    enhanced = enhanced.or(Some(supplementary(&sector)));
                }
                TYPE_TERMINATOR => break,
                _ => {}
            }
        }
        let primary = primary.ok_or(damaged("primary volume descriptor"))?;
        if !matches!(primary.block_size, 512 | 1024 | 2048) {
            return Err(damaged("logical block size of the primary volume descriptor"));
        }
        Ok(Some(Self { primary, joliet, enhanced, boot_catalog, problems }))
    }
}

fn damaged(what: &'static str) -> OpenError {
    OpenError::Damaged { what, offset: FIRST }
}

/// The sector at `offset` if it is a volume descriptor.
fn read_descriptor(source: &dyn ReadAt, offset: u64) -> Result<Option<[u8; SECTOR]>, OpenError> {
    if source.size() < offset + SECTOR as u64 {
        return Ok(None);
    }
    let mut sector = [0; SECTOR];
    source.read_exact_at(&mut sector, offset).map_err(|error| OpenError::Read {
        what: "volume descriptor",
        offset,
        source: error,
    })?;
    Ok((sector[1..6] == *b"CD001").then_some(sector))
}

fn supplementary(sector: &[u8; SECTOR]) -> SupplementaryDescriptor {
    SupplementaryDescriptor { volume_id: field(sector, 40), root: root_block(sector) }
}

/// Joliet announces UCS-2 of level 1, 2 or 3 by an escape sequence of ISO 2022.
fn is_joliet(sector: &[u8; SECTOR]) -> bool {
    let escape: [u8; 3] = field(sector, 88);
    matches!(&escape, b"%/@" | b"%/C" | b"%/E")
}

/// First block of the data of the root directory's record at byte 156, after its extended attribute record.
fn root_block(sector: &[u8; SECTOR]) -> u64 {
    u64::from(u32::from_le_bytes(field(sector, 158))) + u64::from(sector[157])
}

fn field<const N: usize>(sector: &[u8; SECTOR], at: usize) -> [u8; N] {
    bytes::array(sector, at).expect("all fields lie within the sector")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn descriptor(kind: u8, version: u8, escape: &[u8]) -> Vec<u8> {
        let mut sector = vec![0; SECTOR];
        sector[0] = kind;
        sector[1..6].copy_from_slice(b"CD001");
        sector[6] = version;
        sector[40..45].copy_from_slice(b"LABEL");
        sector[80] = 100;
        sector[88..88 + escape.len()].copy_from_slice(escape);
        sector[129] = 8;
        sector[157] = 1;
        sector[158] = 20;
        sector
    }

    fn image(descriptors: &[Vec<u8>]) -> Vec<u8> {
        [vec![0; 32768], descriptors.concat()].concat()
    }

    #[test]
    fn descriptors_of_all_kinds_are_told_apart() {
        let image = image(&[
            descriptor(1, 1, b""),
            descriptor(2, 1, b"%/E"),
            descriptor(2, 2, b""),
            descriptor(2, 1, b"%G"),
            descriptor(255, 1, b""),
        ]);
        let found = Descriptors::read(&image).unwrap().unwrap();
        assert_eq!(&found.primary.volume_id[..6], b"LABEL\0");
        assert_eq!((found.primary.space_size, found.primary.block_size), (100, 2048));
        assert_eq!(found.primary.root, 21);
        assert_eq!(found.joliet.unwrap().root, 21);
        assert!(found.enhanced.is_some() && found.boot_catalog.is_none());
        assert!(found.problems.is_empty());
    }

    #[test]
    fn a_missing_terminator_is_told_and_borne() {
        let found = Descriptors::read(&image(&[descriptor(1, 1, b"")])).unwrap().unwrap();
        assert_eq!(found.problems, ["the volume descriptors have no terminator"]);
        let endless = image(&vec![descriptor(1, 1, b""); 100]);
        assert!(Descriptors::read(&endless).unwrap().is_some());
    }

    #[test]
    fn without_descriptors_it_is_no_iso_9660() {
        for image in
            [vec![], vec![0; 32768 + 2048], image(&[descriptor(1, 1, b"")[..2047].to_vec()])]
        {
            assert!(Descriptors::read(&image).unwrap().is_none());
        }
    }

    #[test]
    fn a_volume_that_cannot_be_measured_is_refused() {
        assert!(Descriptors::read(&image(&[descriptor(2, 1, b"%/E")])).is_err());
        for size in [0, 1, 256, 4096, 65535_u16] {
            let mut sector = descriptor(1, 1, b"");
            sector[128..130].copy_from_slice(&size.to_le_bytes());
            let error = Descriptors::read(&image(&[sector])).unwrap_err();
            assert!(error.to_string().contains("logical block size"), "{size}");
        }
    }

    proptest! {
        #[test]
        fn no_descriptor_is_too_odd(kind: u8, body in proptest::collection::vec(any::<u8>(), SECTOR - 6)) {
            let sector = [&[kind][..], b"CD001", &body].concat();
            let _ = Descriptors::read(&image(&[descriptor(1, 1, b""), sector]));
        }
    }
}
