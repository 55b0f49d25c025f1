//! What an HTTP answer to a request for an image means.

use super::{content_range::ContentRange, validator::Validator};

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// First byte that is wanted.
    pub offset: u64,
    /// The byte after the last one; `None` for all that follow.
    pub end: Option<u64>,
    /// Whether `Range` was sent; without it the whole is asked for.
    pub is_range: bool,
    /// Size of the whole, where it is known for certain or from an earlier answer.
    pub size: Option<u64>,
    /// What this URL said earlier about the file of which bytes are held.
    pub held: Option<Validator>,
    /// Whether a digest decides in the end, so that bytes may be joined on the size alone.
    pub is_pinned: bool,
}

/// The parts of an answer that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// `Content-Length`.
    pub content_length: Option<u64>,
    /// `Content-Range`, verbatim.
    pub content_range: Option<String>,
    /// `Content-Encoding`, verbatim.
    pub content_encoding: Option<String>,
    /// `Content-Type`, verbatim.
    pub content_type: Option<String>,
    /// `Retry-After`, verbatim.
    pub retry_after: Option<String>,
    /// `ETag` and `Last-Modified`.
    pub validator: Validator,
}

/// What to do with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The body begins with the byte that was asked for.
    Take {
        /// Size of the whole, where it is told.
        total: Option<u64>,
        /// Bytes of the body, where it is told.
        length: Option<u64>,
    },
    /// The body is the whole, of the same file: what comes before the byte that was asked for is thrown away.
    Discard {
        /// Size of the whole, where it is told.
        total: Option<u64>,
    },
    /// The body is the whole, but what is held may be of another file, or it is cheaper to begin anew.
    Restart {
        /// Size of the whole, where it is told.
        total: Option<u64>,
        /// Whether the file has changed, rather than the server ignoring ranges.
        changed: bool,
    },
    /// Nothing is left to be asked for: what is held has the size of the whole.
    Complete,
    /// What is held is longer than the file: drop it.
    TooLong {
        /// Size of the whole, where it is told.
        total: Option<u64>,
    },
    /// This mirror is of no use for this file.
    Reject(Rejection),
    /// It is not there; asking once more is of no use.
    Gone,
    /// It may not be had, or only after a login.
    Forbidden,
    /// The host wants to be left alone for a while; the field `Retry-After`.
    Wait(Option<String>),
    /// The server has failed; another moment may be better.
    Failed,
}

/// Why a mirror is of no use for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// It sends a web page.
    #[error("it sent a web page where an image was expected")]
    WebPage,
    /// It encodes what it sends, though it was asked not to.
    #[error("it compresses the image, though it was asked not to")]
    Encoded,
    /// It answers with several parts where one was asked for.
    #[error("it answered a request for one range in several parts")]
    Multipart,
    /// It sends other bytes than it was asked for.
    #[error("it answered with another range than was asked for")]
    WrongRange,
    /// Its file has another size than the one that is wanted.
    #[error("its file has another size")]
    WrongSize,
    /// It has another file than the one of which bytes are held.
    #[error("its file is another one")]
    WrongFile,
    /// What it sends is no ISO 9660 image.
    #[error("what it sent is no disc image")]
    NotAnImage,
    /// It sends more than it announced, or than is allowed.
    #[error("it sent more bytes than it may")]
    TooMuch,
    /// It sends several redirections more than is sensible, or to where nothing may be fetched from.
    #[error("it redirected to where nothing is fetched from")]
    Redirect,
    /// The digest of what it sent is not the published one.
    #[error("what it sent has another digest")]
    WrongDigest,
}

