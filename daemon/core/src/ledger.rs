//! Who has which name: the one memory that survives a restart, so that names stay what they were.
//!
//! It holds names only. What is published is derived anew each round, never read from here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{medium::IdentityKey, name::Name, verified::Release};

/// Claims of absent media that are remembered; the longest absent are forgotten first.
const ABSENT_CLAIMS: usize = 4096;

/// Names and who has them, and the directories that were made for them, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// Grows with every assignment that changed something; tells how long a claim has not been used.
    generation: u64,
    claims: BTreeMap<Name, Claim>,
    /// Directories below the web root that isomirror made and may remove again. Written before they are made.
    pub directories: BTreeSet<Name>,
    /// The web root that they are in. `None` before there was one.
    pub web_root: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    medium: IdentityKey,
    generation: u64,
    /// The medium whose identity the name's suffix is made of, where that was another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suffix_of: Option<IdentityKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    likeness: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release: Option<Release>,
}

impl Claim {
    /// Whether a medium with this plain name may have `name`, which the claim is for.
    fn follows(&self, name: &Name, plain: &Name) -> bool {
        let origin = self.suffix_of.unwrap_or(self.medium);
        name == plain || *name == plain.suffixed(origin) || *name == plain.fully_suffixed(origin)
    }
}

/// A medium that wants a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applicant {
    /// Who it is.
    pub key: IdentityKey,
    /// The name that it would have if it were alone.
    pub plain: Name,
    /// What its content has in common with that of itself in another drive, or after a restart of the machine: then
    /// its identity is another one. `None` where it cannot be told.
    pub likeness: Option<String>,
    /// What it is one version of, where it was fetched.
    pub release: Option<Release>,
}

impl Ledger {
    /// The media that have a name, present or not.
    #[must_use]
    pub fn holders(&self) -> BTreeSet<IdentityKey> {
        self.claims.values().map(|claim| claim.medium).collect()
    }

    /// Gives every applicant a name of its own and remembers it.
    ///
    /// Who has a name that still follows from its plain one keeps it, and so does who is like an absent medium that
    /// had one; of newcomers the first in the list gets the plain name, the others one with a suffix from their
    /// identity. A name whose holder is absent is free. So a new
    /// medium renames nobody, and the order in which media are found does not matter after they were seen once.
    ///
    /// Releases of one entry of the catalog are the exception: the plain name is where people look for the newest, so
    /// it passes to a newer one once that is `served` under the name that it has until then.
    pub fn assign(
        &mut self,
        applicants: &[Applicant],
        served: &BTreeSet<IdentityKey>,
    ) -> BTreeMap<IdentityKey, Name> {
        self.pass_on(applicants, served);
        let mut names = self.kept(applicants);
        self.take_over(applicants, &mut names);
        let mut taken: BTreeSet<Name> = names.values().cloned().collect();
        for applicant in applicants {
            if names.contains_key(&applicant.key) {
                continue;
            }
            let suffixed = applicant.plain.suffixed(applicant.key);
            let name = [applicant.plain.clone(), suffixed]
                .into_iter()
                .find(|name| !taken.contains(name))
                .unwrap_or_else(|| applicant.plain.fully_suffixed(applicant.key));
            taken.insert(name.clone());
            names.insert(applicant.key, name);
        }
        self.remember(applicants, &names);
        names
    }

    /// Passes plain names of older releases to the newest that are served.
    fn pass_on(&mut self, applicants: &[Applicant], served: &BTreeSet<IdentityKey>) {
        for heir in applicants.iter().filter(|applicant| served.contains(&applicant.key)) {
            let older = self.claims.get(&heir.plain).and_then(|claim| claim.release.as_ref());
            let succeeds = |older| heir.release.as_ref().is_some_and(|newer| newer.succeeds(older));
            if older.is_some_and(succeeds) {
                let claim = self.claim(heir, &heir.plain);
                self.claims.insert(heir.plain.clone(), claim);
            }
        }
    }

    /// Names that present media had before and keep.
    fn kept(&self, applicants: &[Applicant]) -> BTreeMap<IdentityKey, Name> {
        let plain: BTreeMap<_, _> = applicants.iter().map(|a| (a.key, &a.plain)).collect();
        let mut names = BTreeMap::new();
        for (name, claim) in &self.claims {
            let plain = plain.get(&claim.medium);
            let follows = plain.is_some_and(|plain| claim.follows(name, plain));
            // A medium that had several names, one after the other, keeps the plain one.
            let is_better = names
                .get(&claim.medium)
                .is_none_or(|kept: &Name| name.as_str().len() < kept.as_str().len());
            if follows && is_better {
                names.insert(claim.medium, name.clone());
            }
        }
        names
    }

