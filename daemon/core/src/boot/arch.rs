//! Names of architectures, brought to those of the kernel (`uname -m`).

/// Names that media use, and the kernel's for the same.
const NAMES: &[(&str, &[&str])] = &[
    ("x86_64", &["x86_64", "amd64", "x64", "x86-64", "64-bit", "64bit"]),
    ("i686", &["i686", "i386", "i486", "i586", "x86", "ia32", "32-bit", "32bit"]),
    ("aarch64", &["aarch64", "arm64", "a64", "aa64", "arm64ec"]),
    ("armv7l", &["armv7l", "armhf", "armv7", "armhfp", "armv7hl", "arm"]),
    ("armv5tel", &["armv5tel", "armel"]),
    ("ppc64le", &["ppc64le", "ppc64el", "powerpc64le", "p64el"]),
    ("ppc64", &["ppc64", "powerpc64"]),
    ("ppc", &["ppc", "powerpc"]),
    ("s390x", &["s390x"]),
    ("riscv64", &["riscv64", "riscv64gc"]),
    ("loongarch64", &["loongarch64", "loong64"]),
    ("mips64el", &["mips64el"]),
    ("mipsel", &["mipsel"]),
    ("ia64", &["ia64"]),
];

/// The kernel's name for `name`, in whatever case; `None` for what is none, like `multi-arch`.
#[must_use]
pub fn kernel_name(name: &str) -> Option<&'static str> {
    let name = name.trim();
    let known = |names: &[&str]| names.iter().any(|other| other.eq_ignore_ascii_case(name));
    NAMES.iter().find(|(_, names)| known(names)).map(|(kernel, _)| *kernel)
}

/// The architecture of the EFI program that removable media hold under `name` (UEFI 2.10, 3.5.1.1): `BOOTX64.EFI`.
#[must_use]
pub fn of_efi_loader(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_uppercase().strip_prefix("BOOT")?.strip_suffix(".EFI")? {
        "X64" => "x86_64",
        "IA32" => "i686",
        "AA64" => "aarch64",
        "ARM" => "armv7l",
        "RISCV64" => "riscv64",
        "LOONGARCH64" => "loongarch64",
        "IA64" => "ia64",
        _ => return None,
    })
}

/// The architecture that a kernel is for, by the first bytes of its file: the x86 boot protocol's header (Linux,
/// Documentation/arch/x86/boot.rst), the arm64 and riscv image headers, or the machine of a PE header.
#[must_use]
pub fn of_kernel(bytes: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, length: usize| bytes.get(offset..offset.checked_add(length)?);
    if at(0x202, 4) == Some(b"HdrS") {
        // Bit 0 of `xloadflags`, which versions from 2.12 on have: the kernel has a 64-bit entry point.
        let version = at(0x206, 2).map(|v| u16::from_le_bytes([v[0], v[1]]))?;
        return match at(0x236, 1) {
            Some(flags) if version >= 0x020c => {
                Some(if flags[0] & 1 == 1 { "x86_64" } else { "i686" })
            }
            _ => None,
        };
    }
    match at(0x38, 4) {
        Some(b"ARM\x64") => return Some("aarch64"),
        Some(b"RSC\x05") => return Some("riscv64"),
        _ => {}
    }
    let header = at(0x3c, 4).filter(|_| bytes.starts_with(b"MZ"))?;
    let header = u32::from_le_bytes(header.try_into().ok()?);
    let header = at(usize::try_from(header).ok()?, 6).filter(|h| h.starts_with(b"PE\0\0"))?;
    Some(match u16::from_le_bytes([header[4], header[5]]) {
        0x8664 => "x86_64",
        0x014c => "i686",
        0xaa64 => "aarch64",
        0x01c2 | 0x01c4 => "armv7l",
        0x5064 => "riscv64",
        0x6264 => "loongarch64",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_all_distributions_become_the_kernels() {
        for (name, expected) in [
            ("amd64", Some("x86_64")),
            ("AMD64", Some("x86_64")),
            (" arm64 ", Some("aarch64")),
            ("i586", Some("i686")),
            ("ppc64el", Some("ppc64le")),
            ("multi-arch", None),
            ("", None),
        ] {
            assert_eq!(kernel_name(name), expected, "{name}");
        }
        assert_eq!(of_efi_loader("bootx64.efi"), Some("x86_64"));
        assert_eq!(of_efi_loader("grubx64.efi"), None);
    }

    #[test]
    fn kernels_tell_what_they_are_for() {
        let mut bz_image = vec![0; 0x240];
        bz_image[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
        assert_eq!(of_kernel(&bz_image), Some("i686"));
        bz_image[0x236] = 0x3f;
        assert_eq!(of_kernel(&bz_image), Some("x86_64"));
        let mut image = vec![0; 64];
        image[0x38..0x3c].copy_from_slice(b"ARM\x64");
        assert_eq!(of_kernel(&image), Some("aarch64"));
        let mut zboot = b"MZ".to_vec();
        zboot.resize(0x40, 0);
        zboot[0x3c] = 0x40;
        zboot.extend(b"PE\0\0\x64\xaa");
        assert_eq!(of_kernel(&zboot), Some("aarch64"));
        assert_eq!(of_kernel(b"\x1f\x8b"), None);
    }

    proptest! {
        #[test]
        fn no_kernel_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..0x300), magic: bool) {
            if magic && bytes.len() > 0x206 {
                bytes[0x202..0x206].copy_from_slice(b"HdrS");
            }
            let _ = of_kernel(&bytes);
            bytes.splice(0..2.min(bytes.len()), *b"MZ");
            let _ = of_kernel(&bytes);
        }
    }
}
