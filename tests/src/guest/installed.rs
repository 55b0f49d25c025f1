//! The daemon in a guest, as packages install it.

use super::PayloadFile;

/// Where [`payload`] puts it.
const TREE: &str = "installed";

/// What a package does, but for starting the units.
pub const INSTALL: &str = "set -e
    cp --archive --no-target-directory /payload/installed /
    systemd-sysusers isomirror.conf
    systemd-tmpfiles --create isomirror.conf
    udevadm control --reload
    systemctl daemon-reload
    # The roles beside isomirrord are started with it once they are enabled.
    systemctl enable --quiet isomirrord isomirror-fetch isomirror-serve.socket isomirror-serve.service";

/// What [`INSTALL`] installs.
#[must_use]
pub fn payload() -> Vec<PayloadFile> {
    vec![PayloadFile::installation(TREE)]
}
