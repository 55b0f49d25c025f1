//! The host that a request asks, as it may stand in a URL.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

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

/// Whether `value` may stand in a `Host` field or as the authority of an absolute target, wherever it leads: a host that
/// RFC 3986 section 3.2.2 allows, which may be empty, and an optional port of digits, and no user information. What
/// is not has to be refused (RFC 9112 section 3.2).
pub(super) fn is_host_and_port(value: &[u8]) -> bool {
    let is_digits = |port: &[u8]| port.iter().all(u8::is_ascii_digit);
    if let Some(rest) = value.strip_prefix(b"[") {
        let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
        let port_is_sound = match &rest[end + 1..] {
            [] => true,
            [b':', port @ ..] => is_digits(port),
            _ => false,
        };
        return port_is_sound && is_ip_literal(&rest[..end]);
    }
    match value.iter().position(|byte| *byte == b':') {
        Some(colon) => is_registered_name(&value[..colon]) && is_digits(&value[colon + 1..]),
        None => is_registered_name(value),
    }
}

/// An IPv6 address, with a zone maybe (RFC 6874). Addresses of versions to come are none that we could have.
fn is_ip_literal(text: &[u8]) -> bool {
    let (address, zone) = match text.windows(3).position(|bytes| bytes == b"%25") {
        Some(at) => (&text[..at], Some(&text[at + 3..])),
        None => (text, None),
    };
    let is_address = str::from_utf8(address)
        .is_ok_and(|text| matches!(text.parse::<IpAddr>(), Ok(IpAddr::V6(_))));
    is_address && zone.is_none_or(|zone| !zone.is_empty() && is_registered_name(zone))
}

fn is_registered_name(name: &[u8]) -> bool {
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        let is_sound = match byte {
            b'%' => [bytes.next(), bytes.next()]
                .iter()
                .all(|digit| digit.is_some_and(u8::is_ascii_hexdigit)),
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte),
        };
        if !is_sound {
            return false;
        }
    }
    true
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

    #[test]
    fn a_field_that_is_no_host_with_a_port_is_told_from_one_that_leads_nowhere() {
        for (value, is_sound) in [
            ("", true),
            ("a", true),
            ("a:", true),
            ("a:80", true),
            ("a%20b:80", true),
            ("my_host;v=1", true),
            ("192.0.2.1:99999", true),
            ("[::1]", true),
            ("[::1]:80", true),
            ("[fe80::1%25eth0]:80", true),
            (":80", true),
            ("a:b", false),
            ("a:80:80", false),
            ("a:-1", false),
            ("a:+1", false),
            ("::1", false),
            ("[::1", false),
            ("[::1]80", false),
            ("[::1]:x", false),
            ("[1.2.3.4]", false),
            ("[a]", false),
            ("[]", false),
            ("[fe80::1%25]", false),
            ("a]", false),
            ("a%2", false),
            ("a%zz", false),
            ("u@a", false),
            ("a/b", false),
            ("a,b", true),
            ("a b", false),
            ("a?", false),
            ("\u{fc}.example", false),
        ] {
            assert_eq!(is_host_and_port(value.as_bytes()), is_sound, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn every_host_that_can_be_asked_may_stand_in_the_field(field in "[a-zA-Z0-9:.\\[\\]_%-]{0,14}") {
            let is_host = Host::parse(field.as_bytes()).is_some();
            prop_assert!(!is_host || is_host_and_port(field.as_bytes()));
        }

        #[test]
        fn nothing_in_a_host_means_anything_to_anybody(field in "[a-zA-Z0-9:.\\[\\]_ ${}\n;|#-]{0,12}") {
            if let Some(host) = Host::parse(field.as_bytes()) {
                let harmless = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._:[]".contains(&b);
                prop_assert!(host.as_str().bytes().all(harmless));
            }
        }
    }
}
