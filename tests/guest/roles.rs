//! The three units: one command for all of them, none that falls with another, and each without what it has no need of.

use std::{thread::sleep, time::Duration};

use crate::{
    row::Row,
    station::{PATIENCE, Station},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("roles::one_command_governs_all_and_each_can_be_disabled_alone", governed),
        Row::new("roles::a_crash_of_one_leaves_the_others_working", crashes),
        Row::new(
            "roles::what_crashes_at_every_start_is_not_given_up_unless_it_is_stopped",
            crash_loop,
        ),
        Row::new("roles::a_broken_configuration_is_told_once_and_not_tried_again", broken),
        Row::new("roles::each_is_refused_what_it_has_no_need_of", refused),
    ]
}

/// Everything that runs.
const ALL: [&str; 4] =
    ["isomirrord", "isomirror-fetch", "isomirror-serve.socket", "isomirror-serve.service"];

/// Those of them that are processes.
const PROCESSES: [&str; 3] = ["isomirror-fetch", "isomirror-serve.service", "isomirrord"];

fn states(station: &Station) -> Vec<String> {
    let script = format!("systemctl is-active {} || true", ALL.join(" "));
    station.check(&script).lines().map(str::to_owned).collect()
}

/// `systemctl start` waits for the one that it names.
fn all_become_active(station: &Station) {
    let script = format!("systemctl --quiet is-active {}", ALL[0]);
    assert!(station.guest.run(&script).unwrap().success(), "the one that was named");
    for unit in ALL {
        let script = format!("systemctl --quiet is-active {unit}");
        station.guest.wait_until(&script, PATIENCE).unwrap();
    }
}

fn main_process(station: &Station, unit: &str) -> String {
    station.check(&format!("systemctl show --property MainPID --value {unit}")).trim().to_owned()
}

fn governed(station: &Station) {
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    let complaints = station
        .guest
        .run(&format!("systemd-analyze verify --man=no {}", ALL.map(unit_file).join(" ")));
    let complaints = complaints.unwrap();
    assert_eq!((complaints.status, &*complaints.stderr), (0, ""), "complaints about the units");
    all_become_active(station);
    let before = PROCESSES.map(|unit| main_process(station, unit));
    station.check("systemctl restart isomirrord");
    station.published(&disc);
    let after = PROCESSES.map(|unit| main_process(station, unit));
    assert!(before.iter().all(|id| !after.contains(id)), "{before:?} {after:?}");
    station.check("systemctl stop isomirrord");
    assert_eq!(states(station), ["inactive"; 4]);
    station.check("systemctl start isomirrord");
    all_become_active(station);
    station.check("systemctl reload isomirrord");
    for unit in PROCESSES {
        let told =
            format!("journalctl -q -o cat -u {unit} -b | grep -q 'configuration was read again'");
        station.guest.wait_until(&told, PATIENCE).unwrap();
    }
    disabled_alone(station, &disc);
}

fn unit_file(unit: &str) -> String {
    if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") }
}

fn disabled_alone(station: &Station, disc: &crate::discs::Disc) {
    station.check("systemctl disable --now isomirror-fetch && systemctl restart isomirrord");
    station.published(disc);
    assert_eq!(states(station), ["active", "inactive", "active", "active"]);
    station.check("systemctl enable isomirror-fetch && systemctl restart isomirrord");
    let serve = "isomirror-serve.socket isomirror-serve.service";
    station.check(&format!("systemctl disable --now {serve} && systemctl restart isomirrord"));
    station.guest.wait_until("systemctl --quiet is-active isomirror-fetch", PATIENCE).unwrap();
    assert_eq!(states(station), ["active", "active", "inactive", "inactive"]);
    station.guest.wait_until("cat /srv/isomirror/DISC/label.txt", PATIENCE).unwrap();
    let served = station.guest.run("curl -s http://127.0.0.1:8080/").unwrap();
    assert_eq!(served.status, 7, "nobody listens");
    station.check(&format!("systemctl enable {serve} && systemctl restart isomirrord"));
    all_become_active(station);
    // Without the one that mounts, the others have nothing to do and do not fail.
    station.check(
        "systemctl stop isomirrord; systemctl start isomirror-fetch isomirror-serve.service",
    );
    station.guest.wait_until("curl -s http://127.0.0.1:8080/healthz", PATIENCE).unwrap();
    assert_eq!(states(station), ["inactive", "active", "active", "active"]);
    station.check("systemctl start isomirrord");
    station.published(disc);
}

