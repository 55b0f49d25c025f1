//! The guest, and how steps are done in it.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::{
    binaries,
    guest::{
        Guest, GuestOptions, Output, PayloadFile,
        installed::{self, INSTALL},
    },
    scratch,
    soak::{Disc, Sight, Template},
};
use tempfile::TempDir;

use crate::{
    model::{IMAGES, Model, writer},
    releases::Releases,
    step::Step,
};

/// What emulation on two busy cores may cost.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Two configurations, between which a reload changes.
const CONFIGURATIONS: [&str; 2] = [
    "media: {settle: 2s}\nfetch: {want: [soak], interval: 1h}\nboot: {timeout: 20s}\n",
    "media: {settle: 3s}\nfetch: {want: [soak], interval: 2h, keep: 1}\nmount: {drain: 2s}\n",
];

/// Without the daemon, a mount of a disc that is changed by force shows the next one until the hook of the udev rule has
/// cut it off, as README says. Nobody else is forgiven anything, and the mounts nothing later.
const FORGIVE_MOUNTS: &str = "udevadm settle
    grep -v ' mount ' /var/tmp/soak/violations >/var/tmp/soak/unforgiven
    cat /var/tmp/soak/unforgiven >/var/tmp/soak/violations";

/// Prints the units of the service that run, and their main processes.
const UNITS: &str = "for unit in $(systemctl list-units 'isomirror*.service' --state=active --plain --no-legend | awk '{ print $1 }'); do
    echo $unit $(systemctl show --property MainPID --value $unit)
done";

/// The guest and what is outside of it.
pub(crate) struct World {
    pub(crate) guest: Guest,
    template: Template,
    releases: Releases,
    directory: TempDir,
    reloads: usize,
}

impl World {
    /// Boots it, with the service installed and its readers at work.
    pub(crate) fn boot(seed: u64) -> Self {
        let directory = scratch::directory().unwrap();
        let image = directory.path().join("template.iso");
        let template = Template::make(directory.path(), &image).unwrap();
        let (releases, files) = Releases::new();
        let mut payload = installed::payload();
        payload.push(PayloadFile::new(binaries::path("soak_guest").unwrap(), "soak_guest"));
        payload.push(PayloadFile::new(image, "template.iso"));
        payload.extend(files);
        let guest = Guest::boot(&GuestOptions { payload, ..GuestOptions::default() }).unwrap();
        let installed = guest.run(INSTALL).unwrap();
        assert!(installed.success(), "{installed:?}");
        let mut world = Self { guest, template, releases, directory, reloads: 0 };
        world.configure();
        Releases::start(&world.guest);
        world.releases.bring_out(&world.guest, &world.template, 1, Disc::release(1));
        world.check(&format!(
            "set -e; mkdir -p /var/tmp/soak {IMAGES}/deep
             touch /var/tmp/soak/violations
             systemctl start isomirrord
             journalctl --quiet --cursor-file=/var/tmp/soak/cursor --lines=1 >/dev/null
             systemd-run --quiet --unit readers --nice 5 /payload/soak_guest read /var/tmp/soak {seed}"
        ));
        world
    }

    /// Runs a script that has to succeed, and returns what it printed.
    pub(crate) fn check(&self, script: &str) -> String {
        self.guest.check(script).unwrap()
    }

    fn run(&self, script: &str, patience: Duration) -> Output {
        self.guest.run_for(script, patience).unwrap()
    }

    fn configure(&mut self) {
        let config = CONFIGURATIONS[self.reloads % CONFIGURATIONS.len()];
        self.reloads += 1;
        self.check(&format!("cat >/etc/isomirror/isomirror.yaml <<'EOF'\n{config}EOF"));
    }

    /// What there is now; `asked` are names that may be gone.
    pub(crate) fn look(&self, seed: u64, asked: &[String]) -> Sight {
        let script = format!("/payload/soak_guest look {seed} {}", asked.join(" "));
        Sight::of(&serde_json::from_str(&self.check(&script)).unwrap())
    }

    /// What readers saw that they should not have seen, a line each.
    pub(crate) fn violations(&self) -> String {
        self.check("cat /var/tmp/soak/violations")
    }

    /// What readers saw is dealt with.
    pub(crate) fn forgive_all(&self) {
        self.check(": >/var/tmp/soak/violations");
    }

    /// Bytes of the journal's entries about the service since the last call.
    pub(crate) fn journal_bytes(&self) -> usize {
        let script = "journalctl --quiet --cursor-file=/var/tmp/soak/cursor -u 'isomirror*' -o export | wc -c";
        self.check(script).trim().parse().unwrap()
    }

