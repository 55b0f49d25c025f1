//! What a connection tells the access log.

use isomirror_core::http::{LogLine, RequestHead, forwarded_client};

use super::{Client, Connection};
use crate::serve::turn::Turn;

/// The line of the response that is being sent.
#[derive(Debug)]
pub(super) struct Entry {
    line: LogLine,
    status: String,
    /// Bytes of the response that come before its body.
    head: u64,
    /// Bytes that were sent of both.
    pub(super) sent: u64,
}

impl Entry {
    /// For a response whose head is in `outgoing`.
    pub(super) fn begin(
        client: Client,
        turn: &Turn,
        head: Option<&RequestHead<'_>>,
        outgoing: &[u8],
    ) -> Self {
        let address = match client {
            Client::At(address) => Some(address),
            Client::OfProxy => head.and_then(forwarded_client),
            Client::Unknown => None,
        };
        let end = outgoing.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let status = outgoing.get(9..12).unwrap_or_default();
        Self {
            line: LogLine::begin(address, turn.seconds(), head),
            status: String::from_utf8_lossy(status).into_owned(),
            head: end.map_or(outgoing.len(), |end| end + 4) as u64,
            sent: 0,
        }
    }
}

impl Connection {
    /// Tells what came of the response that was being sent, if there was one.
    pub(in crate::serve) fn log(&mut self, turn: &mut Turn) {
        if let Some(entry) = self.entry.take() {
            let bytes = entry.sent.saturating_sub(entry.head);
            entry.line.finish(&entry.status, bytes, &mut turn.log);
        }
    }
}