    /// Gives media that came back as others the names that they had: a disc that was plugged into another drive, or is
    /// found after a restart of the machine.
    fn take_over(&self, applicants: &[Applicant], names: &mut BTreeMap<IdentityKey, Name>) {
        let present: BTreeSet<_> = applicants.iter().map(|applicant| applicant.key).collect();
        let taken: BTreeSet<&Name> = names.values().collect();
        let is_free = |(name, claim): &(&Name, &Claim)| {
            !present.contains(&claim.medium) && !taken.contains(name)
        };
        let mut free: Vec<(&Name, &Claim)> = self.claims.iter().filter(is_free).collect();
        // Of several names the plain one.
        free.sort_by_key(|(name, _)| name.as_str().len());
        for applicant in applicants.iter().filter(|applicant| applicant.likeness.is_some()) {
            let is_alike = |(name, claim): &(&Name, &Claim)| {
                claim.likeness == applicant.likeness && claim.follows(name, &applicant.plain)
            };
            if !names.contains_key(&applicant.key)
                && let Some(index) = free.iter().position(is_alike)
            {
                let (name, _) = free.remove(index);
                names.insert(applicant.key, name.clone());
            }
        }
    }

    fn remember(&mut self, applicants: &[Applicant], names: &BTreeMap<IdentityKey, Name>) {
        let is_known = |applicant: &Applicant| {
            let claim = self.claims.get(&names[&applicant.key]);
            claim.is_some_and(|claim| {
                claim.medium == applicant.key
                    && claim.likeness == applicant.likeness
                    && claim.release == applicant.release
            })
        };
        if applicants.iter().all(is_known) {
            return;
        }
        self.generation += 1;
        for applicant in applicants {
            let name = &names[&applicant.key];
            let claim = self.claim(applicant, name);
            self.claims.insert(name.clone(), claim);
        }
        self.forget_the_longest_absent(names.len());
    }

    fn claim(&self, applicant: &Applicant, name: &Name) -> Claim {
        let own = Claim {
            medium: applicant.key,
            generation: self.generation,
            suffix_of: None,
            likeness: applicant.likeness.clone(),
            release: applicant.release.clone(),
        };
        if own.follows(name, &applicant.plain) {
            return own;
        }
        let previous = self.claims.get(name);
        let suffix_of = previous.map(|claim| claim.suffix_of.unwrap_or(claim.medium));
        Claim { suffix_of, ..own }
    }

