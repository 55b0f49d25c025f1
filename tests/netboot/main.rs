//! Machines without a disk boot from a mirror: firmware, iPXE, the daemon's menus, and an installer's kernel.
//!
//! The installer is that of Debian, of which there is a package. Run one at a time: each emulates a whole machine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

use std::{path::Path, time::Duration};

use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    images::iso9660::xorriso,
    netboot::{KEY_DOWN, KEY_ENTER, MIRROR_HOST, NetbootFirmware, NetbootMachine},
};
use serde_json::{Value, json};

/// The tree of Debian's network installer, as its package has it.
const INSTALLER: &str = "/usr/lib/debian-installer/images/12/amd64/text";

/// The label of the medium that is made of it.
const LABEL: &str = "Debian netboot";

/// How long any one step may take; an emulated machine on a busy one is slow.
const PATIENCE: Duration = Duration::from_mins(4);

/// A mirror of the installer's medium alone, whose menu boots it when nobody chooses.
fn mirror() -> Daemon {
    assert!(Path::new(INSTALLER).is_dir(), "debian-installer-12-netboot-amd64 is installed");
    let mut options = DaemonOptions::default();
    options.config.push_str("boot: {default: Debian_netboot, timeout: 8s}\n");
    let daemon = Daemon::start_with(options, |images| {
        xorriso(INSTALLER.as_ref(), &images.join("a.iso"), &["-R", "-V", LABEL]);
        Ok(())
    })
    .unwrap();
    let family = "/media/0/system/family";
    let is_known = |state: &Value| state.pointer(family) == Some(&json!("debian-netboot"));
    daemon.wait_for_state(PATIENCE, is_known).unwrap();
    daemon
}

fn boots_the_installer(firmware: NetbootFirmware) {
    let daemon = mirror();
    let url = format!("http://{MIRROR_HOST}:{}/boot.ipxe", daemon.port());
    let mut machine = NetbootMachine::start(firmware, &url).unwrap();
    machine.wait_for("x86_64 (Debian_netboot)", PATIENCE).unwrap();
    // Nobody chooses: the menu of all media goes on to that of the default by itself.
    machine.wait_for("Start over HTTP in text mode", PATIENCE).unwrap();
    machine.press(KEY_DOWN).unwrap();
    machine.press(KEY_ENTER).unwrap();
    machine.wait_for("debian-installer/amd64/initrd.gz... ", PATIENCE).unwrap();
    machine.wait_for("Linux version", PATIENCE).unwrap();
    machine.wait_for("Select a language", PATIENCE).unwrap();
    let console = machine.console();
    // From an EFI, iPXE puts the kernel's name before it.
    let words = "initrd=initrd.img console=tty0 console=ttyS0,115200n8";
    let mut lines = console.lines().filter(|line| line.contains("] Command line: "));
    assert!(lines.any(|line| line.ends_with(words)), "{console}");
    let is_efi = console.contains("efi: EFI v2");
    assert_eq!(is_efi, firmware == NetbootFirmware::Efi, "{console}");
}

#[test]
fn a_machine_with_a_bios_boots_an_installer_from_the_menu() {
    boots_the_installer(NetbootFirmware::Bios);
}

#[test]
fn a_machine_with_an_efi_boots_an_installer_from_the_menu() {
    boots_the_installer(NetbootFirmware::Efi);
}
