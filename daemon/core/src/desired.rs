//! What is to be published, and under which names.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use crate::{
    inventory::{Finding, Inventory, Sighting},
    ledger::{Applicant, Ledger},
    medium::{IdentityKey, Medium},
    name::Name,
    naming::{NameRules, source_name},
};

/// All names, and who has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Readable media, to be published, and others, to be told of.
    pub entries: BTreeMap<Name, Entry>,
}

/// One name's medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The medium and where it is.
    pub sighting: Sighting,
    /// Other places where the very same medium is seen.
    pub also_at: Vec<PathBuf>,
}

impl Entry {
    /// The medium, if it can be published.
    #[must_use]
    pub fn medium(&self) -> Option<&Medium> {
        match &self.sighting.finding {
            Finding::Readable(medium) => Some(medium),
            Finding::Unreadable(_) | Finding::Waiting(_) => None,
        }
    }

    /// Who the medium is.
    #[must_use]
    pub fn key(&self) -> IdentityKey {
        self.sighting.key
    }
}

impl Desired {
    /// The readable media by name.
    pub fn media(&self) -> impl Iterator<Item = (&Name, &Entry, &Medium)> {
        self.entries.iter().filter_map(|(name, entry)| Some((name, entry, entry.medium()?)))
    }

    /// Whether there are media whose names may pass to others when those are served.
    #[must_use]
    pub fn has_releases(&self) -> bool {
        self.media().any(|(_, _, medium)| medium.release.is_some())
    }
}

/// Names everything in `inventory`. Readable media come first and are remembered in `ledger`; what cannot be
/// published gets a name too, to be told of, but never one that a medium has or could have kept. `served` media are
/// published, and nothing is wrong with them.
pub fn desired(
    mut inventory: Inventory,
    rules: &NameRules,
    ledger: &mut Ledger,
    served: &BTreeSet<IdentityKey>,
) -> Desired {
    // So that newcomers of one round are named in an order that does not depend on who was quicker.
    inventory.sort_by(|a, b| a.source.cmp(&b.source));
    let (readable, others): (Vec<_>, Vec<_>) = inventory
        .into_iter()
        .partition(|sighting| matches!(sighting.finding, Finding::Readable(_)));
    let readable = merged(readable, ledger);
    let names = ledger.assign(&applicants(&readable, rules), served);
    let mut entries = BTreeMap::new();
    for entry in readable {
        entries.insert(names[&entry.key()].clone(), entry);
    }
    for sighting in others {
        let plain = source_name(&sighting.source, sighting.key);
        let name = if entries.contains_key(&plain) { plain.suffixed(sighting.key) } else { plain };
        entries.entry(name).or_insert(Entry { sighting, also_at: Vec::new() });
    }
    Desired { entries }
}

/// One entry for every medium, however many paths lead to it, and however many copies of it there are. The copy that
/// has a name already stays the one that is published.
fn merged(mut sightings: Vec<Sighting>, ledger: &Ledger) -> Vec<Entry> {
    let holders = ledger.holders();
    // Stable, so that among equals the order of the paths decides.
    sightings.sort_by_key(|sighting| !holders.contains(&sighting.key));
    let mut entries: Vec<Entry> = Vec::with_capacity(sightings.len());
    let mut index: BTreeMap<IdentityKey, usize> = BTreeMap::new();
    for sighting in sightings {
        let original = original(&sighting);
        if let Some(first) = index.get(&original) {
            entries[*first].also_at.push(sighting.source.path().to_owned());
        } else {
            index.insert(original, entries.len());
            entries.push(Entry { sighting, also_at: Vec::new() });
        }
    }
    entries
}

fn original(sighting: &Sighting) -> IdentityKey {
    match &sighting.finding {
        Finding::Readable(medium) => medium.original,
        Finding::Unreadable(_) | Finding::Waiting(_) => sighting.key,
    }
}

