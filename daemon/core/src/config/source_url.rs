//! Places beside the internet that images are taken from, and one that they are copied to.

mod share;

use std::{fmt, path::PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;

pub use self::share::ShareUrl;
use super::{BaseUrl, text::deserialize_from_text};

/// Bytes of a path that are escaped in a URL.
pub(super) const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'+');

/// Where images are, or go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub enum SourceUrl {
    /// `file:///directory`: an absolute directory of this machine, or a share that is mounted there.
    Directory(PathBuf),
    /// `smb://[user@]server[:port]/share[/directory]`.
    Share(ShareUrl),
    /// `http://` or `https://`: another isomirror, or a directory of images.
    Peer(BaseUrl),
}

deserialize_from_text!(SourceUrl);

/// A text that is no [`SourceUrl`]. Each says what to write instead. None repeats the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSourceUrl {
    /// Of no kind that is known.
    #[error(
        "is no place of images: write `file:///directory`, `smb://server/share/directory` or `https://server/directory`"
    )]
    Kind,
    /// A path without its kind.
    #[error("is a path: write a directory as a URL, like `file:///srv/isos`")]
    Path,
    /// A directory that is not absolute, or lies on a host that is named.
    #[error(
        "is no absolute directory of this machine: write it with three slashes, like `file:///srv/isos`"
    )]
    Directory,
    /// A password where everybody who may read the configuration sees it.
    #[error(
        "has a password in it: put it into a file with `username=` and `password=`, and name that by `smb_credentials`"
    )]
    Password,
    /// A user for HTTP.
    #[error("names a user: peers are asked without one; write `https://server/directory`")]
    PeerUser,
    /// An address of HTTP that nothing can be appended to.
    #[error("is no address of a peer: write it like `https://mirror.example/images`")]
    Peer,
    /// A share that lacks a part, or has one that no server knows.
    #[error(
        "is no share: write it like `smb://server/share/directory`, with a user as in `smb://user@server/share`"
    )]
    Share,
    /// Escapes that give no text, or a character that no name has.
    #[error("has an escape that gives no character of a name: write `%25` for a percent sign")]
    Escape,
    /// A place that cannot be written to, where one is needed.
    #[error("cannot be copied to: write `file:///directory` or `smb://server/share/directory`")]
    NotWritable,
}

impl SourceUrl {
    /// Whether images can be copied to it, as far as its kind tells.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !matches!(self, Self::Peer(_))
    }
}

impl TryFrom<String> for SourceUrl {
    type Error = InvalidSourceUrl;

    fn try_from(text: String) -> Result<Self, InvalidSourceUrl> {
        let Some((kind, rest)) = text.split_once("://") else {
            return Err(if text.starts_with(['/', '.', '~']) {
                InvalidSourceUrl::Path
            } else {
                InvalidSourceUrl::Kind
            });
        };
        match kind.to_ascii_lowercase().as_str() {
            "file" => directory(rest).map(Self::Directory),
            "smb" => ShareUrl::parse(rest).map(Self::Share),
            "http" | "https" => peer(rest, text.clone()).map(Self::Peer),
            _ => Err(InvalidSourceUrl::Kind),
        }
    }
}

fn directory(rest: &str) -> Result<PathBuf, InvalidSourceUrl> {
    let path = decode(rest)?;
    let is_inside = path.split('/').all(|part| part != "..");
    if !path.starts_with('/') || !is_inside {
        return Err(InvalidSourceUrl::Directory);
    }
    let trimmed = path.trim_end_matches('/');
    Ok(PathBuf::from(if trimmed.is_empty() { "/" } else { trimmed }))
}

fn peer(rest: &str, text: String) -> Result<BaseUrl, InvalidSourceUrl> {
    let host = rest.split('/').next().unwrap_or(rest);
    match host.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => Err(InvalidSourceUrl::Password),
        Some(_) => Err(InvalidSourceUrl::PeerUser),
        None => BaseUrl::try_from(text).map_err(|_| InvalidSourceUrl::Peer),
    }
}

