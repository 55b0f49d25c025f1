//! The guest with the daemon in it, as a package installs it, and what every test asks of it.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex},
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::guest::{
    Guest, GuestOptions, PayloadFile, SATA_DRIVE,
    installed::{self, INSTALL},
};

use crate::{
    discs::{Disc, Discs},
    sight::Sight,
};

/// What emulation on two busy cores may cost; a real machine takes a fraction of a second.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Takes away whatever tests make, but for drives.
const CLEAN: &str = "set -e
    systemctl stop 'reader-*' 'watch-*' 2>/dev/null || true
    systemctl stop autofs udisks2 2>/dev/null || true
    rm -rf /var/lib/isomirror/images/* /var/tmp/test /etc/auto.master.d/isomirror.autofs
    systemctl reset-failed
    if test -e /etc/isomirror/isomirror.yaml || ! systemctl --quiet is-active isomirrord; then
        rm -f /etc/isomirror/isomirror.yaml
        systemctl restart isomirrord
    fi
    mkdir -p /var/tmp/test";

/// The same, whatever state the guest is in.
const CLEAN_BY_FORCE: &str = "
    systemctl kill --signal KILL isomirrord isomirror-fetch isomirror-serve autofs 2>/dev/null
    systemctl stop isomirrord autofs
    for pass in 1 2 3; do
        awk '$5 ~ \"^/srv/isomirror\" { print $5 }' /proc/1/mountinfo | sort -r | xargs -r umount -l
    done
    rmdir /srv/isomirror/* 2>/dev/null
    losetup --detach-all
    rm -rf /var/lib/isomirror/* /run/isomirror/* /etc/isomirror/*
    systemd-tmpfiles --create isomirror.conf
    systemctl reset-failed
    systemctl start isomirrord";

/// The running guest.
pub(crate) struct Station {
    pub(crate) guest: Guest,
    discs: Discs,
    /// Drives and disks that were plugged in.
    plugged: Mutex<BTreeSet<String>>,
}

/// What is installed in a guest, and `look.sh`.
pub(crate) fn payload() -> Vec<PayloadFile> {
    let mut files = installed::payload();
    let look = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest/look.sh");
    files.push(PayloadFile::new(look, "look.sh"));
    files
}

impl Station {
    /// Boots the guest and starts the daemon.
    pub(crate) fn boot() -> Self {
        let options = GuestOptions { payload: payload(), ..GuestOptions::default() };
        let station = Self::of(Guest::boot(&options).unwrap());
        let started = station.guest.run(&format!("{INSTALL}\nsystemctl start isomirrord")).unwrap();
        assert!(started.success(), "{started:?}");
        station.clean();
        station
    }

    /// A guest that was booted otherwise.
    pub(crate) fn of(guest: Guest) -> Self {
        Self { guest, discs: Discs::new(), plugged: Mutex::default() }
    }

    /// A small disc.
    pub(crate) fn disc(&self, label: &str) -> Arc<Disc> {
        self.discs.get(label, false)
    }

    /// A disc with a file that takes its time.
    pub(crate) fn large_disc(&self, label: &str) -> Arc<Disc> {
        self.discs.get(label, true)
    }

    /// Another disc with this label.
    pub(crate) fn twin(&self, label: &str) -> Arc<Disc> {
        self.discs.twin(label)
    }

    /// Runs a script that has to succeed, and returns what it printed.
    pub(crate) fn check(&self, script: &str) -> String {
        self.guest.check(script).unwrap()
    }

    /// Plugs in a SCSI drive.
    pub(crate) fn attach(&self, id: &str, disc: Option<&Disc>) {
        self.note_plugged(id);
        self.guest.attach_drive(id, disc.map(|disc| &*disc.image)).unwrap();
    }

    /// Remembers that something was plugged in, to be unplugged in the end.
    pub(crate) fn note_plugged(&self, id: &str) {
        self.plugged.lock().unwrap().insert(id.to_owned());
    }

    pub(crate) fn unplug(&self, id: &str) {
        self.guest.unplug(id).unwrap();
        self.plugged.lock().unwrap().remove(id);
    }

    /// Starts the daemon with this configuration; the next test has the usual one again.
    pub(crate) fn configure(&self, config: &str) {
        self.check(&format!(
            "cat >/etc/isomirror/isomirror.yaml <<'EOF'\n{config}\nEOF\nsystemctl restart isomirrord"
        ));
    }

    pub(crate) fn look(&self, name: &str) -> Sight {
        Sight::of(name, &self.check(&format!("bash /payload/look.sh '{name}'")))
    }

    /// Waits until the disc is published under its own name, in every respect.
    pub(crate) fn published(&self, disc: &Disc) -> Sight {
        self.published_as(&disc.name(), disc)
    }

    pub(crate) fn published_as(&self, name: &str, disc: &Disc) -> Sight {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sight = self.look(name);
            let wrong = sight.wrong_for(disc);
            if wrong.is_empty() {
                return sight;
            }
            assert!(Instant::now() < deadline, "`{name}` is not right: {wrong:#?}");
            sleep(Duration::from_millis(200));
        }
    }

    /// Waits until nothing is left of the name.
    pub(crate) fn gone(&self, name: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.look(name).left();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "`{name}` is still there: {left:#?}");
            sleep(Duration::from_millis(200));
        }
    }

    /// Names that are published, as the state document has them.
    pub(crate) fn names(&self) -> Vec<String> {
        let state = self.look("-").state;
        let media = state["media"].as_array().unwrap().iter();
        media.map(|medium| medium["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The device node that a name is published from.
    pub(crate) fn device(&self, name: &str) -> String {
        let sight = self.look(name);
        let medium = sight.medium().unwrap_or_else(|| panic!("`{name}` in {:#}", sight.state));
        medium["source"]["path"].as_str().unwrap().to_owned()
    }

    /// Ids and points of the mounts below the web root.
    pub(crate) fn mounts(&self) -> Vec<String> {
        let script = "awk '$5 ~ \"^/srv/isomirror/\" { print $1, $5 }' /proc/1/mountinfo | sort";
        self.check(script).lines().map(str::to_owned).collect()
    }

    /// Ends the test: unplugs what it plugged in, and asserts that nothing is left.
    pub(crate) fn clean(&self) {
        let plugged = std::mem::take(&mut *self.plugged.lock().unwrap());
        for id in plugged {
            self.guest.unplug(&id).unwrap();
        }
        let _ = self.guest.force_eject(SATA_DRIVE);
        let cleaned = self.guest.run(CLEAN).unwrap();
        assert!(cleaned.success(), "{cleaned:?}");
        let nothing = "test -z \"$(awk '$5 ~ \"^/srv/isomirror\"' /proc/1/mountinfo)\" \
                       && test -z \"$(losetup --list --noheadings)\" \
                       && test -z \"$(find /srv/isomirror -mindepth 1 -type d)\" \
                       && ! grep -q '\"name\":' /run/isomirror/state.json";
        if let Err(error) = self.guest.wait_until(nothing, PATIENCE) {
            let left = self.check(
                "cat /run/isomirror/state.json; losetup --list; ls -lA /srv/isomirror; \
                 grep /srv /proc/1/mountinfo || true",
            );
            panic!("not clean, {error}:\n{left}");
        }
    }

    /// After a test that failed: no traces of it may make others fail.
    pub(crate) fn clean_by_force(&self) {
        let plugged = std::mem::take(&mut *self.plugged.lock().unwrap());
        for id in plugged {
            let _ = self.guest.unplug(&id);
        }
        self.guest.run(CLEAN_BY_FORCE).unwrap();
        self.clean();
    }
}
