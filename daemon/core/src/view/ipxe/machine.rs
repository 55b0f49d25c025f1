//! Which machines can use an entry, as iPXE finds out.

use super::script::Script;
use crate::boot::Firmware;

/// Writes what sets `isomachine` to the machine's architecture by its name in Linux. A BIOS has iPXE for 32 bits on
/// machines of 64 bits too; bit 29 of CPUID 80000001h, EDX, tells them apart.
pub(super) fn find_out_machine(script: &mut Script) {
    script.line("set isomachine ${buildarch}");
    for (build, machine) in
        [("arm64", "aarch64"), ("arm32", "armv7l"), ("loong64", "loongarch64"), ("i386", "i686")]
    {
        script.line(format_args!("iseq ${{buildarch}} {build} && set isomachine {machine} ||"));
    }
    script.line("iseq ${platform} pcbios && cpuid --ext 29 && set isomachine x86_64 ||");
}

/// What has to stand before a command that only some machines are to run, and what behind it; `None` where no machine
/// with iPXE is meant.
pub(super) fn condition(arch: Option<&str>, firmware: Firmware) -> Option<(String, &'static str)> {
    let mut tests = Vec::new();
    match arch {
        None => {}
        Some("i686" | "i586" | "i486" | "i386" | "x86") => {
            tests.push("iseq ${isomachine} i686 || iseq ${platform} pcbios".to_owned());
        }
        Some(arch @ ("x86_64" | "aarch64" | "armv7l" | "riscv64" | "loongarch64")) => {
            tests.push(format!("iseq ${{isomachine}} {arch}"));
        }
        Some(_) => return None,
    }
    match firmware {
        Firmware::Any => {}
        Firmware::Bios => tests.push("iseq ${platform} pcbios".to_owned()),
        Firmware::Efi => tests.push("iseq ${platform} efi".to_owned()),
    }
    if tests.is_empty() {
        return Some((String::new(), ""));
    }
    Some((format!("{} && ", tests.join(" && ")), " ||"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_shown_to_machines_that_can_use_it() {
        for (arch, firmware, before) in [
            (None, Firmware::Any, Some("")),
            (Some("x86_64"), Firmware::Any, Some("iseq ${isomachine} x86_64 && ")),
            (None, Firmware::Efi, Some("iseq ${platform} efi && ")),
            (
                Some("i686"),
                Firmware::Bios,
                Some(
                    "iseq ${isomachine} i686 || iseq ${platform} pcbios && iseq ${platform} pcbios && ",
                ),
            ),
            (Some("s390x"), Firmware::Any, None),
            (Some("x86_64 && shell"), Firmware::Any, None),
        ] {
            let found = condition(arch, firmware);
            assert_eq!(found.as_ref().map(|(text, _)| text.as_str()), before, "{arch:?}");
        }
    }
}