/// Decides.
#[must_use]
pub fn judge(asked: &Asked, answer: &Answer) -> Verdict {
    match answer.status {
        200 | 203 => whole(asked, answer),
        206 => part(asked, answer),
        416 => unsatisfied(asked, answer),
        401 | 403 | 407 | 451 => Verdict::Forbidden,
        404 | 410 => Verdict::Gone,
        429 | 503 => Verdict::Wait(answer.retry_after.clone()),
        408 | 425 | 500..=599 => Verdict::Failed,
        300..=399 => Verdict::Reject(Rejection::Redirect),
        // What else could be said in an answer to a plain GET means that this is no server of images.
        _ => Verdict::Reject(Rejection::WrongRange),
    }
}

/// What holds for every answer with a body that is to be an image.
fn body_rejection(answer: &Answer) -> Option<Rejection> {
    let encoding = answer.content_encoding.as_deref().map_or("", str::trim);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Some(Rejection::Encoded);
    }
    let media_type = answer.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    match essence {
        "multipart/byteranges" => Some(Rejection::Multipart),
        "text/html" | "application/xhtml+xml" => Some(Rejection::WebPage),
        _ => None,
    }
}

fn whole(asked: &Asked, answer: &Answer) -> Verdict {
    if let Some(rejection) = body_rejection(answer) {
        return Verdict::Reject(rejection);
    }
    let total = answer.content_length;
    let is_same_size = asked.size.zip(total).is_none_or(|(known, told)| known == told);
    if asked.offset == 0 {
        return if is_same_size {
            Verdict::Take { total, length: total }
        } else {
            Verdict::Reject(Rejection::WrongSize)
        };
    }
    let contradicts = asked.held.as_ref().is_some_and(|held| held.contradicts(&answer.validator));
    let is_same = asked.held.as_ref().is_some_and(|held| held.is_same(&answer.validator));
    if !is_same_size {
        return Verdict::Restart { total, changed: true };
    }
    // A prefix that is small against the rest costs less than what it would replace.
    let is_cheap = total.or(asked.size).is_some_and(|total| asked.offset <= total / 4);
    let is_joinable = is_same || asked.is_pinned && total.is_some() && asked.size.is_some();
    if is_cheap && is_joinable {
        Verdict::Discard { total }
    } else {
        Verdict::Restart { total, changed: contradicts && !asked.is_pinned }
    }
}

fn part(asked: &Asked, answer: &Answer) -> Verdict {
    if let Some(rejection) = body_rejection(answer) {
        return Verdict::Reject(rejection);
    }
    let range = answer.content_range.as_deref().and_then(ContentRange::parse);
    let Some(ContentRange::Part { first, last, total }) = range else {
        return Verdict::Reject(Rejection::WrongRange);
    };
    if !asked.is_range || first != asked.offset || asked.end.is_some_and(|end| last >= end) {
        return Verdict::Reject(Rejection::WrongRange);
    }
    if asked.size.zip(total).is_some_and(|(known, told)| known != told) {
        return Verdict::Reject(Rejection::WrongSize);
    }
    let length = last - first + 1;
    if answer.content_length.is_some_and(|told| told != length) {
        return Verdict::Reject(Rejection::WrongRange);
    }
    let contradicts = asked.held.as_ref().is_some_and(|held| held.contradicts(&answer.validator));
    if contradicts && !asked.is_pinned {
        return Verdict::Reject(Rejection::WrongFile);
    }
    Verdict::Take { total, length: Some(length) }
}

fn unsatisfied(asked: &Asked, answer: &Answer) -> Verdict {
    let total = match answer.content_range.as_deref().and_then(ContentRange::parse) {
        Some(ContentRange::Unsatisfied { total }) => Some(total),
        _ => None,
    };
    match total.or(asked.size) {
        Some(size) if size == asked.offset && asked.size.is_none_or(|known| known == size) => {
            Verdict::Complete
        }
        // It says that bytes which it must have are not there.
        _ if asked.size.is_some_and(|known| known > asked.offset) => {
            Verdict::Reject(Rejection::WrongSize)
        }
        _ => Verdict::TooLong { total },
    }
}

#[cfg(test)]
mod tests;
