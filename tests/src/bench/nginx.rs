//! The web server that everybody knows, as a peer and as a mirror.

use std::{
    fs, io,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::daemon;

const PATIENCE: Duration = Duration::from_secs(30);

/// An nginx that serves a directory, set up as its manual says for speed.
#[derive(Debug)]
pub(super) struct Nginx {
    process: Child,
    pub(super) port: u16,
}

impl Nginx {
    /// With `more` directives for the server.
    pub(super) fn start(directory: &Path, content: &Path, more: &str) -> io::Result<Self> {
        let port = daemon::free_port()?;
        let (content, directory) = (content.display(), directory.display());
        let config = format!(
            "user root; worker_processes 2; daemon off; pid {directory}/nginx.pid; error_log stderr;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n\
             server {{ listen 127.0.0.1:{port} reuseport; root {content}; {more} }} }}\n"
        );
        let file = format!("{directory}/nginx.conf");
        fs::write(&file, config)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "nginx", "-c", &file]);
        let process = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let nginx = Self { process, port };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() >= deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "nginx does not listen"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to end, it ends its workers; killed, it would leave them.
        if let Ok(Some(id)) = i32::try_from(self.process.id()).map(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        let _ = self.process.wait();
    }
}
