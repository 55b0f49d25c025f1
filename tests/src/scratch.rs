//! Temporary directories for tests that mount and serve.
//!
//! They lie in `$ISOMIRROR_TEST_TMP`, else `/var/tmp`, and not in `/tmp`, which often is a tmpfs: EROFS metadata
//! cannot lie there. Other users may enter them, since web servers have to.

use std::{env, fs, io, os::unix::fs::PermissionsExt, path::PathBuf};

use tempfile::TempDir;

/// A new directory that anyone may enter; it goes with the value.
pub fn directory() -> io::Result<TempDir> {
    let parent = env::var_os("ISOMIRROR_TEST_TMP").map_or_else(|| "/var/tmp".into(), PathBuf::from);
    let directory = tempfile::Builder::new().prefix("isomirror-test-").tempdir_in(parent)?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    Ok(directory)
}
