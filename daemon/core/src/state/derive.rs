//! The state document from what is desired, what is, and what became of the last steps.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{DownloadState, MediumState, Phase, SCHEMA, SourceKind, SourceState, StateDocument};
use crate::{
    desired::{Desired, Entry},
    inventory::Finding,
    medium::{Identity, IdentityKey, Source},
    name::Name,
    plan::{Actual, Occupant},
};

/// Bytes of a name that need no escape in a URL's path.
const UNESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Path of a medium's tree on the server.
#[must_use]
pub fn url_of(name: &Name) -> String {
    format!("/{}/", utf8_percent_encode(name.as_str(), UNESCAPED))
}

/// What is known of one name beside what is desired and what is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Backend that shows the medium now.
    pub backend: Option<String>,
    /// Why this one.
    pub backend_reason: Option<String>,
    /// What became of the last step, if it failed, and what to do.
    pub failure: Option<String>,
}

/// All that a document is derived from.
#[derive(Clone, Copy, Debug)]
pub struct Round<'a> {
    /// Directory below which media are mounted.
    pub webroot: &'a Path,
    /// What is to be published.
    pub desired: &'a Desired,
    /// Media that are to be mounted, by name; the others are served over HTTP alone.
    pub wanted: &'a BTreeMap<Name, IdentityKey>,
    /// Media that are mounted when they are asked for, by name; `None` where none are mounted so.
    pub on_demand: Option<&'a BTreeSet<Name>>,
    /// What is in the web root.
    pub actual: &'a Actual,
    /// Names that something foreign occupies.
    pub blocked: &'a BTreeSet<Name>,
    /// What is known of names.
    pub accounts: &'a BTreeMap<Name, Account>,
    /// What happens with wanted entries of the catalog.
    pub downloads: &'a [DownloadState],
    /// What is wrong with no single medium.
    pub problems: &'a [String],
    /// The document before this one, for what has not changed since.
    pub previous: &'a StateDocument,
    /// The moment, RFC 3339.
    pub now: &'a str,
}

impl Round<'_> {
    /// The document. It equals the previous one, revision and all, where nothing changed.
    #[must_use]
    pub fn document(&self) -> StateDocument {
        let mut media: Vec<MediumState> = self.leaving();
        media.extend(
            self.desired.entries.iter().map(|(name, entry)| self.medium_state(name, entry)),
        );
        media.sort_by(|a, b| a.name.cmp(&b.name));
        let mut document = StateDocument {
            schema: SCHEMA,
            revision: self.previous.revision,
            webroot: Some(self.webroot.to_owned()),
            media,
            fetch: self.downloads.to_vec(),
            problems: self.problems.to_vec(),
        };
        if document != *self.previous {
            document.revision += 1;
        }
        document
    }

    fn medium_state(&self, name: &Name, entry: &Entry) -> MediumState {
        let medium = entry.medium();
        let account = self.accounts.get(name).cloned().unwrap_or_default();
        let (phase, problem) = self.phase(name, entry, &account);
        MediumState {
            id: entry.key(),
            name: name.clone(),
            label: medium.and_then(|medium| medium.label.clone()),
            uuid: medium.and_then(|medium| medium.uuid.clone()),
            format: medium.map(|medium| medium.file_system.as_str().to_owned()),
            size: medium.map_or(0, |medium| medium.size),
            source: source_state(entry),
            also_at: entry.also_at.clone(),
            backend: account.backend,
            backend_reason: account.backend_reason,
            state: phase,
            since: self.since(name, entry.key(), phase),
            mountpoint: (self.is_mounted(name, entry.key()) || self.is_on_demand(name))
                .then(|| self.webroot.join(name.as_str())),
            url: url_of(name),
            verified: medium.and_then(|medium| medium.verified.as_deref().cloned()),
            detection: medium.map(|medium| (*medium.detection).clone()).unwrap_or_default(),
            problem,
        }
    }

    fn phase(&self, name: &Name, entry: &Entry, account: &Account) -> (Phase, Option<String>) {
        let medium = match &entry.sighting.finding {
            Finding::Waiting(reason) => return (Phase::Waiting, Some(reason.clone())),
            Finding::Unreadable(problem) => return (Phase::Broken, Some(problem.clone())),
            Finding::Readable(medium) => medium,
        };
        if self.blocked.contains(name) {
            let path = self.webroot.join(name.as_str());
            let problem = format!("`{}` is not isomirror's: move it away", path.display());
            return (Phase::Blocked, Some(problem));
        }
        let damage = (!medium.problems.is_empty()).then(|| medium.problems.join("; "));
        let is_settled = match self.on_demand {
            Some(_) => self.is_on_demand(name),
            None => !self.wanted.contains_key(name) || self.is_mounted(name, entry.key()),
        };
        match (&account.failure, is_settled) {
            (_, true) => (Phase::Serving, damage),
            // Our own server reads the medium itself: it serves what cannot be mounted.
            (Some(failure), false) => (Phase::Serving, Some(failure.clone())),
            (None, false) => (Phase::Mounting, damage),
        }
    }

    fn is_mounted(&self, name: &Name, key: IdentityKey) -> bool {
        matches!(self.actual.get(name), Some(Occupant::Mounted { medium, dead: false, .. }) if *medium == key)
    }

    fn is_on_demand(&self, name: &Name) -> bool {
        self.on_demand.is_some_and(|names| names.contains(name))
    }

    /// Media that are desired no more and whose mounts are still there.
    fn leaving(&self) -> Vec<MediumState> {
        let is_leaving = |state: &&MediumState| {
            !self.desired.entries.contains_key(&state.name)
                && self.is_mounted(&state.name, state.id)
        };
        let mut leaving: Vec<_> = self.previous.media.iter().filter(is_leaving).cloned().collect();
        for state in &mut leaving {
            state.state = Phase::Draining;
            state.since = self.since(&state.name, state.id, Phase::Draining);
            state.problem =
                self.accounts.get(&state.name).and_then(|account| account.failure.clone());
        }
        leaving
    }

    fn since(&self, name: &Name, key: IdentityKey, phase: Phase) -> String {
        let before = self.previous.media.binary_search_by(|state| state.name.cmp(name));
        match before.ok().map(|index| &self.previous.media[index]) {
            Some(state) if state.id == key && state.state == phase => state.since.clone(),
            _ => self.now.to_owned(),
        }
    }
}

