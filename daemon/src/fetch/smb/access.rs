//! By what SMB servers know us.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use isomirror_core::config::{InvalidSmbCredentials, ShareUrl, SmbCredentials};

/// Name of the service manager's credential.
const CREDENTIAL: &str = "smb";
/// Bytes that a file of credentials may have.
const LARGEST: u64 = 64 << 10;

/// Where the credentials for SMB servers are. They are read whenever a server is connected to, and not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SmbAccess {
    /// There are none: a guest, where the server takes unknown users for guests.
    #[default]
    Guest,
    /// In a file, which has to be there.
    File(PathBuf),
}

/// The credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Their file cannot be read.
    #[error("cannot read the credentials `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Their file holds something else.
    #[error("`{}` holds no credentials", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: InvalidSmbCredentials,
    },
    /// The address names a user of whom no password is known.
    #[error(
        "there is no password for the user `{0}`: name a file with it by `fetch.smb_credentials`"
    )]
    NoPassword(String),
    /// The address names another user than the file.
    #[error("the address names the user `{named}`, and `{}` holds the password of `{held}`", path.display())]
    OtherUser {
        /// The user of the address.
        named: String,
        /// The file.
        path: PathBuf,
        /// Its user.
        held: String,
    },
}

impl SmbAccess {
    /// The file that the configuration names; else the credential `smb` in the service manager's directory
    /// (`$CREDENTIALS_DIRECTORY`), where there is one; else a guest.
    #[must_use]
    pub fn new(configured: Option<&Path>, credentials_directory: Option<&Path>) -> Self {
        let credential = || credentials_directory.map(|directory| directory.join(CREDENTIAL));
        let given = configured.map(Path::to_owned);
        given.or_else(|| credential().filter(|path| path.exists())).map_or(Self::Guest, Self::File)
    }

    /// The credentials for a server; waits for the disk.
    pub(super) fn credentials(&self, url: &ShareUrl) -> Result<SmbCredentials, AccessError> {
        let named = url.user().map(SmbCredentials::of_user);
        let Self::File(path) = self else {
            return match named {
                Some(user) => Err(AccessError::NoPassword(user.username)),
                None => Ok(SmbCredentials::default()),
            };
        };
        let invalid = |source| AccessError::Invalid { path: path.clone(), source };
        let text = read(path).map_err(|source| AccessError::Read { path: path.clone(), source })?;
        let held = SmbCredentials::parse(&text).map_err(invalid)?;
        match named {
            Some(named) if !named.username.eq_ignore_ascii_case(&held.username) => {
                let (named, path, held) = (named.username, path.clone(), held.username);
                Err(AccessError::OtherUser { named, path, held })
            }
            Some(named) if !named.domain.is_empty() => {
                Ok(SmbCredentials { domain: named.domain, ..held })
            }
            _ => Ok(held),
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use isomirror_core::config::SourceUrl;

    use super::*;

    fn url(text: &str) -> ShareUrl {
        match SourceUrl::try_from(text.to_owned()) {
            Ok(SourceUrl::Share(share)) => share,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_configured_file_goes_before_the_service_managers_and_that_before_a_guest() {
        let directory = tempfile::tempdir().unwrap();
        let credential = directory.path().join("smb");
        let access = |file| SmbAccess::new(file, Some(directory.path()));
        assert_eq!(access(None), SmbAccess::Guest);
        fs::write(&credential, "username=anna\npassword=x\n").unwrap();
        assert_eq!(access(None), SmbAccess::File(credential));
        assert_eq!(access(Some(Path::new("/a"))), SmbAccess::File("/a".into()));
        assert_eq!(SmbAccess::new(None, None), SmbAccess::Guest);
    }

    #[test]
    fn a_password_is_only_told_to_the_server_for_the_user_whose_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials");
        fs::write(&path, "username=anna\npassword=x\ndomain=HOME\n").unwrap();
        let access = SmbAccess::File(path);
        let of = |text: &str| access.credentials(&url(text));
        assert_eq!(of("smb://nas/isos").unwrap().domain, "HOME");
        assert_eq!(of("smb://WORK%5CAnna@nas/isos").unwrap().domain, "WORK");
        assert!(matches!(of("smb://bert@nas/isos"), Err(AccessError::OtherUser { .. })));
        let guest = SmbAccess::Guest.credentials(&url("smb://nas/isos")).unwrap();
        assert_eq!(guest, SmbCredentials::default());
        let nobody = SmbAccess::Guest.credentials(&url("smb://anna@nas/isos"));
        assert!(matches!(nobody, Err(AccessError::NoPassword(_))));
        let missing = SmbAccess::File("/nonexistent".into()).credentials(&url("smb://nas/isos"));
        assert!(matches!(missing, Err(AccessError::Read { .. })));
    }
}