    /// Does a step; `before` is what there was before it, `names` how discs were called then.
    pub(crate) fn act(&mut self, step: &Step, before: &Model, name: &dyn Fn(Disc) -> String) {
        match step {
            Step::Plug(drive, disc) => {
                let image = disc.map(|disc| self.image(disc));
                self.guest.attach_drive(&id(*drive), image.as_deref()).unwrap();
            }
            Step::Insert(drive, disc) | Step::Swap(drive, disc) => {
                self.guest.insert(&id(*drive), &self.image(*disc), true).unwrap();
            }
            Step::HypervisorEject(drive) => {
                // Refused where the tray is locked; then the guest opens it.
                let _ = self.guest.eject(&id(*drive));
                self.take_out(*drive);
            }
            Step::GuestEject(drive) => {
                self.check(&format!("eject \"$({})\"", device(*drive)));
                self.take_out(*drive);
            }
            Step::OwnEject(drive) => {
                let loaded = before.drives.get(drive).copied().flatten();
                let places = loaded.map_or(0, |disc| before.expected()[&disc].len());
                let what = match loaded {
                    // The name may be that of another place.
                    Some(disc) if places == 1 => name(disc),
                    _ => format!("\"$({})\"", device(*drive)),
                };
                self.check(&format!("isomirror eject {what}"));
                self.take_out(*drive);
            }
            Step::OwnEjectByForce(drive) => {
                self.check(&format!("isomirror eject --force \"$({})\"", device(*drive)));
                self.take_out(*drive);
            }
            Step::SilentEject(drive) => self.guest.force_eject(&id(*drive)).unwrap(),
            Step::Unplug(drive) => self.guest.unplug(&id(*drive)).unwrap(),
            Step::Fetch => self.fetch(before.offered + 1, Disc::release(before.offered + 1), true),
            Step::FetchForged => self.fetch(before.offered + 1, Disc::release(900_000), false),
            Step::ChangeWhileStopped(steps) => {
                self.check("systemctl stop isomirrord");
                for step in steps {
                    self.act(step, before, name);
                }
                self.check(FORGIVE_MOUNTS);
                self.check("systemctl start isomirrord");
            }
            Step::Verify => {
                if let Some(number) = before.kept {
                    self.check(&format!("isomirror verify {}", name(Disc::release(number))));
                }
            }
            Step::Reload => {
                self.configure();
                self.check("systemctl reload isomirrord");
            }
            Step::Restart => drop(self.check("systemctl restart isomirrord")),
            Step::Rescan => drop(self.check("isomirror rescan")),
            Step::Kill(which) => self.kill(*which),
            _ => drop(self.check(&of_files(step))),
        }
    }

    /// Waits until the tray is open, and takes whatever is in it.
    fn take_out(&self, drive: usize) {
        let deadline = Instant::now() + Duration::from_secs(15);
        while !self.guest.tray(&id(drive)).unwrap().open {
            assert!(Instant::now() < deadline, "the tray of {} does not open", id(drive));
            sleep(Duration::from_millis(50));
        }
        let _ = self.guest.eject(&id(drive));
        assert!(!self.guest.tray(&id(drive)).unwrap().loaded, "{} is still loaded", id(drive));
    }

    /// The image of a disc, as a hypervisor wants it.
    fn image(&self, disc: Disc) -> PathBuf {
        let path = self.directory.path().join(format!("{}.iso", disc.0));
        if !path.exists() {
            fs::write(&path, self.template.stamp(disc)).unwrap();
        }
        path
    }

    /// Has the release `number` fetched, whose image is that of `disc`.
    fn fetch(&self, number: u32, disc: Disc, is_sound: bool) {
        if number > 1 {
            self.releases.bring_out(&self.guest, &self.template, number, disc);
        }
        let fetched = self.run("isomirror fetch soak", PATIENCE * 2);
        assert_eq!(fetched.success(), is_sound, "{fetched:?}");
    }

    /// The units of the service that run, and their main processes.
    fn units(&self) -> BTreeMap<String, String> {
        let told = self.check(UNITS);
        let pairs = told.lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(unit, process)| (unit.to_owned(), process.to_owned())).collect()
    }

    /// Kills one of the service's processes, and waits until systemd has started it anew. The others go on.
    fn kill(&self, which: u64) {
        let before = self.units();
        let which = usize::try_from(which % before.len() as u64).unwrap_or_default();
        let unit = before.keys().nth(which).unwrap();
        self.check(&format!(
            "set -e
             systemctl reset-failed '{unit}' 2>/dev/null || true
             main_pid() {{ systemctl show --property MainPID --value '{unit}'; }}
             old=$(main_pid)
             kill -KILL $old
             for attempt in $(seq 150); do
                 new=$(main_pid)
                 if [ \"$new\" != 0 ] && [ \"$new\" != $old ] && systemctl --quiet is-active '{unit}'; then exit 0; fi
                 sleep 0.2
             done
             exit 1"
        ));
        let mut after = self.units();
        after.insert(unit.clone(), before[unit].clone());
        assert_eq!(after, before, "others than {unit} ended with it");
    }
}

fn id(drive: usize) -> String {
    format!("soak{drive}")
}

/// Prints the device node of a drive.
fn device(drive: usize) -> String {
    format!("readlink -f /dev/disk/by-id/scsi-*{}", id(drive))
}

/// The script of a step that happens to files.
fn of_files(step: &Step) -> String {
    let write = "/payload/soak_guest write";
    match step {
        Step::CopyIn(file, disc) | Step::Rewrite(file, disc) => {
            format!("{write} {} {IMAGES}/{file}", disc.0)
        }
        Step::MoveIn(file, disc) => format!(
            "{write} {} /var/lib/isomirror/incoming && mv /var/lib/isomirror/incoming {IMAGES}/{file}",
            disc.0
        ),
        Step::BeginWriting(file, disc) => format!(
            "systemd-run --quiet --unit {} {write} {} {IMAGES}/{file} 1000 && sleep 1",
            writer(file),
            disc.0
        ),
        Step::EndWriting(file) => {
            let writer = writer(file);
            format!("while systemctl --quiet is-active {writer}; do sleep 0.2; done")
        }
        Step::Delete(file) => format!("rm {IMAGES}/{file}"),
        Step::Rename(from, to) => format!("mv {IMAGES}/{from} {IMAGES}/{to}"),
        other => panic!("{other:?} is none"),
    }
}
