//! What an SMB server did not do.

use isomirror_core::config::ShareUrl;
use smb2::{Error, ErrorKind};

use super::AccessError;

/// What an SMB server did not do, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SmbError {
    /// Our credentials cannot be used.
    #[error("cannot sign in to `{server}`")]
    Access {
        /// The server.
        server: String,
        /// Why.
        #[source]
        source: AccessError,
    },
    /// The server is not there.
    #[error("the server `{server}` cannot be reached ({reason})")]
    Unreachable {
        /// The server with its port.
        server: String,
        /// Why.
        reason: String,
    },
    /// It is there, and says nothing.
    #[error("the server `{0}` does not answer")]
    Silent(String),
    /// It does not let us in.
    #[error(
        "the server `{server}` does not let {user} in; look at `fetch.smb_credentials` and at the server's users"
    )]
    SignIn {
        /// The server with its port.
        server: String,
        /// The user, or a guest.
        user: String,
    },
    /// It has no such share.
    #[error("there is no share `{0}`")]
    NoShare(String),
    /// There is no such file or directory.
    #[error("there is no `{0}`")]
    NotFound(String),
    /// We may not do that there.
    #[error("the server gives no access to `{0}`; look at its permissions")]
    Denied(String),
    /// The share is full.
    #[error("the share of `{0}` is full")]
    Full(String),
    /// Something else.
    #[error("cannot work with `{place}` ({reason})")]
    Other {
        /// The share, directory or file.
        place: String,
        /// What the server says.
        reason: String,
    },
}

impl SmbError {
    /// Of a connection that is being made.
    pub(super) fn of_connection(url: &ShareUrl, user: &str, error: &Error) -> Self {
        let server = url.address();
        match error.kind() {
            ErrorKind::TimedOut => Self::Silent(server),
            ErrorKind::AuthRequired | ErrorKind::GuestSessionRefused | ErrorKind::AccessDenied => {
                let user = if user.is_empty() { "a guest".to_owned() } else { format!("`{user}`") };
                Self::SignIn { server, user }
            }
            _ => Self::Unreachable { server, reason: reason(error) },
        }
    }

    /// Of a share that is being connected to.
    pub(super) fn of_share(url: &ShareUrl, error: &Error) -> Self {
        match Self::of_path(&url.root(), error) {
            Self::NotFound(share) => Self::NoShare(share),
            other => other,
        }
    }

    /// Of a file or directory.
    pub(in crate::fetch) fn of_path(url: &ShareUrl, error: &Error) -> Self {
        let place = url.to_string();
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::NotFound(place),
            ErrorKind::AccessDenied => Self::Denied(place),
            ErrorKind::TimedOut => Self::Silent(url.address()),
            ErrorKind::DiskFull => Self::Full(place),
            ErrorKind::ConnectionLost => {
                Self::Unreachable { server: url.address(), reason: reason(error) }
            }
            _ => Self::Other { place, reason: reason(error) },
        }
    }
}

/// What is behind it, with the reason of each address.
fn reason(error: &Error) -> String {
    match error {
        Error::ConnectFailed { attempts, .. } if !attempts.is_empty() => {
            let each: Vec<_> = attempts.iter().map(ToString::to_string).collect();
            each.join(", ")
        }
        Error::Protocol { status, .. } => status.to_string(),
        Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}