fn crashes(station: &Station) {
    let disc = station.large_disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    let mounts = station.mounts();
    for killed in PROCESSES {
        let before = PROCESSES.map(|unit| main_process(station, unit));
        // Slow enough to be under way all the time.
        station.check(
            "systemd-run --quiet --unit reader-download curl --silent --show-error --fail --limit-rate 2M \
             --output /var/tmp/test/download http://127.0.0.1:8080/DISC/large",
        );
        station.guest.wait_until("test -s /var/tmp/test/download", PATIENCE).unwrap();
        station.check(&format!(
            "pid=$(systemctl show --property MainPID --value {killed}); kill -KILL $pid
             while test -e /proc/$pid; do sleep 0.1; done"
        ));
        let reads = "cat /srv/isomirror/DISC/label.txt";
        assert_eq!(station.check(reads), "DISC");
        // A client waits in the socket's queue, however it stands with the server.
        let serves =
            "curl --silent --show-error --fail --max-time 60 http://127.0.0.1:8080/DISC/label.txt";
        assert_eq!(station.check(serves), "DISC", "after a crash of {killed}");
        let is_up = format!("systemctl --quiet is-active {}", ALL.join(" "));
        station.guest.wait_until(&is_up, PATIENCE).unwrap();
        station.published(&disc);
        let after = PROCESSES.map(|unit| main_process(station, unit));
        for ((unit, before), after) in PROCESSES.iter().zip(&before).zip(&after) {
            let is_other = before != after;
            assert_eq!(
                is_other,
                *unit == killed,
                "{unit} after a crash of {killed}: {before} {after}"
            );
        }
        let downloads = station.guest.run("systemctl --quiet is-active reader-download").unwrap();
        let is_cut = killed == "isomirror-serve.service";
        assert_eq!(downloads.success(), !is_cut, "a download over a crash of {killed}");
        station.check("systemctl stop reader-download 2>/dev/null; systemctl reset-failed; rm -f /var/tmp/test/download");
        assert_eq!(station.mounts(), mounts);
    }
}

/// A program in the place of isomirrord's, for a unit.
const CRASHING: &str = "set -e
    mkdir -p /run/systemd/system/UNIT.d
    printf '[Service]\\nExecStart=\\nExecStart=/bin/sh -c \"exit 1\"\\n' >/run/systemd/system/UNIT.d/crash.conf
    systemctl daemon-reload";
const MENDED: &str = "rm -r /run/systemd/system/UNIT.d; systemctl daemon-reload";

fn crash_loop(station: &Station) {
    let beside: &[&str] = &["isomirror-serve.service", "isomirror-fetch.service"];
    for units in [beside, &["isomirrord.service"]] {
        let since = station.check("date +%s");
        for unit in units {
            station.check(&CRASHING.replace("UNIT", unit));
            station.check(&format!("systemctl kill --signal KILL {unit}"));
        }
        for unit in units {
            // More often than systemd would do it by itself: five times in ten seconds.
            let starts = format!(
                "test $(journalctl -q -o cat -u {unit} --since @{} | grep -c '^Starting ') -ge 6",
                since.trim()
            );
            station.guest.wait_until(&starts, PATIENCE).unwrap();
        }
        for unit in units {
            station.check(&MENDED.replace("UNIT", unit));
            let is_up = format!("systemctl --quiet is-active {unit}");
            station.guest.wait_until(&is_up, PATIENCE).unwrap();
        }
    }
    all_become_active(station);
    let waits = "systemctl kill --signal KILL isomirrord
        while ! systemctl show --property ActiveState isomirror-recover | grep -q =activating; do sleep 0.1; done
        systemctl stop isomirrord";
    station.check(waits);
    sleep(Duration::from_secs(5));
    assert_eq!(states(station), ["failed", "inactive", "inactive", "inactive"], "it stays stopped");
    station.check("systemctl start isomirrord");
    all_become_active(station);
}

