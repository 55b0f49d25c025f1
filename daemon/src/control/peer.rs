//! Who may control the daemon.

use rustix::process::geteuid;
use tokio::net::UnixStream;

/// The group whose members may.
pub(super) const GROUP: &str = "isomirror";

/// Whether the process at the other end may control the daemon: root and the daemon's own user may, and where the
/// group `isomirror` exists, so may whomever the socket's mode let in. Credentials are the kernel's (`SO_PEERCRED`),
/// as they were when the process connected.
pub(super) fn is_admitted(stream: &UnixStream, has_group: bool) -> bool {
    let Ok(peer) = stream.peer_cred() else { return false };
    let user = peer.uid();
    tracing::debug!(user, process = peer.pid(), "somebody has connected to the control socket");
    may_control(user, geteuid().as_raw(), has_group)
}

fn may_control(user: u32, own: u32, has_group: bool) -> bool {
    user == 0 || user == own || has_group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_own_user_may_and_others_by_the_group_only() {
        for (user, own, has_group, expected) in [
            (0, 7, false, true),
            (7, 7, false, true),
            (8, 7, false, false),
            (8, 7, true, true),
            (8, 0, false, false),
        ] {
            assert_eq!(may_control(user, own, has_group), expected, "{user} {own} {has_group}");
        }
    }
}
