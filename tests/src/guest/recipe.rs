//! What the guests' system is made of. Whatever changes here makes a new image.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

/// Debian packages beyond the essential ones.
pub(super) const PACKAGES: &[&str] = &[
    "autofs",
    "curl",
    "dbus",
    "eject",
    "initramfs-tools",
    "iproute2",
    "kmod",
    // The kernel for clouds has neither AHCI nor USB storage.
    "linux-image-amd64",
    "nginx-light",
    "procps",
    // To install packages of the other kind.
    "rpm",
    "systemd",
    "systemd-sysv",
    "udev",
    // Another automounter, to get along with and to compare with.
    "udiskie",
    "udisks2",
    "util-linux",
    "zstd",
];

/// Size of the root disk; sparse, so only what is used costs.
pub(super) const ROOT_SIZE: &str = "3G";

/// Run by mmdebstrap before anything is unpacked: an initial RAM disk with nothing but what finds the root disk is a
/// third of the usual one, and unpacking it is a good part of an emulated boot.
pub(super) const SETUP_HOOK: &str = r#"
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
printf 'MODULES=list\n' >"$1/etc/initramfs-tools/conf.d/guest"
printf 'virtio_pci\nvirtio_blk\next4\n' >"$1/usr/share/initramfs-tools/modules.d/guest"
"#;

/// Files of our own: path, text, mode.
pub(super) const FILES: &[(&str, &str, u32)] = &[
    ("usr/local/sbin/guest-agent", include_str!("agent.sh"), 0o755),
    ("etc/systemd/system/guest-agent.service", include_str!("agent.service"), 0o644),
    ("etc/systemd/system/at-boot.service", include_str!("at_boot.service"), 0o644),
    ("etc/fstab", "LABEL=payload /payload ext4 ro,nofail,x-systemd.device-timeout=60 0 0\n", 0o644),
    ("etc/hostname", "guest\n", 0o644),
    ("etc/hosts", "127.0.0.1 localhost guest\n", 0o644),
    // A machine without an id would run its first-boot set-up at every boot.
    ("etc/machine-id", "69736f6d6972726f7200000000000001\n", 0o444),
];

/// Links of our own: path, target. Services that only cost time are masked; servers wait until a test starts them.
pub(super) const LINKS: &[(&str, &str)] = &[
    ("etc/systemd/system/multi-user.target.wants/guest-agent.service", "../guest-agent.service"),
    ("etc/systemd/system/multi-user.target.wants/at-boot.service", "../at-boot.service"),
    ("etc/systemd/system/getty@.service", "/dev/null"),
    ("etc/systemd/system/serial-getty@.service", "/dev/null"),
    ("etc/systemd/system/e2scrub_reap.service", "/dev/null"),
    ("etc/systemd/system/apt-daily.timer", "/dev/null"),
    ("etc/systemd/system/apt-daily-upgrade.timer", "/dev/null"),
    ("etc/systemd/system/dpkg-db-backup.timer", "/dev/null"),
    ("etc/systemd/system/fstrim.timer", "/dev/null"),
];

/// Servers that Debian starts at boot; their links go.
const NOT_AT_BOOT: &[&str] =
    &["nginx.service", "autofs.service", "udisks2.service", "e2scrub_all.timer"];

/// Puts our own files into the unpacked system below `root`.
pub(super) fn install(root: &Path) -> io::Result<()> {
    fs::create_dir_all(root.join("payload"))?;
    for (path, text, mode) in FILES {
        let path = root.join(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode))?;
    }
    let wanted = root.join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wanted)?;
    for unit in NOT_AT_BOOT {
        for target in ["multi-user.target.wants", "graphical.target.wants", "timers.target.wants"] {
            let _ = fs::remove_file(root.join("etc/systemd/system").join(target).join(unit));
        }
    }
    for (path, target) in LINKS {
        let path = root.join(path);
        let _ = fs::remove_file(&path);
        symlink(target, path)?;
    }
    Ok(())
}
