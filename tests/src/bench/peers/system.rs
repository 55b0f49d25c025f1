//! Who shows discs, and how each is set up.

/// One of those that are compared.
pub(super) struct System {
    pub(super) name: &'static str,
    /// Where it shows discs.
    pub(super) root: &'static str,
    /// Where the same is to be had over HTTP: peers have an nginx, whose workers may read everything.
    pub(super) port: u16,
    /// Sets it up and starts it.
    pub(super) begin: &'static str,
    /// Prints the processes that it consists of, to be killed. Empty where that would be PID 1.
    pub(super) processes: &'static str,
    /// Whether it tells what it shows in a state document.
    pub(super) has_document: bool,
}

/// All of them.
pub(super) const SYSTEMS: [System; 4] = [
    System {
        name: "isomirror",
        root: "/srv/isomirror",
        port: 8080,
        begin: "systemctl restart isomirrord",
        processes: "systemctl show --property MainPID --value isomirrord",
        has_document: true,
    },
    System {
        name: "udisks2 + udiskie",
        // Debian's udisks2 mounts below /media.
        root: "/media/root",
        port: 8081,
        begin: "mkdir -p /media/root
            systemctl start udisks2
            systemd-run --quiet --unit udiskie udiskie --no-tray --no-notify --automount",
        processes: "systemctl show --property MainPID --value udiskie udisks2",
        has_document: false,
    },
    // A program as map, so that directories have the names of labels; the map of a file has those of drives.
    System {
        name: "autofs alone",
        root: "/srv/autofs",
        port: 8081,
        begin: r#"mkdir -p /srv/autofs
            printf '/srv/autofs /etc/auto.discs --timeout=60 --negative-timeout=1\n' >/etc/auto.master.d/discs.autofs
            printf '#!/bin/sh\ntest -e "/dev/disk/by-label/$1" && echo "-fstype=iso9660,ro,nosuid,nodev :/dev/disk/by-label/$1"\n' >/etc/auto.discs
            chmod 755 /etc/auto.discs
            systemctl restart autofs"#,
        processes: "pidof automount",
        has_document: false,
    },
    System {
        name: "systemd (udev rule with systemd-mount)",
        root: "/run/media/system",
        port: 8081,
        begin: r#"mkdir -p /run/media/system
            printf '%s\n' 'ACTION!="remove", SUBSYSTEM=="block", KERNEL=="sr[0-9]*", ENV{ID_CDROM_MEDIA}=="1", ENV{ID_FS_LABEL}=="?*", RUN+="/usr/bin/systemd-mount --no-block --automount=no --collect --options=ro $devnode"' >/etc/udev/rules.d/99-mount-discs.rules
            udevadm control --reload"#,
        processes: "",
        has_document: false,
    },
];
