//! Roles in processes of their own: what they say to each other (`core::role_link`), over a Unix socket.
//!
//! The process that mounts listens ([`RoleSocket`]) and has a stand-in for each role that it does not play itself:
//! [`RemoteServer`] and [`RemoteFetcher`]. The others connect and follow it: [`follow_as_server`] and [`follow_as_fetcher`].
//! Neither waits for the other for longer than a moment: a role that is gone is nobody else's trouble, and one that
//! hangs is hung up on.
//!
//! Who listens trusts nobody beyond what the role is for: a process that was taken over can say that it has released a
//! medium or how far a download is, and nothing else.

mod conversation;
mod fetch_side;
mod frame;
mod remote_fetcher;
mod remote_server;
mod serve_side;
mod shelf;
mod socket;

use std::time::Duration;

pub use fetch_side::follow_as_fetcher;
pub use remote_fetcher::RemoteFetcher;
pub use remote_server::RemoteServer;
pub use serve_side::{Followed, follow_as_server};
pub use socket::{RoleSocket, RoleSocketError, welcome_roles};

/// Pause before the process that mounts is looked for again.
const RETRY: Duration = Duration::from_millis(250);

/// That another process plays a role already.
#[derive(Debug)]
struct Occupied;
