//! UDF (ECMA-167 as the OSTA specification of UDF 1.02 to 2.60 restricts it), for reading.
//!
//! Read are media with plain, sparable and metadata partitions and blocks of 512 to 4096 bytes. Not read are virtual
//! partitions (write-once media that were not finalised), entries of strategy 4096, named streams and other
//! extended attributes than device numbers.
//!
//! What Linux shows of a medium is what is shown here, but for two things: content that its descriptors do not
//! describe in full is an error, not zeros, and a directory never leads back to itself or to the root.

mod allocation;
mod anchor;
mod characters;
mod directory;
mod extended_attribute;
mod fields;
mod file_entry;
mod file_identifier;
mod metadata;
mod partition_map;
mod path_components;
mod recognition;
mod space;
mod sparing;
mod tag;
mod timestamp;
mod tree;
mod volume;
mod volume_sequence;

pub(super) use volume::{Udf, recognise};

use super::{OpenError, ReadError};

/// What an unreadable structure means for the volume that needs it.
fn open_error(error: ReadError) -> OpenError {
    match error {
        ReadError::Read { what, offset, source } => OpenError::Read { what, offset, source },
        ReadError::Damaged { what, offset } => OpenError::Damaged { what, offset },
        ReadError::Unsupported(what) => OpenError::Unsupported(what),
        // Only the root directory is asked to be of a kind.
        ReadError::WrongKind(_) => OpenError::Damaged { what: "UDF root directory", offset: 0 },
    }
}