fn source_state(entry: &Entry) -> SourceState {
    let diskseq = match entry.medium().map(|medium| medium.identity) {
        Some(Identity::Disc { sequence, .. }) if sequence > 0 => Some(sequence),
        _ => None,
    };
    let (kind, path) = match &entry.sighting.source {
        Source::File(path) => (SourceKind::File, path),
        Source::Drive(path) => (SourceKind::Drive, path),
    };
    SourceState { kind, path: path.clone(), diskseq }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::Sighting,
        medium::{FileSystem, Medium},
        name::sanitise,
    };

    fn name(text: &str) -> Name {
        sanitise(text).unwrap()
    }

    fn desired(finding: fn(Medium) -> Finding) -> (Desired, IdentityKey) {
        let identity = Identity::Disc { device: 11, sequence: 7, size: 4096 };
        let medium = Medium {
            identity,
            label: Some("A B".to_owned()),
            uuid: None,
            file_system: FileSystem::Udf,
            size: 4096,
            original: identity.key(),
            likeness: None,
            verified: None,
            alias: None,
            release: None,
            problems: Vec::new(),
            detection: std::sync::Arc::new(crate::boot::Detection {
                obstacle: Some("it is a test".to_owned()),
                ..crate::boot::Detection::default()
            }),
        };
        let source = Source::Drive("/dev/sr0".into());
        let sighting = Sighting { source, key: identity.key(), finding: finding(medium) };
        let entry = Entry { sighting, also_at: Vec::new() };
        (Desired { entries: BTreeMap::from([(name("A B"), entry)]) }, identity.key())
    }

    struct Scene {
        desired: Desired,
        wanted: BTreeMap<Name, IdentityKey>,
        actual: Actual,
        blocked: BTreeSet<Name>,
        accounts: BTreeMap<Name, Account>,
        previous: StateDocument,
        on_demand: Option<BTreeSet<Name>>,
    }

    impl Scene {
        fn new(finding: fn(Medium) -> Finding) -> Self {
            let (desired, key) = desired(finding);
            Self {
                wanted: BTreeMap::from([(name("A B"), key)]),
                desired,
                actual: Actual::new(),
                blocked: BTreeSet::new(),
                accounts: BTreeMap::new(),
                previous: StateDocument::default(),
                on_demand: None,
            }
        }

        fn mount(&mut self) {
            let medium = self.wanted[&name("A B")];
            let occupant = Occupant::Mounted { mount: 1, medium, dead: false, on_disc: true };
            self.actual.insert(name("A B"), occupant);
        }

        fn fail(&mut self, failure: Option<String>) {
            self.accounts.insert(name("A B"), Account { failure, ..Account::default() });
        }

        fn document(&self, now: &str) -> StateDocument {
            let Self { desired, wanted, actual, blocked, accounts, previous, on_demand } = self;
            let webroot = Path::new("/srv/isomirror");
            Round {
                webroot,
                desired,
                wanted,
                on_demand: on_demand.as_ref(),
                actual,
                blocked,
                accounts,
                downloads: &[],
                problems: &[],
                previous,
                now,
            }
            .document()
        }
    }

    #[test]
    fn a_medium_goes_from_mounting_to_serving_to_draining_and_is_gone() {
        let mut scene = Scene::new(Finding::Readable);
        let first = scene.document("t1");
        assert_eq!((first.media[0].state, first.media[0].url.as_str()), (Phase::Mounting, "/A_B/"));
        scene.mount();
        scene.previous = first;
        let second = scene.document("t2");
        assert_eq!((second.media[0].state, second.media[0].since.as_str()), (Phase::Serving, "t2"));
        assert_eq!(second.media[0].mountpoint.as_deref(), Some(Path::new("/srv/isomirror/A_B")));
        assert_eq!(second.media[0].source.diskseq, Some(7));
        assert_eq!(second.media[0].detection.obstacle.as_deref(), Some("it is a test"));
        scene.previous = second.clone();
        assert_eq!(scene.document("t3"), second, "nothing changed, so nothing differs");
        scene.desired = Desired::default();
        assert_eq!(scene.document("t4").media[0].state, Phase::Draining);
        scene.actual = Actual::new();
        assert_eq!(scene.document("t5").media, []);
    }

    #[test]
    fn what_cannot_be_published_says_why() {
        let waiting =
            Scene::new(|_| Finding::Waiting("another process is writing to it".to_owned()));
        let state = waiting.document("t").media.remove(0);
        assert_eq!(
            (state.state, state.problem.as_deref()),
            (Phase::Waiting, Some("another process is writing to it"))
        );
        let broken = Scene::new(|_| Finding::Unreadable("no".to_owned()));
        assert_eq!(broken.document("t").media[0].state, Phase::Broken);
        let mut blocked = Scene::new(Finding::Readable);
        blocked.blocked.insert(name("A B"));
        let state = blocked.document("t").media.remove(0);
        assert_eq!(state.state, Phase::Blocked);
        assert_eq!(state.problem.unwrap(), "`/srv/isomirror/A_B` is not isomirror's: move it away");
    }

    #[test]
    fn a_medium_that_cannot_be_mounted_is_served_all_the_same_and_says_so() {
        let mut scene = Scene::new(Finding::Readable);
        let failure = Some("no loop device is free".to_owned());
        scene.fail(failure.clone());
        let state = scene.document("t").media.remove(0);
        assert_eq!((state.state, state.mountpoint, state.problem), (Phase::Serving, None, failure));
    }

    #[test]
    fn what_is_mounted_on_demand_has_its_mount_point_without_a_mount() {
        let mut scene = Scene::new(Finding::Readable);
        scene.wanted.clear();
        scene.on_demand = Some(BTreeSet::new());
        let state = scene.document("t").media.remove(0);
        assert_eq!((state.state, state.mountpoint), (Phase::Mounting, None));
        scene.on_demand = Some(BTreeSet::from([name("A B")]));
        let state = scene.document("t").media.remove(0);
        let point = Path::new("/srv/isomirror/A_B");
        assert_eq!((state.state, state.mountpoint.as_deref()), (Phase::Serving, Some(point)));
        let failure = Some("nobody mounts it".to_owned());
        scene.on_demand = Some(BTreeSet::new());
        scene.fail(failure.clone());
        let state = scene.document("t").media.remove(0);
        assert_eq!((state.state, state.mountpoint, state.problem), (Phase::Serving, None, failure));
    }

    #[test]
    fn the_public_document_tells_nothing_of_the_host() {
        let mut scene = Scene::new(Finding::Readable);
        scene.mount();
        let public = serde_json::to_string(&scene.document("t").public()).unwrap();
        assert!(!public.contains("/srv") && !public.contains("/dev"), "{public}");
    }
}
