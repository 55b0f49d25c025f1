//! Clients that read whatever is published, all the while, and tell of bytes that are not what they should be.

use std::{
    fmt, fs,
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use super::{BLOCK, BLOCKS, Disc, whose};
use crate::corrupt::Random;

/// Where media are published in the guest.
pub(super) const WEBROOT: &str = "/srv/isomirror";
/// Where they are served there.
pub(super) const HTTP_PORT: u16 = 8080;
/// Between two reads: the machine has to do other things too.
const PAUSE: Duration = Duration::from_millis(250);
/// Of a slow client between two pieces.
const SLOW_PAUSE: Duration = Duration::from_millis(700);
/// Bytes of such a piece.
const SLOW_PIECE: usize = 128 << 10;
/// How long somebody keeps a file open, in reads.
const READS: usize = 20;

/// How somebody reads once.
type Way = fn(&mut Random, &Counts) -> Result<(), Violation>;

/// What was read so far.
#[derive(Debug, Default)]
pub struct Counts {
    /// Blocks through mounts.
    pub mounted: AtomicU64,
    /// Blocks over HTTP.
    pub served: AtomicU64,
    /// Files and responses that ended with an error or too early, as they do when their medium goes.
    pub cut: AtomicU64,
}

/// Bytes that should not have come.
#[derive(Clone, Debug)]
pub struct Violation {
    /// `mount` or `http`.
    pub way: &'static str,
    /// The name or path.
    pub name: String,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let Self { way, name, text } = self;
        write!(formatter, "{:.3} {way} {name}: {text}", now.as_secs_f64())
    }
}

/// Reads for ever: through mounts, over HTTP, and slowly over HTTP. Violations are appended to the file `violations` of
/// `directory`, a line each; the numbers of [`Counts`] stand in `counts`.
///
/// # Errors
/// Where these cannot be written.
pub fn read_for_ever(directory: &Path, seed: u64) -> io::Result<()> {
    let counts: &'static Counts = Box::leak(Box::default());
    let file: PathBuf = directory.join("violations");
    let ways: [Way; 4] = [through_mount, through_mount, over_http, slowly];
    for (number, way) in (0_u64..).zip(ways) {
        let file = file.clone();
        let mut random = Random::new(seed ^ (number << 40));
        thread::spawn(move || {
            loop {
                if let Err(violation) = way(&mut random, counts) {
                    let _ = append(&file, &violation.to_string());
                }
                thread::sleep(PAUSE);
            }
        });
    }
    loop {
        thread::sleep(Duration::from_secs(1));
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let text = format!("{} {} {}", of(&counts.mounted), of(&counts.served), of(&counts.cut));
        fs::write(directory.join("counts.new"), text)?;
        fs::rename(directory.join("counts.new"), directory.join("counts"))?;
    }
}

fn append(file: &Path, line: &str) -> io::Result<()> {
    writeln!(fs::File::options().append(true).create(true).open(file)?, "{line}")
}

/// One of the names in the web root.
fn any_name(random: &mut Random) -> Option<String> {
    let entries = fs::read_dir(WEBROOT).ok()?.filter_map(Result::ok);
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<_> =
        directories.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "_");
    names.sort();
    if names.is_empty() { None } else { Some(names.swap_remove(random.below(names.len()))) }
}

/// Blocks of one opened file or one response: all of them are one disc's, which may have this name.
struct Reading<'a> {
    way: &'static str,
    name: &'a str,
    first: Option<Disc>,
}

impl<'a> Reading<'a> {
    fn new(way: &'static str, name: &'a str) -> Self {
        Self { way, name, first: None }
    }

    fn take(&mut self, bytes: &[u8], number: u32) -> Result<(), Violation> {
        let violation = |text| Err(Violation { way: self.way, name: self.name.to_owned(), text });
        let Some(disc) = whose(bytes, number) else {
            return violation(format!("block {number} is no disc's"));
        };
        if *self.first.get_or_insert(disc) != disc {
            return violation(format!("block {number} is of {disc}, others of {:?}", self.first));
        }
        if disc.may_be_called(self.name) { Ok(()) } else { violation(format!("it is {disc}")) }
    }
}

