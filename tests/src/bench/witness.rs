//! Somebody who looks at names the whole time and says when each of them came right or was gone. It is a program of
//! its own, so that it can look from inside of a guest: see `bin/witness.rs`.

mod look;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

pub use look::{Place, Seen};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Every name has the content that it is to have, in every respect.
    Right,
    /// Nothing is left of any name.
    Gone,
}

/// What is to be seen, and what is done before.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Where to look.
    pub place: Place,
    /// Names, each with the text that its `label.txt` is to have.
    pub names: BTreeMap<String, String>,
    /// What is waited for.
    pub wish: Wish,
    /// All files of the first directory are moved into the second one at the start.
    pub moved: Option<(PathBuf, PathBuf)>,
    /// Block devices (`sr0`): the start is when the kernel knows of the first change of a medium in them.
    pub devices: Vec<String>,
    /// Between two looks.
    pub pause: Duration,
    /// When to give up.
    pub patience: Duration,
}

impl Watch {
    /// Watches, and tells on what seconds of the monotonic clock things happened: `start`, `devices` (when the kernel
    /// knew of each one's change), and for each of `names` what it came to: `document`, `mounted`, `http`, `all`.
    pub fn run(&self) -> io::Result<Value> {
        let end = Instant::now() + self.patience;
        let before = self.sequences();
        let mut changed = BTreeMap::new();
        while !self.devices.is_empty() && changed.is_empty() && Instant::now() < end {
            note_changes(&before, &mut changed);
            thread::sleep(Duration::from_millis(1));
        }
        let start = now();
        if let Some((from, to)) = &self.moved {
            move_all(from, to)?;
        }
        let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
        let mut look = self.place.look();
        while seen.values().filter(|seen| seen.all.is_some()).count() < self.names.len() {
            if Instant::now() >= end {
                break;
            }
            note_changes(&before, &mut changed);
            for (name, text) in &self.names {
                let seen = seen.entry(name).or_default();
                match self.wish {
                    Wish::Right => look.for_right(name, text, seen),
                    Wish::Gone => look.for_gone(name, seen),
                }
            }
            look.refresh();
            thread::sleep(self.pause);
        }
        let seen: BTreeMap<_, _> = seen.iter().map(|(name, seen)| (*name, seen.told())).collect();
        Ok(json!({ "start": start, "devices": changed, "names": seen }))
    }

    fn sequences(&self) -> BTreeMap<&str, String> {
        self.devices.iter().map(|device| (device.as_str(), sequence(device))).collect()
    }
}

/// Notes when devices first have another medium than `before`.
fn note_changes(before: &BTreeMap<&str, String>, changed: &mut BTreeMap<String, f64>) {
    for (device, before) in before {
        if !changed.contains_key(*device) && sequence(device) != *before {
            changed.insert((*device).to_owned(), now());
        }
    }
}

/// The number of the medium in a device (`diskseq` of sysfs, since Linux 5.15).
fn sequence(device: &str) -> String {
    fs::read_to_string(Path::new("/sys/block").join(device).join("diskseq")).unwrap_or_default()
}

fn move_all(from: &Path, to: &Path) -> io::Result<()> {
    let entries: io::Result<Vec<_>> = fs::read_dir(from)?.collect();
    for entry in entries? {
        fs::rename(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Seconds of the clock that udevadm gives too.
pub(super) fn now() -> f64 {
    let time = clock_gettime(ClockId::Monotonic);
    #[expect(clippy::cast_precision_loss, reason = "a machine is up for less than 2^52 ns")]
    let (seconds, nanoseconds) = (time.tv_sec as f64, time.tv_nsec as f64);
    seconds + nanoseconds / 1e9
}
