//! A disc that is attached while the system runs is mounted and served at once, and leaves without a trace.
//!
//! The daemon runs here as it is installed: under systemd, from the unit in the checkout, with no config file.

use std::{path::Path, time::Duration};

use isomirror_tests::{
    binaries,
    guest::{Guest, GuestOptions, PayloadFile},
    tool,
};
use serde_json::Value;

use crate::discs;

/// What emulation on two busy cores may cost; a real machine takes a fraction of a second.
const PATIENCE: Duration = Duration::from_mins(1);

const DISC: Medium = Medium { label: "Hot Disc", name: "Hot_Disc" };
const IMAGE: Medium = Medium { label: "IMAGE", name: "IMAGE" };

/// A medium of these tests.
struct Medium {
    label: &'static str,
    name: &'static str,
}

#[test]
fn a_hot_attached_disc_is_mounted_and_served_until_it_goes() {
    let directory = tempfile::tempdir().unwrap();
    let disc = discs::make(directory.path(), DISC.label);
    let image = discs::make(directory.path(), IMAGE.label);
    let guest =
        Guest::boot(&GuestOptions { payload: payload(&image), ..Default::default() }).unwrap();
    install(&guest);

    guest.attach_drive("cd0", Some(&disc)).unwrap();
    is_published(&guest, &DISC, "/dev/sr0", directory.path());
    says_nothing_of_the_host_in_public(&guest);
    is_told_to_the_journal(&guest, &DISC);

    // Refused while the tray is locked, which is how the guest learns of the wish.
    let _ = guest.eject("cd0");
    is_gone(&guest, &DISC);
    let _ = guest.eject("cd0");
    assert!(!guest.tray("cd0").unwrap().loaded, "the disc can be taken out");

    guest.insert("cd0", &disc, true).unwrap();
    is_published(&guest, &DISC, "/dev/sr0", directory.path());
    guest.check("eject /dev/sr0").unwrap();
    is_gone(&guest, &DISC);

    guest.insert("cd0", &disc, true).unwrap();
    is_published(&guest, &DISC, "/dev/sr0", directory.path());
    guest.check("cp /payload/image.iso /var/lib/isomirror/images/").unwrap();
    is_published(&guest, &IMAGE, "/dev/loop", directory.path());

    stays_mounted_over(&guest, "systemctl restart isomirrord", directory.path());
    stays_mounted_over(&guest, KILL_AND_START, directory.path());

    guest.check("rm /var/lib/isomirror/images/image.iso").unwrap();
    is_gone(&guest, &IMAGE);
    guest.unplug("cd0").unwrap();
    is_gone(&guest, &DISC);
    nothing_is_left(&guest);
}

/// Kills the daemon, waits until it is dead, and starts it unless systemd already did.
const KILL_AND_START: &str = "set -e
    pid=$(systemctl show --property MainPID --value isomirrord)
    kill -KILL \"$pid\"
    while test -e /proc/$pid; do sleep 0.1; done
    systemctl reset-failed isomirrord || true
    systemctl start isomirrord";

fn payload(image: &Path) -> Vec<PayloadFile> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    vec![
        PayloadFile::new(binaries::path("isomirrord").unwrap(), "isomirrord"),
        PayloadFile::new(binaries::path("isomirror").unwrap(), "isomirror"),
        PayloadFile::new(checkout.join("systemd/isomirrord.service"), "isomirrord.service"),
        PayloadFile::new(checkout.join("udev-rules/59-isomirror.rules"), "59-isomirror.rules"),
        PayloadFile::new(image, "image.iso"),
    ]
}

/// What a package does.
fn install(guest: &Guest) {
    let script = "set -e
        install -m 755 /payload/isomirrord /payload/isomirror /usr/bin/
        install -m 644 /payload/isomirrord.service /usr/lib/systemd/system/
        install -m 644 /payload/59-isomirror.rules /usr/lib/udev/rules.d/
        udevadm control --reload
        groupadd --system isomirror
        mkdir -p /srv/isomirror /var/lib/isomirror/images
        systemctl daemon-reload
        systemd-analyze verify --man=no isomirrord.service
        systemctl start isomirrord";
    let started = guest.run(script).unwrap();
    assert!(started.success(), "{started:?}");
    assert_eq!(started.stderr, "", "complaints about the unit");
    let active = "systemctl show --property ActiveState,SubState --value isomirrord";
    assert_eq!(guest.check(active).unwrap(), "active\nrunning\n");
}

