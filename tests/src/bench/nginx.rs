//! The web server that everybody knows, as a peer and as a mirror.

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{io::FdFlags, net::sockopt::set_tcp_congestion};

use crate::daemon;

const PATIENCE: Duration = Duration::from_secs(30);

/// An nginx that serves a directory, set up as its manual says for speed.
#[derive(Debug)]
pub(super) struct Nginx {
    process: Child,
    port: u16,
}

/// What is not as usual with an [`Nginx`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extra<'a> {
    /// Further directives for its server.
    pub(super) directives: &'a str,
    /// Congestion control of a listening socket that it is handed, as when it is upgraded in place (the variable
    /// `NGINX`); it has no setting for that.
    pub(super) congestion: Option<&'a str>,
}

impl Nginx {
    /// Serves `content`, with its own files in `directory`.
    pub(super) fn start(directory: &Path, content: &Path, extra: Extra<'_>) -> io::Result<Self> {
        let port = daemon::free_port()?;
        let Extra { directives, congestion } = extra;
        let inherited = congestion.map(|name| listener(port, name)).transpose()?;
        let reuseport = if inherited.is_some() { "" } else { "reuseport" };
        let (content, directory) = (content.display(), directory.display());
        let config = format!(
            "user root; worker_processes auto; worker_rlimit_nofile 20000; daemon off;\n\
             pid {directory}/nginx.pid; error_log stderr;\n\
             events {{ worker_connections 16384; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n\
             open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;\n\
             server {{ listen 127.0.0.1:{port} {reuseport}; root {content}; {directives} }} }}\n"
        );
        let file = format!("{directory}/nginx.conf");
        fs::write(&file, config)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "nginx", "-c", &file]);
        if let Some(listener) = &inherited {
            command.env("NGINX", format!("{};", listener.as_raw_fd()));
        }
        let process = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let nginx = Self { process, port };
        drop(inherited);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() >= deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "nginx does not listen"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    /// The port on 127.0.0.1 that it serves on.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The process whose children answer.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}

/// A socket that programs which are started from now on have too.
fn listener(port: u16, congestion: &str) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    set_tcp_congestion(&listener, congestion)?;
    rustix::net::listen(&listener, 4096)?;
    rustix::io::fcntl_setfd(&listener, FdFlags::empty())?;
    Ok(listener)
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
