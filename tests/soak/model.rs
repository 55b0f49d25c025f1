//! What there is in drives, directories and the store, and what has to be seen of it. Nothing here has effects.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use isomirror_tests::soak::{Disc, NameSight, Sight};
use serde_json::Value;

use crate::step::Step;

/// The directory of images.
pub(crate) const IMAGES: &str = "/var/lib/isomirror/images";

/// What there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// Drives that are plugged in, and what is in them.
    pub(crate) drives: BTreeMap<usize, Option<Disc>>,
    /// Whole images, by their path below the directory of images.
    pub(crate) files: BTreeMap<String, Disc>,
    /// Images that somebody is writing.
    pub(crate) writing: BTreeMap<String, Disc>,
    /// The release that is kept, and the newest one that was offered.
    pub(crate) kept: Option<u32>,
    pub(crate) offered: u32,
}

/// Where a medium is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Drive,
    File(String),
}

impl Model {
    /// Takes over what a step makes of it.
    pub(crate) fn apply(&mut self, step: &Step) {
        match step {
            Step::Plug(drive, disc) => drop(self.drives.insert(*drive, *disc)),
            Step::Insert(drive, disc) | Step::Swap(drive, disc) => {
                self.drives.insert(*drive, Some(*disc));
            }
            Step::HypervisorEject(drive)
            | Step::GuestEject(drive)
            | Step::OwnEject(drive)
            | Step::OwnEjectByForce(drive)
            | Step::SilentEject(drive) => drop(self.drives.insert(*drive, None)),
            Step::Unplug(drive) => drop(self.drives.remove(drive)),
            Step::CopyIn(file, disc) | Step::MoveIn(file, disc) | Step::Rewrite(file, disc) => {
                self.files.insert(file.clone(), *disc);
            }
            Step::BeginWriting(file, disc) => drop(self.writing.insert(file.clone(), *disc)),
            Step::EndWriting(file) => {
                if let Some(disc) = self.writing.remove(file) {
                    self.files.insert(file.clone(), disc);
                }
            }
            Step::Delete(file) => drop(self.files.remove(file)),
            Step::Rename(from, to) => {
                if let Some(disc) = self.files.remove(from) {
                    self.files.insert(to.clone(), disc);
                }
            }
            Step::Fetch => {
                self.offered += 1;
                self.kept = Some(self.offered);
            }
            Step::FetchForged => self.offered += 1,
            Step::ChangeWhileStopped(steps) => steps.iter().for_each(|step| self.apply(step)),
            Step::Reload | Step::Restart | Step::Kill(_) | Step::Rescan | Step::Verify => {}
        }
    }

    /// Every disc that has to be published, and where it is.
    pub(crate) fn expected(&self) -> BTreeMap<Disc, Vec<Place>> {
        let mut expected: BTreeMap<Disc, Vec<Place>> = BTreeMap::new();
        for disc in self.drives.values().flatten() {
            expected.entry(*disc).or_default().push(Place::Drive);
        }
        for (file, disc) in &self.files {
            expected.entry(*disc).or_default().push(Place::File(format!("{IMAGES}/{file}")));
        }
        if let Some(number) = self.kept {
            let path = format!("{IMAGES}/soak/{number}/soak-{number}.iso");
            expected.entry(Disc::release(number)).or_default().push(Place::File(path));
        }
        expected
    }

    /// It as it is once those who write no longer run.
    fn written(&self, sight: &Sight) -> Self {
        let mut written = self.clone();
        let done = |file: &&String| !sight.running.contains(&writer(file));
        for file in self.writing.keys().filter(done) {
            written.apply(&Step::EndWriting(file.clone()));
        }
        written
    }

    /// Whether this is an image that somebody still writes, which is told of and not published.
    fn is_being_written(&self, medium: &Value) -> bool {
        let path = text(&medium["source"]["path"]);
        let file = path.strip_prefix(IMAGES).and_then(|path| path.strip_prefix('/'));
        medium["state"] == "waiting" && file.is_some_and(|file| self.writing.contains_key(file))
    }