fn applicants(entries: &[Entry], rules: &NameRules) -> Vec<Applicant> {
    let applicant = |entry: &Entry| {
        let medium = entry.medium()?;
        let uuid = medium.uuid.as_deref();
        let plain =
            rules.plain_name(rules.label_of(medium), uuid, &entry.sighting.source, entry.key());
        let likeness = medium.likeness.clone();
        let release = medium.release.as_deref().cloned();
        Some(Applicant { key: entry.key(), plain, likeness, release })
    };
    entries.iter().filter_map(applicant).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::medium::{FileSystem, Identity, Source};

    fn sighting(path: &str, inode: u64, finding: fn(Medium) -> Finding) -> Sighting {
        let identity = Identity::File { device: 1, inode, size: 1, modified: 0 };
        let medium = Medium {
            identity,
            label: Some("FOO".to_owned()),
            uuid: None,
            file_system: FileSystem::Iso9660,
            size: 1,
            original: identity.key(),
            likeness: None,
            verified: None,
            alias: None,
            release: None,
            problems: Vec::new(),
            detection: std::sync::Arc::default(),
        };
        Sighting {
            source: Source::File(path.into()),
            key: identity.key(),
            finding: finding(medium),
        }
    }

    fn names(desired: &Desired) -> Vec<(String, &str)> {
        let path = |entry: &Entry| entry.sighting.source.path().to_str().unwrap().to_owned();
        desired.entries.iter().map(|(name, entry)| (path(entry), name.as_str())).collect()
    }

    #[test]
    fn newcomers_are_named_in_the_order_of_their_paths() {
        let a = sighting("/a.iso", 1, Finding::Readable);
        let b = sighting("/b.iso", 2, Finding::Readable);
        let one = desired(
            vec![a.clone(), b.clone()],
            &NameRules::default(),
            &mut Ledger::default(),
            &BTreeSet::new(),
        );
        let other =
            desired(vec![b, a], &NameRules::default(), &mut Ledger::default(), &BTreeSet::new());
        assert_eq!(one, other);
        assert_eq!(names(&one)[0], ("/a.iso".to_owned(), "FOO"));
    }

    #[test]
    fn one_medium_seen_twice_is_published_once() {
        let inventory = vec![
            sighting("/b.iso", 1, Finding::Readable),
            sighting("/a.iso", 1, Finding::Readable),
        ];
        let desired =
            desired(inventory, &NameRules::default(), &mut Ledger::default(), &BTreeSet::new());
        assert_eq!(names(&desired), [("/a.iso".to_owned(), "FOO")]);
        assert_eq!(desired.entries.values().next().unwrap().also_at, [PathBuf::from("/b.iso")]);
    }

    /// A medium, which is a copy of the one with the inode `original`.
    fn copy(path: &str, inode: u64, original: u64) -> Sighting {
        let mut copy = sighting(path, inode, Finding::Readable);
        if let Finding::Readable(medium) = &mut copy.finding {
            medium.original = sighting(path, original, Finding::Readable).key;
        }
        copy
    }

    #[test]
    fn a_copy_waits_until_the_one_that_is_published_goes() {
        let (first, second) = (copy("/b.iso", 1, 1), copy("/a.iso", 2, 1));
        let other = copy("/c.iso", 3, 3);
        let rules = NameRules::default();
        let mut ledger = Ledger::default();
        let of =
            |inventory, ledger: &mut Ledger| desired(inventory, &rules, ledger, &BTreeSet::new());
        of(vec![first.clone()], &mut ledger);
        let both = of(vec![second.clone(), first, other.clone()], &mut ledger);
        let published: BTreeSet<_> = names(&both).into_iter().map(|(path, _)| path).collect();
        assert_eq!(published, ["/b.iso".to_owned(), "/c.iso".to_owned()].into());
        assert_eq!(both.entries.values().next().unwrap().also_at, [PathBuf::from("/a.iso")]);
        let left = of(vec![second, other], &mut ledger);
        assert!(names(&left).contains(&("/a.iso".to_owned(), "FOO")), "{left:?}");
    }

    #[test]
    fn what_cannot_be_published_displaces_nobody() {
        let broken = sighting("/FOO.iso", 1, |_| Finding::Unreadable("damaged".to_owned()));
        let good = sighting("/z.iso", 2, Finding::Readable);
        let mut ledger = Ledger::default();
        let alone =
            desired(vec![broken.clone()], &NameRules::default(), &mut ledger, &BTreeSet::new());
        assert_eq!(names(&alone), [("/FOO.iso".to_owned(), "FOO")]);
        let both =
            desired(vec![broken, good], &NameRules::default(), &mut ledger, &BTreeSet::new());
        assert_eq!(names(&both)[0], ("/z.iso".to_owned(), "FOO"));
        assert!(names(&both)[1].1.starts_with("FOO~"));
    }
}
