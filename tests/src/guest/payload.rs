//! Files that a guest finds below `/payload`: a read-only disk, made for one boot.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::tool;

/// Label by which the guest finds the disk.
pub(super) const LABEL: &str = "payload";

/// One file of the payload.
#[derive(Clone, Debug)]
pub struct PayloadFile {
    /// Where it is now.
    pub from: PathBuf,
    /// Its path below `/payload`.
    pub to: PathBuf,
}

impl PayloadFile {
    /// The file `from`, as `to` below `/payload`.
    pub fn new(from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        Self { from: from.into(), to: to.into() }
    }
}

/// Makes the disk at `disk`; `staging` is a directory that does not exist yet.
pub(super) fn make(files: &[PayloadFile], staging: &Path, disk: &Path) -> io::Result<()> {
    fs::create_dir(staging)?;
    let mut bytes = 0;
    for file in files {
        let to = staging.join(&file.to);
        fs::create_dir_all(to.parent().unwrap_or(staging))?;
        bytes += fs::copy(&file.from, &to)
            .map_err(|error| io::Error::other(format!("`{}`: {error}", file.from.display())))?;
    }
    fs::set_permissions(staging, fs::Permissions::from_mode(0o755))?;
    // A quarter more and 16 MiB for what the file system itself needs.
    let mebibytes = bytes / (1 << 20) * 5 / 4 + 16;
    tool::run("mke2fs", |command| {
        command.args(["-q", "-t", "ext4", "-L", LABEL, "-d"]).arg(staging);
        command.arg(disk).arg(format!("{mebibytes}M"))
    })?;
    fs::remove_dir_all(staging)
}