/// The text that percent-encoded `text` stands for.
fn decode(text: &str) -> Result<String, InvalidSourceUrl> {
    let is_escape = |rest: &str| {
        rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return Err(InvalidSourceUrl::Escape);
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| InvalidSourceUrl::Escape)?;
    if decoded.chars().any(char::is_control) {
        return Err(InvalidSourceUrl::Escape);
    }
    Ok(decoded.into_owned())
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => {
                let path = path.to_string_lossy();
                write!(formatter, "file://{}", utf8_percent_encode(&path, ESCAPED))
            }
            Self::Share(share) => share.fmt(formatter),
            Self::Peer(base) => formatter.write_str(base.as_str()),
        }
    }
}

impl From<SourceUrl> for String {
    fn from(url: SourceUrl) -> Self {
        url.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<SourceUrl, InvalidSourceUrl> {
        SourceUrl::try_from(text.to_owned())
    }

    #[test]
    fn each_kind_of_place_is_read_and_written_in_one_way() {
        for (text, written) in [
            ("file:///srv/isos", "file:///srv/isos"),
            ("file:///srv/my%20isos/", "file:///srv/my%20isos"),
            ("file:///srv/my isos", "file:///srv/my%20isos"),
            ("file:///", "file:///"),
            ("FILE:///a", "file:///a"),
            ("smb://nas/isos", "smb://nas/isos"),
            ("smb://nas/isos/", "smb://nas/isos"),
            ("smb://anna@nas:1445/isos/linux/x86", "smb://anna@nas:1445/isos/linux/x86"),
            ("smb://WORK%3Banna@nas/my%20isos", "smb://WORK%3Banna@nas/my%20isos"),
            ("smb://[::1]:445/isos", "smb://[::1]:445/isos"),
            ("smb://nas/isos//a/", "smb://nas/isos/a"),
            ("http://mirror.example:8080/", "http://mirror.example:8080"),
            ("https://mirror.example/images/", "https://mirror.example/images"),
        ] {
            assert_eq!(parsed(text).unwrap().to_string(), written, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_write() {
        use InvalidSourceUrl::{Directory, Escape, Kind, Password, Path, Peer, PeerUser, Share};
        for (text, why) in [
            ("", Kind),
            ("nas/isos", Kind),
            ("ftp://nas/isos", Kind),
            ("cifs://nas/isos", Kind),
            ("/srv/isos", Path),
            ("./isos", Path),
            ("file://srv/isos", Directory),
            ("file://", Directory),
            ("file:///srv/../etc", Directory),
            ("file:///srv/%", Escape),
            ("file:///srv/%zz", Escape),
            ("file:///srv/%+1", Escape),
            ("file:///srv/%00", Escape),
            ("file:///srv/%ff", Escape),
            ("smb://nas", Share),
            ("smb://nas/", Share),
            ("smb:///isos", Share),
            ("smb://@nas/isos", Share),
            ("smb://nas:0/isos", Share),
            ("smb://nas:x/isos", Share),
            ("smb://nas:99999/isos", Share),
            ("smb://nas/isos/../other", Share),
            ("smb://nas/is%5Cos", Share),
            ("smb://nas/isos?x", Share),
            ("smb://n as/isos", Share),
            ("smb://anna:secret@nas/isos", Password),
            ("smb://anna:se@cret@nas/isos", Password),
            ("http://anna:secret@nas/isos", Password),
            ("http://anna@nas/isos", PeerUser),
            ("http://", Peer),
            ("http://nas/?a", Peer),
        ] {
            assert_eq!(parsed(text), Err(why), "{text}");
            assert!(!why.to_string().contains("secret"));
        }
    }

    #[test]
    fn only_directories_and_shares_are_written_to() {
        assert!(parsed("file:///a").unwrap().is_writable());
        assert!(parsed("smb://a/b").unwrap().is_writable());
        assert!(!parsed("https://a/b").unwrap().is_writable());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            text in "(file://|smb://|http://)[a-z@:%/ .é2]{0,12}(/[a-zA-Z0-9%/ ~é]{0,12})?",
        ) {
            if let Ok(url) = parsed(&text) {
                prop_assert_eq!(parsed(&url.to_string()), Ok(url));
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parsed(&text);
        }
    }
}
