//! The guests' system: a small Debian with systemd and udev, made once and kept outside the checkout.
//!
//! It is made from the packages that this machine's own apt would use, so it can be made wherever apt works, and
//! kept below `$ISOMIRROR_TEST_CACHE` (else the user's cache) under a hash of its recipe: a changed recipe makes
//! another image, and boots never write to one.

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::recipe;
use crate::tool;

/// What is needed to boot a guest.
#[derive(Clone, Debug)]
pub struct System {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initial RAM disk that finds the root disk.
    pub initrd: PathBuf,
    /// The root disk: a raw image of one ext4 file system.
    pub root: PathBuf,
}

impl System {
    /// The image of the present recipe, made now if it is not there: one to two minutes.
    pub fn obtain() -> io::Result<Self> {
        let cache = cache_directory();
        fs::create_dir_all(&cache)?;
        let suite = suite(&fs::read_to_string("/etc/os-release").unwrap_or_default());
        let directory = cache.join(format!("guest-{}", recipe_hash(suite)));
        // Two test processes must not make it twice; the lock goes with the file.
        let lock = File::create(cache.join("guest.lock"))?;
        lock.lock()?;
        if !directory.is_dir() {
            make(suite, &cache, &directory)?;
        }
        Ok(Self::within(&directory))
    }

    fn within(directory: &Path) -> Self {
        Self {
            kernel: directory.join("kernel"),
            initrd: directory.join("initrd"),
            root: directory.join("root.ext4"),
        }
    }
}

/// Where what tests keep between runs lies.
fn cache_directory() -> PathBuf {
    let below = |variable: &str, path: &str| {
        env::var_os(variable).filter(|v| !v.is_empty()).map(|v| PathBuf::from(v).join(path))
    };
    below("ISOMIRROR_TEST_CACHE", "")
        .or_else(|| below("XDG_CACHE_HOME", "isomirror-tests"))
        .or_else(|| below("HOME", ".cache/isomirror-tests"))
        .unwrap_or_else(|| PathBuf::from("/var/tmp/isomirror-tests"))
}

/// The Debian release of the guest: that of the host where it is one, since the daemon built here needs a C library
/// that is at least as new as the host's.
fn suite(os_release: &str) -> &'static str {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    match (value("ID").as_str(), value("VERSION_CODENAME").as_str()) {
        ("debian", "trixie") => "trixie",
        ("debian", "forky") => "forky",
        _ => "bookworm",
    }
}

fn recipe_hash(suite: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(suite);
    hash.update(recipe::PACKAGES.join(","));
    hash.update(recipe::SETUP_HOOK);
    hash.update(recipe::ROOT_SIZE);
    for (path, text, mode) in recipe::FILES {
        hash.update(format!("{path} {mode:o}\n{text}"));
    }
    for (path, target) in recipe::LINKS {
        hash.update(format!("{path} -> {target}\n"));
    }
    hash.finalize().iter().take(6).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn make(suite: &str, cache: &Path, directory: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(io::Error::other("only root can make the guest's system"));
    }
    let building = cache.join("guest-building");
    if building.exists() {
        fs::remove_dir_all(&building)?;
    }
    fs::create_dir(&building)?;
    let root = building.join("root");
    bootstrap(suite, &root)?;
    recipe::install(&root)?;
    let finished = System::within(&building);
    copy_only("vmlinuz-", &root.join("boot"), &finished.kernel)?;
    copy_only("initrd.img-", &root.join("boot"), &finished.initrd)?;
    tool::run("mke2fs", |command| {
        command.args(["-q", "-t", "ext4", "-L", "guest", "-d"]).arg(&root);
        command.arg(&finished.root).arg(recipe::ROOT_SIZE)
    })?;
    fs::remove_dir_all(&root)?;
    fs::rename(&building, directory)
}

fn bootstrap(suite: &str, root: &Path) -> io::Result<()> {
    let sources = apt_sources(suite);
    tool::run_with_input("mmdebstrap", &sources, |command| {
        command.args(["--variant=minbase", "--format=directory", "--quiet"]);
        command.arg(format!("--include={}", recipe::PACKAGES.join(",")));
        command.arg(format!("--setup-hook={}", recipe::SETUP_HOOK));
        command.args([
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/man/*",
        ]);
        command.arg("--dpkgopt=path-exclude=/usr/share/locale/*");
        command.arg(suite).arg(root).arg("-")
    })
    .map(drop)
}

/// Debian's own repositories for `suite` as this machine's apt knows them, else the public ones.
fn apt_sources(suite: &str) -> String {
    let format = "$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)";
    let targets = tool::run("apt-get", |command| {
        command.args(["indextargets", "--format", format, "Created-By: Packages"])
    });
    let known = debian_lines(&targets.unwrap_or_default(), suite);
    if known.is_empty() {
        format!("deb http://deb.debian.org/debian {suite} main\n")
    } else {
        known
    }
}

fn debian_lines(targets: &str, suite: &str) -> String {
    let mut lines = String::new();
    for target in targets.lines() {
        let fields: Vec<_> = target.split(' ').collect();
        let [origin, uri, release, component @ "main"] = fields[..] else { continue };
        let of_suite = release
            .strip_prefix(suite)
            .is_some_and(|rest| matches!(rest, "" | "-updates" | "-security"));
        if origin == "Debian" && of_suite {
            let _ = writeln!(lines, "deb {uri} {release} {component}");
        }
    }
    lines
}

/// Copies the one file whose name begins with `prefix`.
fn copy_only(prefix: &str, from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            return fs::copy(entry.path(), to).map(drop);
        }
    }
    Err(io::Error::other(format!("no `{prefix}*` in `{}`", from.display())))
}

#[cfg(test)]
mod tests {
    use super::{super::payload, *};

    #[test]
    fn the_guest_is_as_new_as_a_debian_host_and_bookworm_elsewhere() {
        for (os_release, expected) in [
            ("ID=debian\nVERSION_CODENAME=bookworm\n", "bookworm"),
            ("VERSION_CODENAME=\"trixie\"\nID=debian\n", "trixie"),
            ("ID=ubuntu\nVERSION_CODENAME=noble\n", "bookworm"),
            ("", "bookworm"),
        ] {
            assert_eq!(suite(os_release), expected, "{os_release}");
        }
    }

    #[test]
    fn only_debian_repositories_of_the_suite_are_used() {
        let targets = "Debian http://a/debian/ bookworm main\n\
                       Debian http://a/debian/ bookworm-backports main\n\
                       Debian http://a/debian/ bookworm contrib\n\
                       Debian http://a/security/ bookworm-security main\n\
                       cloud http://b/ bookworm main\n";
        assert_eq!(
            debian_lines(targets, "bookworm"),
            "deb http://a/debian/ bookworm main\ndeb http://a/security/ bookworm-security main\n"
        );
        assert_eq!(debian_lines(targets, "trixie"), "");
    }

    #[test]
    fn the_payload_disk_is_mounted_by_its_label() {
        let fstab = recipe::FILES.iter().find(|(path, ..)| *path == "etc/fstab").unwrap().1;
        assert!(fstab.contains(&format!("LABEL={} /payload", payload::LABEL)));
    }
}