    /// Whatever is not as it should be; empty where all is well.
    pub(crate) fn wrong(&self, sight: &Sight) -> Vec<String> {
        let written = self.written(sight);
        let mut wrong = Wrong::default();
        let expected = written.expected();
        let (pending, media): (Vec<&Value>, Vec<&Value>) = sight.state["media"]
            .as_array()
            .into_iter()
            .flatten()
            .partition(|medium| written.is_being_written(medium));
        let pending: BTreeSet<String> =
            pending.into_iter().map(|medium| text(&medium["name"])).collect();
        let names: BTreeSet<String> = media.iter().map(|medium| text(&medium["name"])).collect();
        let mut seen = BTreeSet::new();
        for medium in media {
            let name = text(&medium["name"]);
            let Some(disc) = wrong.one_disc(&name, sight.names.get(&name)) else { continue };
            if !seen.insert(disc) {
                wrong.note(format!("{disc} is published twice, also as `{name}`"));
            }
            match expected.get(&disc) {
                None => wrong.note(format!("{disc} is nowhere, and published as `{name}`")),
                Some(places) => wrong.medium(medium, disc, places),
            }
        }
        for disc in expected.keys().filter(|disc| !seen.contains(disc)) {
            wrong.note(format!("{disc} is not published"));
        }
        wrong.equal("directories of the web root", &sight.listed, &names);
        let mounted: Vec<_> = names.iter().cloned().collect();
        let mut points = sight.mounted.clone();
        points.sort();
        wrong.equal("mounts below the web root", &points, &mounted);
        let index = sight.index["media"].as_array().into_iter().flatten();
        let index = index.map(|medium| text(&medium["name"]));
        let index: BTreeSet<String> = index.filter(|name| !pending.contains(name)).collect();
        wrong.equal("names of /index.json", &index, &names);
        for (name, seen) in sight.names.iter().filter(|(name, _)| !names.contains(*name)) {
            wrong.gone(name, seen);
        }
        wrong.equal("problems", &sight.state["problems"], &Value::Null);
        wrong.0
    }
}

/// Discs of which something is still to be seen though they are `gone`.
pub(crate) fn left(sight: &Sight, gone: &BTreeSet<Disc>) -> Vec<String> {
    let mut left = Vec::new();
    for (name, seen) in &sight.names {
        for (way, disc) in [("mount", &seen.mount), ("http", &seen.http), ("image", &seen.image)] {
            if let Ok(disc) = disc
                && gone.contains(disc)
            {
                left.push(format!("{disc} is still there by {way} as `{name}`"));
            }
        }
    }
    left
}

#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn note(&mut self, text: String) {
        self.0.push(text);
    }

    fn equal<T: PartialEq + fmt::Debug>(&mut self, what: &str, seen: &T, expected: &T) {
        if seen != expected {
            self.note(format!("{what}: {seen:?} instead of {expected:?}"));
        }
    }

    /// The disc that a name shows in every way.
    fn one_disc(&mut self, name: &str, seen: Option<&NameSight>) -> Option<Disc> {
        let Some(NameSight { mount: Ok(mount), http: Ok(http), image: Ok(image) }) = seen else {
            self.note(format!("`{name}` shows {seen:?}"));
            return None;
        };
        if mount != http || http != image || !mount.may_be_called(name) {
            self.note(format!("`{name}` shows {seen:?}"));
            return None;
        }
        Some(*mount)
    }

    fn medium(&mut self, medium: &Value, disc: Disc, places: &[Place]) {
        self.equal("state", &text(&medium["state"]), &"serving".to_owned());
        self.equal("label", &text(&medium["label"]), &disc.label());
        self.equal("problem", &medium["problem"], &Value::Null);
        let others = medium["also_at"].as_array().map_or(0, Vec::len);
        self.equal(&format!("other places of {disc}"), &others, &(places.len() - 1));
        let path = text(&medium["source"]["path"]);
        let is_there = match medium["source"]["kind"].as_str() {
            Some("drive") => places.contains(&Place::Drive) && path.starts_with("/dev/sr"),
            _ => places.contains(&Place::File(path.clone())),
        };
        if !is_there {
            self.note(format!("{disc} is said to be in `{path}`, and is in {places:?}"));
        }
        let verified = !medium["verified"].is_null();
        self.equal(&format!("{disc} is verified"), &verified, &(disc >= Disc::release(0)));
    }

    /// A name that is not published.
    fn gone(&mut self, name: &str, seen: &NameSight) {
        let is_gone = seen.mount.is_err()
            && seen.http == Err("404".to_owned())
            && seen.image == Err("404".to_owned());
        if !is_gone {
            self.note(format!("`{name}` should be gone and shows {seen:?}"));
        }
    }
}

/// The unit that writes a file.
pub(crate) fn writer(file: &str) -> String {
    format!("writer-{}", file.replace(['/', '.'], "-"))
}

/// A text of a document.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