fn is_published(guest: &Guest, medium: &Medium, device: &str, discs: &Path) {
    let Medium { label, name } = medium;
    let served = |state: &Value| state["state"] == "serving";
    let state = wait_for_medium(guest, name, served);
    assert_eq!(state["label"], *label);
    assert_eq!(state["format"], "iso9660");
    assert_eq!(state["backend"], "kernel");

    // PID 1's view is the host's: a mount that only the daemon sees serves nobody.
    let mount = format!(
        "findmnt --task 1 --noheadings --raw -o FSTYPE,SOURCE,OPTIONS /srv/isomirror/{name}"
    );
    let mount = guest.check(&mount).unwrap();
    let fields: Vec<_> = mount.trim().split(' ').collect();
    assert_eq!(fields[0], "iso9660", "{mount}");
    assert!(fields[1].starts_with(device), "{mount}");
    for option in ["ro", "nosuid", "nodev", "noexec"] {
        assert!(fields[2].split(',').any(|found| found == option), "`{option}` in {mount}");
    }

    let file = discs.join(label).join("filler");
    let expected = tool::run("sha256sum", |command| command.arg(file)).unwrap();
    let expected = expected.split(' ').next().unwrap();
    for found in [
        // As a web server reads it.
        format!("runuser -u www-data -- sha256sum /srv/isomirror/{name}/filler"),
        format!(
            "curl --fail --silent --show-error http://127.0.0.1:8080/{name}/filler | sha256sum"
        ),
    ] {
        assert_eq!(guest.check(&found).unwrap().split(' ').next(), Some(expected), "{found}");
    }
    let text = guest.check(&format!("curl -fsS http://127.0.0.1:8080/{name}/label.txt")).unwrap();
    assert_eq!(text, *label);
    assert!(medium_in(&index(guest), name).is_some(), "`{name}` is in /index.json");
}

fn is_gone(guest: &Guest, medium: &Medium) {
    let name = medium.name;
    let gone = format!(
        "! findmnt --task 1 /srv/isomirror/{name} && ! test -e /srv/isomirror/{name} \
         && ! grep -q '\"name\": *\"{name}\"' /run/isomirror/state.json"
    );
    guest.wait_until(&gone, PATIENCE).unwrap();
    let status =
        format!("curl -sS -o /dev/null -w '%{{http_code}}' http://127.0.0.1:8080/{name}/filler");
    assert_eq!(guest.check(&status).unwrap(), "404");
    assert!(medium_in(&index(guest), name).is_none(), "`{name}` is still in /index.json");
}

fn stays_mounted_over(guest: &Guest, script: &str, discs: &Path) {
    let before = mount_ids(guest);
    assert_eq!(before.len(), 2, "{before:?}");
    guest.check(script).unwrap();
    is_published(guest, &DISC, "/dev/sr0", discs);
    is_published(guest, &IMAGE, "/dev/loop", discs);
    assert_eq!(mount_ids(guest), before, "the same mounts after `{script}`");
}

/// Mount ids and targets below the web root.
fn mount_ids(guest: &Guest) -> Vec<String> {
    let script = "awk '$5 ~ \"^/srv/isomirror/\" { print $1, $5 }' /proc/1/mountinfo | sort";
    guest.check(script).unwrap().lines().map(str::to_owned).collect()
}

fn says_nothing_of_the_host_in_public(guest: &Guest) {
    let index = index(guest).to_string();
    for secret in ["/dev/", "/srv/", "mountpoint"] {
        assert!(!index.contains(secret), "`{secret}` in {index}");
    }
}

fn is_told_to_the_journal(guest: &Guest, medium: &Medium) {
    // By its fields, as an operator searches.
    let script = format!(
        "journalctl -q -o cat -u isomirrord 'LABEL={}' 'NAME={}'",
        medium.label, medium.name
    );
    assert_ne!(guest.check(&script).unwrap(), "", "entries of `{}`", medium.label);
}

fn nothing_is_left(guest: &Guest) {
    assert_eq!(mount_ids(guest), [""; 0]);
    assert_eq!(guest.check("losetup --list --noheadings").unwrap(), "", "loop devices");
    let below = guest.check("find /srv/isomirror -mindepth 1 -type d").unwrap();
    assert_eq!(below, "", "directories below the web root");
}

fn wait_for_medium(guest: &Guest, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let state = guest.check("cat /run/isomirror/state.json").unwrap();
        let state: Value = serde_json::from_str(&state).unwrap();
        match medium_in(&state, name) {
            Some(medium) if wanted(medium) => return medium.clone(),
            _ => assert!(std::time::Instant::now() < deadline, "`{name}` in {state:#}"),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn index(guest: &Guest) -> Value {
    let text = guest.check("curl -fsS http://127.0.0.1:8080/index.json").unwrap();
    serde_json::from_str(&text).unwrap()
}

fn medium_in<'a>(state: &'a Value, name: &str) -> Option<&'a Value> {
    state["media"].as_array()?.iter().find(|medium| medium["name"] == name)
}
