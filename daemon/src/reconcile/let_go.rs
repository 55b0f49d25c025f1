//! Media that are withheld: what the round leaves out, and how far it is with taking them away.

use std::{collections::BTreeMap, time::Duration};

use isomirror_core::{
    control::Process,
    inventory::Inventory,
    medium::IdentityKey,
    plan::{Occupant, Plan, Step},
};

use super::{observe::Observation, reconciler::Reconciler};
use crate::withheld::{LetGo, Withheld};

/// The inventory without what is withheld.
pub(super) fn admitted(inventory: &Inventory, withheld: &Withheld) -> Inventory {
    inventory.iter().filter(|sighting| !withheld.contains_key(&sighting.key)).cloned().collect()
}

impl Reconciler {
    /// When readers of withheld media are cut off, on the clock of attempts.
    pub(super) fn cut_at(&self, withheld: &Withheld) -> BTreeMap<IdentityKey, Duration> {
        let started = self.started.into_std();
        let moment = |(key, cut_at): (&IdentityKey, &std::time::Instant)| {
            (*key, cut_at.saturating_duration_since(started))
        };
        withheld.iter().map(moment).collect()
    }

    /// Begins to keep account of what is withheld now, by the names of the last round, and forgets what no longer is.
    pub(super) fn follow_withheld(&mut self, withheld: &Withheld) {
        self.letting_go.retain(|key, _| withheld.contains_key(key));
        for key in withheld.keys() {
            self.letting_go.entry(*key).or_insert_with(|| {
                let state = self.document.media.iter().find(|state| state.id == *key);
                LetGo { name: state.map(|state| state.name.clone()), ..LetGo::default() }
            });
        }
    }

    /// Tells how far it is. `observation` is `None` where the web root cannot be looked at.
    pub(super) fn tell_of_withheld(&mut self, observation: Option<&Observation>, plan: &Plan) {
        for (key, state) in &mut self.letting_go {
            let is_mounted = |observation: &Observation| {
                observation.actual.values().any(
                    |occupant| matches!(occupant, Occupant::Mounted { medium, .. } if medium == key),
                )
            };
            let is_leaving = |step: &Step| {
                Some(step.name()) == state.name.as_ref() && !matches!(step, Step::Mount { .. })
            };
            let is_under_way = state.name.as_ref().is_some_and(|name| {
                self.in_flight.contains_key(name) || plan.waiting.contains(name)
            });
            state.is_unpublished = observation.is_some_and(|observation| !is_mounted(observation))
                && !plan.steps.iter().any(is_leaving)
                && !is_under_way;
        }
        let letting_go = &self.letting_go;
        self.outputs.let_go.send_if_modified(|told| {
            let is_news = told != letting_go;
            if is_news {
                told.clone_from(letting_go);
            }
            is_news
        });
    }

    /// Keeps account of who used the mount of a medium that was detached.
    pub(super) fn note_cut_off(&mut self, medium: IdentityKey, processes: Vec<Process>) {
        if let Some(state) = self.letting_go.get_mut(&medium) {
            state.cut_off = processes;
        }
    }
}
