//! A guest with one of the systems in it, and what can be done and seen there.

use std::{
    cell::RefCell,
    fmt::Write as _,
    io,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{rows::Row, system::System};
use crate::{
    bench::{Samples, discs::Template},
    binaries,
    guest::{
        Guest, GuestOptions, PayloadFile,
        installed::{self, INSTALL},
    },
};

/// How long something has to happen in. Three times what a row needs that goes well.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of `large` on each disc.
const LARGE: usize = 64 << 20;
/// The MiB of it that is read by who has it open: nobody has read there before.
const LATER: usize = 40;

/// Ends a script that is not run in a guest: nothing here is for the machine that measures.
const GUARD: &str = "test \"$(cat /etc/machine-id)\" = 69736f6d6972726f7200000000000001 \
                     && test -e /payload/witness || exit 99\nset -e\n";

/// Serves the root of a peer over HTTP, as one who may read whatever it shows.
const NGINX: &str =
    "printf '%s\\n' 'user root; pid /run/peer-nginx.pid; error_log /dev/null;' 'events { }' \
     'http { access_log off; server { listen 127.0.0.1:PORT; root ROOT; } }' >/run/peer-nginx.conf
systemd-run --quiet --unit peer-nginx nginx -c /run/peer-nginx.conf -g 'daemon off;'";

/// Takes away what a row left, whoever made it.
const CLEAN: &str = "systemctl stop 'reader-*' witness 2>/dev/null || true
sleep 2
udevadm settle
for pass in 1 2 3; do awk '/ iso9660 / { print $5 }' /proc/1/mountinfo | xargs -r umount -l; done
systemctl reset-failed
rm -rf /var/tmp/test/*";

/// A disc.
#[derive(Clone, Debug)]
pub(super) struct Disc {
    pub(super) label: &'static str,
    text: &'static str,
    pub(super) image: PathBuf,
    /// SHA-256 of the MiB [`LATER`] of `large`.
    later: String,
}

/// The guest.
pub(super) struct Stage<'a> {
    pub(super) guest: Guest,
    pub(super) system: &'a System,
    directory: PathBuf,
    templates: [Template; 2],
    plugged: RefCell<Vec<String>>,
}

impl<'a> Stage<'a> {
    pub(super) fn boot(samples: &Samples, system: &'a System) -> io::Result<Self> {
        let directory = samples.path().join("peers");
        if !directory.exists() {
            samples.new_directory("peers")?;
        }
        let mut payload = installed::payload();
        payload.push(PayloadFile::new(binaries::path("witness")?, "witness"));
        let template = |seed| Template::make(&directory, LARGE, seed);
        let templates = [template(1)?, template(2)?];
        let guest = Guest::boot(&GuestOptions { payload, ..GuestOptions::default() })?;
        let stage = Self { guest, system, directory, templates, plugged: RefCell::default() };
        stage.script("mkdir -p /var/tmp/test")?;
        if system.has_document {
            stage.script(INSTALL)?;
        }
        stage.script(system.begin)?;
        if !system.has_document {
            let port = system.port.to_string();
            stage.script(&NGINX.replace("PORT", &port).replace("ROOT", system.root))?;
        }
        Ok(stage)
    }

    /// What a row comes to. Everything is plugged out again afterwards.
    pub(super) fn cell(&self, row: &Row) -> String {
        let cell = (row.run)(self).unwrap_or_else(|error| format!("not measured ({error})"));
        for id in self.plugged.take() {
            let _ = self.guest.unplug(&id);
        }
        let cleaned = self.script(CLEAN);
        let dirt = cleaned.err().map_or_else(String::new, |error| format!(" (left: {error})"));
        format!("{cell}{dirt}").replace(['\n', '|'], " ")
    }

    /// Runs a script in the guest, and only there.
    pub(super) fn script(&self, script: &str) -> io::Result<String> {
        self.guest.check(&format!("{GUARD}{script}"))
    }

    /// The disc `label` with the content of the first or the second template.
    pub(super) fn disc(
        &self,
        label: &'static str,
        text: &'static str,
        template: usize,
    ) -> io::Result<Disc> {
        let path = self.directory.join(format!("{text}-{template}.iso"));
        let template = &self.templates[template];
        let image = if path.exists() { path } else { template.stamp(&path, label, text)? };
        let later = &template.large()[LATER << 20..(LATER + 1) << 20];
        let later = Sha256::digest(later).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Ok(Disc { label, text, image, later })
    }

    pub(super) fn plug(&self, id: &str, disc: Option<&Disc>) -> io::Result<()> {
        self.note_plugged(id);
        self.guest.attach_drive(id, disc.map(|disc| &*disc.image)).map_err(io::Error::other)
    }

    /// Remembers what was plugged in otherwise.
    pub(super) fn note_plugged(&self, id: &str) {
        self.plugged.borrow_mut().push(id.to_owned());
    }

    pub(super) fn unplug(&self, id: &str) -> io::Result<()> {
        self.plugged.borrow_mut().retain(|plugged| plugged != id);
        self.guest.unplug(id).map_err(io::Error::other)
    }

    /// Puts a disc into a drive, whatever is in it.
    pub(super) fn change(&self, id: &str, disc: &Disc) -> io::Result<()> {
        self.guest.insert(id, &disc.image, true).map_err(io::Error::other)
    }

    /// Takes a disc out by force.
    pub(super) fn force_eject(&self, id: &str) -> io::Result<()> {
        self.guest.force_eject(id).map_err(io::Error::other)
    }

    /// Begins to look, does `change`, and waits: after how many seconds of the guest's clock `disc` was as wanted.
    fn watched(
        &self,
        wish: &str,
        disc: &Disc,
        change: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<Option<f64>> {
        let System { root, port, has_document, .. } = self.system;
        let (label, text, seconds) = (disc.label, disc.text, PATIENCE.as_secs());
        let document = if *has_document { "--document /run/isomirror/state.json" } else { "" };
        // Whoever asks autofs asks a program: not as often as others.
        self.script(&format!(
            "rm -f /var/tmp/test/seen
             systemd-run --quiet --collect --unit witness --property StandardOutput=file:/var/tmp/test/seen \
             /payload/witness {wish} {root} --port {port} {document} --pause 100 --for {seconds} {label}={text}
             sleep 0.5"
        ))?;
        let before = self.clock()?;
        change()?;
        let text = self.guest.wait_until("grep . /var/tmp/test/seen", PATIENCE * 3)?;
        let seen: Value = serde_json::from_str(&text).map_err(io::Error::other)?;
        Ok(seen["names"][label]["all"].as_f64().map(|at| (at - before).max(0.0)))
    }

    fn clock(&self) -> io::Result<f64> {
        let text = self.script("cut -d ' ' -f 1 /proc/uptime")?;
        text.trim().parse().map_err(io::Error::other)
    }

    /// How soon `disc` is right after `change`.
    pub(super) fn comes(
        &self,
        disc: &Disc,
        change: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<String> {
        Ok(match self.watched("right", disc, change)? {
            Some(seconds) => format!("right after {seconds:.1} s"),
            None => format!("**not right**: {}", self.sight(disc)?),
        })
    }

    /// Waits until `disc` is right; an error where it does not come to that.
    pub(super) fn is_there(&self, disc: &Disc) -> io::Result<()> {
        match self.watched("right", disc, || Ok(()))? {
            Some(_) => Ok(()),
            None => Err(io::Error::other(format!("the disc is not shown: {}", self.sight(disc)?))),
        }
    }

    /// How soon nothing is left of `disc` after `change`.
    pub(super) fn goes(
        &self,
        disc: &Disc,
        change: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<String> {
        Ok(match self.watched("gone", disc, change)? {
            Some(seconds) => format!("gone after {seconds:.1} s"),
            None => format!("**still there**: {}", self.sight(disc)?),
        })
    }

    /// What is to be seen of `disc` now.
    pub(super) fn sight(&self, disc: &Disc) -> io::Result<String> {
        let path = format!("{}/{}", self.system.root, disc.label);
        let output = self.guest.run(&format!(
            "{GUARD}set +e
             test -e {path} || {{ echo 'no directory'; exit; }}
             mountpoint -q {path} && printf 'mounted, ' || printf 'a directory, '
             seen=$(timeout 5 cat {path}/label.txt 2>/var/tmp/test/why)
             if test \"$seen\" = {}; then echo 'with its own content'
             elif test -n \"$seen\"; then echo \"**with the content of $seen**\"
             else sed 's/.*: //' /var/tmp/test/why; fi",
            disc.text
        ))?;
        Ok(output.stdout.trim().to_owned())
    }

    /// Somebody opens `large` of `disc`, and keeps it open.
    pub(super) fn open_file(&self, disc: &Disc) -> io::Result<()> {
        self.script(&format!(
            "rm -f /var/tmp/test/open
             systemd-run --quiet --collect --unit reader-file \
             bash -c 'exec 5<{}/{}/large; touch /var/tmp/test/open; sleep infinity'",
            self.system.root, disc.label
        ))?;
        self.guest.wait_until("test -e /var/tmp/test/open", PATIENCE).map(drop)
    }

    /// Somebody downloads `large` of `disc`, slowly.
    pub(super) fn download(&self, disc: &Disc) -> io::Result<()> {
        self.script(&format!(
            "rm -f /var/tmp/test/download
             systemd-run --quiet --collect --unit reader-download curl --silent --limit-rate 1M \
             --output /var/tmp/test/download http://127.0.0.1:{}/{}/large",
            self.system.port, disc.label
        ))?;
        let running = "test $(stat -c %s /var/tmp/test/download) -gt 1000000";
        self.guest.wait_until(running, PATIENCE).map(drop)
    }

    /// What the one who has a file of `disc` open reads now.
    pub(super) fn reader_of(&self, disc: &Disc, other: Option<&Disc>) -> io::Result<String> {
        let output = self.guest.run(&format!(
            "pid=$(systemctl show --property MainPID --value reader-file)
             timeout 10 dd if=/proc/$pid/fd/5 bs=1M skip={LATER} count=1 of=/var/tmp/test/part 2>/dev/null || exit 3
             test -s /var/tmp/test/part || exit 3
             sha256sum </var/tmp/test/part"
        ))?;
        let read = output.stdout.trim();
        Ok(if !output.success() {
            "an error".to_owned()
        } else if read.starts_with(&disc.later) {
            "its own bytes".to_owned()
        } else if other.is_some_and(|other| read.starts_with(&other.later)) {
            "**the other disc's bytes**".to_owned()
        } else {
            "**bytes of no disc**".to_owned()
        })
    }

    /// Asks for the disc as libvirt does: how soon the tray opens.
    pub(super) fn eject(&self, id: &str) -> io::Result<String> {
        let start = Instant::now();
        let _ = self.guest.eject(id);
        while start.elapsed() < PATIENCE {
            if self.guest.tray(id).map_err(io::Error::other)?.open {
                return Ok(format!("tray open after {:.1} s", start.elapsed().as_secs_f64()));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(format!("**tray shut** after {} s", start.elapsed().as_secs()))
    }
}
