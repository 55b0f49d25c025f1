//! What roles in processes of their own say to each other: the one that mounts listens, the others connect to it.
//!
//! Each message is a JSON object in a frame (a length, then so many bytes). The role of serving is told of a set first and
//! handed its media afterwards, each as an open descriptor beside the frame, so it opens nothing by itself and can be
//! kept from everything. What it has it names, so that a medium is handed over once, also over a restart of either side:
//!
//! ```text
//! serve: {"message":"hello","protocol":1,"role":"serve","holds":[]}
//! mount: {"message":"set","number":1,"media":{"ROCKY":"0123…"},"document":{…},"cut_at_ms":{},"work":{…}}
//! serve: {"message":"refused","number":1}            nobody gets anything any more that is not in set 1
//! mount: {"message":"medium","key":"0123…",…}       and its descriptor
//! serve: {"message":"complete","number":1}           all of set 1 can be had
//! serve: {"message":"released","media":["0123…"]}    after it left the set and its last response ended
//! ```
//!
//! The role of fetching is told what is served (`document`) and what is asked for (`fetch`), and tells how far it is
//! (`downloads`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    medium::IdentityKey,
    name::Name,
    state::{DownloadState, SourceState, StateDocument},
    view::WorkFigures,
};

/// Name of the socket in the runtime directory.
pub const ROLE_SOCKET: &str = "roles.sock";

/// Version of this language. Processes of different versions do not understand each other.
pub const PROTOCOL: u32 = 1;

/// Bytes of the longest message that one of the other roles may send to the one that mounts.
pub const LONGEST_FROM_ROLE: usize = 4 << 20;

/// Bytes of the longest message in the other direction: a set of some 100,000 media.
pub const LONGEST_TO_ROLE: usize = 256 << 20;

/// A role that can be played by a process of its own beside the one that mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkedRole {
    /// Serves over HTTP.
    Serve,
    /// Downloads images.
    Fetch,
}

/// What another role says to the one that mounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "lowercase", deny_unknown_fields)]
pub enum FromRole {
    /// The first message.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// Which one it is.
        role: LinkedRole,
        /// Media that it has.
        #[serde(default)]
        holds: Vec<IdentityKey>,
    },
    /// From now on nobody gets anything that is not in the set of this number.
    Refused {
        /// Number of the set.
        number: u64,
    },
    /// From now on all of the set can be had.
    Complete {
        /// Number of the set.
        number: u64,
    },
    /// It has these media no longer: they may be written to, or be handed over again.
    Released {
        /// Their keys.
        media: Vec<IdentityKey>,
    },
    /// A medium that was handed over cannot be served, and was closed. It may be handed over again with a later set.
    Unusable {
        /// Its key.
        medium: IdentityKey,
    },
    /// How far all downloads are.
    Downloads {
        /// All that are wanted or were asked for.
        states: Vec<DownloadState>,
    },
    /// What became of a [`ToRole::Fetch`].
    Asked {
        /// Number of the request.
        number: u64,
        /// Number of the last look that had ended by then, or what is wrong with the request.
        looks: Result<u64, String>,
    },
}

/// What the role that mounts says to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "lowercase")]
pub enum ToRole {
    /// All that is to be served from now on.
    Set(MediaSet),
    /// A medium of a set; its descriptor comes with the frame.
    Medium(HandedMedium),
    /// What is served.
    Document {
        /// The whole state document.
        document: StateDocument,
    },
    /// Entries of the catalog are to be looked at now.
    Fetch {
        /// Tells requests apart.
        number: u64,
        /// Their ids; all that are wanted where there is none.
        ids: Vec<String>,
        /// Whether they are fetched though they are there.
        force: bool,
    },
    /// It is not taken in, and this is why.
    Rejected {
        /// For the log.
        reason: String,
    },
}

/// All that is to be served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MediaSet {
    /// Grows with every set of one process.
    pub number: u64,
    /// Media by the name they are published under.
    pub media: BTreeMap<Name, IdentityKey>,
    /// What views are rendered from.
    pub document: StateDocument,
    /// Milliseconds until responses from these media end, which may have left.
    pub cut_at_ms: BTreeMap<IdentityKey, u64>,
    /// What was done to the web root.
    pub work: WorkFigures,
}

/// A medium as it is handed over, beside its descriptor. What is not said here the descriptor tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedMedium {
    /// Key of its identity. Where the descriptor's is another by now, it is not this medium any more.
    pub key: IdentityKey,
    /// Where it was found.
    pub source: SourceState,
    /// Whether the descriptor has a lease: whoever wants to write waits until all of its copies are closed.
    pub is_leased: bool,
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::{medium::Identity, state::SourceKind};

    #[test]
    fn what_is_written_is_read_again() {
        let key = Identity::Disc { device: 1, sequence: 2, size: 3 }.key();
        for said in [
            FromRole::Hello { protocol: PROTOCOL, role: LinkedRole::Serve, holds: vec![key] },
            FromRole::Refused { number: 7 },
            FromRole::Complete { number: 7 },
            FromRole::Released { media: vec![key] },
            FromRole::Unusable { medium: key },
            FromRole::Downloads { states: Vec::new() },
            FromRole::Asked { number: 1, looks: Err("no such entry".to_owned()) },
        ] {
            let text = serde_json::to_vec(&said).unwrap();
            assert_eq!(serde_json::from_slice::<FromRole>(&text).unwrap(), said);
        }
        let (kind, path) = (SourceKind::Drive, PathBuf::from("/dev/sr0"));
        let source = SourceState { kind, path, diskseq: Some(2) };
        let media = BTreeMap::from([(Name::try_from("A".to_owned()).unwrap(), key)]);
        let cut_at_ms = BTreeMap::from([(key, 2500)]);
        for said in [
            ToRole::Set(MediaSet { number: 1, media, cut_at_ms, ..MediaSet::default() }),
            ToRole::Medium(HandedMedium { key, source, is_leased: true }),
            ToRole::Document { document: StateDocument::default() },
            ToRole::Fetch { number: 1, ids: vec!["debian-13".to_owned()], force: true },
            ToRole::Rejected { reason: "there is one already".to_owned() },
        ] {
            let text = serde_json::to_vec(&said).unwrap();
            assert_eq!(serde_json::from_slice::<ToRole>(&text).unwrap(), said);
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in ["", "{}", "[]", r#"{"message":"mount"}"#, r#"{"message":"refused"}"#] {
            assert!(serde_json::from_str::<FromRole>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = serde_json::from_slice::<FromRole>(&bytes);
        }
    }
}
