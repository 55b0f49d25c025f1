//! Clients that take as much as they get, and what they got.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Instant,
};

use crate::{bench::samples::LARGE, tool};

/// A measurement of one path at one address.
pub(super) type Measured = fn(SocketAddr, &str) -> io::Result<f64>;

/// GiB that [`download`] fetches.
pub(super) const DOWNLOADED: f64 = 2.0;

/// Requests a second that wrk gets answered with success.
pub(super) fn requests(server: SocketAddr, path: &str, connections: u32) -> io::Result<f64> {
    rate(&wrk(connections, &[&url(server, path)])?)
}

/// The 99th percentile of the latency that wrk sees, in milliseconds.
pub(super) fn latency(server: SocketAddr, path: &str, connections: u32) -> io::Result<f64> {
    let report = wrk(connections, &["--latency", &url(server, path)])?;
    let line = report.lines().find_map(|line| line.trim().strip_prefix("99%"));
    line.and_then(|text| milliseconds(text.trim())).ok_or_else(|| io::Error::other(report))
}

/// Requests a second of a [`script`].
pub(super) fn spread(server: SocketAddr, script: &Path) -> io::Result<f64> {
    rate(&wrk(32, &["-s", &script.display().to_string(), &url(server, "/")])?)
}

/// Writes a script that makes wrk ask for the first KiB of each of `paths` in turn.
pub(super) fn script(file: &Path, paths: &[String]) -> io::Result<PathBuf> {
    let mut text = String::from("local paths = {\n");
    for path in paths {
        let _ = writeln!(text, "  \"{path}\",");
    }
    text.push_str(
        "}\nlocal ready, next_one = {}, 0\n\
         function init(args)\n  for i, path in ipairs(paths) do\n    \
         ready[i] = wrk.format(\"GET\", path, {Range = \"bytes=0-1023\", Host = \"a\"})\n  end\nend\n\
         function request()\n  next_one = next_one % #ready + 1\n  return ready[next_one]\nend\n",
    );
    fs::write(file, text)?;
    Ok(file.to_owned())
}

/// MiB/s of one connection that gets `path`, a file of 1 GiB, as often as [`DOWNLOADED`] says.
pub(super) fn download(server: SocketAddr, path: &str) -> io::Result<f64> {
    let mut stream = TcpStream::connect(server)?;
    let mut buffer = vec![0; 1 << 20];
    let begin = Instant::now();
    let mut fetched = 0.0;
    while fetched < DOWNLOADED {
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
        receive(&mut stream, &mut buffer)?;
        fetched += 1.0;
    }
    Ok(fetched * 1024.0 / begin.elapsed().as_secs_f64())
}

/// Milliseconds until the page of all `media` is there, for a host that nobody asked yet: it is not kept for that.
pub(super) fn page(server: SocketAddr, host: &str, media: usize) -> io::Result<f64> {
    let mut stream = TcpStream::connect(server)?;
    let mut page = Vec::new();
    let begin = Instant::now();
    write!(stream, "GET /index.html HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    stream.read_to_end(&mut page)?;
    let elapsed = begin.elapsed().as_secs_f64() * 1000.0;
    let cards = String::from_utf8_lossy(&page).matches("class=\"card\"").count();
    if cards == media {
        return Ok(elapsed);
    }
    Err(io::Error::other(format!("the page has {cards} of {media} media")))
}

/// Receives one response with a body of 1 GiB.
fn receive(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut head = Vec::new();
    let mut left = loop {
        let length = stream.read(buffer)?;
        head.extend_from_slice(&buffer[..length]);
        if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break LARGE - (head.len() - end - 4);
        }
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    while left > 0 {
        match stream.read(buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => left -= length,
        }
    }
    Ok(())
}

fn url(server: SocketAddr, path: &str) -> String {
    format!("http://{server}{path}")
}

fn wrk(connections: u32, arguments: &[&str]) -> io::Result<String> {
    let connections = connections.to_string();
    let report = tool::run("wrk", |command| {
        command.args(["-t1", "-d2s", "-c", &connections]).args(arguments)
    })?;
    if report.contains("Non-2xx") || report.contains("Socket errors") {
        return Err(io::Error::other(format!("not all requests succeeded:\n{report}")));
    }
    Ok(report)
}

fn rate(report: &str) -> io::Result<f64> {
    let line = report.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    let number = line.and_then(|number| number.trim().parse().ok());
    number.ok_or_else(|| io::Error::other(report.to_owned()))
}

/// A length of time as wrk writes it.
fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|character: char| character.is_ascii_alphabetic())?;
    let factor = match &text[unit..] {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        _ => return None,
    };
    Some(text[..unit].parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_reports_is_read() {
        assert_eq!(milliseconds("250.00us"), Some(0.25));
        assert_eq!(milliseconds("1.50ms"), Some(1.5));
        assert_eq!(milliseconds("2.00s"), Some(2000.0));
        assert_eq!(milliseconds("2.00"), None);
        assert_eq!(rate("  1 requests\nRequests/sec:  12.50\n").ok(), Some(12.5));
        assert!(rate("").is_err());
    }
}
