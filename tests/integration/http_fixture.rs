//! A server with media on a port of its own, and a client that sends exactly what a test wants.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror::{
    open_medium::OpenMedium,
    serve::{Exports, ServeSettings, Server},
    sys::medium_file::MediumFile,
};
use isomirror_core::{
    boot::Detection,
    config::ListenAddress,
    medium::{Identity, Source},
    name::sanitise,
    state::{MediumState, Phase, SourceKind, SourceState, StateDocument},
};
use isomirror_tests::images::iso9660::{bytes, xorriso};
use rustix::net::{
    AddressFamily, SocketType, connect, socket, sockopt::set_socket_recv_buffer_size,
};
use tempfile::TempDir;

/// Settings with a port of the kernel's choice.
pub(crate) fn settings() -> ServeSettings {
    let listen = vec![ListenAddress::Tcp(([127, 0, 0, 1], 0).into())];
    ServeSettings { listen, ..ServeSettings::default() }
}

/// A running server with nothing published.
pub(crate) fn server(settings: &ServeSettings) -> (Server, SocketAddr) {
    let server = Server::start(Server::bind(settings).unwrap()).unwrap();
    let address = server.local_addresses()[0];
    (server, address)
}

/// A directory for a tree and its images.
pub(crate) struct Workshop {
    pub(crate) directory: TempDir,
    pub(crate) tree: PathBuf,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let tree = directory.path().join("tree");
        fs::create_dir(&tree).unwrap();
        Self { directory, tree }
    }

    /// A workshop whose tree has the files that most tests ask for.
    pub(crate) fn with_files() -> Self {
        let workshop = Self::new();
        workshop.file("small.txt", &bytes(1, 1024));
        workshop.file("large.bin", &bytes(2, 3_000_001));
        workshop.file("empty", b"");
        workshop.file("dir/a b#?%.txt", b"blank");
        workshop.file("dir/README", b"read me");
        workshop
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) {
        let path = self.tree.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes the tree as an image with Rock Ridge.
    pub(crate) fn image(&self, name: &str) -> PathBuf {
        xorriso(&self.tree, &self.directory.path().join(name), &["-R", "-V", "LABEL"])
    }
}

/// Opens an image file as a medium.
pub(crate) fn medium(path: &Path) -> Arc<OpenMedium> {
    open(path, Source::File(path.to_owned()), |metadata| Identity::File {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.len(),
        modified: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
    })
}

/// Opens an image file as if it were a disc in a drive.
pub(crate) fn disc(path: &Path) -> Arc<OpenMedium> {
    open(path, Source::Drive(path.to_owned()), |metadata| Identity::Disc {
        device: metadata.ino(),
        sequence: 1,
        size: metadata.len(),
    })
}

fn open(
    path: &Path,
    source: Source,
    identity: impl Fn(&fs::Metadata) -> Identity,
) -> Arc<OpenMedium> {
    let file = File::open(path).unwrap();
    let metadata = file.metadata().unwrap();
    let file = MediumFile::new(file, source, identity(&metadata), metadata.len());
    Arc::new(OpenMedium::open(Arc::new(file)).unwrap())
}

/// Media under names, with a state document that has them all.
pub(crate) fn exports<'a>(media: impl IntoIterator<Item = (&'a str, Arc<OpenMedium>)>) -> Exports {
    let mut exports = Exports::default();
    let mut state = StateDocument { schema: 1, revision: 1, ..StateDocument::default() };
    for (name, medium) in media {
        state.media.push(medium_state(name, &medium));
        exports.media.insert(sanitise(name).unwrap(), medium);
    }
    exports.state = Arc::new(state);
    exports
}

fn medium_state(name: &str, medium: &OpenMedium) -> MediumState {
    MediumState {
        id: medium.file().identity().key(),
        name: sanitise(name).unwrap(),
        label: medium.image().volume().label.clone(),
        uuid: None,
        format: Some("iso9660".into()),
        size: medium.image().volume().real_size,
        source: SourceState {
            kind: SourceKind::File,
            path: medium.file().path().to_owned(),
            diskseq: None,
        },
        backend: None,
        backend_reason: None,
        also_at: Vec::new(),
        state: Phase::Serving,
        since: "2026-08-01T12:34:00Z".into(),
        mountpoint: None,
        url: format!("/{name}/"),
        verified: None,
        detection: Detection::default(),
        problem: None,
    }
}

/// A response as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One connection. Bytes that were received beyond a response stay for the next.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) received: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new() }
    }

    /// One whose kernel takes few bytes that it does not read: twice the `size` that it is told.
    pub(crate) fn with_buffer(address: SocketAddr, size: usize) -> Self {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        set_socket_recv_buffer_size(&socket, size).unwrap();
        connect(&socket, &address).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { stream, received: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).unwrap();
    }

    /// Sends a request of HTTP/1.1 with these fields, each with its line end.
    pub(crate) fn request(&mut self, method: &str, target: &str, fields: &str) -> Response {
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n"));
        self.response(method == "HEAD")
    }

    pub(crate) fn get(&mut self, target: &str) -> Response {
        self.request("GET", target, "")
    }

    /// Receives a response whole. Panics where the connection ends before it does.
    pub(crate) fn response(&mut self, is_head: bool) -> Response {
        self.try_response(is_head).expect("the connection ended")
    }

    /// Receives a response; `None` where the connection ends before it does.
    pub(crate) fn try_response(&mut self, is_head: bool) -> Option<Response> {
        let head = self.head()?;
        let status = head[9..12].parse().unwrap();
        let mut response = Response { status, head, body: Vec::new() };
        if is_head || status == 304 {
            return Some(response);
        }
        if let Some(length) = response.field("Content-Length") {
            let length = length.parse().unwrap();
            response.body = self.take(length)?;
        } else if response.field("Transfer-Encoding") == Some("chunked") {
            response.body = self.chunks()?;
        } else {
            while self.receive() {}
            response.body = std::mem::take(&mut self.received);
        }
        Some(response)
    }

    /// Receives the head of a response.
    pub(crate) fn head(&mut self) -> Option<String> {
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            if !self.receive() {
                return None;
            }
        };
        let head = String::from_utf8(self.take(end + 4)?).unwrap();
        Some(head.trim_end().to_owned())
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.received.len() < length {
            if !self.receive() {
                return None;
            }
        }
        let rest = self.received.split_off(length);
        Some(std::mem::replace(&mut self.received, rest))
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = self.received.windows(2).position(|bytes| bytes == b"\r\n") {
                    break end;
                }
                if !self.receive() {
                    return None;
                }
            };
            let line = String::from_utf8(self.take(end + 2)?).unwrap();
            let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
            body.extend(self.take(length)?);
            assert_eq!(self.take(2)?, b"\r\n");
            if length == 0 {
                return Some(body);
            }
        }
    }

    /// Receives something; `false` at the end of the connection, in order or not.
    pub(crate) fn receive(&mut self) -> bool {
        let mut buffer = vec![0; 1 << 16];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// Whether the server ends the connection without another byte.
    pub(crate) fn is_ended(&mut self) -> bool {
        self.received.is_empty() && !self.receive()
    }
}

/// Waits until `condition` holds, and says whether it did within `limit`.
pub(crate) fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    condition()
}
