//! Texts that name the newest version or file, one a line.

use super::{Candidate, LONGEST_LINE, MOST_CANDIDATES};
use crate::catalog::{Find, RemoteName};

/// What the lines that are like `pattern` offer.
pub(super) fn read(find: &Find, text: &str) -> Result<Vec<Candidate>, String> {
    let pattern = find.pattern.as_ref().ok_or("the entry has no pattern")?;
    if text.trim_start().starts_with('<') {
        return Err("it is a page, not a pointer".to_owned());
    }
    let lines = text.lines().filter(|line| line.len() <= LONGEST_LINE);
    let candidates: Vec<_> = lines
        .filter_map(|line| pattern.groups(line.trim_end()))
        .map(|groups| Candidate {
            name: groups.get("file").and_then(|file| RemoteName::last_of(file)),
            version: groups.get("version").cloned(),
            groups,
            ..Candidate::default()
        })
        .take(MOST_CANDIDATES)
        .collect();
    if candidates.is_empty() {
        return Err("no line of it is like `pattern`".to_owned());
    }
    Ok(candidates)
}
