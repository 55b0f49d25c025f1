//! Downloads: bytes from mirrors and directories into the store, whole and verified or not at all.
//!
//! A [`Download`] fetches one image into the staging area of a [`store::Store`], through any number of failures, and
//! ends with a [`Staged`] image whose digests are the expected ones, or with a [`Hold`] that says why not. What it gets
//! is kept for the next attempt. The store publishes what has been verified.

mod body;
mod client;
mod directory;
mod download;
mod fetcher;
mod hold;
mod lane;
mod limiter;
mod meter;
mod origin;
mod pass;
mod policy;
mod progress;
mod repair;
mod shared;
mod smb;
pub mod sources;
pub mod store;
mod troubles;
pub mod upload;
mod writer;

pub use client::{
    ClientError, MOST_REDIRECTS, asked_pause, build as build_client, reason, single, why_unasked,
};
pub use download::Download;
pub use fetcher::Fetcher;
pub(crate) use fetcher::chance;
pub use hold::Hold;
pub use limiter::Limiter;
pub use origin::{InvalidOrigin, Origin};
pub use policy::Policy;
pub use progress::Progress;
pub use smb::{AccessError, SmbAccess, SmbError, SmbFile};
pub use store::Staged;
