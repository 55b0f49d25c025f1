//! Why an entry is not current after a look at it.

use std::path::PathBuf;

use isomirror_core::{
    catalog::{Catalog, Outcome, Refusal},
    signature::SignatureError,
    transfer::schedule::Ended,
    trust::Trust,
};

use crate::fetch::{
    Hold,
    store::{StoreError, UnpackError},
    upload::UploadError,
};

/// What keeps an entry from being current. What is in the store stays; each text says what to do, or that it is tried
/// again.
#[derive(Debug, thiserror::Error)]
pub enum Setback {
    /// The catalog has no such entry.
    #[error("there is no `{id}` in the catalog{}", meant.as_ref().map_or_else(|| ": see `isomirror catalog list`".to_owned(), |meant| format!(": did you mean `{meant}`?")))]
    NoEntry {
        /// The id.
        id: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// Nothing can be told now.
    #[error("the newest version is not known: {0}; it is tried again")]
    Unknown(String),
    /// A newer release is announced.
    #[error("a newer release is not there yet: {0}; it is tried again")]
    Pending(String),
    /// What is offered is not to be trusted.
    #[error("what is offered is not taken: {0}")]
    Held(String),
    /// The operator has to bring the image.
    #[error("it cannot be fetched by a program: {0}")]
    Manual(String),
    /// The release is not authentic.
    #[error("what is offered is not taken")]
    Refused(#[from] Refusal),
    /// A signature of the image is not good.
    #[error("the signature of its image is not good; nothing is published")]
    Signature(#[source] SignatureError),
    /// Too little vouches for it.
    #[error(
        "it is {found}, and has to be {required}: add the publisher's key, pin its digest, or lower `min_trust`"
    )]
    Weak {
        /// What vouches for it.
        found: Trust,
        /// What has to.
        required: Trust,
    },
    /// Nothing can be judged by when it was signed.
    #[error("the clock of this machine is wrong; set it, so that signatures can be judged")]
    Clock,
    /// Its bytes do not come.
    #[error(transparent)]
    Hold(#[from] Hold),
    /// The store cannot be worked in.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store has too much in it.
    #[error(
        "the quota of {quota} bytes has no room for {needed} more; raise `fetch.quota` or lower `keep`"
    )]
    Quota {
        /// Bytes that are allowed.
        quota: u64,
        /// Bytes that would be needed.
        needed: u64,
    },
    /// It cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// It was published, and is not served without fault.
    #[error("`{}` is verified, but not served, or not without a problem: see its line in `isomirror status`", .0.display())]
    NotServed(PathBuf),
    /// It is current, and could not be passed on.
    #[error("the image could not be copied to `{to}`")]
    Upload {
        /// Where to.
        to: String,
        /// Why not.
        #[source]
        source: UploadError,
    },
}

impl Setback {
    /// That `catalog` has no such entry.
    pub(super) fn no_entry(id: &str, catalog: &Catalog) -> Self {
        Self::NoEntry { id: id.to_owned(), meant: catalog.closest(id).map(str::to_owned) }
    }

    /// Why resolving ended without a release.
    pub(super) fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Unknown(why) => Self::Unknown(why),
            Outcome::Pending(why) => Self::Pending(why),
            Outcome::Held(why) => Self::Held(why),
            Outcome::Manual(how) => Self::Manual(how),
            Outcome::Resolved(release) => Self::Unknown(format!("`{}` was resolved", release.id)),
        }
    }

    /// What the next look depends on; `times` it has been like that in a row.
    #[must_use]
    pub fn ended(&self, times: u32) -> Ended {
        match self {
            Self::NoEntry { .. }
            | Self::Pending(_)
            | Self::Held(_)
            | Self::Manual(_)
            | Self::Weak { .. }
            | Self::Unpack(UnpackError::TooLarge { .. } | UnpackError::NotAnImage(_))
            | Self::NotServed(_)
            | Self::Refused(Refusal::NoKey { .. } | Refusal::BadKey(..) | Refusal::NoList)
            | Self::Hold(Hold::TooLarge { .. } | Hold::Name(_) | Hold::FileTooLarge { .. }) => {
                Ended::Settled
            }
            Self::Hold(Hold::Busy { after }) => Ended::Asked(*after),
            _ => Ended::Failed(times),
        }
    }

    /// Whether it was stopped, rather than held up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Hold(Hold::Cancelled))
    }

    /// Whether something speaks against what is offered, rather than being in the way.
    #[must_use]
    pub fn is_against_it(&self) -> bool {
        match self {
            Self::Signature(_) | Self::Weak { .. } | Self::Held(_) => true,
            Self::Refused(refusal) => {
                !matches!(refusal, Refusal::NoKey { .. } | Refusal::BadKey(..))
            }
            Self::Hold(hold) => matches!(hold, Hold::Mismatch { .. } | Hold::Contradiction { .. }),
            _ => false,
        }
    }
}
