//! Sockets that a service manager opens before the daemon runs.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::{
    binaries,
    daemon::{Daemon, DaemonOptions},
    scratch,
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// systemd-socket-activate, which becomes the daemon at the first connection.
struct Activated {
    process: Child,
    directory: TempDir,
}

impl Activated {
    fn start(sockets: &[&str]) -> Self {
        let directory = scratch::directory().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        for name in ["images", "web", "state", "run"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(
            path("isomirror.yaml"),
            "media: {drives: none}\nserve: {listen: '127.0.0.1:1'}\n",
        )
        .unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let process = Command::new("systemd-socket-activate")
            .args(sockets)
            .args(["-E", &format!("RUNTIME_DIRECTORY={}", path("run"))])
            .args(["-E", &format!("STATE_DIRECTORY={}", path("state"))])
            .arg(binaries::path("isomirrord").unwrap())
            .args(["--config", &path("isomirror.yaml"), "--images", &path("images")])
            .args(["--webroot", &path("web")])
            .env_remove("JOURNAL_STREAM")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { process, directory }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).ok();
        self.process.wait().ok();
    }
}

/// A connection as soon as somebody listens.
fn connect<S>(connect: impl Fn() -> std::io::Result<S>) -> S {
    let end = Instant::now() + PATIENCE;
    loop {
        match connect() {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        sleep(Duration::from_millis(10));
    }
}

fn health(mut stream: impl Read + Write) -> String {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Whether descriptor 3, the first that is handed over, is closed for programs that the daemon runs (proc(5), fdinfo).
fn is_kept_to_itself(process: u32) -> bool {
    let info = fs::read_to_string(format!("/proc/{process}/fdinfo/3")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    let close_on_exec = 0o2_000_000;
    u32::from_str_radix(flags.trim(), 8).unwrap() & close_on_exec != 0
}

#[test]
fn ports_and_unix_sockets_that_are_handed_in_stand_in_for_those_of_the_configuration() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("http.sock");
    let address = format!("127.0.0.1:{port}");
    let unix = socket.display().to_string();
    let daemon = Activated::start(&["-l", &address, "-l", &unix, "--fdname=http:proxy"]);
    // The first client is the one that starts the daemon, and is answered nevertheless.
    assert!(health(connect(|| TcpStream::connect(&address))).ends_with("ok\n"), "{}", daemon.log());
    assert!(health(connect(|| UnixStream::connect(Path::new(&unix)))).ends_with("ok\n"));
    assert!(is_kept_to_itself(daemon.process.id()));
    let log = daemon.log();
    assert!(log.contains(&format!("http://{address}/")) && log.contains(&unix), "{log}");
    drop(daemon);
    assert!(socket.exists(), "it is the service manager's");
}

#[test]
fn a_socket_that_cannot_be_used_is_named() {
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut daemon = Activated::start(&["-l", &address, "--datagram", "--fdname=telephone"]);
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let end = Instant::now() + PATIENCE;
    let status = loop {
        udp.send_to(b"x", &address).ok();
        if let Some(status) = daemon.process.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "{}", daemon.log());
        sleep(Duration::from_millis(50));
    };
    assert_eq!(status.code(), Some(1), "{}", daemon.log());
    assert!(daemon.log().contains("`telephone`"), "{}", daemon.log());
}

#[test]
fn sockets_that_are_meant_for_another_process_are_left_alone() {
    let variable = |name: &str, value: &str| (name.into(), value.into());
    let environment = vec![variable("LISTEN_PID", "1"), variable("LISTEN_FDS", "1")];
    let daemon = Daemon::start(DaemonOptions { environment, ..DaemonOptions::default() }).unwrap();
    assert_eq!(daemon.http_get("/healthz").unwrap().status, 200);
}
