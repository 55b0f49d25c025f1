//! The daemon in a guest, as a package installs it.

use std::{io, path::Path};

use super::PayloadFile;
use crate::binaries;

/// What a package does, but for starting the service.
pub const INSTALL: &str = "set -e
    install -m 755 /payload/isomirrord /payload/isomirror /usr/bin/
    ln -sf /usr/bin/isomirror /usr/sbin/mount.isomirror
    install -m 644 /payload/isomirrord.service /usr/lib/systemd/system/
    install -m 644 /payload/59-isomirror.rules /usr/lib/udev/rules.d/
    udevadm control --reload
    groupadd --system --force isomirror
    mkdir -p /srv/isomirror /var/lib/isomirror/images /etc/isomirror
    systemctl daemon-reload";

/// What [`INSTALL`] installs.
pub fn payload() -> io::Result<Vec<PayloadFile>> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"));
    let file = |path: &str| {
        let name = Path::new(path).file_name().unwrap_or_default();
        PayloadFile::new(checkout.join(path), name)
    };
    Ok(vec![
        PayloadFile::new(binaries::path("isomirrord")?, "isomirrord"),
        PayloadFile::new(binaries::path("isomirror")?, "isomirror"),
        file("systemd/isomirrord.service"),
        file("udev-rules/59-isomirror.rules"),
        file("autofs/isomirror.autofs"),
    ])
}
