//! The head of a response.

use std::io::Write;

use super::{Method, Status};

/// Whether the connection goes on after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It ends.
    Close,
    /// It goes on, as HTTP/1.1 takes for granted.
    KeepAlive,
    /// It goes on, which a client of HTTP/1.0 has to be told.
    KeepAliveStated,
}

/// A response head that is being written to the end of a buffer.
#[derive(Debug)]
pub struct ResponseHead<'a>(&'a mut Vec<u8>);

impl<'a> ResponseHead<'a> {
    /// Writes the status line and the fields that every response has. A cache may keep what it gets but has to ask
    /// before it hands it out again: under the same name another medium may be there by then.
    #[must_use]
    pub fn begin(buffer: &'a mut Vec<u8>, status: Status, date: &str) -> Self {
        for part in
            ["HTTP/1.1 ", status.line(), "\r\nServer: isomirror\r\nDate: ", date, GENERAL_FIELDS]
        {
            buffer.extend_from_slice(part.as_bytes());
        }
        Self(buffer)
    }

    /// Adds a field. Control characters, which could end the field, are left out of the value.
    #[must_use]
    pub fn field(self, name: &str, value: &str) -> Self {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        self.0.extend(value.bytes().filter(|byte| !byte.is_ascii_control()));
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Adds fields that were written before, each with its line end.
    #[must_use]
    pub fn fields(self, written: &[u8]) -> Self {
        self.0.extend_from_slice(written);
        self
    }

    /// Adds the length of the body.
    #[must_use]
    pub fn content_length(self, length: u64) -> Self {
        // Writing to a Vec cannot fail.
        let _ = write!(self.0, "Content-Length: {length}\r\n");
        self
    }

    /// Ends the head.
    pub fn end(self, persistence: Persistence) {
        self.0.extend_from_slice(match persistence {
            Persistence::Close => b"Connection: close\r\n\r\n",
            Persistence::KeepAlive => b"\r\n",
            Persistence::KeepAliveStated => b"Connection: keep-alive\r\n\r\n",
        });
    }

    /// Adds what a response needs that has only its status to tell, ends the head, and adds the body. The body is
    /// the status alone: what went wrong on the host is none of the client's business.
    pub fn end_with_status(self, status: Status, method: Method, persistence: Persistence) {
        let head = match status {
            Status::MethodNotAllowed => self.field("Allow", "GET, HEAD"),
            _ => self,
        };
        let line = status.line();
        let head = head
            .field("Content-Type", "text/plain; charset=utf-8")
            .content_length(line.len() as u64 + 1);
        let buffer = head.0;
        ResponseHead(&mut *buffer).end(persistence);
        if method == Method::Get {
            buffer.extend_from_slice(line.as_bytes());
            buffer.push(b'\n');
        }
    }
}

const GENERAL_FIELDS: &str = "\r\nCache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn a_head_has_its_fields_in_order_and_no_value_can_end_it() {
        let mut buffer = b"before".to_vec();
        ResponseHead::begin(&mut buffer, Status::PartialContent, DATE)
            .field("Location", "/a\r\nSet-Cookie: b\0")
            .fields(b"A: b\r\n")
            .content_length(7)
            .end(Persistence::KeepAlive);
        assert_eq!(
            String::from_utf8(buffer).unwrap(),
            "beforeHTTP/1.1 206 Partial Content\r\nServer: isomirror\r\n\
             Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-cache\r\n\
             X-Content-Type-Options: nosniff\r\nLocation: /aSet-Cookie: b\r\nA: b\r\n\
             Content-Length: 7\r\n\r\n"
        );
    }

    #[test]
    fn an_error_tells_nothing_but_its_status() {
        for (method, body) in [(Method::Get, "405 Method Not Allowed\n"), (Method::Head, "")] {
            let mut buffer = Vec::new();
            let status = Status::MethodNotAllowed;
            ResponseHead::begin(&mut buffer, status, DATE).end_with_status(
                status,
                method,
                Persistence::Close,
            );
            let text = String::from_utf8(buffer).unwrap();
            let (head, found) = text.split_once("\r\n\r\n").unwrap();
            assert_eq!(found, body);
            for line in ["Allow: GET, HEAD", "Content-Length: 23", "Connection: close"] {
                assert!(head.lines().any(|field| field == line), "{line} in {head}");
            }
        }
    }
}
