//! The head of a request: request line and header fields.
//!
//! A reverse proxy and this server must never disagree about where a request ends, so whatever two parsers could read
//! differently is refused: bare line feeds, folded fields, doubtful lengths, transfer codings.

use std::mem::MaybeUninit;

use httparse::{Error, Header, ParserConfig, Request};

use super::{Status, host::is_host_and_port};

/// Bytes that a head may have, its empty line included.
pub const MAXIMUM_HEAD: usize = 16 << 10;

/// Header fields that a head may have. Browsers behind two proxies send about thirty.
const MAXIMUM_FIELDS: usize = 96;

/// Methods that are known but never allowed here (RFC 9110, RFC 5789); others are not implemented.
const NOT_ALLOWED: [&str; 7] = ["POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// The methods that are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Send the representation.
    Get,
    /// Send only what stands before it.
    Head,
}

/// What was received on a connection so far.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "made and taken apart once a request, where a box would cost more"
)]
pub enum Received<'a> {
    /// The beginning of a head.
    Partial,
    /// A whole head, which takes the first `length` bytes. What follows is the next request.
    Request {
        /// The head.
        head: RequestHead<'a>,
        /// Its bytes.
        length: usize,
    },
    /// Something that is answered with this status and the end of the connection.
    Refused(Status),
}

/// What the server wants to know of a request.
#[derive(Clone, Debug)]
pub struct RequestHead<'a> {
    /// GET or HEAD.
    pub method: Method,
    /// The request target, not decoded.
    pub target: &'a str,
    /// The host that is asked, with its port, as the client wrote it: that of a target in absolute form, which comes
    /// before the field (RFC 9112 section 3.2.2), or of `Host`.
    pub host: Option<&'a [u8]>,
    /// Whether the client speaks HTTP/1.1, and so understands chunks.
    pub is_http_1_1: bool,
    /// Whether the client wants to send another request on this connection.
    pub persistent: bool,
    /// `Range`.
    pub range: Option<&'a [u8]>,
    /// `If-Range`.
    pub if_range: Option<&'a [u8]>,
    /// `If-Match`, each line of it.
    pub if_match: Vec<&'a [u8]>,
    /// `If-None-Match`, each line of it.
    pub if_none_match: Vec<&'a [u8]>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<&'a [u8]>,
    /// `If-Unmodified-Since`.
    pub if_unmodified_since: Option<&'a [u8]>,
    /// The last line of `X-Forwarded-For`, in which proxies tell for whom they ask. Anybody can write it.
    pub forwarded_for: Option<&'a [u8]>,
    /// `Referer`.
    pub referer: Option<&'a [u8]>,
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// `Last-Event-ID` (HTML Living Standard, section 9.2.4).
    pub last_event_id: Option<&'a [u8]>,
}

/// Looks for a whole head at the beginning of `bytes`.
#[must_use]
pub fn receive(bytes: &[u8]) -> Received<'_> {
    let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; MAXIMUM_FIELDS];
    let mut request = Request::new(&mut []);
    let parser = ParserConfig::default();
    match parser.parse_request_with_uninit_headers(&mut request, bytes, &mut fields) {
        Ok(httparse::Status::Complete(length)) if length <= MAXIMUM_HEAD => {
            match examine(&request, &bytes[..length]) {
                Ok(head) => Received::Request { head, length },
                Err(status) => Received::Refused(status),
            }
        }
        Ok(httparse::Status::Partial) if bytes.len() < MAXIMUM_HEAD => Received::Partial,
        // Where not even the first line has ended, it is the target that is too long (RFC 9112 section 3).
        Ok(_) if !bytes.trim_ascii_start().contains(&b'\n') => {
            Received::Refused(Status::UriTooLong)
        }
        Ok(_) | Err(Error::TooManyHeaders) => {
            Received::Refused(Status::RequestHeaderFieldsTooLarge)
        }
        Err(Error::Version) => Received::Refused(Status::VersionNotSupported),
        Err(_) => Received::Refused(Status::BadRequest),
    }
}

