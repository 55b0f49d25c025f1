//! Where the HTTP server listens.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};

use super::text::{Text, deserialize_from_text};

/// What the text of a Unix socket begins with.
const UNIX: &str = "unix:";

/// Bytes that the path of a Unix socket may have (unix(7), `sun_path` without its NUL).
const LONGEST_PATH: usize = 107;

/// An address to listen on, written `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/isomirror/http.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub enum ListenAddress {
    /// An IP address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// The absolute path of a Unix socket, for a reverse proxy on this host.
    Unix(PathBuf),
}

deserialize_from_text!(ListenAddress);

/// A text that is no [`ListenAddress`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not an address to listen on: write it like `127.0.0.1:8080`, `[::1]:8080` or \
     `unix:/run/isomirror/http.sock`", .0.escape_debug()
)]
pub struct InvalidListenAddress(String);

impl ListenAddress {
    /// The address and port, unless it is a Unix socket.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl TryFrom<String> for ListenAddress {
    type Error = InvalidListenAddress;

    fn try_from(text: String) -> Result<Self, InvalidListenAddress> {
        if let Some(path) = text.strip_prefix(UNIX) {
            let is_sound = Path::new(path).is_absolute()
                && path.len() <= LONGEST_PATH
                && !path.ends_with('/')
                && !path.contains('\0');
            return if is_sound {
                Ok(Self::Unix(path.into()))
            } else {
                Err(InvalidListenAddress(text))
            };
        }
        text.parse().map(Self::Tcp).map_err(|_| InvalidListenAddress(text))
    }
}

impl FromStr for ListenAddress {
    type Err = InvalidListenAddress;

    fn from_str(text: &str) -> Result<Self, InvalidListenAddress> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "{UNIX}{}", path.display()),
        }
    }
}

impl From<ListenAddress> for String {
    fn from(address: ListenAddress) -> Self {
        address.to_string()
    }
}

/// One address or more, all different. In a file a list, or the address alone where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListenAddresses(Vec<ListenAddress>);

/// Addresses that cannot be listened on together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidListenAddresses {
    /// There is none.
    #[error("needs at least one address; `--roles mount` runs without the HTTP server")]
    None,
    /// One is there twice.
    #[error("`{0}` is given twice")]
    Twice(ListenAddress),
}

impl ListenAddresses {
    /// These addresses.
    pub fn new(addresses: Vec<ListenAddress>) -> Result<Self, InvalidListenAddresses> {
        if addresses.is_empty() {
            return Err(InvalidListenAddresses::None);
        }
        for (index, address) in addresses.iter().enumerate() {
            let takes_any_port = address.tcp().is_some_and(|address| address.port() == 0);
            if !takes_any_port && addresses[..index].contains(address) {
                return Err(InvalidListenAddresses::Twice(address.clone()));
            }
        }
        Ok(Self(addresses))
    }

    /// The addresses, in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[ListenAddress] {
        &self.0
    }
}

impl From<SocketAddr> for ListenAddresses {
    fn from(address: SocketAddr) -> Self {
        Self(vec![ListenAddress::Tcp(address)])
    }
}

impl Serialize for ListenAddresses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] => only.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ListenAddresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AddressesVisitor)
    }
}

struct AddressesVisitor;

impl<'de> Visitor<'de> for AddressesVisitor {
    type Value = ListenAddresses;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an address to listen on, like `127.0.0.1:8080`, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ListenAddresses, E> {
        Ok(ListenAddresses(vec![text.parse().map_err(E::custom)?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ListenAddresses, A::Error> {
        let mut addresses = Vec::new();
        while let Some(Text(address)) = list.next_element()? {
            addresses.push(address);
        }
        ListenAddresses::new(addresses).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_ip_addresses_with_ports_and_absolute_paths_of_sockets() {
        let long = format!("unix:/{}", "a".repeat(LONGEST_PATH));
        for (text, is_sound) in [
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("[::]:0", true),
            ("unix:/run/isomirror/http.sock", true),
            (&long[..long.len() - 1], true),
            (&long, false),
            ("unix:http.sock", false),
            ("unix:/run/", false),
            ("unix:", false),
            ("unix:/a\0b", false),
            ("/run/http.sock", false),
            ("localhost:80", false),
            ("127.0.0.1", false),
            ("::1:80", false),
            ("80", false),
            ("", false),
        ] {
            let address = text.parse::<ListenAddress>();
            assert_eq!(address.is_ok(), is_sound, "{text}");
            assert!(address.is_err() || address.unwrap().to_string() == text, "{text}");
        }
    }

    #[test]
    fn a_list_has_every_address_once() {
        let list = |texts: &[&str]| {
            ListenAddresses::new(texts.iter().map(|text| text.parse().unwrap()).collect())
        };
        assert_eq!(list(&[]), Err(InvalidListenAddresses::None));
        let twice = list(&["unix:/a", "[::1]:80", "unix:/a"]).unwrap_err();
        assert_eq!(twice.to_string(), "`unix:/a` is given twice");
        assert_eq!(list(&["[::1]:0", "[::1]:0", "unix:/a"]).unwrap().as_slice().len(), 3);
    }
}
