//! The packages on a machine: installed, used, upgraded while media are in use, removed, and purged.

use std::time::Duration;

use isomirror_tests::{
    guest::{Guest, GuestOptions, PayloadFile},
    packages,
};
use tempfile::TempDir;

use crate::{
    discs::Disc,
    row::Row,
    station::{PATIENCE, Station},
    usage::Usage,
};

pub(crate) fn rows() -> Vec<Row> {
    vec![Row::alone(
        "packages::deb_and_rpm_are_installed_used_upgraded_and_removed_and_nothing_is_interrupted",
        both,
    )]
}

/// How packages of one kind are handled. Those in the payload are called `old` and `new`.
struct Packager {
    install: &'static str,
    upgrade: &'static str,
    remove: &'static str,
    /// Prints the version that is installed.
    version: &'static str,
    versions: [&'static str; 2],
    /// Where an edited configuration is after the removal.
    left_config: &'static str,
}

const DPKG: Packager = Packager {
    install: "dpkg --install /payload/old.deb",
    upgrade: "dpkg --install /payload/new.deb",
    remove: "dpkg --remove isomirror",
    version: "dpkg-query --show --showformat '${Version}' isomirror",
    versions: ["0.1.0-1", "0.1.0-2"],
    left_config: "/etc/isomirror/isomirror.yaml",
};

/// Debian's database has none of what the package needs, so that is not asked for.
const RPM: Packager = Packager {
    install: "rpm --force-debian --nodeps --install /payload/old.rpm",
    upgrade: "rpm --force-debian --nodeps --upgrade /payload/new.rpm",
    remove: "rpm --force-debian --nodeps --erase isomirror",
    version: "rpm --force-debian --query --queryformat '%{version}-%{release}' isomirror",
    versions: ["0.1.0-1", "0.1.0-2"],
    left_config: "/etc/isomirror/isomirror.yaml.rpmsave",
};

/// What a package manager may take in an emulated machine.
const PACKAGE_PATIENCE: Duration = Duration::from_mins(3);

const UNITS: [&str; 4] = [
    "isomirrord.service",
    "isomirror-fetch.service",
    "isomirror-serve.socket",
    "isomirror-serve.service",
];

fn both() {
    let directory = TempDir::new().unwrap();
    let mut payload =
        vec![PayloadFile::new(packages::checkout().join("tests/guest/look.sh"), "look.sh")];
    for (revision, name) in [(1, "old"), (2, "new")] {
        let place = directory.path().join(name);
        let deb = packages::deb(&place, revision).unwrap();
        payload.push(PayloadFile::new(deb, format!("{name}.deb")));
        let rpm = packages::rpm(&place, revision).unwrap();
        payload.push(PayloadFile::new(rpm, format!("{name}.rpm")));
    }
    let options = GuestOptions { payload, ..GuestOptions::default() };
    let station = Station::of(Guest::boot(&options).unwrap());
    let shown = ShownOnFailure(&station);
    let disc = station.large_disc("DISC");
    for packager in [&DPKG, &RPM] {
        station.attach("cd0", Some(&disc));
        life(&station, packager, &disc);
        station.unplug("cd0");
        if packager.remove == DPKG.remove {
            installed_again(&station);
            purge(&station);
        }
    }
    drop(shown);
}

/// Tells what the guest saw when a check failed.
struct ShownOnFailure<'s>(&'s Station);

impl Drop for ShownOnFailure<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.guest.show_what_happened();
        }
    }
}

fn life(station: &Station, packager: &Packager, disc: &Disc) {
    package(station, packager.install);
    assert_eq!(station.check(packager.version), packager.versions[0]);
    everything_is_there(station);
    station.published(disc);
    let status = station.check("isomirror status");
    assert!(status.contains("DISC"), "{status}");
    upgrade_interrupts_nothing(station, packager, disc);
    removal_leaves_images_alone(station, packager);
}

fn package(station: &Station, command: &str) -> String {
    let done = station.guest.run_for(&format!("{command} 2>&1"), PACKAGE_PATIENCE).unwrap();
    assert!(done.success(), "`{command}`: {done:?}");
    done.stdout
}

fn everything_is_there(station: &Station) {
    for unit in UNITS {
        station.guest.wait_until(&format!("systemctl --quiet is-active {unit}"), PATIENCE).unwrap();
        station.check(&format!("systemctl --quiet is-enabled {unit}"));
    }
    let owners =
        "stat --format '%n %a %U:%G' /srv/isomirror /var/lib/isomirror /var/lib/isomirror/images";
    assert_eq!(
        station.check(owners),
        "/srv/isomirror 755 root:root\n/var/lib/isomirror 755 root:root\n\
         /var/lib/isomirror/images 755 isomirror:isomirror\n"
    );
    station.check("getent passwd isomirror isomirror-serve; getent group isomirror");
    let helper = "mount -t isomirror -o ro /dev/null /mnt 2>&1; test $? = 32";
    station.check(helper);
}

/// What was removed and not purged is installed anew as it was installed first, to dpkg an upgrade. And what was
/// disabled is not started by an upgrade, with all that goes with it.
fn installed_again(station: &Station) {
    package(station, DPKG.install);
    everything_is_there(station);
    station.check("systemctl disable --now isomirrord");
    package(station, DPKG.upgrade);
    let active = format!("systemctl is-active {} || true", UNITS.join(" "));
    assert_eq!(station.check(&active).trim(), ["inactive"; 4].join("\n"));
    package(station, DPKG.remove);
}