fn examine<'a>(request: &Request<'_, 'a>, bytes: &[u8]) -> Result<RequestHead<'a>, Status> {
    // The parser takes a lone LF for a line's end; proxies in front may not.
    let mut previous = 0;
    for byte in bytes {
        if *byte == b'\n' && previous != b'\r' {
            return Err(Status::BadRequest);
        }
        previous = *byte;
    }
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(Status::BadRequest);
    };
    let mut fields = Fields::default();
    for field in &*request.headers {
        fields.take(field.name, field.value)?;
    }
    let is_http_1_1 = minor == 1;
    if is_http_1_1 && fields.host.is_none() {
        return Err(Status::BadRequest);
    }
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        _ if NOT_ALLOWED.contains(&method) => return Err(Status::MethodNotAllowed),
        _ => return Err(Status::NotImplemented),
    };
    if fields.content_length.is_some_and(|length| length > 0) {
        return Err(Status::ContentTooLarge);
    }
    let authority = authority(target);
    if authority.is_some_and(|authority| !is_host_and_port(authority)) {
        return Err(Status::BadRequest);
    }
    let persistent = !fields.close && (is_http_1_1 || fields.keep_alive);
    Ok(RequestHead {
        method,
        target,
        host: authority.or(fields.host),
        is_http_1_1,
        persistent,
        range: fields.range,
        if_range: fields.if_range,
        if_match: fields.if_match,
        if_none_match: fields.if_none_match,
        if_modified_since: fields.if_modified_since,
        if_unmodified_since: fields.if_unmodified_since,
        forwarded_for: fields.forwarded_for,
        referer: fields.referer,
        user_agent: fields.user_agent,
        last_event_id: fields.last_event_id,
    })
}

/// The authority of a target in absolute form.
fn authority(target: &str) -> Option<&[u8]> {
    if target.starts_with('/') {
        return None;
    }
    let (_, rest) = target.split_once("://")?;
    Some(&rest.as_bytes()[..rest.find(['/', '?', '#']).unwrap_or(rest.len())])
}

/// Header fields as they come in.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    content_length: Option<u64>,
    close: bool,
    keep_alive: bool,
    range: Option<&'a [u8]>,
    if_range: Option<&'a [u8]>,
    if_match: Vec<&'a [u8]>,
    if_none_match: Vec<&'a [u8]>,
    if_modified_since: Option<&'a [u8]>,
    if_unmodified_since: Option<&'a [u8]>,
    forwarded_for: Option<&'a [u8]>,
    referer: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    last_event_id: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, name: &str, value: &'a [u8]) -> Result<(), Status> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        // Most fields of most requests are none of these; the length tells at once.
        match name.len() {
            4 if is("host") => self.take_host(value)?,
            5 if is("range") => once(&mut self.range, value),
            7 if is("referer") => self.referer = Some(value),
            8 if is("if-match") => self.if_match.push(value),
            8 if is("if-range") => once(&mut self.if_range, value),
            10 if is("connection") => self.take_connection(value),
            10 if is("user-agent") => self.user_agent = Some(value),
            13 if is("last-event-id") => once(&mut self.last_event_id, value),
            13 if is("if-none-match") => self.if_none_match.push(value),
            14 if is("content-length") => self.take_content_length(value)?,
            15 if is("x-forwarded-for") => self.forwarded_for = Some(value),
            17 if is("if-modified-since") => once(&mut self.if_modified_since, value),
            17 if is("transfer-encoding") => return Err(Status::BadRequest),
            19 if is("if-unmodified-since") => once(&mut self.if_unmodified_since, value),
            _ => {}
        }
        Ok(())
    }

    fn take_host(&mut self, value: &'a [u8]) -> Result<(), Status> {
        if self.host.is_some() || !is_host_and_port(value) {
            return Err(Status::BadRequest);
        }
        self.host = Some(value);
        Ok(())
    }

    fn take_content_length(&mut self, value: &[u8]) -> Result<(), Status> {
        if self.content_length.is_some() || !value.iter().all(u8::is_ascii_digit) {
            return Err(Status::BadRequest);
        }
        let length = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        self.content_length = Some(length.ok_or(Status::BadRequest)?);
        Ok(())
    }

    fn take_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',') {
            let option = option.trim_ascii();
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
}

