//! Clearsigned messages (RFC 9580, 7): text with its signature around it.

use jiff::Timestamp;

use super::{Certificate, Content, Signatures};
use crate::signature::{SignatureError, Signed};

const MESSAGE: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const BEGIN: &[u8] = b"-----BEGIN ";

/// A message, not checked yet.
#[derive(Clone, Debug)]
pub(in crate::signature) struct ClearSigned {
    /// Its lines as they are signed: dash-escapes undone, without blanks at their ends.
    lines: Vec<Vec<u8>>,
    signatures: Signatures,
}

impl ClearSigned {
    /// Whether there is the beginning of a message in `file`.
    pub(in crate::signature) fn begins_in(file: &[u8]) -> bool {
        file.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_end() == MESSAGE)
    }

    /// Reads the message in `file`; `None` where there is none. What stands before and after it is left out.
    ///
    /// # Errors
    /// Where there is more than one, or it has anything that readers might take in different ways.
    pub(in crate::signature) fn parse(file: &[u8]) -> Result<Option<Self>, SignatureError> {
        let malformed = |reason| Err(SignatureError::Malformed(reason));
        let lines: Vec<_> = file.split(|byte| *byte == b'\n').collect();
        let is = |line: &[u8], mark: &[u8]| line.trim_ascii_end() == mark;
        let Some(begin) = lines.iter().position(|line| is(line, MESSAGE)) else { return Ok(None) };
        let begins = lines.iter().filter(|line| line.starts_with(BEGIN)).count();
        if begins != 2 {
            return malformed("there is not exactly one message with one signature");
        }
        let rest = &lines[begin + 1..];
        let Some(headers) = rest.iter().position(|line| is(line, b"")) else {
            return malformed("the message has no text");
        };
        if rest[..headers].iter().any(|line| !line.starts_with(b"Hash: ")) {
            return malformed("the message has headers other than `Hash`");
        }
        let body = &rest[headers + 1..];
        let Some(end) = body.iter().position(|line| is(line, SIGNATURE)) else {
            return malformed("the message has no signature");
        };
        let text = body[..end].iter().map(|line| unescaped(line)).collect::<Option<_>>();
        let Some(lines) = text else {
            return malformed("a line of the message is not escaped as it should be");
        };
        let signatures = Signatures::parse(&body[end..].join(&b'\n'))?;
        Ok(Some(Self { lines, signatures }))
    }

    /// Whether one of `certificates` signed it.
    pub(in crate::signature) fn verify(
        &self,
        certificates: &[Certificate],
        now: Timestamp,
    ) -> Result<Signed, SignatureError> {
        let text = self.lines.join(&b"\r\n"[..]);
        self.signatures.verify(Content::ClearText(&text), certificates, now)
    }

    /// What the signature covers, with line feeds at the ends of lines.
    pub(in crate::signature) fn into_text(self) -> Vec<u8> {
        let mut text = self.lines.join(&b'\n');
        text.push(b'\n');
        text
    }
}

/// A line as it is signed; `None` for one that begins with a dash but is not escaped, or has a carriage return within.
fn unescaped(line: &[u8]) -> Option<Vec<u8>> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(0, |last| last + 1);
    // `- ` before an empty line is an escape too, and has lost its blank to the trimming.
    let line = match line {
        [b'-', b' ', ..] => line.get(2..end).unwrap_or_default(),
        [b'-', ..] => return None,
        _ => &line[..end],
    };
    (!line.contains(&b'\r')).then(|| line.to_vec())
}
