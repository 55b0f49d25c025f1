//! Who has which name: the one memory that survives a restart, so that names stay what they were.
//!
//! It holds names only. What is published is derived anew each round, never read from here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{medium::IdentityKey, name::Name};

/// Claims of absent media that are remembered; the longest absent are forgotten first.
const ABSENT_CLAIMS: usize = 4096;

/// Names and who has them, and the directories that were made for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// Grows with every assignment that changed something; tells how long a claim has not been used.
    generation: u64,
    claims: BTreeMap<Name, Claim>,
    /// Directories below the web root that isomirror made and may remove again. Written before they are made.
    pub directories: BTreeSet<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    medium: IdentityKey,
    generation: u64,
}

/// A medium that wants a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applicant {
    /// Who it is.
    pub key: IdentityKey,
    /// The name that it would have if it were alone.
    pub plain: Name,
}

impl Ledger {
    /// Gives every applicant a name of its own and remembers it.
    ///
    /// Who has a name that still follows from its plain one keeps it; of newcomers the first in the list gets the
    /// plain name, the others one with a suffix from their identity. A name whose holder is absent is free. So a new
    /// medium renames nobody, and the order in which media are found does not matter after they were seen once.
    pub fn assign(&mut self, applicants: &[Applicant]) -> BTreeMap<IdentityKey, Name> {
        let mut names = self.kept(applicants);
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
        self.remember(&names);
        names
    }

    /// Names that present media had before and keep.
    fn kept(&self, applicants: &[Applicant]) -> BTreeMap<IdentityKey, Name> {
        let plain: BTreeMap<_, _> = applicants.iter().map(|a| (a.key, &a.plain)).collect();
        let mut names = BTreeMap::new();
        for (name, claim) in &self.claims {
            let follows = plain.get(&claim.medium).is_some_and(|plain| {
                *name == **plain
                    || *name == plain.suffixed(claim.medium)
                    || *name == plain.fully_suffixed(claim.medium)
            });
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

    fn remember(&mut self, names: &BTreeMap<IdentityKey, Name>) {
        let is_known = |(medium, name): (&IdentityKey, &Name)| {
            self.claims.get(name).is_some_and(|c| c.medium == *medium)
        };
        if names.iter().all(is_known) {
            return;
        }
        self.generation += 1;
        let generation = self.generation;
        for (medium, name) in names {
            self.claims.insert(name.clone(), Claim { medium: *medium, generation });
        }
        self.forget_the_longest_absent(names.len());
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
        Applicant { key, plain: sanitise(plain).unwrap() }
    }

    fn name_of(names: &BTreeMap<IdentityKey, Name>, applicant: &Applicant) -> String {
        names[&applicant.key].to_string()
    }

    #[test]
    fn the_first_has_the_plain_name_and_keeps_it_whatever_the_order() {
        let (a, b) = (applicant(1, "FOO"), applicant(2, "FOO"));
        let mut ledger = Ledger::default();
        ledger.assign(std::slice::from_ref(&a));
        let names = ledger.assign(&[b.clone(), a.clone()]);
        assert_eq!(name_of(&names, &a), "FOO");
        assert_eq!(name_of(&names, &b), b.plain.suffixed(b.key).to_string());
        let text = serde_json::to_string(&ledger).unwrap();
        let mut ledger: Ledger = serde_json::from_str(&text).unwrap();
        assert_eq!(ledger.assign(&[b, a]), names);
    }

    #[test]
    fn a_successor_gets_the_plain_name_and_the_remaining_is_not_renamed() {
        let (a, b, c) = (applicant(1, "FOO"), applicant(2, "FOO"), applicant(3, "FOO"));
        let mut ledger = Ledger::default();
        let before = ledger.assign(&[a.clone(), b.clone()]);
        let after = ledger.assign(&[b.clone(), c.clone()]);
        assert_eq!(name_of(&after, &b), name_of(&before, &b));
        assert_eq!(name_of(&after, &c), "FOO");
        let back = ledger.assign(&[a.clone(), b, c]);
        assert_eq!(name_of(&back, &a), a.plain.suffixed(a.key).to_string());
    }

    #[test]
    fn another_template_renames() {
        let a = applicant(1, "FOO");
        let mut ledger = Ledger::default();
        ledger.assign(std::slice::from_ref(&a));
        let renamed = Applicant { plain: sanitise("foo-1").unwrap(), ..a };
        assert_eq!(name_of(&ledger.assign(std::slice::from_ref(&renamed)), &renamed), "foo-1");
    }

    #[test]
    fn a_label_that_looks_like_a_suffixed_name_takes_nobodys_name() {
        let (a, b) = (applicant(1, "FOO"), applicant(2, "FOO"));
        let imitator = applicant(3, b.plain.suffixed(b.key).as_str());
        let names = Ledger::default().assign(&[a, imitator.clone(), b.clone()]);
        assert_eq!(names.values().collect::<BTreeSet<_>>().len(), 3);
        assert_eq!(name_of(&names, &b), b.plain.fully_suffixed(b.key).to_string());
    }

    #[test]
    fn absent_claims_are_bounded() {
        let mut ledger = Ledger::default();
        for sequence in 0..5000 {
            ledger.assign(&[applicant(sequence, &format!("L{sequence}"))]);
        }
        assert_eq!(ledger.claims.len(), ABSENT_CLAIMS + 1);
        assert!(ledger.claims.contains_key(&sanitise("L4999").unwrap()));
    }

    proptest! {
        #[test]
        fn names_are_unique_and_a_new_medium_renames_nobody(
            labels in proptest::collection::vec("[AB]{1,2}", 1..12),
            present in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 12), 1..6),
        ) {
            let all: Vec<_> = labels.iter().zip(0..).map(|(l, s)| applicant(s, l)).collect();
            let mut ledger = Ledger::default();
            for round in present {
                let some: Vec<_> = all.iter().zip(&round).filter(|(_, p)| **p).map(|(a, _)| a.clone()).collect();
                let before = ledger.assign(&some);
                prop_assert_eq!(before.values().collect::<BTreeSet<_>>().len(), some.len());
                let after = ledger.assign(&all);
                prop_assert_eq!(after.values().collect::<BTreeSet<_>>().len(), all.len());
                for (key, name) in &before {
                    prop_assert_eq!(&after[key], name);
                }
                ledger.assign(&some);
            }
        }
    }
}
