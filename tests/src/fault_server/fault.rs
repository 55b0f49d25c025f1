//! What can go wrong with an answer.

use std::time::Duration;

/// A fault. Positions are bytes of the body of that answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// None: ranges, `If-Range` and everything else are right.
    None,
    /// The request is read and nothing is said.
    SilentBeforeHeader,
    /// Nothing follows this byte.
    SilentAt(usize),
    /// A few bytes at a time follow this one.
    TrickleFrom(usize),
    /// Each connection gets so many bytes a second.
    Limited(u64),
    /// The connection is closed at this byte.
    ClosedAt(usize),
    /// The connection is reset at this byte.
    ResetAt(usize),
    /// `Content-Length` is off by so many bytes.
    LengthOff(i64),
    /// The body comes in chunks, without a length.
    Chunked,
    /// Ranges are ignored: the answer is the whole.
    IgnoresRange,
    /// As that, and `If-Range` is taken for changed; ranges without it are right.
    IgnoresIfRange,
    /// The range begins so many bytes later than was asked.
    RangeOff(i64),
    /// `Content-Range` tells a total that is off.
    TotalOff(i64),
    /// A range is refused with 416 and a page.
    RangeRefused,
    /// One range is answered in several parts.
    Multipart,
    /// A page, with this status.
    Page(u16),
    /// A page that calls itself an image.
    DisguisedPage,
    /// The body says that it is compressed.
    Compressed,
    /// More bytes than any image has, without a length.
    Endless,
    /// A status with a short text, and `Retry-After`.
    Status(u16, Option<String>),
    /// A redirection to this place; to itself where there is none.
    Redirect(Option<String>),
    /// One bit is wrong at this byte of the file.
    Flipped(usize),
    /// The header comes late.
    Late(Duration),
}
