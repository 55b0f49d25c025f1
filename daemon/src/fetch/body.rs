//! The bytes of an answer, wherever they come from.

use bytes::Bytes;
use reqwest::Response;

use super::{client, directory, smb};

/// A body that is being read.
#[derive(Debug)]
pub(super) enum Body {
    Http(Response),
    File(directory::Reading),
    Smb(smb::Reading),
}

impl Body {
    /// What comes next; `None` at the end. The error is a text: whatever it is, the connection is of no more use.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        match self {
            Self::Http(response) => response.chunk().await.map_err(client::reason),
            Self::File(reading) => reading.next().await.map_err(|error| error.to_string()),
            Self::Smb(reading) => reading.next().await,
        }
    }
}
