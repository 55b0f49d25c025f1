//! Why something is no checksum list.

use crate::digest::Algorithm;

/// Why bytes are not taken as a checksum list.
#[derive(Debug, thiserror::Error)]
pub enum ChecksumListError {
    /// It is longer than any list.
    #[error("the checksum list is longer than {limit} bytes")]
    TooLarge {
        /// Most bytes that are taken.
        limit: usize,
    },
    /// A line is longer than any line of a list.
    #[error("line {line} of the checksum list is too long")]
    LineTooLong {
        /// Its number, from 1.
        line: usize,
    },
    /// A line begins with `<`: it is a page that a server, or a portal on the way, gave out instead.
    #[error("the checksum list is an HTML or XML page")]
    Page,
    /// Nothing in it is a hash of a file.
    #[error("the checksum list has no line with a hash of a known algorithm")]
    Empty,
    /// It has hashes without names, and nobody knows whose they are.
    #[error("the checksum list has a hash without a name")]
    Nameless,
    /// Two hashes of one algorithm for one name differ.
    #[error("the checksum list has two {algorithm} hashes for `{name}`")]
    Contradiction {
        /// The name.
        name: String,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// Two sizes for one name differ.
    #[error("the checksum list has two sizes for `{name}`")]
    TwoSizes {
        /// The name.
        name: String,
    },
    /// A clearsigned message is not complete, or there are several.
    #[error("the clearsigned checksum list is not one whole message")]
    ClearSigned,
    /// It is no JSON.
    #[error("the checksum list is no JSON document")]
    Json(#[source] serde_json::Error),
}
