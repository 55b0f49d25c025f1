//! The guest that is measured in, with the daemon installed, and the witness in it.

use std::{collections::BTreeMap, io, path::PathBuf, time::Duration};

use serde_json::Value;

use super::events::{Event, parse};
use crate::{
    bench::{Samples, discs::Template},
    binaries,
    guest::{
        Guest, GuestOptions, PayloadFile,
        installed::{self, INSTALL},
    },
};

/// What emulation on two busy cores may cost.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// Files that appear at once.
pub(super) const FILES: usize = 46;
/// Bytes of the file `large` in them.
const FILE_LENGTH: usize = 256 << 10;
/// Bytes of that file on discs: downloads take their time.
const DISC_LENGTH: usize = 64 << 20;

/// A running guest.
pub(super) struct Site {
    pub(super) guest: Guest,
    disc: Template,
    directory: PathBuf,
}

impl Site {
    pub(super) fn boot(samples: &Samples) -> io::Result<Self> {
        let directory = samples.new_directory("drives")?;
        let mut payload = installed::payload();
        payload.push(PayloadFile::new(binaries::path("witness")?, "witness"));
        let template = Template::make(&directory, FILE_LENGTH, 0)?;
        for number in 0..FILES {
            let name = file_label(number);
            let image = template.stamp(&directory.join(&name), &name, &name)?;
            payload.push(PayloadFile::new(image, format!("crowd/{name}.iso")));
        }
        let disc = Template::make(&directory, DISC_LENGTH, 0)?;
        let guest = Guest::boot(&GuestOptions { payload, ..GuestOptions::default() })?;
        let site = Self { guest, disc, directory };
        site.guest
            .check(&format!("{INSTALL}\nsystemctl start isomirrord\nmkdir -p /var/tmp/test"))?;
        Ok(site)
    }

    /// The disc `label`, made where it is not there yet.
    pub(super) fn disc(&self, label: &str) -> io::Result<PathBuf> {
        let path = self.directory.join(format!("{label}.disc"));
        if path.exists() { Ok(path) } else { self.disc.stamp(&path, label, label) }
    }

    /// Begins to record events of block devices and what is above them.
    pub(super) fn record(&self) -> io::Result<()> {
        let monitor = "systemd-run --quiet --collect --unit monitor --property StandardOutput=file:/var/tmp/test/events \
                       udevadm monitor --kernel --udev --property --subsystem-match=block --subsystem-match=scsi";
        self.guest.check(monitor)?;
        self.guest.wait_until("grep -q '^KERNEL - ' /var/tmp/test/events", PATIENCE).map(drop)
    }

    /// The events since [`Self::record`].
    pub(super) fn events(&self) -> io::Result<Vec<Event>> {
        let text = self.guest.check(
            "udevadm settle; systemctl stop monitor; cat /var/tmp/test/events; rm /var/tmp/test/events",
        )?;
        Ok(parse(&text))
    }

    /// Begins to look at `names` from inside. `options` are more arguments.
    pub(super) fn watch(&self, wish: &str, names: &[String], options: &str) -> io::Result<()> {
        let names: Vec<_> = names.iter().map(|name| format!("{name}={name}")).collect();
        let script = format!(
            "rm -f /var/tmp/test/seen
             systemd-run --quiet --collect --unit witness \
             --property StandardOutput=file:/var/tmp/test/seen --property StandardError=journal \
             /payload/witness {wish} /srv/isomirror --port 8080 --document /run/isomirror/state.json \
             {options} {}
             sleep 1",
            names.join(" ")
        );
        self.guest.check(&script).map(drop)
    }

    /// What the witness saw, when it has seen all.
    pub(super) fn seen(&self) -> io::Result<Sighted> {
        let text = self.guest.wait_until("grep . /var/tmp/test/seen", PATIENCE * 2)?;
        let seen: Value = serde_json::from_str(&text).map_err(io::Error::other)?;
        let moments = |key: &str, of: fn(&Value) -> Option<f64>| -> BTreeMap<String, f64> {
            let entries = seen[key].as_object().into_iter().flatten();
            entries.filter_map(|(name, value)| Some((name.clone(), of(value)?))).collect()
        };
        let start = seen["start"].as_f64().unwrap_or_default();
        let devices = moments("devices", Value::as_f64);
        let names = moments("names", |value| value["all"].as_f64());
        Ok(Sighted { start, devices, names, whole: seen })
    }

    /// Waits until nothing is published.
    pub(super) fn wait_for_nothing(&self) -> io::Result<()> {
        let nothing = "! grep -q '\"name\":' /run/isomirror/state.json";
        self.guest.wait_until(nothing, PATIENCE).map(drop)
    }
}

/// The label of one of the files.
pub(super) fn file_label(number: usize) -> String {
    format!("CROWD-FILE{number:02}")
}

/// What the witness saw, on the monotonic clock.
#[derive(Debug)]
pub(super) struct Sighted {
    pub(super) start: f64,
    /// When the kernel knew of a change, by device.
    pub(super) devices: BTreeMap<String, f64>,
    /// When a name was as wanted in every respect.
    pub(super) names: BTreeMap<String, f64>,
    /// All that it told.
    pub(super) whole: Value,
}

impl Sighted {
    /// When the only name was as wanted.
    pub(super) fn only(&self) -> io::Result<f64> {
        let missing = || io::Error::other(format!("not in time: {}", self.whole));
        self.names.values().next().copied().ok_or_else(missing)
    }
}
