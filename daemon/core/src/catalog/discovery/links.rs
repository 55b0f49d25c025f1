//! The links of an HTML page, and the listings of directories that web servers make of them.

use std::borrow::Cow;

use super::{Candidate, MOST_CANDIDATES};
use crate::catalog::{RemoteName, Url};

/// Bytes that a tag may have to be looked at.
const LONGEST_TAG: usize = 4 << 10;

/// The values of all `href`, as they are meant, in the order of the page.
pub(super) fn hrefs(page: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.iter().position(|byte| *byte == b'<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix(b"!--") {
            rest = after(comment, b"-->").unwrap_or_default();
            continue;
        }
        let is_tag = rest.first().is_some_and(u8::is_ascii_alphabetic);
        let Some(tag) = is_tag.then(|| tag(rest)).flatten() else { continue };
        rest = &rest[tag.len()..];
        if let Some(value) = attribute(tag, b"href") {
            found.push(without_entities(&String::from_utf8_lossy(value)).trim().to_owned());
        }
        if found.len() >= MOST_CANDIDATES {
            break;
        }
    }
    found
}

/// The files that the listing at `url` links to.
pub(in crate::catalog) fn files(url: &Url, page: &[u8]) -> Result<Vec<Candidate>, String> {
    let hrefs = hrefs(page);
    if hrefs.is_empty() {
        return Err("it has no links, so it is no listing".to_owned());
    }
    let linked = hrefs.iter().filter_map(|href| url.join(href)).filter_map(|link| {
        // A listing that was asked for as `?json` and the like still names its files by path.
        (!link.as_str().contains('?')).then(|| Candidate::linked(link)).flatten()
    });
    Ok(linked.collect())
}

/// Names of the directories that the listing at `url` links to, of those that lie right below it.
pub(in crate::catalog) fn directories(url: &Url, page: &[u8]) -> Result<Vec<RemoteName>, String> {
    let hrefs = hrefs(page);
    if hrefs.is_empty() {
        return Err("it has no links, so it is no listing".to_owned());
    }
    let base = url.directory();
    let below = hrefs.iter().filter_map(|href| {
        let link = url.join(href)?;
        let path = link.as_str().strip_prefix(base.as_str())?.strip_suffix('/')?;
        RemoteName::new(path)
    });
    Ok(below.collect())
}

/// What follows `mark`.
fn after<'b>(bytes: &'b [u8], mark: &[u8]) -> Option<&'b [u8]> {
    let start = bytes.windows(mark.len()).position(|window| window == mark)?;
    bytes.get(start + mark.len()..)
}

/// What is before the `>` that ends a tag, which is none within quotes.
fn tag(bytes: &[u8]) -> Option<&[u8]> {
    let mut quote = None;
    for (index, byte) in bytes.iter().take(LONGEST_TAG).enumerate() {
        match (quote, byte) {
            (None, b'>') => return bytes.get(..index),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
    }
    None
}

/// The value of the attribute `wanted` of a tag.
fn attribute<'t>(tag: &'t [u8], wanted: &[u8]) -> Option<&'t [u8]> {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'/';
    let mut rest = tag.get(tag.iter().position(is_blank)?..)?;
    loop {
        rest = rest.get(rest.iter().position(|byte| !is_blank(byte))?..)?;
        let end =
            rest.iter().position(|byte| is_blank(byte) || *byte == b'=').unwrap_or(rest.len());
        let (name, value) = rest.split_at(end.max(1));
        rest = value.trim_ascii_start();
        let Some(value) = rest.strip_prefix(b"=") else {
            rest = value;
            continue;
        };
        let value = value.trim_ascii_start();
        let (value, remaining) = match value.first() {
            Some(quote @ (b'"' | b'\'')) => {
                let inner = value.get(1..)?;
                let end = inner.iter().position(|byte| byte == quote)?;
                (inner.get(..end)?, inner.get(end + 1..)?)
            }
            _ => value
                .split_at(value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len())),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = remaining;
    }
}

/// A text with its character references resolved: numbers, and the few names that stand in addresses.
pub(super) fn without_entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        plain.push_str(before);
        let name = entity.split_once(';').filter(|(name, _)| name.len() <= 8);
        if let Some((character, after)) =
            name.and_then(|(name, after)| Some((character(name)?, after)))
        {
            plain.push(character);
            rest = after;
        } else {
            plain.push('&');
            rest = entity;
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    let known =
        [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("sol", '/')];
    known.iter().find(|(known, _)| *known == name).map(|(_, character)| *character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(page: &str) -> Vec<String> {
        let url = Url::try_from("https://a.example/iso/".to_owned()).unwrap();
        let found = files(&url, page.as_bytes()).unwrap();
        found.into_iter().map(|candidate| candidate.name.unwrap().to_string()).collect()
    }

    #[test]
    fn links_are_found_however_they_are_written() {
        let page = "<!-- <a href='hidden.iso'> --><a HREF=\"a.iso\">a</a><a class=x href=b.iso >b</a>\
            <a title='1 > 0' href='&#x2F;iso&#47;c.iso'>c</a><a href = \"./d.iso\"/><img src=e.iso>\
            <a data-href='f.iso'>f</a><a href='?C=N;O=D'>Name</a><a href='../'>up</a><a href='g/'>g</a>";
        assert_eq!(names(page), ["a.iso", "b.iso", "c.iso", "d.iso"]);
    }

    #[test]
    fn hostile_names_are_passed_over() {
        let page = "<a href='.hidden.iso'><a href='-rf'><a href='a%00.iso'><a href='a b.iso'><a href='x%2f..%2fy'>\
            <a href='javascript:x.iso'><a href='file:///etc/passwd'><a href='ok.iso'>";
        assert_eq!(names(page), ["ok.iso"]);
    }

    #[test]
    fn a_page_without_links_is_no_listing() {
        let url = Url::try_from("https://a.example/".to_owned()).unwrap();
        for page in ["", "checking your browser", "<html><body>403</body></html>", "<a href"] {
            assert!(files(&url, page.as_bytes()).is_err(), "{page}");
            assert!(directories(&url, page.as_bytes()).is_err(), "{page}");
        }
    }

    #[test]
    fn directories_are_those_right_below() {
        let url = Url::try_from("https://a.example/iso/?C=N".to_owned()).unwrap();
        let page = "<a href='../'><a href='7.3/'><a href='/iso/7.4/'><a href='https://b.example/iso/9/'><a href='x.iso'>\
            <a href='7.3/deeper/'><a href='./8/'>";
        let found = directories(&url, page.as_bytes()).unwrap();
        assert_eq!(found.iter().map(RemoteName::as_str).collect::<Vec<_>>(), ["7.3", "7.4", "8"]);
    }
}
