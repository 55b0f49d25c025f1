//! Pages for people, of which the links or some of the text tell what there is.

use regex::bytes::RegexBuilder;

use super::{Candidate, MOST_CANDIDATES, links};
use crate::catalog::{Find, RemoteName, Url};

/// Bytes that a compiled expression may have.
const LARGEST: usize = 1 << 20;

/// What the page at `url` offers: its links, or what in its text is like `pattern`.
pub(super) fn read(find: &Find, url: &Url, page: &[u8]) -> Result<Vec<Candidate>, String> {
    let Some(pattern) = &find.pattern else { return links::files(url, page) };
    // It fits anywhere in a page, and is checked already.
    let anywhere = RegexBuilder::new(pattern.as_str())
        .size_limit(LARGEST)
        .build()
        .map_err(|_| "its pattern is too large".to_owned())?;
    let names: Vec<_> = pattern.group_names().collect();
    let mut candidates = Vec::new();
    for captures in anywhere.captures_iter(page).take(MOST_CANDIDATES) {
        let group = |name: &&str| {
            let text = std::str::from_utf8(captures.name(name)?.as_bytes()).ok()?;
            Some(((*name).to_owned(), text.to_owned()))
        };
        let groups: std::collections::BTreeMap<_, _> = names.iter().filter_map(group).collect();
        let name = groups.get("file").and_then(|file| RemoteName::last_of(file));
        let version = groups.get("version").cloned();
        candidates.push(Candidate { name, version, groups, ..Candidate::default() });
    }
    if candidates.is_empty() {
        return Err("nothing in it is like `pattern`".to_owned());
    }
    Ok(candidates)
}
