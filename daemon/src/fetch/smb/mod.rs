//! Files on SMB servers, spoken to directly: nothing is mounted, no other program runs, and nobody is ever asked for a
//! password. Whatever a server does not answer in time is an error.

mod access;
mod error;
mod reading;
mod share;

pub use access::{AccessError, SmbAccess};
pub use error::SmbError;
use isomirror_core::config::ShareUrl;
pub(super) use reading::Reading;
pub(super) use share::{Share, Times, open};

/// A file of a share, and by what its server knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmbFile {
    /// Where it is.
    pub url: ShareUrl,
    /// Where our credentials are.
    pub access: SmbAccess,
}
