//! Places that an image is fetched from.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use isomirror_core::config::{InvalidSourceUrl, SourceUrl};
use url::Url;

use super::{SmbAccess, SmbFile};

/// Where one image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `http` or `https`.
    Http(Url),
    /// `http` or `https` of a place that goes before the internet.
    Peer(Url),
    /// A file of a directory on this machine or of a mounted share: `file:///directory/name`.
    File(PathBuf),
    /// A file of an SMB server: `smb://server/share/directory/name`.
    Smb(SmbFile),
}

/// An address that nothing is fetched from.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOrigin {
    /// No URL.
    #[error("`{0}` is no URL")]
    Malformed(String, #[source] url::ParseError),
    /// Of a kind that is not known.
    #[error("`{0}` cannot be fetched from: use http, https, file or smb")]
    Scheme(String),
    /// No file of a share.
    #[error("the file of a share {0}")]
    Share(InvalidSourceUrl),
}

impl Origin {
    /// The host with its port, or the directory: what is remembered is remembered of it.
    #[must_use]
    pub fn host(&self) -> String {
        match self {
            Self::Http(url) | Self::Peer(url) => {
                let host = url.host_str().unwrap_or_default();
                match url.port() {
                    Some(port) => format!("{host}:{port}"),
                    None => host.to_owned(),
                }
            }
            Self::File(path) => path.parent().unwrap_or(Path::new("/")).display().to_string(),
            Self::Smb(file) => file.url.root().to_string(),
        }
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    /// Of a share, a guest's.
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let malformed = |error| InvalidOrigin::Malformed(text.to_owned(), error);
        let url = Url::parse(text).map_err(malformed)?;
        let unknown = || InvalidOrigin::Scheme(text.to_owned());
        match url.scheme() {
            "http" | "https" => Ok(Self::Http(url)),
            "smb" => match SourceUrl::try_from(text.to_owned()).map_err(InvalidOrigin::Share)? {
                SourceUrl::Share(url) => Ok(Self::Smb(SmbFile { url, access: SmbAccess::Guest })),
                _ => Err(unknown()),
            },
            "file" => url.to_file_path().map(Self::File).map_err(|()| unknown()),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Origin {
    /// Without a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) | Self::Peer(url) => {
                let mut url = url.clone();
                // Refused only by URLs that cannot have any.
                let _ = url.set_password(None);
                url.fmt(formatter)
            }
            Self::File(path) => write!(formatter, "file://{}", path.display()),
            Self::Smb(file) => file.url.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_passwords_are_not_told() {
        let origin = |text: &str| text.parse::<Origin>();
        assert_eq!(origin("http://a:8080/b.iso").unwrap().host(), "a:8080");
        assert_eq!(origin("https://a/b.iso").unwrap().host(), "a");
        assert_eq!(origin("https://u:secret@a/b").unwrap().to_string(), "https://u@a/b");
        let file = origin("file:///srv/isos/a%20b.iso").unwrap();
        assert_eq!(file, Origin::File("/srv/isos/a b.iso".into()));
        assert_eq!(file.host(), "/srv/isos");
        let share = origin("smb://anna@nas:1445/isos/a%20b/c.iso").unwrap();
        assert_eq!(share.host(), "smb://nas:1445/isos");
        assert_eq!(share.to_string(), "smb://anna@nas:1445/isos/a%20b/c.iso");
        let error = origin("smb://anna:secret@nas/isos").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        assert!(origin("ftp://a/b").is_err() && origin("b.iso").is_err());
    }
}
