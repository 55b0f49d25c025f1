//! El Torito: which boot images a medium offers to firmware (specification 1.0, 1995; EFI by UEFI 13.3.2).
//!
//! It reads the catalogue only; what the images hold is not looked at.

use super::{BootCatalog, BootEntry, BootMedia, BootPlatform, ReadAt, bytes};

/// Bytes of a sector, whatever the logical block size is.
const SECTOR: u64 = 2048;

/// Bytes of an entry.
const ENTRY: usize = 32;

/// Bytes of a catalogue that are read: 256 entries.
const MAXIMUM_LENGTH: u64 = 4 * SECTOR;

const VALIDATION: u8 = 0x01;
const SECTION: u8 = 0x90;
const LAST_SECTION: u8 = 0x91;
const EXTENSION: u8 = 0x44;
const BOOTABLE: u8 = 0x88;

/// The sector of the catalogue that a boot record descriptor points to; `None` where it is not El Torito's.
pub(super) fn catalog_sector(descriptor: &[u8]) -> Option<u32> {
    let identifier = descriptor.get(7..39)?;
    identifier.starts_with(b"EL TORITO SPECIFICATION").then(|| bytes::u32_le(descriptor, 71))?
}

/// Reads the catalogue in `sector`.
///
/// # Errors
/// What is wrong with it, as a phrase that names it.
pub(super) fn read(source: &dyn ReadAt, sector: u32) -> Result<BootCatalog, String> {
    let offset = u64::from(sector) * SECTOR;
    let length = MAXIMUM_LENGTH.min(source.size().saturating_sub(offset));
    let mut data = vec![0; usize::try_from(length).unwrap_or_default()];
    source
        .read_exact_at(&mut data, offset)
        .map_err(|error| format!("the boot catalogue at byte {offset} cannot be read: {error}"))?;
    parse(&data).ok_or_else(|| format!("the boot catalogue at byte {offset} is damaged"))
}

/// The catalogue in `data`, which may end anywhere; `None` where it does not begin with a sound validation entry.
fn parse(data: &[u8]) -> Option<BootCatalog> {
    let mut entries = data.chunks_exact(ENTRY);
    let validation = entries.next().filter(|entry| is_validation(entry))?;
    let mut platform = platform(validation[1]);
    let mut catalog = BootCatalog { id: text(&validation[4..28]), entries: Vec::new() };
    catalog.entries.push(boot_entry(entries.next()?, platform)?);
    while let Some(header) =
        entries.next().filter(|entry| matches!(entry[0], SECTION | LAST_SECTION))
    {
        platform = self::platform(header[1]);
        for _ in 0..bytes::u16_le(header, 2)? {
            let Some(entry) = entries.by_ref().find(|entry| entry[0] != EXTENSION) else { break };
            catalog.entries.extend(boot_entry(entry, platform));
        }
        if header[0] == LAST_SECTION {
            break;
        }
    }
    Some(catalog)
}

fn is_validation(entry: &[u8]) -> bool {
    let sum = entry
        .chunks_exact(2)
        .fold(0_u16, |sum, word| sum.wrapping_add(u16::from_le_bytes([word[0], word[1]])));
    entry[0] == VALIDATION && entry[30..] == [0x55, 0xAA] && sum == 0
}

/// A boot entry; `None` where its indicator is none.
fn boot_entry(entry: &[u8], platform: BootPlatform) -> Option<BootEntry> {
    matches!(entry[0], 0 | BOOTABLE).then_some(())?;
    Some(BootEntry {
        platform,
        bootable: entry[0] == BOOTABLE,
        media: media(entry[1] & 0x0F),
        load_segment: bytes::u16_le(entry, 2)?,
        sectors: bytes::u16_le(entry, 6)?,
        offset: u64::from(bytes::u32_le(entry, 8)?) * SECTOR,
    })
}

fn platform(id: u8) -> BootPlatform {
    match id {
        0x00 => BootPlatform::X86,
        0x01 => BootPlatform::PowerPc,
        0x02 => BootPlatform::Macintosh,
        0xEF => BootPlatform::Efi,
        other => BootPlatform::Other(other),
    }
}

fn media(emulation: u8) -> BootMedia {
    match emulation {
        0 => BootMedia::None,
        1..=3 => BootMedia::Floppy,
        4 => BootMedia::HardDisk,
        other => BootMedia::Other(other),
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn validation(platform: u8) -> Vec<u8> {
        let mut entry = vec![0; ENTRY];
        entry[0] = VALIDATION;
        entry[1] = platform;
        entry[4..8].copy_from_slice(b"ACME");
        entry[30..].copy_from_slice(&[0x55, 0xAA]);
        let sum = entry
            .chunks_exact(2)
            .fold(0_u16, |sum, word| sum.wrapping_add(u16::from_le_bytes([word[0], word[1]])));
        entry[28..30].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
        entry
    }

    fn entry(indicator: u8, media: u8, sectors: u16, sector: u32) -> Vec<u8> {
        let mut entry = vec![0; ENTRY];
        entry[0] = indicator;
        entry[1] = media;
        entry[6..8].copy_from_slice(&sectors.to_le_bytes());
        entry[8..12].copy_from_slice(&sector.to_le_bytes());
        entry
    }

    fn header(indicator: u8, platform: u8, entries: u8) -> Vec<u8> {
        let mut entry = vec![0; ENTRY];
        entry[..3].copy_from_slice(&[indicator, platform, entries]);
        entry
    }

    #[test]
    fn entries_of_all_sections_are_found_with_their_platform() {
        let data = [
            validation(0),
            entry(BOOTABLE, 0, 4, 100),
            header(SECTION, 0xEF, 2),
            entry(BOOTABLE, 0, 2880, 200),
            entry(EXTENSION, 0, 0, 0),
            entry(0, 2, 1, 300),
            header(LAST_SECTION, 1, 1),
            entry(BOOTABLE, 4, 1, 400),
            header(SECTION, 2, 1),
            entry(BOOTABLE, 4, 1, 500),
        ];
        let catalog = parse(&data.concat()).unwrap();
        assert_eq!(catalog.id.as_deref(), Some("ACME"));
        let found: Vec<_> = catalog
            .entries
            .iter()
            .map(|entry| {
                (entry.platform, entry.bootable, entry.media, entry.sectors, entry.offset / 2048)
            })
            .collect();
        assert_eq!(
            found,
            [
                (BootPlatform::X86, true, BootMedia::None, 4, 100),
                (BootPlatform::Efi, true, BootMedia::None, 2880, 200),
                (BootPlatform::Efi, false, BootMedia::Floppy, 1, 300),
                (BootPlatform::PowerPc, true, BootMedia::HardDisk, 1, 400),
            ]
        );
    }

    #[test]
    fn a_catalogue_that_does_not_validate_is_none() {
        let sound = [validation(0), entry(BOOTABLE, 0, 4, 100)].concat();
        assert!(parse(&sound).is_some());
        for at in [0, 5, 28, 30, 31, 32] {
            let mut damaged = sound.clone();
            damaged[at] ^= 0x10;
            assert!(parse(&damaged).is_none(), "byte {at}");
        }
        assert!(parse(&sound[..63]).is_none());
        assert!(read(&sound, 7).unwrap_err().contains("boot catalogue at byte 14336"));
    }

    proptest! {
        #[test]
        fn no_catalogue_is_too_odd(rest in proptest::collection::vec(any::<u8>(), 0..300)) {
            let catalog = parse(&[validation(0), entry(BOOTABLE, 0, 4, 100), rest].concat()).unwrap();
            prop_assert!(catalog.entries.len() <= 11);
        }
    }
}
