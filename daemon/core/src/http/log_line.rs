//! Lines of an access log in the combined log format of the Apache HTTP Server, which tools for logs read.

use std::{fmt::Write, net::IpAddr};

use jiff::{Timestamp, fmt::strtime};

use super::{Method, RequestHead};

/// What is known of a response when it begins. What it came to is added when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Up to the status.
    begin: String,
    /// After the number of bytes.
    end: String,
}

impl LogLine {
    /// The line of a request at a moment in seconds since 1970. What could not be understood has no `head`, who cannot be
    /// told has no address.
    #[must_use]
    pub fn begin(client: Option<IpAddr>, seconds: i64, head: Option<&RequestHead<'_>>) -> Self {
        let mut begin = String::with_capacity(128);
        match client {
            // Writing to a String cannot fail.
            Some(address) => write!(begin, "{}", address.to_canonical()).unwrap_or_default(),
            None => begin.push('-'),
        }
        begin.push_str(" - - [");
        let moment = Timestamp::from_second(seconds).unwrap_or_default();
        let moment = moment.to_zoned(jiff::tz::TimeZone::UTC);
        begin.push_str(&strtime::format("%d/%b/%Y:%H:%M:%S +0000", &moment).unwrap_or_default());
        begin.push_str("] \"");
        match head {
            Some(head) => {
                begin.push_str(if head.method == Method::Get { "GET " } else { "HEAD " });
                escape(&mut begin, head.target.as_bytes());
                begin.push_str(if head.is_http_1_1 { " HTTP/1.1" } else { " HTTP/1.0" });
            }
            None => begin.push('-'),
        }
        begin.push_str("\" ");
        let mut end = String::with_capacity(64);
        for value in [head.and_then(|head| head.referer), head.and_then(|head| head.user_agent)] {
            end.push_str(" \"");
            escape(&mut end, value.unwrap_or(b"-"));
            end.push('"');
        }
        Self { begin, end }
    }

    /// Writes the line to `out`, with the status code and the bytes of the body that were sent.
    pub fn finish(&self, status: &str, bytes: u64, out: &mut Vec<u8>) {
        let Self { begin, end } = self;
        for part in [begin, status, " ", &bytes.to_string(), end, "\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// The client that a reverse proxy names: the last of `X-Forwarded-For` is what the proxy itself saw.
#[must_use]
pub fn forwarded_client(head: &RequestHead<'_>) -> Option<IpAddr> {
    let last = head.forwarded_for?.rsplit(|byte| *byte == b',').next()?;
    str::from_utf8(last).ok()?.trim().parse().ok()
}

/// Nothing that a client sent ends a line, a field, or the colours of a terminal.
fn escape(out: &mut String, value: &[u8]) {
    for byte in value {
        match byte {
            b'"' | b'\\' | 0..0x20 | 0x7f.. => {
                let _ = write!(out, "\\x{byte:02X}");
            }
            _ => out.push(char::from(*byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::{Received, receive};

    fn line(text: &[u8]) -> String {
        let Received::Request { head, .. } = receive(text) else { panic!("refused") };
        let mut out = Vec::new();
        let line = LogLine::begin("::ffff:192.0.2.1".parse().ok(), 784_111_777, Some(&head));
        line.finish("206", 17, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_has_the_combined_format() {
        assert_eq!(
            line(b"GET /a%20b HTTP/1.1\r\nHost: a\r\nUser-Agent: dnf/4\r\nReferer: http://b/\r\n\r\n"),
            "192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a%20b HTTP/1.1\" 206 17 \
             \"http://b/\" \"dnf/4\"\n"
        );
        assert_eq!(
            line(b"HEAD / HTTP/1.0\r\nUser-Agent: \"\\\xc3\xbc\r\n\r\n".as_slice())
                .split(" 206 ")
                .nth(1),
            Some("17 \"-\" \"\\x22\\x5C\\xC3\\xBC\"\n")
        );
        let mut out = Vec::new();
        LogLine::begin(None, 0, None).finish("400", 0, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "- - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 0 \"-\" \"-\"\n"
        );
    }

    #[test]
    fn the_client_of_a_proxy_is_the_one_that_the_proxy_saw() {
        for (value, client) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("10.0.0.1, 192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1,2001:db8::1 ", Some("2001:db8::1")),
            ("192.0.2.1, unknown", None),
            ("", None),
        ] {
            let text = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {value}\r\n\r\n");
            let Received::Request { head, .. } = receive(text.as_bytes()) else {
                panic!("refused")
            };
            assert_eq!(forwarded_client(&head), client.map(|ip| ip.parse().unwrap()), "{value}");
        }
    }

    proptest! {
        #[test]
        fn one_request_is_one_line_of_printable_characters(value in "[^\r\n\0]{0,40}") {
            let text = format!("GET / HTTP/1.0\r\nReferer: {value}\r\nUser-Agent: {value}\r\n\r\n");
            if let Received::Request { head, .. } = receive(text.as_bytes()) {
                let mut out = Vec::new();
                LogLine::begin(None, 0, Some(&head)).finish("200", 1, &mut out);
                let end = out.pop();
                prop_assert_eq!(end, Some(b'\n'));
                prop_assert!(out.iter().all(|byte| matches!(byte, b' '..=b'~')));
                prop_assert_eq!(out.split(|byte| *byte == b'"').count(), 7);
            }
        }
    }
}
