//! Conditional requests (RFC 9110 section 13).

use super::{EntityTag, RequestHead, parse_date};

/// What identifies the bytes that would be sent.
#[derive(Clone, Copy, Debug)]
pub struct Validators<'a> {
    /// The strong entity tag.
    pub tag: &'a EntityTag,
    /// Seconds since 1970 of the last change, where it is known.
    pub modified: Option<i64>,
}

/// What is to be done with a request after its conditions were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Answer it as if it had none.
    Met,
    /// 304: the client has it already.
    NotModified,
    /// 412: it is not what the client wants to act on.
    Failed,
}

impl Validators<'_> {
    /// Looks at the conditions of a GET or HEAD in the order of section 13.2.2.
    #[must_use]
    pub fn evaluate(&self, head: &RequestHead<'_>) -> Precondition {
        if !head.if_match.is_empty() {
            if !is_any(&head.if_match) && !self.tag.is_listed(&head.if_match, false) {
                return Precondition::Failed;
            }
        } else if let (Some(modified), Some(since)) =
            (self.modified, date(head.if_unmodified_since))
            && modified > since
        {
            return Precondition::Failed;
        }
        if !head.if_none_match.is_empty() {
            if is_any(&head.if_none_match) || self.tag.is_listed(&head.if_none_match, true) {
                return Precondition::NotModified;
            }
        } else if let (Some(modified), Some(since)) = (self.modified, date(head.if_modified_since))
            && modified <= since
        {
            return Precondition::NotModified;
        }
        Precondition::Met
    }

    /// Whether the `Range` of a request counts: without `If-Range`, or where that names exactly these bytes. A weak
    /// tag never does.
    #[must_use]
    pub fn allow_range(&self, head: &RequestHead<'_>) -> bool {
        match head.if_range {
            None => true,
            Some(value) if value.starts_with(b"\"") => value == self.tag.as_str().as_bytes(),
            Some(value) => self.modified.is_some() && parse_date(value) == self.modified,
        }
    }
}

fn is_any(lists: &[&[u8]]) -> bool {
    lists == [b"*"]
}

fn date(value: Option<&[u8]>) -> Option<i64> {
    parse_date(value?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http::{Received, receive},
        medium::IdentityKey,
    };

    const KEY: &str = "00112233445566778899aabbccddeeff";
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    /// What the conditions in `fields` make of a request, and whether its range counts.
    fn verdicts(fields: &str) -> (Precondition, bool) {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let Received::Request { head, .. } = receive(text.as_bytes()) else {
            panic!("refused: {fields}")
        };
        let tag = EntityTag::of_medium(KEY.parse::<IdentityKey>().unwrap());
        let validators = Validators { tag: &tag, modified: Some(784_111_777) };
        (validators.evaluate(&head), validators.allow_range(&head))
    }

    #[test]
    fn conditions_take_the_precedence_of_the_standard() {
        use Precondition::{Failed, Met, NotModified};
        for (fields, expected) in [
            (String::new(), Met),
            (format!("If-Match: \"{KEY}\"\r\n"), Met),
            ("If-Match: *\r\n".into(), Met),
            ("If-Match: \"x\"\r\n".into(), Failed),
            (format!("If-Match: W/\"{KEY}\"\r\n"), Failed),
            (format!("If-Match: \"{KEY}\"\r\nIf-Unmodified-Since: {EARLIER}\r\n"), Met),
            (format!("If-Unmodified-Since: {EARLIER}\r\n"), Failed),
            (format!("If-Unmodified-Since: {DATE}\r\n"), Met),
            ("If-Unmodified-Since: never\r\n".into(), Met),
            (format!("If-None-Match: \"{KEY}\"\r\n"), NotModified),
            (format!("If-None-Match: W/\"{KEY}\"\r\n"), NotModified),
            ("If-None-Match: *\r\n".into(), NotModified),
            (format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {LATER}\r\n"), Met),
            (format!("If-None-Match: \"x\"\r\nIf-None-Match: \"{KEY}\"\r\n"), NotModified),
            (format!("If-Modified-Since: {DATE}\r\n"), NotModified),
            (format!("If-Modified-Since: {LATER}\r\n"), NotModified),
            (format!("If-Modified-Since: {EARLIER}\r\n"), Met),
            ("If-Modified-Since: 0\r\n".into(), Met),
            (format!("If-Match: \"x\"\r\nIf-None-Match: \"{KEY}\"\r\n"), Failed),
        ] {
            assert_eq!(verdicts(&fields).0, expected, "{fields}");
        }
    }

    #[test]
    fn a_range_counts_only_for_exactly_the_bytes_that_it_was_meant_for() {
        for (fields, expected) in [
            (String::new(), true),
            (format!("If-Range: \"{KEY}\"\r\n"), true),
            (format!("If-Range: W/\"{KEY}\"\r\n"), false),
            ("If-Range: \"x\"\r\n".into(), false),
            (format!("If-Range: {DATE}\r\n"), true),
            (format!("If-Range: {LATER}\r\n"), false),
            (format!("If-Range: {EARLIER}\r\n"), false),
            ("If-Range: \r\n".into(), false),
        ] {
            assert_eq!(verdicts(&fields).1, expected, "{fields}");
        }
    }
}
