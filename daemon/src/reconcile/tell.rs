//! What operators are told: a line for the journal for every change that they would want to know of, and one line
//! of status.

use std::collections::BTreeMap;

use isomirror_core::{
    name::Name,
    state::{MediumState, Phase, StateDocument},
};
use tracing::{info, warn};

use crate::logging::message_id;

/// Logs what differs between two documents.
pub(super) fn changes(before: &StateDocument, after: &StateDocument, server_url: &str) {
    let (old, new) = (by_name(before), by_name(after));
    let was_published =
        |medium: &MediumState| !matches!(medium.state, Phase::Waiting | Phase::Broken);
    for (name, medium) in old.iter().filter(|(_, medium)| was_published(medium)) {
        if new.get(name).is_none_or(|now| now.id != medium.id) {
            info!(message_id = message_id::GONE, name = %name, label = medium.label, source = %medium.source.path.display(), "gone");
        }
    }
    for (name, medium) in &new {
        let earlier = old.get(name).filter(|earlier| earlier.id == medium.id);
        if earlier.is_none_or(|e| e.state != medium.state || e.problem != medium.problem) {
            medium_changed(medium, server_url);
        }
    }
    for problem in after.problems.iter().filter(|problem| !before.problems.contains(problem)) {
        warn!(problem, "not all is well");
    }
}

fn by_name(document: &StateDocument) -> BTreeMap<&Name, &MediumState> {
    document.media.iter().map(|medium| (&medium.name, medium)).collect()
}

fn medium_changed(medium: &MediumState, server_url: &str) {
    let url = format!("{server_url}{}", medium.url);
    let (name, label, source) = (&medium.name, &medium.label, medium.source.path.display());
    match (medium.state, &medium.problem) {
        (Phase::Serving, None) => {
            info!(message_id = message_id::SERVED, name = %name, label, source = %source, backend = medium.backend, url, "serving");
        }
        (Phase::Serving, Some(problem)) => {
            warn!(message_id = message_id::SERVED, name = %name, label, source = %source, backend = medium.backend, url, problem, "serving");
        }
        (Phase::Waiting, reason) => info!(name = %name, source = %source, reason, "waiting"),
        (Phase::Mounting, _) => info!(name = %name, label, source = %source, "mounting"),
        (Phase::Draining, _) => info!(name = %name, label, source = %source, "draining"),
        (Phase::Blocked | Phase::Broken, problem) => {
            warn!(message_id = message_id::NOT_PUBLISHED, name = %name, label, source = %source, problem, "not published");
        }
    }
}

/// The line for `systemctl status`: how many media are served, and the first thing that is wrong.
pub(super) fn status(document: &StateDocument) -> String {
    let count = |phase| document.media.iter().filter(|medium| medium.state == phase).count();
    let others = [
        (Phase::Mounting, "mounting"),
        (Phase::Draining, "draining"),
        (Phase::Waiting, "waiting"),
        (Phase::Blocked, "blocked"),
        (Phase::Broken, "broken"),
    ];
    let mut parts = vec![format!("{} media served", count(Phase::Serving))];
    parts.extend(
        others
            .into_iter()
            .filter(|(phase, _)| count(*phase) > 0)
            .map(|(phase, word)| format!("{} {word}", count(phase))),
    );
    let line = parts.join(", ");
    match first_problem(document) {
        Some(problem) => format!("{line} ({problem})"),
        None => line,
    }
}

fn first_problem(document: &StateDocument) -> Option<String> {
    let of_medium = |medium: &MediumState| {
        let problem = medium.problem.as_ref().filter(|_| medium.state != Phase::Waiting)?;
        Some(format!("{}: {problem}", medium.name))
    };
    document.problems.first().cloned().or_else(|| document.media.iter().find_map(of_medium))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_counts_and_names_the_first_trouble() {
        let mut document = StateDocument::default();
        assert_eq!(status(&document), "0 media served");
        document.problems.push("the disk is full".to_owned());
        assert_eq!(status(&document), "0 media served (the disk is full)");
    }
}
