//! The host that a request asks, as it may stand in a URL.

use std::{fmt, net::Ipv6Addr};

/// Bytes that a DNS name may have.
const LONGEST_NAME: usize = 253;

/// A host with an optional port: a DNS name, an IPv4 address, or an IPv6 address in brackets. Nothing in it can end a
/// line, a word or a URL, wherever it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host(String);

impl Host {
    /// Reads a `Host` field (RFC 9110 section 7.2), strictly: registered names are those of DNS, underscores
    /// included, and neither empty nor percent-encoded.
    #[must_use]
    pub fn parse(field: &[u8]) -> Option<Self> {
        let text = str::from_utf8(field).ok()?;
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                (&text[..address.len() + 2], (!port.is_empty()).then_some(port))
            }
            None => match text.find(':') {
                Some(colon) => (&text[..colon], Some(&text[colon..])),
                None => (text, None),
            },
        };
        let is_bracketed = host.starts_with('[');
        let is_sound = (is_bracketed || is_dns_name(host)) && port.is_none_or(is_port);
        is_sound.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The host and port, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_dns_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    host.len() <= LONGEST_NAME && host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
}

/// Whether it is a colon with a port that can be connected to.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|digits| {
        digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|p| p > 0)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_hosts_that_can_be_asked_are_taken() {
        for (field, host) in [
            ("mirror.example", Some("mirror.example")),
            ("Mirror.Example:8080", Some("mirror.example:8080")),
            ("mirror.example.", Some("mirror.example.")),
            ("my_host-1", Some("my_host-1")),
            ("192.0.2.1:80", Some("192.0.2.1:80")),
            ("[2001:DB8::1]", Some("[2001:db8::1]")),
            ("[::1]:65535", Some("[::1]:65535")),
            ("", None),
            (":80", None),
            ("a:", None),
            ("a:0", None),
            ("a:65536", None),
            ("a:+80", None),
            ("a:80:80", None),
            ("a..b", None),
            (".", None),
            ("a b", None),
            ("a%20b", None),
            ("${net0/mac}", None),
            ("a;b", None),
            ("a\nshell", None),
            ("a/b", None),
            ("u@a", None),
            ("[::1", None),
            ("[::1]80", None),
            ("[fe80::1%25eth0]", None),
            ("[a]", None),
            ("ü.example", None),
        ] {
            let found = Host::parse(field.as_bytes());
            assert_eq!(found.as_ref().map(Host::as_str), host, "{field:?}");
        }
        assert_eq!(Host::parse("a".repeat(254).as_bytes()), None);
    }

    proptest! {
        #[test]
        fn nothing_in_a_host_means_anything_to_anybody(field in "[a-zA-Z0-9:.\\[\\]_ ${}\n;|#-]{0,12}") {
            if let Some(host) = Host::parse(field.as_bytes()) {
                let harmless = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._:[]".contains(&b);
                prop_assert!(host.as_str().bytes().all(harmless));
            }
        }
    }
}
