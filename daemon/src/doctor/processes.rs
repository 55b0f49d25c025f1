//! Processes of isomirror, and others that matter.

use std::{fs, os::unix::net::UnixStream, path::Path};

use rustix::net::sockopt::socket_peercred;

use super::files::{entries, text};
use crate::{environment::Environment, instance};

/// Name of the daemon's program, as `/proc/PID/comm` has it.
pub(super) const DAEMON: &str = "isomirrord";

/// All roles, in the order in which they are told.
const ROLES: [&str; 3] = ["mount", "fetch", "serve"];

/// The running daemon that has the role of mounting.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) pid: u32,
}

impl Daemon {
    /// The one that answers in the runtime directory.
    pub(super) fn find(environment: &Environment) -> Option<Self> {
        let sockets = environment.runtime_directories();
        let mut streams =
            sockets.iter().filter_map(|d| UnixStream::connect(d.join("control.sock")).ok());
        let peer = socket_peercred(streams.next()?).ok()?;
        Some(Self { pid: u32::try_from(peer.pid.as_raw_nonzero().get()).ok()? })
    }
}

/// The roles that are played; `None` where a daemon runs that cannot be looked at.
pub(super) fn roles(environment: &Environment, daemon: Option<&Daemon>) -> Option<Vec<String>> {
    let mut played: Vec<String> = Vec::new();
    if let Some(daemon) = daemon {
        played.extend(roles_of(daemon.pid)?);
        for pid in named(DAEMON).into_iter().filter(|pid| *pid != daemon.pid) {
            // Another one that mounts is another daemon's, with roles of its own.
            let others = roles_of(pid).filter(|roles| !roles.iter().any(|role| role == "mount"));
            played.extend(others.unwrap_or_default());
        }
    } else if is_there(environment) {
        return None;
    }
    Some(
        ROLES
            .iter()
            .filter(|role| played.iter().any(|p| p == *role))
            .map(|&r| r.to_owned())
            .collect(),
    )
}

/// Whether a daemon works that does not talk to us.
fn is_there(environment: &Environment) -> bool {
    let directories = environment.runtime_directories();
    directories.iter().any(|directory| instance::is_running(directory).unwrap_or(true))
}

/// The roles that a process was started with.
fn roles_of(pid: u32) -> Option<Vec<String>> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let mut roles = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let named = match word.strip_prefix("--roles") {
            Some("") => words.get(index + 1).map(AsRef::as_ref),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        roles.extend(named.into_iter().flat_map(|named| named.split(',')).map(str::to_owned));
    }
    Some(if roles.is_empty() { ROLES.map(str::to_owned).to_vec() } else { roles })
}

/// Processes of a program.
pub(super) fn named(program: &str) -> Vec<u32> {
    let pids =
        entries("/proc").into_iter().filter_map(|path| path.file_name()?.to_str()?.parse().ok());
    pids.filter(|pid| name_of(*pid).as_deref() == Some(program)).collect()
}

/// The name of a process's program.
pub(super) fn name_of(pid: u32) -> Option<String> {
    let name = text(Path::new("/proc").join(pid.to_string()).join("comm"));
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The process that has a socket open, by the socket's inode.
pub(super) fn holder_of_socket(inode: u64) -> Option<u32> {
    let wanted = format!("socket:[{inode}]");
    let pids = entries("/proc")
        .into_iter()
        .filter_map(|path| path.file_name()?.to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        entries(format!("/proc/{pid}/fd"))
            .iter()
            .any(|fd| fs::read_link(fd).is_ok_and(|link| link.as_os_str() == wanted.as_str()))
    };
    pids.into_iter().find(holds)
}