/// A field that may stand only once means nothing when it stands twice: an empty value is never a valid one.
fn once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8]) {
    *slot = Some(if slot.is_none() { value } else { b"" });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> Option<Status> {
        match receive(text.as_bytes()) {
            Received::Refused(status) => Some(status),
            Received::Partial | Received::Request { .. } => None,
        }
    }

    #[test]
    fn a_whole_head_is_understood_and_the_rest_left_alone() {
        let text =
            b"GET /a?b HTTP/1.1\r\nHost: x:80\r\nrange: bytes=1-2\r\nConnection: TE, Close\r\n\
            If-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\nContent-Length: 0\r\n\r\nGET /next";
        let Received::Request { head, length } = receive(text) else { panic!("refused") };
        assert_eq!(&text[length..], b"GET /next");
        assert_eq!((head.method, head.target), (Method::Get, "/a?b"));
        assert!(head.is_http_1_1 && !head.persistent);
        assert_eq!(head.host, Some(&b"x:80"[..]));
        assert_eq!(head.range, Some(&b"bytes=1-2"[..]));
        assert_eq!(head.if_none_match, [b"\"a\"", b"\"b\""]);
    }

    #[test]
    fn the_host_of_an_absolute_target_comes_before_the_field() {
        for (text, host) in [
            ("GET http://b:1/c HTTP/1.1\r\nHost: a\r\n\r\n", Some("b:1")),
            ("GET http://b?c HTTP/1.1\r\nHost: a\r\n\r\n", Some("b")),
            ("GET /?c=http://b HTTP/1.1\r\nHost: a\r\n\r\n", Some("a")),
            ("GET / HTTP/1.0\r\n\r\n", None),
        ] {
            let Received::Request { head, .. } = receive(text.as_bytes()) else { panic!("{text}") };
            assert_eq!(head.host, host.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn who_asks_through_a_proxy_is_told_by_the_last_line() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nUser-Agent: b\r\n\
            x-forwarded-for: 192.0.2.2, 192.0.2.3\r\nReferer: c\r\n\r\n";
        let Received::Request { head, .. } = receive(text) else { panic!("refused") };
        assert_eq!(head.forwarded_for, Some(&b"192.0.2.2, 192.0.2.3"[..]));
        assert_eq!((head.user_agent, head.referer), (Some(&b"b"[..]), Some(&b"c"[..])));
    }

    #[test]
    fn persistence_follows_the_version_and_the_options() {
        for (text, persistent) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: x,close\r\n\r\n",
                false,
            ),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
            ("\r\n\r\nHEAD / HTTP/1.0\r\n\r\n", false),
        ] {
            let Received::Request { head, .. } = receive(text.as_bytes()) else { panic!("{text}") };
            assert_eq!(head.persistent, persistent, "{text}");
        }
    }

    #[test]
    fn whatever_two_parsers_could_read_differently_is_refused() {
        for head in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
            "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            "GET /\r\nHost: a\r\n\r\n",
            "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            let status = refusal(head).unwrap_or_else(|| panic!("taken: {head:?}"));
            assert!(matches!(status, Status::BadRequest | Status::VersionNotSupported), "{head:?}");
        }
    }

    #[test]
    fn methods_versions_and_bodies_that_are_not_served_are_named_as_such() {
        for (head, status) in [
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
                Status::MethodNotAllowed,
            ),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Status::MethodNotAllowed),
            ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", Status::NotImplemented),
            ("get / HTTP/1.1\r\nHost: a\r\n\r\n", Status::NotImplemented),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
                Status::ContentTooLarge,
            ),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Status::VersionNotSupported),
        ] {
            assert_eq!(refusal(head), Some(status), "{head}");
        }
    }

    #[test]
    fn a_head_is_bounded_in_bytes_and_fields() {
        let too_large = Some(Status::RequestHeaderFieldsTooLarge);
        let many_bytes = "a".repeat(MAXIMUM_HEAD);
        let long_field = format!("GET / HTTP/1.1\r\nHost: a\r\nA: {many_bytes}\r\n\r\n");
        let long_target = format!("\r\nGET /{many_bytes} HTTP/1.1\r\nHost: a\r\n\r\n");
        for (long, status) in [(long_field, too_large), (long_target, Some(Status::UriTooLong))] {
            assert_eq!(refusal(&long[..MAXIMUM_HEAD]), status);
            assert_eq!(refusal(&long[..MAXIMUM_HEAD - 1]), None);
        }
        let whole = format!("GET / HTTP/1.1\r\nHost: a\r\nA: {many_bytes}\r\n\r\n");
        assert_eq!(refusal(&whole), too_large);
        let many =
            format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(MAXIMUM_FIELDS));
        assert_eq!(refusal(&many), too_large);
    }

    proptest! {
        #[test]
        fn any_beginning_of_a_sound_head_is_partial(cut in 0..51_usize) {
            let head = b"GET /some/path HTTP/1.1\r\nHost: a\r\nIf-Match: *\r\n\r\n";
            prop_assume!(cut < head.len());
            prop_assert!(matches!(receive(&head[..cut]), Received::Partial));
        }

        #[test]
        fn no_bytes_at_all_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Received::Request { length, .. } = receive(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}
