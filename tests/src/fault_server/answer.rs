//! Answers, and what is wrong with them.

use std::{
    io::{self, Write},
    net::TcpStream,
    ops::Range,
    thread,
    time::{Duration, Instant},
};

use super::{Fault, Seen, Shared};

const PAGE: &str = "<!DOCTYPE html><html><title>Log in</title></html>";

pub(super) struct Job<'a> {
    pub(super) stream: &'a TcpStream,
    pub(super) shared: &'a Shared,
    pub(super) content: &'a [u8],
    pub(super) etag: Option<&'a str>,
}

impl Job<'_> {
    /// Answers; true where the connection can be used again.
    pub(super) fn answer(&self, seen: &Seen, fault: &Fault) -> io::Result<bool> {
        match fault {
            Fault::SilentBeforeHeader => {
                self.silence();
                return Ok(false);
            }
            Fault::Late(pause) => thread::sleep(*pause),
            Fault::Page(status) => return self.text(*status, "Content-Type: text/html\r\n", PAGE),
            Fault::DisguisedPage => {
                return self.text(200, "Content-Type: application/x-iso9660-image\r\n", PAGE);
            }
            Fault::Status(status, retry) => {
                let retry = retry.as_ref().map(|retry| format!("Retry-After: {retry}\r\n"));
                return self.text(*status, &retry.unwrap_or_default(), "no");
            }
            Fault::Redirect(to) => {
                let location = format!("Location: {}\r\n", to.as_ref().unwrap_or(&seen.path));
                return self.text(302, &location, "");
            }
            Fault::RangeRefused if seen.range.is_some() => return self.text(416, "", PAGE),
            Fault::Multipart => {
                let kind = "Content-Type: multipart/byteranges; boundary=x\r\n";
                return self.text(206, kind, "--x\r\n\r\nbytes\r\n--x--\r\n");
            }
            Fault::Endless => return self.endless(),
            _ => {}
        }
        self.image(seen, fault)
    }

    fn image(&self, seen: &Seen, fault: &Fault) -> io::Result<bool> {
        let total = self.content.len();
        let range = self.range(seen, fault);
        if range.as_ref().is_some_and(Range::is_empty) {
            return self.text(416, &format!("Content-Range: bytes */{total}\r\n"), "");
        }
        let bytes = range.clone().unwrap_or(0..total);
        let mut head = match &range {
            None => "HTTP/1.1 200 OK\r\n".to_owned(),
            Some(range) => {
                let told = off(total, if let Fault::TotalOff(by) = fault { *by } else { 0 });
                let (first, last) = (range.start, range.end - 1);
                format!("HTTP/1.1 206 Partial\r\nContent-Range: bytes {first}-{last}/{told}\r\n")
            }
        };
        match fault {
            Fault::Chunked => head += "Transfer-Encoding: chunked\r\n",
            Fault::LengthOff(by) => {
                head.push_str(&length(off(bytes.len(), *by)));
            }
            _ => head.push_str(&length(bytes.len())),
        }
        if *fault == Fault::Compressed {
            head += "Content-Encoding: gzip\r\n";
        }
        if let Some(etag) = self.etag {
            head.extend(["ETag: ", etag, "\r\n"]);
        }
        self.send((head + "\r\n").as_bytes())?;
        self.body(bytes, fault)
    }

    /// The range to answer with; `None` for the whole.
    fn range(&self, seen: &Seen, fault: &Fault) -> Option<Range<usize>> {
        let total = self.content.len();
        let asked = seen.range.as_deref()?.strip_prefix("bytes=")?;
        let is_changed = seen.if_range.as_deref().is_some_and(|tag| Some(tag) != self.etag);
        let is_ignored = *fault == Fault::IgnoresRange
            || *fault == Fault::IgnoresIfRange && seen.if_range.is_some();
        if is_changed || is_ignored {
            return None;
        }
        let (first, last) = asked.split_once('-')?;
        let mut first: usize = first.parse().ok()?;
        if let Fault::RangeOff(by) = fault {
            first = off(first, *by);
        }
        let end = last.parse::<usize>().map_or(total, |last| (last + 1).min(total));
        Some(first.min(end)..end)
    }

    fn body(&self, bytes: Range<usize>, fault: &Fault) -> io::Result<bool> {
        let mut body = self.content[bytes.clone()].to_vec();
        match fault {
            Fault::Flipped(at) if bytes.contains(at) => body[at - bytes.start] ^= 1,
            Fault::SilentAt(at) => {
                self.send(&body[..body.len().min(*at)])?;
                self.silence();
                return Ok(false);
            }
            Fault::TrickleFrom(at) => {
                self.send(&body[..body.len().min(*at)])?;
                return self.trickle(&body[body.len().min(*at)..]);
            }
            Fault::ClosedAt(at) if *at < body.len() => {
                self.send(&body[..*at])?;
                return Ok(false);
            }
            Fault::ResetAt(at) if *at < body.len() => {
                self.send(&body[..*at])?;
                // What was sent has to arrive before the reset throws it away.
                thread::sleep(Duration::from_millis(50));
                rustix::net::sockopt::set_socket_linger(self.stream, Some(Duration::ZERO))?;
                return Ok(false);
            }
            Fault::LengthOff(by) => {
                let longer = vec![0; usize::try_from(*by).unwrap_or_default()];
                self.send(&body)?;
                self.send(&longer)?;
                return Ok(false);
            }
            Fault::Limited(rate) => return self.limited(&body, *rate),
            Fault::Chunked => {
                for part in body.chunks(50_000) {
                    self.send(format!("{:x}\r\n", part.len()).as_bytes())?;
                    self.send(part)?;
                    self.send(b"\r\n")?;
                }
                self.send(b"0\r\n\r\n")?;
                return Ok(true);
            }
            _ => {}
        }
        self.send(&body)?;
        Ok(true)
    }

    fn trickle(&self, body: &[u8]) -> io::Result<bool> {
        for part in body.chunks(3) {
            if self.shared.is_stopped() {
                break;
            }
            self.send(part)?;
            thread::sleep(Duration::from_millis(50));
        }
        Ok(true)
    }

    fn limited(&self, body: &[u8], rate: u64) -> io::Result<bool> {
        let (begun, mut sent) = (Instant::now(), 0_u64);
        for part in body.chunks(16 << 10) {
            self.send(part)?;
            sent += part.len() as u64;
            let due = Duration::from_micros(sent.saturating_mul(1_000_000) / rate.max(1));
            thread::sleep(due.saturating_sub(begun.elapsed()));
        }
        Ok(true)
    }

    fn endless(&self) -> io::Result<bool> {
        self.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        self.send(self.content)?;
        let more = vec![7; 64 << 10];
        while !self.shared.is_stopped() {
            self.send(&more)?;
        }
        Ok(false)
    }

    fn text(&self, status: u16, fields: &str, text: &str) -> io::Result<bool> {
        let bytes = text.len();
        let head = format!("HTTP/1.1 {status} Text\r\nContent-Length: {bytes}\r\n{fields}\r\n");
        self.send(head.as_bytes())?;
        self.send(text.as_bytes())?;
        Ok(true)
    }

    /// Until the client gives up, or the server ends.
    fn silence(&self) {
        let _ = self.stream.set_read_timeout(Some(Duration::from_millis(100)));
        while !self.shared.is_stopped() {
            match io::Read::read(&mut &*self.stream, &mut [0; 64]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.stream;
        stream.write_all(bytes)
    }
}

fn off(number: usize, by: i64) -> usize {
    usize::try_from(i64::try_from(number).unwrap_or(i64::MAX).saturating_add(by)).unwrap_or(0)
}

fn length(bytes: usize) -> String {
    format!("Content-Length: {bytes}\r\n")
}