/// Asks for a file again and again, and notes what fails.
const CLIENT: &str = "mkdir -p /var/tmp/test && systemd-run --quiet --unit reader-http bash -c '
    while sleep 0.5; do
        curl --silent --show-error --fail --max-time 60 http://127.0.0.1:8080/DISC/label.txt 2>&1 | \
            grep -qx DISC && echo ok >>/var/tmp/test/answers || date >>/var/tmp/test/failures
    done'";

/// The store as a version left it whose one process was root.
const OLD_STORE: &str = "set -e
    cd /var/lib/isomirror/images
    mkdir -p some-id/1.0 .state
    printf image >some-id/1.0/some.iso
    printf '{}' >.state/some-id.json
    chown -R root:root .
    stat --format %z some-id/1.0/some.iso >/var/tmp/test/changed";

/// Owners afterwards; the image itself is as it was.
const ADOPTED: &str = "cd /var/lib/isomirror/images
    stat --format '%n %U' . some-id some-id/1.0 .state .state/some-id.json some-id/1.0/some.iso
    stat --format %z some-id/1.0/some.iso | cmp - /var/tmp/test/changed && echo unchanged";

fn upgrade_interrupts_nothing(station: &Station, packager: &Packager, disc: &Disc) {
    station.check(CLIENT);
    Usage::OpenFile.begin(station, "DISC");
    station.check(OLD_STORE);
    let edit = "sed -i 's/^  #drain: 2500ms$/  drain: 3s/' /etc/isomirror/isomirror.yaml && \
                grep -x '  drain: 3s' /etc/isomirror/isomirror.yaml && isomirror config check";
    station.check(edit);
    let process = "systemctl show --property MainPID --value isomirrord";
    let (old_process, mounts) = (station.check(process), station.mounts());
    assert_eq!(mounts.len(), 1, "{mounts:?}");
    package(station, packager.upgrade);
    assert_eq!(station.check(packager.version), packager.versions[1]);
    everything_is_there(station);
    assert_ne!(station.check(process), old_process, "it runs the new program");
    station.published(disc);
    assert_eq!(station.mounts(), mounts, "the same mounts after the upgrade");
    station.check("grep -x '  drain: 3s' /etc/isomirror/isomirror.yaml");
    // The reader reads on in the file that it opened before.
    station.check(
        "dd if=/proc/$(systemctl show --property MainPID --value reader-file)/fd/5 bs=1M skip=100 count=1 of=/dev/null",
    );
    assert_eq!(
        station.check(ADOPTED),
        ". isomirror\nsome-id isomirror\nsome-id/1.0 isomirror\n.state isomirror\n\
         .state/some-id.json isomirror\nsome-id/1.0/some.iso root\nunchanged\n"
    );
    let answers = station.check("systemctl stop reader-http; wc -l </var/tmp/test/answers");
    assert!(answers.trim().parse::<u32>().unwrap() > 5, "{answers} answers");
    assert_eq!(station.check("cat /var/tmp/test/failures 2>/dev/null || true"), "", "refused");
    station.check("systemctl stop reader-file; rm -rf /var/tmp/test");
}

fn removal_leaves_images_alone(station: &Station, packager: &Packager) {
    assert_eq!(station.mounts().len(), 1);
    package(station, packager.remove);
    assert_eq!(station.mounts(), [""; 0], "mounts");
    assert_eq!(station.check("losetup --list --noheadings"), "", "loop devices");
    assert_eq!(station.check("ls -A /srv/isomirror 2>/dev/null || true"), "", "the web root");
    assert_eq!(station.check("ls -d /usr/bin/isomirror* /run/isomirror 2>/dev/null || true"), "");
    assert_eq!(station.check("pgrep --list-full '^isomirrord' || true"), "", "processes");
    // Links by which they were enabled go when the package is purged.
    let units = "systemctl list-units --all --state=loaded --no-legend --plain 'isomirror*'; \
                 systemctl list-unit-files --no-legend 'isomirror*' || true";
    assert_eq!(station.check(units), "", "units");
    station.check(&format!("grep -x '  drain: 3s' {}", packager.left_config));
    assert_eq!(station.check("cat /var/lib/isomirror/images/some-id/1.0/some.iso"), "image");
}

fn purge(station: &Station) {
    let said = package(station, "dpkg --purge isomirror");
    assert!(said.contains("rm -r /var/lib/isomirror"), "it says what it kept: {said}");
    let left = "find / -xdev -iname '*isomirror*' -not -path '/proc/*' -not -path '/sys/*' | LC_ALL=C sort";
    let left = station.check(left);
    // The log is systemd's, users are never deleted.
    let left: Vec<_> = left.lines().filter(|path| !path.contains("/deb-systemd-helper-")).collect();
    assert_eq!(left, ["/var/lib/isomirror"]);
    assert_eq!(station.check("ls -A /var/lib/isomirror").trim(), "images");
    assert_eq!(station.check("cat /var/lib/isomirror/images/some-id/1.0/some.iso"), "image");
    station.check("rm -r /var/lib/isomirror");
}
