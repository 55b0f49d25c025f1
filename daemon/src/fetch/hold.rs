//! Why a download does not go on for now.

use std::{io, path::PathBuf, time::Duration};

use isomirror_core::{digest::Digest, transfer::answer::Rejection};

/// A download that stopped. What was fetched is kept, where it can be of use; what is served stays. Each text says what
/// to do, or that it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Hold {
    /// Somebody asked it to stop.
    #[error("stopped; it goes on where it was")]
    Cancelled,
    /// No place answers.
    #[error("no mirror can be reached ({last}); it is tried again")]
    Unreachable {
        /// What went wrong last.
        last: String,
    },
    /// Hosts want to be left alone.
    #[error("the mirrors ask to be left alone for {} s; it is tried again then", after.as_secs())]
    Busy {
        /// For how long.
        after: Duration,
    },
    /// The file is at none of the places.
    #[error("`{file}` is on no mirror any more; look whether the catalog entry is out of date")]
    Gone {
        /// Name of the file.
        file: String,
    },
    /// The places have it, and do not give it.
    #[error("the mirrors do not give `{file}` out; look whether a login or a proxy is needed")]
    Forbidden {
        /// Name of the file.
        file: String,
    },
    /// What the places send is no use.
    #[error("`{url}` is of no use: {rejection}")]
    Rejected {
        /// The last one of them.
        url: String,
        /// Why.
        rejection: Rejection,
    },
    /// It is larger than it may be.
    #[error(
        "`{file}` has {size} bytes, and at most {limit} are allowed; raise the entry's limit if that is right"
    )]
    TooLarge {
        /// Name of the file.
        file: String,
        /// Bytes, or those that came before it was given up.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Its digest is not the published one, wherever it came from.
    #[error(
        "`{url}` sent an image with the digest {found}, but {published} is published; it is fetched again when either changes"
    )]
    Mismatch {
        /// The last place that it came from.
        url: String,
        /// What it is.
        found: Digest,
        /// What it should be.
        published: Digest,
    },
    /// The digests that it shall have contradict each other.
    #[error(
        "two digests that are published for `{file}` differ: {one} and {other}; nothing is fetched"
    )]
    Contradiction {
        /// Name of the file.
        file: String,
        /// One of them.
        one: Digest,
        /// The other.
        other: Digest,
    },
    /// The file keeps changing while it is fetched.
    #[error("`{file}` changed again and again while it was fetched; it is tried again")]
    Changing {
        /// Name of the file.
        file: String,
    },
    /// The disk is full.
    #[error("the store `{}` needs {missing} more bytes; make room or lower `keep`", store.display())]
    NoSpace {
        /// The store.
        store: PathBuf,
        /// Bytes.
        missing: u64,
    },
    /// A quota of the file system is used up.
    #[error("the quota of the store `{}` is used up; raise it or lower `keep`", store.display())]
    Quota {
        /// The store.
        store: PathBuf,
    },
    /// The file system cannot hold a file of this size.
    #[error("the file system of `{}` holds no file of this size; put the store on another one", store.display())]
    FileTooLarge {
        /// The store.
        store: PathBuf,
    },
    /// The file system is read-only.
    #[error("the store `{}` is read-only; look whether its disk has failed, and mount it writable", store.display())]
    ReadOnly {
        /// The store.
        store: PathBuf,
    },
    /// The disk fails.
    #[error("the disk of the store `{}` fails; nothing more is written to it before a restart", store.display())]
    DiskFails {
        /// The store.
        store: PathBuf,
    },
    /// The store cannot be worked in, for another reason.
    #[error("cannot write to the store `{}`", store.display())]
    Store {
        /// The store.
        store: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A name that is no file name, or would leave its directory.
    #[error("`{}` is no name for a part of the store's paths", .0.escape_debug())]
    Name(String),
}

impl Hold {
    /// What an error of the store means.
    #[must_use]
    pub fn of_store(store: PathBuf, source: io::Error, missing: u64) -> Self {
        use nix::libc::{EDQUOT, EFBIG, EIO, ENOSPC, EROFS};
        match source.raw_os_error() {
            Some(ENOSPC) => Self::NoSpace { store, missing },
            Some(EDQUOT) => Self::Quota { store },
            Some(EFBIG) => Self::FileTooLarge { store },
            Some(EROFS) => Self::ReadOnly { store },
            Some(EIO) => Self::DiskFails { store },
            _ => Self::Store { store, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_of_a_disk_is_told_as_what_it_is() {
        let text = |number| {
            Hold::of_store("/s".into(), io::Error::from_raw_os_error(number), 7).to_string()
        };
        assert!(text(nix::libc::ENOSPC).contains("needs 7 more bytes"));
        assert!(text(nix::libc::EDQUOT).contains("quota"));
        assert!(text(nix::libc::EFBIG).contains("no file of this size"));
        assert!(text(nix::libc::EROFS).contains("read-only"));
        assert!(text(nix::libc::EIO).contains("fails"));
        assert!(text(nix::libc::EPERM).contains("cannot write"));
    }
}
