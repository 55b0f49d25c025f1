//! A publisher of images: a web server whose files a test puts up, replaces and takes down, and which notes what it is
//! asked for.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use sha2::{Digest, Sha256};

/// What is under a path.
#[derive(Clone, Debug)]
pub enum Page {
    /// A file.
    File(Arc<Vec<u8>>),
    /// A redirection.
    Moved(String),
    /// A failure: status, and `Retry-After`.
    Fails(u16, Option<u64>),
}

/// A request that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its path.
    pub path: String,
    /// Status of the answer.
    pub status: u16,
    /// `Cache-Control` of the request.
    pub cache_control: Option<String>,
}

/// A running server; it ends with the value.
#[derive(Debug)]
pub struct Publisher {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    pages: Mutex<BTreeMap<String, Page>>,
    seen: Mutex<Vec<Seen>>,
    /// Milliseconds that every answer takes, and bytes a second of a body.
    delay: AtomicUsize,
    rate: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    stopped: AtomicBool,
}

impl Publisher {
    /// Starts one without any file.
    ///
    /// # Errors
    /// Where there is no loopback.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                if serving.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&serving);
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Ok(Self { address, shared })
    }

    /// Its address with `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Puts a file up, in place of what was there.
    pub fn put(&self, path: &str, content: &[u8]) {
        self.set(path, Page::File(Arc::new(content.to_vec())));
    }

    /// Puts something else up.
    pub fn set(&self, path: &str, page: Page) {
        self.shared.pages().insert(path.to_owned(), page);
    }

    /// Takes a file down.
    pub fn remove(&self, path: &str) {
        self.shared.pages().remove(path);
    }

    /// Answers later, and bodies at `rate` bytes a second; 0 for no such limit.
    pub fn slow_down(&self, delay: Duration, rate: usize) {
        let delay = usize::try_from(delay.as_millis()).unwrap_or(usize::MAX);
        self.shared.delay.store(delay, Ordering::Relaxed);
        self.shared.rate.store(rate, Ordering::Relaxed);
    }

    /// The requests since the last call.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many requests were answered at once at most.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.shared.most_open.load(Ordering::Relaxed)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn pages(&self) -> MutexGuard<'_, BTreeMap<String, Page>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page, or a listing of the directory.
    fn page(&self, path: &str) -> Page {
        let pages = self.pages();
        if let Some(page) = pages.get(path) {
            return page.clone();
        }
        let below: Vec<_> = pages.keys().filter_map(|page| page.strip_prefix(path)).collect();
        if !path.ends_with('/') || below.is_empty() {
            return Page::Fails(404, None);
        }
        let mut names: Vec<String> = below
            .into_iter()
            .map(|rest| {
                rest.split_once('/').map_or_else(|| rest.to_owned(), |(name, _)| format!("{name}/"))
            })
            .collect();
        names.dedup();
        let mut listing = "<html><body><h1>Index</h1><a href=\"../\">../</a>\n".to_owned();
        for name in names {
            let _ = writeln!(listing, "<a href=\"{name}\">{name}</a>");
        }
        Page::File(Arc::new(listing.into_bytes()))
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        let open = shared.open.fetch_add(1, Ordering::Relaxed) + 1;
        shared.most_open.fetch_max(open, Ordering::Relaxed);
        let delay = shared.delay.load(Ordering::Relaxed);
        thread::sleep(Duration::from_millis(u64::try_from(delay).unwrap_or_default()));
        let answered = answer(stream, &request, shared);
        shared.open.fetch_sub(1, Ordering::Relaxed);
        if answered.is_err() {
            return;
        }
    }
}

#[derive(Debug, Default)]
struct Request {
    is_head: bool,
    path: String,
    range: Option<(usize, Option<usize>)>,
    if_none_match: Option<String>,
    if_range: Option<String>,
    cache_control: Option<String>,
}

impl Request {
    fn read(reader: &mut impl BufRead) -> Option<Self> {
        let line = line(reader)?;
        let mut words = line.split(' ');
        let mut request = Self { is_head: words.next()? == "HEAD", ..Self::default() };
        words.next()?.clone_into(&mut request.path);
        loop {
            let field = self::line(reader)?;
            let Some((name, value)) = field.split_once(": ") else { return Some(request) };
            match name.to_ascii_lowercase().as_str() {
                "range" => {
                    let (from, to) = value.strip_prefix("bytes=")?.split_once('-')?;
                    request.range = Some((from.parse().ok()?, to.parse().ok()));
                }
                "if-none-match" => request.if_none_match = Some(value.to_owned()),
                "cache-control" => request.cache_control = Some(value.to_owned()),
                "if-range" => request.if_range = Some(value.to_owned()),
                _ => {}
            }
        }
    }
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    Some(line.trim_end().to_owned())
}

fn answer(mut stream: &TcpStream, request: &Request, shared: &Shared) -> io::Result<()> {
    let note = |status| {
        let cache_control = request.cache_control.clone();
        let seen = Seen { path: request.path.clone(), status, cache_control };
        shared.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    };
    let content = match shared.page(&request.path) {
        Page::File(content) => content,
        Page::Moved(to) => {
            note(302);
            return write!(
                stream,
                "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
            );
        }
        Page::Fails(status, after) => {
            note(status);
            let after = after.map(|after| format!("Retry-After: {after}\r\n")).unwrap_or_default();
            return write!(stream, "HTTP/1.1 {status} No\r\n{after}Content-Length: 0\r\n\r\n");
        }
    };
    let hash = Sha256::digest(&**content);
    let tag = format!("\"{:x}\"", u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]));
    if request.if_none_match.as_ref() == Some(&tag) {
        note(304);
        return write!(stream, "HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n");
    }
    let is_same = request.if_range.as_ref().is_none_or(|held| *held == tag);
    let size = content.len();
    let range = request.range.filter(|(from, _)| is_same && *from < size);
    let (from, to) =
        range.map_or((0, size), |(from, to)| (from, to.map_or(size, |to| (to + 1).min(size))));
    let status = if range.is_some() { 206 } else { 200 };
    note(status);
    let part = range.map(|_| format!("Content-Range: bytes {from}-{}/{size}\r\n", to - 1));
    write!(
        stream,
        "HTTP/1.1 {status} OK\r\nETag: {tag}\r\nAccept-Ranges: bytes\r\n{}Content-Length: {}\r\n\r\n",
        part.unwrap_or_default(),
        to - from
    )?;
    if request.is_head { Ok(()) } else { body(stream, &content[from..to], shared) }
}

fn body(mut stream: &TcpStream, content: &[u8], shared: &Shared) -> io::Result<()> {
    for chunk in content.chunks(64 << 10) {
        let rate = shared.rate.load(Ordering::Relaxed);
        if rate > 0 {
            let seconds = u32::try_from(rate).unwrap_or(u32::MAX);
            let length = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            thread::sleep(Duration::from_secs(1) * length / seconds);
        }
        stream.write_all(chunk)?;
    }
    Ok(())
}