/// Keeps a file open and reads here and there in it.
fn through_mount(random: &mut Random, counts: &Counts) -> Result<(), Violation> {
    let Some(name) = any_name(random) else { return Ok(()) };
    let mut reading = Reading::new("mount", &name);
    let Ok(file) = fs::File::open(Path::new(WEBROOT).join(&name).join("blocks")) else {
        return Ok(());
    };
    for _ in 0..READS {
        let number = u32::try_from(random.below(BLOCKS as usize)).unwrap_or_default();
        let mut bytes = vec![0; BLOCK];
        if file.read_exact_at(&mut bytes, u64::from(number) * BLOCK as u64).is_err() {
            counts.cut.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        reading.take(&bytes, number)?;
        counts.mounted.fetch_add(1, Ordering::Relaxed);
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// A range of some blocks.
fn over_http(random: &mut Random, counts: &Counts) -> Result<(), Violation> {
    let Some(name) = any_name(random) else { return Ok(()) };
    let first = random.below(BLOCKS as usize - 40);
    let count = random.below(20) + 1;
    let range = format!("bytes={}-{}", first * BLOCK, (first + count) * BLOCK - 1);
    response(&name, Some(&range), first, Duration::ZERO, counts)
}

/// The whole file, at a few hundred KiB a second: something happens meanwhile.
fn slowly(random: &mut Random, counts: &Counts) -> Result<(), Violation> {
    let Some(name) = any_name(random) else { return Ok(()) };
    response(&name, None, 0, SLOW_PAUSE, counts)
}

fn response(
    name: &str,
    range: Option<&str>,
    first: usize,
    pause: Duration,
    counts: &Counts,
) -> Result<(), Violation> {
    let mut reading = Reading::new("http", name);
    let Ok(mut body) = ask(name, range) else { return Ok(()) };
    let mut bytes = [0; BLOCK];
    let mut number = u32::try_from(first).unwrap_or_default();
    let mut since_pause = 0;
    loop {
        match body.read_exact(&mut bytes) {
            Ok(()) => reading.take(&bytes, number)?,
            Err(error) => {
                let is_whole = range.is_none() && number == BLOCKS;
                if error.kind() != io::ErrorKind::UnexpectedEof || range.is_none() && !is_whole {
                    counts.cut.fetch_add(1, Ordering::Relaxed);
                }
                return Ok(());
            }
        }
        number += 1;
        since_pause += BLOCK;
        counts.served.fetch_add(1, Ordering::Relaxed);
        if since_pause >= SLOW_PIECE {
            since_pause = 0;
            thread::sleep(pause);
        }
    }
}

/// The body of an answer 200 or 206; an error for any other.
fn ask(name: &str, range: Option<&str>) -> io::Result<impl Read + use<>> {
    let mut stream = TcpStream::connect(("127.0.0.1", HTTP_PORT))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let range = range.map(|range| format!("Range: {range}\r\n")).unwrap_or_default();
    write!(
        stream,
        "GET /{name}/blocks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{range}\r\n"
    )?;
    let mut reader = io::BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        reader.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let is_there = head.starts_with(b"HTTP/1.1 200") || head.starts_with(b"HTTP/1.1 206");
    if is_there { Ok(reader) } else { Err(io::ErrorKind::NotFound.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_stands_for_one_disc_of_the_right_name() {
        let mut reading = Reading::new("mount", "SOAK_3");
        assert!(reading.take(&Disc(3).block(5), 5).is_ok());
        assert!(reading.take(&Disc(13).block(6), 6).is_err(), "another disc with the same label");
        assert!(reading.take(&Disc(3).block(5), 6).is_err(), "another block");
        assert!(Reading::new("http", "SOAK_4").take(&Disc(3).block(0), 0).is_err());
    }
}
