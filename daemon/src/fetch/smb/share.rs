//! A connection to one share.

use std::{fmt, sync::Arc, time::Duration};

use isomirror_core::{
    config::{ShareUrl, SmbCredentials},
    transfer::answer::{Answer, Asked},
};
use smb2::{
    ClientConfig, DirectoryEntry, Error, ErrorKind, FileReader, FileWriter, SmbClient, Tree,
};

use super::{Reading, SmbAccess, SmbError, SmbFile};
use crate::fetch::{Policy, directory};

/// Whom servers that know no anonymous users let in.
const GUEST: &str = "Guest";

/// How long a server may take.
#[derive(Clone, Copy, Debug)]
pub(in crate::fetch) struct Times {
    /// Until it is connected to.
    pub(in crate::fetch) connect: Duration,
    /// Without a sign of life.
    pub(in crate::fetch) silence: Duration,
}

impl Times {
    pub(in crate::fetch) fn of_policy(policy: &Policy) -> Self {
        Self { connect: policy.connect, silence: policy.header.min(policy.stall) }
    }
}

/// A connection to the share of an address. It ends with the value, and with the files that were opened over it.
pub(in crate::fetch) struct Share {
    url: ShareUrl,
    client: SmbClient,
    tree: Tree,
}

impl Share {
    /// Connects, signs in, and opens the share.
    pub(in crate::fetch) async fn connect(
        url: &ShareUrl,
        access: &SmbAccess,
        times: Times,
    ) -> Result<Self, SmbError> {
        let credentials = credentials(url, access).await?;
        let mut client = match sign_in(url, &credentials, times).await {
            Err(error) if credentials.username.is_empty() && is_refusal(&error) => {
                sign_in(url, &SmbCredentials::of_user(GUEST), times).await
            }
            result => result,
        }
        .map_err(|error| SmbError::of_connection(url, &credentials.username, &error))?;
        let tree = client.connect_share(url.share()).await;
        let tree = tree.map_err(|error| SmbError::of_share(url, &error))?;
        Ok(Self { url: url.clone(), client, tree })
    }

    /// Bytes of the file at `url`, which lies on this share; `None` where there is no file.
    pub(in crate::fetch) async fn size(&mut self, url: &ShareUrl) -> Result<Option<u64>, SmbError> {
        match self.client.stat(&mut self.tree, &url.path()).await {
            Ok(found) => Ok((!found.is_directory).then_some(found.size)),
            Err(error) => match SmbError::of_path(url, &error) {
                SmbError::NotFound(_) => Ok(None),
                other => Err(other),
            },
        }
    }

    /// Whether the directory of the address is there.
    pub(in crate::fetch) async fn check(&mut self) -> Result<(), SmbError> {
        let found = self.client.stat(&mut self.tree, &self.url.path()).await;
        match found.map_err(|error| SmbError::of_path(&self.url, &error))? {
            found if found.is_directory => Ok(()),
            _ => Err(SmbError::NotFound(self.url.to_string())),
        }
    }

    /// What is in a directory.
    pub(in crate::fetch) async fn list(
        &mut self,
        url: &ShareUrl,
    ) -> Result<Vec<DirectoryEntry>, SmbError> {
        let listed = self.client.list_directory(&mut self.tree, &url.path()).await;
        listed.map_err(|error| SmbError::of_path(url, &error))
    }

    /// Makes a directory, if it is not there; those above it have to be.
    pub(in crate::fetch) async fn make_directory(
        &mut self,
        url: &ShareUrl,
    ) -> Result<(), SmbError> {
        match self.client.create_directory(&self.tree, &url.path()).await {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(SmbError::of_path(url, &error))
            }
            _ => Ok(()),
        }
    }

    /// Begins a file that is not there yet.
    pub(in crate::fetch) async fn create(
        &mut self,
        url: &ShareUrl,
    ) -> Result<FileWriter, SmbError> {
        let created = self.client.create_file_writer_exclusive(&self.tree, &url.path()).await;
        created.map_err(|error| SmbError::of_path(url, &error))
    }

    /// Gives a file another name, which nothing has.
    pub(in crate::fetch) async fn rename(
        &mut self,
        from: &ShareUrl,
        to: &ShareUrl,
    ) -> Result<(), SmbError> {
        let renamed = self.client.rename(&self.tree, &from.path(), &to.path()).await;
        renamed.map_err(|error| SmbError::of_path(to, &error))
    }

    pub(in crate::fetch) async fn remove(&mut self, url: &ShareUrl) -> Result<(), SmbError> {
        let removed = self.client.delete_file(&self.tree, &url.path()).await;
        removed.map_err(|error| SmbError::of_path(url, &error))
    }

    async fn open(&mut self) -> Result<FileReader, Error> {
        self.client.open_file_reader(&self.tree, &self.url.path()).await
    }
}

/// Opens a file at what is asked for, and tells of it what a server of HTTP would.
///
/// # Errors
/// The server cannot be talked to.
pub(in crate::fetch) async fn open(
    file: &SmbFile,
    asked: &Asked,
    times: Times,
) -> Result<(Answer, Reading), SmbError> {
    let mut share = Share::connect(&file.url, &file.access, times).await?;
    let reader = match share.open().await {
        Ok(reader) if !reader.info().is_directory => reader,
        Ok(_) => return Ok((directory::status(404), Reading::nothing())),
        Err(error) => {
            return match SmbError::of_path(&file.url, &error) {
                SmbError::NotFound(_) => Ok((directory::status(404), Reading::nothing())),
                SmbError::Denied(_) => Ok((directory::status(403), Reading::nothing())),
                other => Err(other),
            };
        }
    };
    let (size, modified) = (reader.size(), reader.info().modified.0);
    let answer = directory::describe(size, &format!("\"{size:x}-{modified:x}\""), asked);
    let end = asked.end.unwrap_or(u64::MAX).min(size);
    let range = if answer.content_length.is_some() { asked.offset..end } else { 0..0 };
    Ok((answer, Reading::new(Arc::new(reader), range)))
}

/// They are in a file, which may be slow.
async fn credentials(url: &ShareUrl, access: &SmbAccess) -> Result<SmbCredentials, SmbError> {
    let (asked, of) = (access.clone(), url.clone());
    let read = tokio::task::spawn_blocking(move || asked.credentials(&of)).await;
    let server = url.address();
    match read {
        Ok(read) => read.map_err(|source| SmbError::Access { server, source }),
        Err(error) => Err(SmbError::Unreachable { server, reason: error.to_string() }),
    }
}

async fn sign_in(
    url: &ShareUrl,
    credentials: &SmbCredentials,
    times: Times,
) -> Result<SmbClient, Error> {
    let SmbCredentials { username, password, domain } = credentials.clone();
    SmbClient::connect(ClientConfig {
        addr: url.address(),
        timeout: times.connect,
        username,
        password,
        domain,
        // Images are compressed as it is.
        compression: false,
        response_timeout: Some(times.silence),
        ..ClientConfig::default()
    })
    .await
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::AuthRequired | ErrorKind::AccessDenied)
}

impl fmt::Debug for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Share").field("url", &self.url).finish_non_exhaustive()
    }
}
