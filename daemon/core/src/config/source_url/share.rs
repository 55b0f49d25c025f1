//! A directory of a share of an SMB server.

use std::fmt;

use percent_encoding::utf8_percent_encode;

use super::{ESCAPED, InvalidSourceUrl, decode};

/// Characters that no name on an SMB server has.
const FORBIDDEN: &[char] = &['\\', ':', '*', '?', '"', '<', '>', '|'];
/// The port of SMB.
const PORT: u16 = 445;

/// A directory of a share, or a file in it: `smb://[user@]server[:port]/share[/path]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShareUrl {
    user: Option<String>,
    /// As in a URL: an IPv6 address has its brackets.
    server: String,
    port: Option<u16>,
    share: String,
    path: Vec<String>,
}

impl ShareUrl {
    /// Reads what follows `smb://`.
    pub(super) fn parse(rest: &str) -> Result<Self, InvalidSourceUrl> {
        // A password may hold a slash, so the user is looked for first.
        let (authority, path) = match rest.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => return Err(InvalidSourceUrl::Password),
            _ => rest.split_once('/').ok_or(InvalidSourceUrl::Share)?,
        };
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(decode(user)?), host),
            None => (None, authority),
        };
        let (server, port) = server_and_port(host).ok_or(InvalidSourceUrl::Share)?;
        let path = decode(path)?;
        let mut names = path.split('/').filter(|name| !name.is_empty()).map(str::to_owned);
        let share = names.next().ok_or(InvalidSourceUrl::Share)?;
        let path: Vec<_> = names.collect();
        let is_wrong = |name: &String| name == "." || name == ".." || name.contains(FORBIDDEN);
        if user.as_ref().is_some_and(String::is_empty)
            || is_wrong(&share)
            || path.iter().any(is_wrong)
        {
            return Err(InvalidSourceUrl::Share);
        }
        Ok(Self { user, server: server.to_owned(), port, share, path })
    }

    /// The user that is named.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// `server:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.server, self.port.unwrap_or(PORT))
    }

    /// The server, without the brackets of an IPv6 address.
    #[must_use]
    pub fn server(&self) -> &str {
        self.server.trim_matches(['[', ']'])
    }

    /// Name of the share.
    #[must_use]
    pub fn share(&self) -> &str {
        &self.share
    }

    /// The path below the share, with slashes between its names and none around them; empty for the share itself.
    #[must_use]
    pub fn path(&self) -> String {
        self.path.join("/")
    }

    /// What lies at `names` below it.
    #[must_use]
    pub fn join(&self, names: &[&str]) -> Self {
        let mut joined = self.clone();
        joined.path.extend(names.iter().map(|name| (*name).to_owned()));
        joined
    }

    /// The share without the path and the user.
    #[must_use]
    pub fn root(&self) -> Self {
        Self { user: None, path: Vec::new(), ..self.clone() }
    }
}

fn server_and_port(host: &str) -> Option<(&str, Option<u16>)> {
    let (server, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (&host[..address.len() + 2], rest.strip_prefix(':').or(rest.is_empty().then_some(""))?)
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if server.is_empty() || !(server.starts_with('[') || server.bytes().all(is_plain)) {
        return None;
    }
    let port = match port {
        "" => None,
        port => Some(port.parse().ok().filter(|port| *port > 0)?),
    };
    Some((server, port))
}

impl fmt::Display for ShareUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("smb://")?;
        if let Some(user) = &self.user {
            write!(formatter, "{}@", utf8_percent_encode(user, ESCAPED))?;
        }
        formatter.write_str(&self.server)?;
        if let Some(port) = self.port {
            write!(formatter, ":{port}")?;
        }
        for name in std::iter::once(&self.share).chain(&self.path) {
            write!(formatter, "/{}", utf8_percent_encode(name, ESCAPED))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_taken_apart() {
        let share = ShareUrl::parse("WORK%5Canna@[::1]:1445/my%20isos/a/b.iso");
        let share = share.unwrap();
        assert_eq!(share.user(), Some("WORK\\anna"));
        assert_eq!((share.server(), share.address().as_str()), ("::1", "[::1]:1445"));
        assert_eq!((share.share(), share.path().as_str()), ("my isos", "a/b.iso"));
        assert_eq!(share.root().to_string(), "smb://[::1]:1445/my%20isos");
        let plain = ShareUrl::parse("nas/isos").unwrap();
        assert_eq!((plain.address().as_str(), plain.path().as_str()), ("nas:445", ""));
        assert_eq!(plain.join(&["a", "b c"]).to_string(), "smb://nas/isos/a/b%20c");
    }
}
