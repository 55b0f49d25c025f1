//! Who may control the daemon.

use nix::unistd::User;
use rustix::process::geteuid;
use tokio::net::UnixStream;

/// The group whose members may.
pub(super) const GROUP: &str = "isomirror";

/// Users that play roles of their own. They have nothing to control, whatever groups they are in: who takes over one of
/// them, by what it reads from the internet, must not open drives.
const ROLES: [&str; 2] = ["isomirror", "isomirror-serve"];

/// Whether the process at the other end may control the daemon: root and the daemon's own user may, and where the
/// group `isomirror` exists, so may whomever the socket's mode let in, but for users that play a role. Credentials are the
/// kernel's (`SO_PEERCRED`), as they were when the process connected.
pub(super) fn is_admitted(stream: &UnixStream, has_group: bool) -> bool {
    let Ok(peer) = stream.peer_cred() else { return false };
    let user = peer.uid();
    tracing::debug!(user, process = peer.pid(), "somebody has connected to the control socket");
    let plays_role = || {
        let users = ROLES.iter().filter_map(|name| User::from_name(name).ok().flatten());
        users.into_iter().any(|role| role.uid.as_raw() == user)
    };
    may_control(user, geteuid().as_raw(), has_group && !plays_role())
}

fn may_control(user: u32, own: u32, by_group: bool) -> bool {
    user == 0 || user == own || by_group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_own_user_may_and_others_by_the_group_only() {
        for (user, own, by_group, expected) in [
            (0, 7, false, true),
            (7, 7, false, true),
            (8, 7, false, false),
            (8, 7, true, true),
            (8, 0, false, false),
        ] {
            assert_eq!(may_control(user, own, by_group), expected, "{user} {own} {by_group}");
        }
    }
}
