//! What firmware can do with any medium: boot it as a disc, or fetch its EFI programs.

use super::{
    arch::of_efi_loader,
    detection::{BootAction, BootEntry, BootMode, Firmware},
    glob::PathPattern,
    look::{GaveUp, Look},
};
use crate::image::{BootCatalog, BootPlatform};

/// The image as a disc, for the firmware that its boot catalogue has images for.
pub(super) fn of_catalog(catalog: Option<&BootCatalog>) -> Vec<BootEntry> {
    let entries = catalog.map(|catalog| catalog.entries.as_slice()).unwrap_or_default();
    let has = |platform| entries.iter().any(|entry| entry.bootable && entry.platform == platform);
    let firmware = match (has(BootPlatform::X86), has(BootPlatform::Efi)) {
        (true, true) => Firmware::Any,
        (true, false) => Firmware::Bios,
        (false, true) => Firmware::Efi,
        (false, false) => return Vec::new(),
    };
    let mode = BootMode::Sanboot;
    vec![BootEntry { mode, arch: None, firmware, action: BootAction::Sanboot }]
}

/// The programs that EFI firmware looks for on removable media (UEFI 2.10, 3.5.1.1).
pub(super) fn efi_programs(look: &Look<'_>) -> Result<Vec<BootEntry>, GaveUp> {
    let pattern = PathPattern::parse("EFI/BOOT/BOOT*.EFI").expect("it is a path");
    let entry = |program: String| {
        let arch = of_efi_loader(program.rsplit('/').next()?)?;
        let action = BootAction::Program { program, command_line: String::new() };
        let (mode, arch) = (BootMode::EfiLoader, Some(arch.to_owned()));
        Some(BootEntry { mode, arch, firmware: Firmware::Efi, action })
    };
    Ok(look.all(&pattern)?.into_iter().filter_map(|hit| entry(hit.path)).collect())
}

/// The architecture that `programs` are for. A 32-bit one beside a 64-bit one only serves machines with such firmware.
pub(super) fn common_arch(programs: &[BootEntry]) -> Option<&str> {
    let mut archs: Vec<_> = programs.iter().filter_map(|entry| entry.arch.as_deref()).collect();
    archs.sort_unstable();
    archs.dedup();
    match archs[..] {
        [arch] => Some(arch),
        ["i686", "x86_64"] => Some("x86_64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boot::sample::SampleTree,
        image::{BootEntry as CatalogEntry, BootMedia},
    };

    fn catalog(platforms: &[(BootPlatform, bool)]) -> BootCatalog {
        let entry = |(platform, bootable): &(BootPlatform, bool)| CatalogEntry {
            platform: *platform,
            bootable: *bootable,
            media: BootMedia::None,
            load_segment: 0,
            sectors: 4,
            offset: 0,
        };
        BootCatalog { id: None, entries: platforms.iter().map(entry).collect() }
    }

    #[test]
    fn a_catalogue_tells_which_firmware_boots_the_disc() {
        use BootPlatform::{Efi, PowerPc, X86};
        for (platforms, expected) in [
            (&[(X86, true)][..], Some(Firmware::Bios)),
            (&[(X86, true), (Efi, true)], Some(Firmware::Any)),
            (&[(X86, false), (Efi, true)], Some(Firmware::Efi)),
            (&[(PowerPc, true)], None),
        ] {
            let entries = of_catalog(Some(&catalog(platforms)));
            assert_eq!(entries.first().map(|entry| entry.firmware), expected);
        }
        assert_eq!(of_catalog(None), []);
    }

    #[test]
    fn efi_programs_are_found_whatever_their_case() {
        let tree = SampleTree::of_files([
            "efi/boot/bootx64.efi",
            "efi/boot/BOOTIA32.EFI",
            "efi/boot/grubx64.efi",
        ]);
        let look = Look::new(&tree, &|| true);
        let programs = efi_programs(&look).unwrap();
        let archs: Vec<_> = programs.iter().map(|entry| entry.arch.as_deref().unwrap()).collect();
        assert_eq!(archs, ["i686", "x86_64"]);
        assert_eq!(common_arch(&programs), Some("x86_64"));
    }
}
