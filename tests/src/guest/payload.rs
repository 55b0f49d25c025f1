//! Files that a guest finds below `/payload`: a read-only disk, made for one boot.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{packages, tool};

/// Label by which the guest finds the disk.
pub(super) const LABEL: &str = "payload";

/// One file of the payload.
#[derive(Clone, Debug)]
pub struct PayloadFile {
    from: Source,
    /// Its path below `/payload`.
    to: PathBuf,
}

/// Where something of the payload comes from.
#[derive(Clone, Debug)]
enum Source {
    /// A file.
    File(PathBuf),
    /// What `packaging/install.sh` installs.
    Installation,
}

impl PayloadFile {
    /// The file `from`, as `to` below `/payload`.
    pub fn new(from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        Self { from: Source::File(from.into()), to: to.into() }
    }

    /// All that is installed, as a tree below the directory `to`.
    pub fn installation(to: impl Into<PathBuf>) -> Self {
        Self { from: Source::Installation, to: to.into() }
    }

    /// Puts it below `staging`, and tells its bytes.
    fn stage(&self, staging: &Path) -> io::Result<u64> {
        let to = staging.join(&self.to);
        fs::create_dir_all(to.parent().unwrap_or(staging))?;
        match &self.from {
            Source::File(from) => fs::copy(from, &to)
                .map_err(|error| io::Error::other(format!("`{}`: {error}", from.display()))),
            Source::Installation => {
                packages::install(&to)?;
                let said =
                    tool::run("du", |du| du.args(["--summarize", "--block-size=1"]).arg(&to))?;
                let bytes = said.split_whitespace().next().unwrap_or_default();
                bytes.parse().map_err(io::Error::other)
            }
        }
    }
}

/// Makes the disk at `disk`; `staging` is a directory that does not exist yet.
pub(super) fn make(files: &[PayloadFile], staging: &Path, disk: &Path) -> io::Result<()> {
    fs::create_dir(staging)?;
    let mut bytes = 0;
    for file in files {
        bytes += file.stage(staging)?;
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
