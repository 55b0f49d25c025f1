//! The page of all media.

use std::fmt::Write;

use super::{
    escape::{html, segment},
    quantity,
    style::{begin_page, end_page},
};
use crate::{
    name::Name,
    state::{MediumState, StateDocument},
};

/// The page of `document`. Only media for which `is_exported` holds are linked.
#[must_use]
pub fn index_page(document: &StateDocument, is_exported: impl Fn(&Name) -> bool) -> String {
    let mut out = String::new();
    begin_page(&mut out, "Install media");
    if document.media.is_empty() {
        out.push_str("<p>No media yet.</p>\n");
    } else {
        out.push_str("<table>\n<tr><th>Name</th><th>Label</th><th>Format</th><th>Size</th>");
        out.push_str("<th>State</th><th>Since</th><th>Image</th></tr>\n");
        for medium in &document.media {
            row(&mut out, medium, is_exported(&medium.name));
        }
        out.push_str("</table>\n");
    }
    out.push_str("<p><a href=\"index.json\">index.json</a></p>\n");
    end_page(&mut out);
    out
}

fn row(out: &mut String, medium: &MediumState, is_exported: bool) {
    let name = html(medium.name.as_str());
    let link = segment(medium.name.as_str().as_bytes());
    let label = html(medium.label.as_deref().unwrap_or_default());
    let format = html(medium.format.as_deref().unwrap_or_default());
    let size = quantity::size(medium.size);
    let (tree, image) = if is_exported {
        (
            format!("<a href=\"{link}/\">{name}/</a>"),
            format!("<a href=\"_/{link}.iso\">{name}.iso</a>"),
        )
    } else {
        (name.to_string(), String::new())
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<tr><td>{tree}</td><td>{label}</td><td>{format}</td><td class=\"n\">{size}</td>\
         <td>{}</td><td class=\"t\">{}</td><td>{image}</td></tr>",
        medium.state.as_str(),
        html(&medium.since),
    );
    if let Some(problem) = &medium.problem {
        let _ = writeln!(
            out,
            "<tr><td></td><td colspan=\"6\" class=\"problem\">{}</td></tr>",
            html(problem)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{state::Phase, view::document::tests::medium};

    #[test]
    fn every_medium_is_shown_and_those_that_are_served_are_linked() {
        let mut broken = medium("Broken");
        broken.state = Phase::Broken;
        broken.problem = Some("the <image> is truncated; copy it again".into());
        let media = vec![medium("Debian 12"), broken];
        let document = StateDocument { media, ..StateDocument::default() };
        let page = index_page(&document, |name| name.as_str() == "Debian_12");
        assert!(page.contains(
            "<tr><td><a href=\"Debian_12/\">Debian_12/</a></td><td>&lt;script&gt;\\u{202e}</td>\
             <td>iso9660</td><td class=\"n\">4.3 GiB</td><td>serving</td>\
             <td class=\"t\">2026-08-01T12:34:00Z</td>\
             <td><a href=\"_/Debian_12.iso\">Debian_12.iso</a></td></tr>"
        ));
        assert!(page.contains("<tr><td>Broken</td>"));
        assert!(page.contains("<td>broken</td>"));
        assert!(page.contains("the &lt;image&gt; is truncated; copy it again"));
        assert!(!page.contains("<script"));
        assert!(!page.contains("http"), "no external resource");
    }

    #[test]
    fn an_empty_mirror_says_so() {
        assert!(index_page(&StateDocument::default(), |_| true).contains("No media yet"));
    }
}
