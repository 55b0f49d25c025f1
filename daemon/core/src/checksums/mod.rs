//! Checksum lists: which files a publisher, or a medium, says there are, and what their bytes hash to.
//!
//! All forms in which such lists are written are read here: those of GNU coreutils, of BSD, of Red Hat with sizes,
//! lists with a section for each algorithm, single hashes, JSON documents, and any of the text forms inside a
//! clearsigned message. Reading is strict where being lenient could make another file's hash this one's: names are
//! compared whole, a list that contradicts itself is refused, and so is a page that is no list.
//!
//! A list says nothing about who wrote it. That is for [`crate::signature`] to tell.

mod clear_text;
mod error;
mod heading;
mod json;
mod line;
mod list;
mod name;
mod text;

pub use error::ChecksumListError;
pub use json::JsonPlaces;
pub use list::{ChecksumList, Hints, ListedFile, NotListed};
pub use name::{is_plain_name, normalised};

/// Bytes of the largest list that is taken from a publisher.
pub const MAXIMUM_SIZE: usize = 4 << 20;

/// Bytes of the longest line.
pub const MAXIMUM_LINE: usize = 8 << 10;
