//! Keys and signatures by `GnuPG`.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use isomirror_core::signature::Keys;
use tempfile::TempDir;

use crate::{scratch, tool};

/// When all keys are made.
pub const MADE: &str = "20200101T000000";

/// A `GnuPG` home of its own, in which time stands still.
#[derive(Debug)]
pub struct Gpg {
    home: TempDir,
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let home = self.home.path();
        let _ = tool::run("gpgconf", |gpg| gpg.arg("--homedir").arg(home).args(["--kill", "all"]));
    }
}

impl Gpg {
    /// A new one, that signs `content`.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn signing(content: &[u8]) -> io::Result<Self> {
        let home = scratch::directory()?;
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700))?;
        let gpg = Self { home };
        gpg.take(content)?;
        Ok(gpg)
    }

    /// Signs `content` from now on.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn take(&self, content: &[u8]) -> io::Result<()> {
        fs::write(self.path("list"), content)
    }

    /// Its home.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A file in its home.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs gpg at the moment `at`.
    ///
    /// # Panics
    /// Where gpg fails.
    #[expect(clippy::must_use_candidate, reason = "what it prints matters seldom")]
    pub fn at(&self, at: &str, arguments: &[&str]) -> String {
        tool::run("gpg", |gpg| {
            gpg.arg("--homedir")
                .arg(self.home.path())
                .args(["--batch", "--quiet", "--yes", "--no-tty"]);
            gpg.args(["--pinentry-mode", "loopback", "--passphrase", ""]);
            gpg.arg(format!("--faked-system-time={at}!")).args(arguments)
        })
        .expect("gpg works")
    }

    /// Makes a key and tells its fingerprint.
    ///
    /// # Panics
    /// Where gpg fails.
    #[expect(clippy::must_use_candidate, reason = "some keys are known by their names")]
    pub fn key(&self, name: &str, algorithm: &str, expires: &str) -> String {
        self.at(MADE, &["--quick-gen-key", name, algorithm, "sign,cert", expires]);
        self.fingerprint(name)
    }

    /// Fingerprint of a key.
    ///
    /// # Panics
    /// Where gpg fails.
    #[must_use]
    pub fn fingerprint(&self, name: &str) -> String {
        let listed = self.at(MADE, &["--with-colons", "--list-keys", &format!("={name}")]);
        let line = listed.lines().find(|line| line.starts_with("fpr:")).expect("gpg works");
        line.split(':').nth(9).expect("gpg works").to_owned()
    }

    /// A key as a file.
    ///
    /// # Panics
    /// Where gpg fails.
    #[must_use]
    pub fn export(&self, name: &str) -> Vec<u8> {
        let file = self.path("exported");
        self.at(MADE, &["--output", file.to_str().expect("gpg works"), "--export", name]);
        fs::read(file).expect("gpg works")
    }

    /// A key, trusted.
    ///
    /// # Panics
    /// Where gpg fails.
    #[must_use]
    pub fn keys(&self, name: &str) -> Keys {
        let mut keys = Keys::default();
        assert_eq!(keys.add(&self.export(name)), Ok(1));
        keys
    }

    /// Signs the content by `key`, at `at`, as `options` say.
    ///
    /// # Panics
    /// Where gpg fails.
    #[must_use]
    pub fn sign(&self, key: &str, at: &str, options: &[&str]) -> Vec<u8> {
        let (list, file) = (self.path("list"), self.path("signature"));
        let mut arguments =
            vec!["--local-user", key, "--output", file.to_str().expect("gpg works")];
        arguments.extend(options);
        arguments.push(list.to_str().expect("gpg works"));
        self.at(at, &arguments);
        fs::read(file).expect("gpg works")
    }

    /// Whether gpgv takes `signature` for `content` by the keys in `keyring`.
    ///
    /// # Panics
    /// Where gpg fails.
    #[must_use]
    pub fn gpgv(&self, keyring: &[u8], signature: &[u8], content: &[u8]) -> bool {
        let [ring, file, data] = ["ring", "sig", "data"].map(|name| self.path(name));
        fs::write(&ring, keyring).expect("gpg works");
        fs::write(&file, signature).expect("gpg works");
        fs::write(&data, content).expect("gpg works");
        let home = self.home.path();
        tool::run("gpgv", |gpgv| {
            gpgv.arg("--homedir").arg(home).arg("--keyring").arg(&ring).arg(&file).arg(&data)
        })
        .is_ok()
    }
}
