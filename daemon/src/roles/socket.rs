//! The socket on which the process that mounts is found, and who is let in there.

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt, net::UnixListener as BoundListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use isomirror_core::role_link::{
    FromRole, LONGEST_FROM_ROLE, LinkedRole, PROTOCOL, ROLE_SOCKET, ToRole,
};
use nix::unistd::User;
use rustix::process::geteuid;
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Occupied, RemoteFetcher, RemoteServer, conversation::Conversation};

/// Everybody may connect, so that roles can be users that share no group; who they are the kernel tells.
const MODE: u32 = 0o666;

/// How long a process may take to say which role it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pause after a failure to accept, which may last as long as descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that is listened on. Dropped, it is gone from its directory.
#[derive(Debug)]
pub struct RoleSocket {
    listener: BoundListener,
    path: PathBuf,
}

/// Why no other role can be talked to.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on the socket of the roles `{}`", path.display())]
pub struct RoleSocketError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl RoleSocket {
    /// Listens in `runtime_directory`, which must be this process's alone; what an earlier one left there is replaced.
    pub fn listen(runtime_directory: &Path) -> Result<Self, RoleSocketError> {
        let path = runtime_directory.join(ROLE_SOCKET);
        let failed = |source| RoleSocketError { path: path.clone(), source };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = BoundListener::bind(&path).map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(MODE)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { listener, path })
    }
}

impl Drop for RoleSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The user whose processes play a role when it is installed as a service.
fn user_of(role: LinkedRole) -> &'static str {
    match role {
        LinkedRole::Serve => "isomirror-serve",
        LinkedRole::Fetch => "isomirror",
    }
}

/// Whether the process at the other end may play `role`: root, this process's own user, and the user of that role.
fn is_admitted(stream: &UnixStream, role: LinkedRole) -> bool {
    let Ok(peer) = stream.peer_cred() else { return false };
    let own = || User::from_name(user_of(role)).ok().flatten().map(|user| user.uid.as_raw());
    peer.uid() == 0 || peer.uid() == geteuid().as_raw() || Some(peer.uid()) == own()
}

/// Takes in whoever comes as one of the roles that this process does not play itself, until `cancel`.
pub async fn welcome_roles(
    socket: RoleSocket,
    server: Option<Arc<RemoteServer>>,
    fetcher: Option<Arc<RemoteFetcher>>,
    cancel: CancellationToken,
) {
    let listener = match socket.listener.try_clone().and_then(UnixListener::from_std) {
        Ok(listener) => listener,
        Err(error) => {
            warn!(%error, "no other role can be talked to");
            return cancel.cancelled().await;
        }
    };
    let mut conversations = JoinSet::new();
    loop {
        // Each branch is cancel-safe: a connection is accepted or still waits, one that ended stays in its set.
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    conversations.spawn(welcome(stream, server.clone(), fetcher.clone()));
                }
                Err(error) => {
                    debug!(%error, "cannot accept another role");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = conversations.join_next(), if !conversations.is_empty() => {}
            () = cancel.cancelled() => return,
        }
    }
}

async fn welcome(
    stream: UnixStream,
    server: Option<Arc<RemoteServer>>,
    fetcher: Option<Arc<RemoteFetcher>>,
) {
    // Whoever is none of ours is not even listened to.
    let is_ours = [LinkedRole::Serve, LinkedRole::Fetch].map(|role| is_admitted(&stream, role));
    if is_ours == [false, false] {
        return;
    }
    let mut conversation = Conversation::<FromRole>::new(stream, LONGEST_FROM_ROLE);
    let Ok(Some(hello)) = timeout(PATIENCE, conversation.next()).await else { return };
    let FromRole::Hello { protocol, role, holds } = hello.message else { return };
    let is_role_admitted = is_ours[usize::from(role == LinkedRole::Fetch)];
    let reason = match (protocol, role, &server, &fetcher) {
        _ if !is_role_admitted => "it is not the user of that role",
        (PROTOCOL, LinkedRole::Serve, Some(server), _) => {
            match server.converse(&mut conversation, holds).await {
                Ok(()) => return,
                Err(Occupied) => "another process plays it",
            }
        }
        (PROTOCOL, LinkedRole::Fetch, _, Some(fetcher)) => {
            match fetcher.converse(&mut conversation).await {
                Ok(()) => return,
                Err(Occupied) => "another process plays it",
            }
        }
        (PROTOCOL, ..) => "the process that mounts plays it itself",
        _ => "it is of another version: restart all of isomirror",
    };
    warn!(?role, reason, "another role is turned away");
    let _ = conversation.say(&ToRole::Rejected { reason: reason.to_owned() }, None).await;
}
