//! `isomirror doctor` on a host that is in order, and on one where things are broken one by one.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    row::Row,
    station::{PATIENCE, Station},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("doctor::what_is_broken_on_a_host_is_told_one_by_one", broken),
        Row::new("doctor::the_journal_reads_as_a_story", story),
    ]
}

/// The findings of a check that are not well.
fn troubles(station: &Station, check: &str) -> Vec<Value> {
    let ended = station.guest.run("isomirror doctor --json").unwrap();
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let fails = findings.iter().any(|finding| finding["level"] == "fail");
    assert_eq!(ended.status, i32::from(fails), "{ended:?}");
    let is_it = |finding: &&Value| finding["check"] == check && finding["level"] != "ok";
    findings.iter().filter(is_it).cloned().collect()
}

/// Something that can be broken on a host.
struct Breakage {
    /// The check that tells it.
    check: &'static str,
    level: &'static str,
    /// In the text or the remedy.
    words: &'static str,
    breaking: &'static str,
    mending: &'static str,
}

const BREAKAGES: [Breakage; 9] = [
    Breakage {
        check: "udev",
        level: "fail",
        words: "not installed",
        breaking: "ln -s /dev/null /etc/udev/rules.d/59-isomirror.rules",
        mending: "rm /etc/udev/rules.d/59-isomirror.rules; \
                  udevadm trigger --settle --subsystem-match=block --sysname-match='sr*'",
    },
    Breakage {
        check: "web root",
        level: "fail",
        words: "chmod o+rx /srv/isomirror",
        breaking: "chmod 700 /srv/isomirror",
        mending: "chmod 755 /srv/isomirror",
    },
    Breakage {
        check: "web root",
        level: "fail",
        words: "chmod o+x /srv",
        breaking: "chmod 750 /srv",
        mending: "chmod 755 /srv",
    },
    Breakage {
        check: "kernel",
        level: "warn",
        words: "/etc/modprobe.d/test.conf",
        breaking: "! grep -qw erofs /proc/filesystems || modprobe -r erofs; \
                   echo 'install erofs /bin/false' >/etc/modprobe.d/test.conf",
        mending: "rm /etc/modprobe.d/test.conf",
    },
    Breakage {
        check: "configuration",
        level: "fail",
        words: "did you mean `media`",
        breaking: "mkdir -p /etc/isomirror/isomirror.yaml.d; \
                   echo 'medai: {}' >/etc/isomirror/isomirror.yaml.d/a.yaml",
        mending: "rm -r /etc/isomirror/isomirror.yaml.d",
    },
    Breakage {
        check: "drives",
        level: "warn",
        words: "events_dfl_poll_msecs",
        breaking: "cat /sys/module/block/parameters/events_dfl_poll_msecs >/var/tmp/test/poll; \
                   echo 0 >/sys/module/block/parameters/events_dfl_poll_msecs",
        mending: "cat /var/tmp/test/poll >/sys/module/block/parameters/events_dfl_poll_msecs",
    },
    Breakage {
        check: "units",
        level: "fail",
        words: "isomirrord.service",
        breaking: "systemctl stop isomirrord",
        mending: "systemctl start isomirrord",
    },
    Breakage {
        check: "roles",
        level: "fail",
        words: "does not run",
        breaking: "systemctl stop isomirrord",
        mending: "systemctl start isomirrord",
    },
    Breakage {
        check: "mounts",
        level: "fail",
        words: "namespace",
        breaking: "mkdir -p /run/systemd/system/isomirrord.service.d; \
                   printf '[Service]\\nPrivateMounts=yes\\n' >/run/systemd/system/isomirrord.service.d/test.conf; \
                   systemctl daemon-reload; systemctl restart isomirrord",
        mending: "rm -r /run/systemd/system/isomirrord.service.d; \
                  systemctl daemon-reload; systemctl restart isomirrord",
    },
];

fn broken(station: &Station) {
    station.attach("cd0", Some(&station.disc("DISC")));
    station.published(&station.disc("DISC"));
    // Drives that were there before the rule are told, with the command that helps.
    station.check("udevadm trigger --settle --subsystem-match=block --sysname-match='sr*'");
    println!("{}", station.check("isomirror doctor || true"));
    for breakage in &BREAKAGES {
        is_told(station, breakage);
    }
}

/// Breaks something, asserts that it is told, and mends it.
fn is_told(station: &Station, breakage: &Breakage) {
    let Breakage { check, level, words, breaking, mending } = *breakage;
    let is_well = || troubles(station, check).is_empty();
    let deadline = Instant::now() + PATIENCE;
    while !is_well() {
        assert!(Instant::now() < deadline, "before: {:#?}", troubles(station, check));
        sleep(Duration::from_secs(1));
    }
    station.check(breaking);
    let found = troubles(station, check);
    let has_words = |finding: &Value| finding.to_string().contains(words);
    let is_told = found.iter().any(|finding| finding["level"] == level && has_words(finding));
    assert!(is_told, "`{check}` broken by `{breaking}`: {found:#?}");
    station.check(mending);
    let start = "systemctl is-active isomirrord && test -S /run/isomirror/control.sock";
    station.guest.wait_until(start, PATIENCE).unwrap();
}

fn story(station: &Station) {
    station.check(
        "journalctl --rotate --vacuum-time=1s >/dev/null 2>&1; systemctl restart isomirrord",
    );
    let disc = station.disc("STORY");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    station.check("mkdir -p /etc/isomirror/isomirror.yaml.d; echo 'mount: {drain: 1s}' >/etc/isomirror/isomirror.yaml.d/a.yaml");
    station.check("systemctl reload isomirrord");
    let reread = "journalctl -q -o cat -u isomirrord | grep -q 'configuration was read again'";
    station.guest.wait_until(reread, PATIENCE).unwrap();
    station.check("isomirror eject STORY");
    station.gone("STORY");
    station.check("rm -r /etc/isomirror/isomirror.yaml.d; systemctl stop isomirrord");
    let log = station.check("journalctl -q -o cat _SYSTEMD_UNIT=isomirrord.service");
    println!("{log}");
    let mut lines = log.lines();
    for beginning in [
        "ready media=",
        "serving name=\"STORY\" label=\"STORY\"",
        "setting changes key=\"mount.drain\" old=\"2500ms\" new=\"1s\"",
        "the configuration was read again",
        "gone name=\"STORY\"",
        "stopping",
        "stopped",
    ] {
        assert!(
            lines.any(|line| line.starts_with(beginning)),
            "`{beginning}` in its place in\n{log}"
        );
    }
    assert!(!log.contains("message_id"), "{log}");
    assert!(log.lines().count() < 20, "{log}");
    let explained = station.check("journalctl -q -o verbose _SYSTEMD_UNIT=isomirrord.service MESSAGE_ID=7c1f0e5a3f6d4b0e9a6d0c1b52e84f31");
    assert!(explained.contains("NAME=STORY"), "{explained}");
    station.check("systemctl start isomirrord");
}
