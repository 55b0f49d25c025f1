//! What can go wrong while a medium is opened, and while something on it is read.

use std::io;

/// Why a medium could not be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The source itself failed, or ends before the descriptors.
    #[error("cannot read the {what} at byte {offset}")]
    Read {
        /// The structure that was wanted.
        what: &'static str,
        /// Byte offset in the image.
        offset: u64,
        /// The failure of the source.
        #[source]
        source: io::Error,
    },
    /// Neither ISO 9660 nor UDF descriptors are where they have to be.
    #[error("neither an ISO 9660 nor a UDF file system")]
    NotAnImage,
    /// A structure without which nothing can be read is damaged.
    #[error("the {what} at byte {offset} is damaged")]
    Damaged {
        /// The structure.
        what: &'static str,
        /// Byte offset in the image.
        offset: u64,
    },
    /// The medium is sound but of a kind that this reader does not read.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}

/// Why one object of an opened medium could not be read. It says nothing about any other object.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source itself failed, or ends before the object does.
    #[error("cannot read the {what} at byte {offset}")]
    Read {
        /// The structure that was wanted.
        what: &'static str,
        /// Byte offset in the image.
        offset: u64,
        /// The failure of the source.
        #[source]
        source: io::Error,
    },
    /// The object's own description makes no sense.
    #[error("the {what} at byte {offset} is damaged")]
    Damaged {
        /// The structure.
        what: &'static str,
        /// Byte offset in the image.
        offset: u64,
    },
    /// The object is stored in a way that this reader does not read.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The object is not of the kind that was asked for.
    #[error("not a {0}")]
    WrongKind(&'static str),
}