    fn forget_the_longest_absent(&mut self, present: usize) {
        let excess = self.claims.len().saturating_sub(present + ABSENT_CLAIMS);
        if excess == 0 {
            return;
        }
        let mut by_age: Vec<_> =
            self.claims.iter().map(|(n, c)| (c.generation, n.clone())).collect();
        by_age.sort();
        for (_, name) in by_age.into_iter().take(excess) {
            self.claims.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{medium::Identity, name::sanitise};

    fn applicant(sequence: u64, plain: &str) -> Applicant {
        let key = Identity::Disc { device: 1, sequence, size: 0 }.key();
        Applicant { key, plain: sanitise(plain).unwrap(), likeness: None, release: None }
    }

    fn name_of(names: &BTreeMap<IdentityKey, Name>, applicant: &Applicant) -> String {
        names[&applicant.key].to_string()
    }

    #[test]
    fn the_first_has_the_plain_name_and_keeps_it_whatever_the_order() {
        let (a, b) = (applicant(1, "FOO"), applicant(2, "FOO"));
        let mut ledger = Ledger::default();
        ledger.assign(std::slice::from_ref(&a), &BTreeSet::new());
        let names = ledger.assign(&[b.clone(), a.clone()], &BTreeSet::new());
        assert_eq!(name_of(&names, &a), "FOO");
        assert_eq!(name_of(&names, &b), b.plain.suffixed(b.key).to_string());
        let text = serde_json::to_string(&ledger).unwrap();
        let mut ledger: Ledger = serde_json::from_str(&text).unwrap();
        assert_eq!(ledger.assign(&[b, a], &BTreeSet::new()), names);
    }

    #[test]
    fn a_successor_gets_the_plain_name_and_the_remaining_is_not_renamed() {
        let (a, b, c) = (applicant(1, "FOO"), applicant(2, "FOO"), applicant(3, "FOO"));
        let mut ledger = Ledger::default();
        let before = ledger.assign(&[a.clone(), b.clone()], &BTreeSet::new());
        let after = ledger.assign(&[b.clone(), c.clone()], &BTreeSet::new());
        assert_eq!(name_of(&after, &b), name_of(&before, &b));
        assert_eq!(name_of(&after, &c), "FOO");
        let back = ledger.assign(&[a.clone(), b, c], &BTreeSet::new());
        assert_eq!(name_of(&back, &a), a.plain.suffixed(a.key).to_string());
    }

    #[test]
    fn a_disc_that_comes_back_in_another_drive_has_its_old_name_and_so_has_its_twin() {
        let alike = |sequence, likeness: &str| Applicant {
            likeness: Some(likeness.to_owned()),
            ..applicant(sequence, "FOO")
        };
        let (a, b) = (alike(1, "a"), alike(2, "b"));
        let mut ledger = Ledger::default();
        let before = ledger.assign(&[a.clone(), b.clone()], &BTreeSet::new());
        assert_eq!(name_of(&before, &a), "FOO");
        let suffixed = name_of(&before, &b);
        // One is unplugged and plugged in again, then the other, then both; the identities are others each time.
        for (round, present) in [vec![a.clone()], vec![b.clone()], vec![]].into_iter().enumerate() {
            ledger.assign(&present, &BTreeSet::new());
            let sequence = 10 * (round as u64 + 1);
            let (a, b) = (alike(sequence, "a"), alike(sequence + 1, "b"));
            let text = serde_json::to_string(&ledger).unwrap();
            let mut restarted: Ledger = serde_json::from_str(&text).unwrap();
            for again in 0..3 {
                let names = restarted.assign(&[b.clone(), a.clone()], &BTreeSet::new());
                assert_eq!(name_of(&names, &a), "FOO", "{round} {again}");
                assert_eq!(name_of(&names, &b), suffixed, "{round} {again}");
            }
        }
        // A stranger of the same label gets neither name.
        let stranger = alike(99, "c");
        let names = ledger.assign(&[stranger.clone(), a.clone(), b.clone()], &BTreeSet::new());
        assert_eq!(name_of(&names, &stranger), stranger.plain.suffixed(stranger.key).to_string());
    }

    #[test]
    fn who_is_like_a_medium_that_is_there_takes_nothing_from_it() {
        let alike = |sequence| Applicant {
            likeness: Some("same".to_owned()),
            ..applicant(sequence, "FOO")
        };
        let mut ledger = Ledger::default();
        ledger.assign(&[alike(1)], &BTreeSet::new());
        let names = ledger.assign(&[alike(2), alike(1)], &BTreeSet::new());
        assert_eq!(name_of(&names, &alike(1)), "FOO");
        assert_eq!(name_of(&names, &alike(2)), alike(2).plain.suffixed(alike(2).key).to_string());
    }

    /// A release of one entry of the catalog, all under one name.
    fn release(sequence: u64, version: &str) -> Applicant {
        let release = Release { entry: "foo".to_owned(), version: version.to_owned() };
        Applicant { release: Some(release), ..applicant(sequence, "FOO") }
    }

    #[test]
    fn the_plain_name_passes_to_a_newer_release_once_that_is_served() {
        let (old, new) = (release(1, "9.9"), release(2, "9.10"));
        let mut ledger = Ledger::default();
        ledger.assign(std::slice::from_ref(&old), &BTreeSet::new());
        let only_old = BTreeSet::from([old.key]);
        let both = [old.clone(), new.clone()];
        let before = ledger.assign(&both, &only_old);
        assert_eq!(name_of(&before, &old), "FOO");
        let served = BTreeSet::from([old.key, new.key]);
        let after = ledger.assign(&both, &served);
        assert_eq!(name_of(&after, &new), "FOO");
        assert_eq!(name_of(&after, &old), old.plain.suffixed(old.key).to_string());
        let text = serde_json::to_string(&ledger).unwrap();
        let mut ledger: Ledger = serde_json::from_str(&text).unwrap();
        assert_eq!(ledger.assign(&both, &served), after, "and stays there");
        let alone = ledger.assign(std::slice::from_ref(&old), &served);
        assert_eq!(alone[&old.key], after[&old.key], "and never goes back");
    }

    #[test]
    fn the_plain_name_passes_on_though_the_older_release_has_gone_meanwhile() {
        let (old, new) = (release(1, "9.9"), release(2, "9.10"));
        let mut ledger = Ledger::default();
        ledger.assign(std::slice::from_ref(&old), &BTreeSet::new());
        ledger.assign(&[old, new.clone()], &BTreeSet::new());
        let served = BTreeSet::from([new.key]);
        assert_eq!(name_of(&ledger.assign(std::slice::from_ref(&new), &served), &new), "FOO");
    }

    #[test]
    fn nobody_else_loses_a_plain_name_to_a_release() {
        let (disc, new) = (applicant(1, "FOO"), release(2, "9.10"));
        let mut other = release(3, "9.9");
        other.release.as_mut().unwrap().entry = "other".to_owned();
        for holder in [disc, other] {
            let mut ledger = Ledger::default();
            ledger.assign(std::slice::from_ref(&holder), &BTreeSet::new());
            let both = [holder.clone(), new.clone()];
            let names = ledger.assign(&both, &BTreeSet::new());
            let served = names.keys().copied().collect();
            assert_eq!(ledger.assign(&both, &served), names);
        }
    }

    #[test]
    fn another_template_renames() {
        let a = applicant(1, "FOO");
        let mut ledger = Ledger::default();
        ledger.assign(std::slice::from_ref(&a), &BTreeSet::new());
        let renamed = Applicant { plain: sanitise("foo-1").unwrap(), ..a };
        assert_eq!(
            name_of(&ledger.assign(std::slice::from_ref(&renamed), &BTreeSet::new()), &renamed),
            "foo-1"
        );
    }

    #[test]
    fn a_label_that_looks_like_a_suffixed_name_takes_nobodys_name() {
        let (a, b) = (applicant(1, "FOO"), applicant(2, "FOO"));
        let imitator = applicant(3, b.plain.suffixed(b.key).as_str());
        let names = Ledger::default().assign(&[a, imitator.clone(), b.clone()], &BTreeSet::new());
        assert_eq!(names.values().collect::<BTreeSet<_>>().len(), 3);
        assert_eq!(name_of(&names, &b), b.plain.fully_suffixed(b.key).to_string());
    }

    #[test]
    fn absent_claims_are_bounded() {
        let mut ledger = Ledger::default();
        for sequence in 0..5000 {
            ledger.assign(&[applicant(sequence, &format!("L{sequence}"))], &BTreeSet::new());
        }
        assert_eq!(ledger.claims.len(), ABSENT_CLAIMS + 1);
        assert!(ledger.claims.contains_key(&sanitise("L4999").unwrap()));
    }

    /// An entry of the catalog, and a version of it.
    fn some_release() -> impl Strategy<Value = Option<Release>> {
        let release = ("[xy]", "[1-4]").prop_map(|(entry, version)| Release { entry, version });
        proptest::option::of(release)
    }

    proptest! {
        #[test]
        fn only_releases_are_renamed_and_the_newest_that_is_served_ends_with_their_plain_name(
            releases in proptest::collection::vec(some_release(), 1..8),
            rounds in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 16), 1..8),
        ) {
            let all: Vec<_> = releases.into_iter().zip(0..).map(|(release, sequence)| {
                Applicant { release, ..applicant(sequence, "FOO") }
            }).collect();
            let mut ledger = Ledger::default();
            let mut before: BTreeMap<IdentityKey, Name> = BTreeMap::new();
            for round in rounds {
                let some: Vec<_> = all.iter().zip(&round).filter(|(_, p)| **p).map(|(a, _)| a.clone()).collect();
                // Nothing is served that had no name.
                let served: BTreeSet<_> = some.iter().zip(&round[8..]).filter(|(a, p)| **p && before.contains_key(&a.key)).map(|(a, _)| a.key).collect();
                let names = ledger.assign(&some, &served);
                prop_assert_eq!(names.values().collect::<BTreeSet<_>>().len(), some.len());
                let holder = some.iter().find(|a| names[&a.key].as_str() == "FOO" && before.get(&a.key) == names.get(&a.key));
                if let Some(older) = holder.and_then(|holder| holder.release.as_ref()) {
                    let is_passed_over = |a: &Applicant| {
                        served.contains(&a.key) && a.release.as_ref().is_some_and(|newer| newer.succeeds(older))
                    };
                    prop_assert!(!some.iter().any(is_passed_over));
                }
                for applicant in some.iter().filter(|applicant| applicant.release.is_none()) {
                    if let Some(name) = before.get(&applicant.key) {
                        prop_assert_eq!(&names[&applicant.key], name);
                    }
                }
                before = names;
            }
        }

        #[test]
        fn names_are_unique_and_a_new_medium_renames_nobody(
            labels in proptest::collection::vec("[AB]{1,2}", 1..12),
            likenesses in proptest::collection::vec(proptest::option::of("[ab]"), 12),
            present in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 12), 1..6),
        ) {
            let all: Vec<_> = labels.iter().zip(0..).zip(likenesses).map(|((label, sequence), likeness)| {
                Applicant { likeness, ..applicant(sequence, label) }
            }).collect();
            let mut ledger = Ledger::default();
            for round in present {
                let some: Vec<_> = all.iter().zip(&round).filter(|(_, p)| **p).map(|(a, _)| a.clone()).collect();
                let before = ledger.assign(&some, &BTreeSet::new());
                prop_assert_eq!(before.values().collect::<BTreeSet<_>>().len(), some.len());
                let after = ledger.assign(&all, &BTreeSet::new());
                prop_assert_eq!(after.values().collect::<BTreeSet<_>>().len(), all.len());
                for (key, name) in &before {
                    prop_assert_eq!(&after[key], name);
                }
                ledger.assign(&some, &BTreeSet::new());
            }
        }
    }
}