fn broken(station: &Station) {
    station.check("journalctl --rotate -q; echo 'webrot: /srv' >/etc/isomirror/isomirror.yaml");
    let since = station.check("date +%s");
    let restarted = station.guest.run("systemctl restart isomirrord").unwrap();
    assert!(!restarted.success());
    // Time in which it would be tried again.
    sleep(Duration::from_secs(10));
    let count = format!(
        "journalctl -q -o cat -u isomirrord --since @{} | grep -c 'did you mean `webroot`' || true",
        since.trim()
    );
    assert_eq!(station.check(&count).trim(), "1");
    assert_eq!(station.check("systemctl is-active isomirrord || true").trim(), "failed");
    let code = "systemctl show --property ExecMainStatus --value isomirrord";
    assert_eq!(station.check(code).trim(), "78");
    let remedied = "rm /etc/isomirror/isomirror.yaml && systemctl restart isomirrord";
    station.check(remedied);
    all_become_active(station);
}

/// Runs `bash -c SCRIPT` as the unit would run its program, with the same walls around it, and returns what it printed.
fn within(station: &Station, unit: &str, script: &str) -> String {
    station.check(&format!(
        "set -e
         cat >/run/probe.sh <<'EOF'\n{script}\nEOF
         sed -e 's|^ExecStart=.*|ExecStart=/bin/bash /run/probe.sh|' -e 's/^Type=.*/Type=oneshot/' \
             -e '/^\\(ExecReload\\|Restart\\|RestartPreventExitStatus\\|WatchdogSec\\|PartOf\\|ReloadPropagatedFrom\\|Requires\\|RuntimeDirectory\\)/d' \
             /usr/lib/systemd/system/{unit}.service >/run/systemd/system/probe.service
         systemctl daemon-reload
         systemctl start probe || true
         journalctl -q -o cat -u probe --since -1min | grep '^@' || true
         journalctl --rotate -q; journalctl --vacuum-time=1s -q >/dev/null 2>&1 || true
         rm -f /run/systemd/system/probe.service
         systemctl daemon-reload"
    ))
}

/// Each line tries something, and tells whether it was done.
const TRIES: &str = "
    try() { if \"${@:2}\" >/dev/null 2>&1; then echo \"@$1 done\"; else echo \"@$1 refused\"; fi; }
    connect() { exec 3<>/dev/tcp/127.0.0.1/8080; }
    export -f connect
    try network bash -c connect
    try mount mount -t tmpfs none /mnt
    try etc touch /etc/isomirror/probe
    try webroot touch /srv/isomirror/probe
    try state touch /var/lib/isomirror/probe
    try store touch /var/lib/isomirror/images/probe
    try runtime touch /run/isomirror/probe
    try drive dd if=DRIVE of=/dev/null bs=2048 count=1
    try node mknod /tmp/probe b 7 0
    try root cat /etc/shadow
    try control isomirror rescan
    try namespace unshare --user true
    try processes kill -0 1
    try clock date --set now";

fn refused(station: &Station) {
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    let tries = TRIES.replace("DRIVE", &station.device("DISC"));
    let may = |unit: &str| -> Vec<String> {
        let told = within(station, unit, &tries);
        assert_eq!(told.lines().count(), 14, "{unit}: {told}");
        let done = told.lines().filter_map(|line| line.strip_prefix('@')?.strip_suffix(" done"));
        done.map(str::to_owned).collect()
    };
    let all = ["network", "store"];
    assert_eq!(may("isomirror-fetch"), all);
    assert_eq!(may("isomirror-serve"), [""; 0]);
    let mounting = [
        "mount",
        "etc",
        "webroot",
        "state",
        "store",
        "runtime",
        "drive",
        "root",
        "control",
        "processes",
    ];
    assert_eq!(may("isomirrord"), mounting);
    station.check(
        "umount /mnt; rm -f /etc/isomirror/probe /srv/isomirror/probe /var/lib/isomirror/probe \
         /var/lib/isomirror/images/probe /run/isomirror/probe",
    );
    // What the unit mounted was seen by the whole machine: it could be unmounted here.
    for user in ["isomirror", "isomirror-serve", "nobody"] {
        let asked = station.guest.run(&format!(
            "setpriv --reuid {user} --regid $(id -g {user}) --init-groups isomirror eject --force DISC"
        ));
        assert!(!asked.unwrap().success(), "{user} opens no drive");
    }
    station.published(&disc);
}
