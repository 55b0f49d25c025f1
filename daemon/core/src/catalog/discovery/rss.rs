//! Feeds of files, as `SourceForge` makes them. Read as text: no entity of a document's own is ever expanded.

use super::{Candidate, MOST_CANDIDATES, links::without_entities};
use crate::catalog::RemoteName;

/// The files that the titles of the feed's items name, each the path of one.
pub(super) fn read(text: &str) -> Result<Vec<Candidate>, String> {
    if !text.contains("<rss") {
        return Err("it is no feed".to_owned());
    }
    let items = text.split("<item").skip(1).take(MOST_CANDIDATES);
    let titles = items.filter_map(|item| {
        let item = item.split("</item").next()?;
        let title = between(item, "<title>", "</title>")?.trim();
        let plain = match title.strip_prefix("<![CDATA[") {
            Some(data) => data.strip_suffix("]]>")?.into(),
            None => without_entities(title),
        };
        RemoteName::last_of(plain.trim())
    });
    Ok(titles.map(Candidate::named).collect())
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner)
}
