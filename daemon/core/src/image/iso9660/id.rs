//! What a [`NodeId`] says in an ISO 9660 tree: where an object's own record lies, and of which sort it is.
//!
//! The lowest bit tells directories from all else, so that damage to a record cannot turn the one into the other.

use crate::image::NodeId;

/// Where the record lies that describes an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A directory, by the byte offset of its extent, which begins with its record of itself.
    Directory(u64),
    /// Anything else, by the byte offset of its first record in its directory.
    Other(u64),
}

impl Place {
    /// The place that `id` names.
    pub(super) fn of(id: NodeId) -> Self {
        let offset = id.0 >> 1;
        if id.0 & 1 == 1 { Self::Directory(offset) } else { Self::Other(offset) }
    }

    /// The id of this place. Offsets are below 2^44: 32 bits of blocks, and a block has 2048 bytes at most.
    pub(super) fn id(self) -> NodeId {
        match self {
            Self::Directory(offset) => NodeId(offset << 1 | 1),
            Self::Other(offset) => NodeId(offset << 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_place() {
        for place in
            [Place::Directory(0), Place::Other(0), Place::Directory(1 << 43), Place::Other(77)]
        {
            assert_eq!(Place::of(place.id()), place);
        }
    }
}
