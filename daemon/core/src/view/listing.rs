//! The page of one directory, in pieces: a directory may hold a million names.

use std::fmt::Write;

use super::{
    escape::{html, segment},
    quantity,
    style::{begin_page, end_page},
};
use crate::image::Timestamp;

/// What an entry leads to, which decides how it is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedKind {
    /// A directory: linked with a slash at its end, so that it takes no redirect to get there.
    Directory,
    /// A file of this many bytes.
    File(u64),
    /// Something that is there but cannot be fetched: a device, a pipe, a link to nothing. Not linked.
    Other,
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug)]
pub struct ListedObject<'a> {
    /// The name's bytes, not always UTF-8.
    pub name: &'a [u8],
    /// What it leads to.
    pub kind: ListedKind,
    /// Last change, where it could be read.
    pub modified: Option<Timestamp>,
}

/// Renders the page of a directory. Its parts follow each other in one text: [`begin`](Self::begin), any number of
/// [`row`](Self::row)s, [`end`](Self::end).
#[derive(Clone, Copy, Debug)]
pub struct Listing;

impl Listing {
    /// Writes the page up to its first row. `path` is the directory's, from the web root on, by its segments.
    pub fn begin<'a>(out: &mut String, path: impl Iterator<Item = &'a [u8]>) {
        let mut title = "Index of /".to_owned();
        for name in path {
            title.push_str(&String::from_utf8_lossy(name));
            title.push('/');
        }
        begin_page(out, &title);
        out.push_str("<table>\n<tr><th>Name</th><th>Last modified</th><th>Size</th></tr>\n");
        out.push_str("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }

    /// Writes one row.
    pub fn row(out: &mut String, object: ListedObject<'_>) {
        let slash = if object.kind == ListedKind::Directory { "/" } else { "" };
        let shown = String::from_utf8_lossy(object.name);
        let shown = html(&shown);
        let name = match object.kind {
            ListedKind::Other => format!("{shown}"),
            ListedKind::Directory | ListedKind::File(_) => {
                format!("<a href=\"{}{slash}\">{shown}{slash}</a>", segment(object.name))
            }
        };
        let size = match object.kind {
            ListedKind::File(bytes) => quantity::size(bytes),
            ListedKind::Directory | ListedKind::Other => "-".to_owned(),
        };
        let time = object.modified.map(quantity::time).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "<tr><td>{name}</td><td class=\"t\">{time}</td><td class=\"n\">{size}</td></tr>"
        );
    }

    /// Writes the rest of the page. `damaged` entries could not be read, which people should know.
    pub fn end(out: &mut String, damaged: u32) {
        out.push_str("</table>\n");
        if damaged > 0 {
            let _ = writeln!(
                out,
                "<p class=\"problem\">{damaged} damaged entries of this directory are not shown.</p>"
            );
        }
        end_page(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &[u8], kind: ListedKind) -> String {
        let modified = Some(Timestamp { seconds: 1_785_587_640, nanoseconds: 0 });
        let mut out = String::new();
        Listing::row(&mut out, ListedObject { name, kind, modified });
        out
    }

    #[test]
    fn a_row_shows_and_links_its_object() {
        let time = "<td class=\"t\">2026-08-01 12:34</td>";
        for (name, kind, cells) in [
            (
                &b"a b"[..],
                ListedKind::File(1536),
                format!("<td><a href=\"a%20b\">a b</a></td>{time}<td class=\"n\">1.5 KiB</td>"),
            ),
            (
                b"pool",
                ListedKind::Directory,
                format!("<td><a href=\"pool/\">pool/</a></td>{time}<td class=\"n\">-</td>"),
            ),
            (b"fifo", ListedKind::Other, format!("<td>fifo</td>{time}<td class=\"n\">-</td>")),
            (
                b"javascript:x",
                ListedKind::File(0),
                format!(
                    "<td><a href=\"javascript%3Ax\">javascript:x</a></td>{time}<td class=\"n\">0 B</td>"
                ),
            ),
            (
                b"<b>\xff\n",
                ListedKind::File(1),
                format!(
                    "<td><a href=\"%3Cb%3E%FF%0A\">&lt;b&gt;\u{fffd}\\u{{a}}</a></td>{time}\
                     <td class=\"n\">1 B</td>"
                ),
            ),
        ] {
            assert_eq!(row(name, kind), format!("<tr>{cells}</tr>\n"));
        }
    }

    #[test]
    fn a_page_names_its_directory_and_what_is_missing() {
        let mut out = String::new();
        Listing::begin(&mut out, [&b"<A>"[..], b"x"].into_iter());
        Listing::end(&mut out, 3);
        assert_eq!(out.matches("Index of /&lt;A&gt;/x/").count(), 2);
        assert!(out.contains("<a href=\"../\">"));
        assert!(out.contains("3 damaged entries"));
        assert!(!out.contains("<A>"));
    }
}
