//! What operators are told: a line for the journal for every change that they would want to know of, and one line
//! of status.

use std::collections::BTreeMap;

use isomirror_core::{
    name::Name,
    state::{MediumState, Phase, StateDocument},
};
use tracing::{info, warn};

/// Logs what differs between two documents.
pub(super) fn changes(before: &StateDocument, after: &StateDocument) {
    let (old, new) = (by_name(before), by_name(after));
    for (name, medium) in &old {
        if new.get(name).is_none_or(|now| now.id != medium.id) {
            info!(name = %name, label = medium.label, source = %medium.source.path.display(), "gone");
        }
    }
    for (name, medium) in &new {
        let earlier = old.get(name).filter(|earlier| earlier.id == medium.id);
        if earlier.is_none_or(|e| e.state != medium.state || e.problem != medium.problem) {
            medium_changed(medium);
        }
    }
    for problem in after.problems.iter().filter(|problem| !before.problems.contains(problem)) {
        warn!(problem, "not all is well");
    }
}

fn by_name(document: &StateDocument) -> BTreeMap<&Name, &MediumState> {
    document.media.iter().map(|medium| (&medium.name, medium)).collect()
}

fn medium_changed(medium: &MediumState) {
    let (name, label, source) = (&medium.name, &medium.label, medium.source.path.display());
    match (medium.state, &medium.problem) {
        (Phase::Serving, None) => {
            info!(name = %name, label, source = %source, backend = medium.backend, url = medium.url, "serving");
        }
        (Phase::Serving, Some(problem)) => {
            warn!(name = %name, label, source = %source, backend = medium.backend, url = medium.url, problem, "serving");
        }
        (Phase::Waiting, reason) => info!(name = %name, source = %source, reason, "waiting"),
        (Phase::Mounting, _) => info!(name = %name, label, source = %source, "mounting"),
        (Phase::Draining, _) => info!(name = %name, label, source = %source, "draining"),
        (Phase::Blocked | Phase::Broken, problem) => {
            warn!(name = %name, label, source = %source, problem, "not published");
        }
    }
}

/// The line for `systemctl status`: how many media are served, and the first thing that is wrong.
pub(super) fn status(document: &StateDocument) -> String {
    let count = |phase| document.media.iter().filter(|medium| medium.state == phase).count();
    let mut line = format!("{} media served", count(Phase::Serving));
    for (phase, word) in [
        (Phase::Mounting, "mounting"),
        (Phase::Draining, "draining"),
        (Phase::Waiting, "waiting"),
        (Phase::Blocked, "blocked"),
        (Phase::Broken, "broken"),
    ] {
        if count(phase) > 0 {
            line.push_str(&format!(", {} {word}", count(phase)));
        }
    }
    let troubled = document
        .media
        .iter()
        .find(|medium| medium.state != Phase::Waiting && medium.problem.is_some());
    if let Some(problem) = document.problems.first() {
        line.push_str(&format!(" ({problem})"));
    } else if let Some(medium) = troubled {
        line.push_str(&format!(
            " ({}: {})",
            medium.name,
            medium.problem.as_deref().unwrap_or_default()
        ));
    }
    line
}
