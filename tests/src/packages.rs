//! The packages, made of the programs under test by the scripts that make those that are released.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{binaries, tool};

/// The checkout.
#[must_use]
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// Installs all files below `destination`, as packages do. The programs are without what is for debuggers only: guests
/// copy them slowly.
///
/// # Errors
/// Where the programs are not built, or a tool fails.
pub fn install(destination: &Path) -> io::Result<()> {
    let destdir = format!("DESTDIR={}", destination.display());
    let programs = format!("BINARIES={}", programs()?.display());
    let script = checkout().join("packaging/install.sh");
    tool::run(&script.to_string_lossy(), |install| install.args([destdir, programs]))?;
    tool::run("strip", |strip| {
        strip.arg("--strip-debug").args(
            ["usr/bin/isomirrord", "usr/bin/isomirror"].map(|program| destination.join(program)),
        )
    })
    .map(drop)
}

/// Builds the Debian package of this revision into `output`.
///
/// # Errors
/// As [`install`].
pub fn deb(output: &Path, revision: u32) -> io::Result<PathBuf> {
    let printed = build("build-deb.sh", &["--revision", &revision.to_string()], output)?;
    only(&printed, output)
}

/// Builds the RPM package of this release into `output`.
///
/// # Errors
/// As [`install`].
pub fn rpm(output: &Path, release: u32) -> io::Result<PathBuf> {
    let printed = build("build-rpm.sh", &["--release", &release.to_string()], output)?;
    only(&printed, output)
}

/// Builds the RPM packages into `output`, that of the module for `SELinux` too.
///
/// # Errors
/// As [`install`].
pub fn rpms_with_selinux(output: &Path) -> io::Result<Vec<PathBuf>> {
    let printed = build("build-rpm.sh", &["--selinux"], output)?;
    Ok(printed.lines().map(PathBuf::from).collect())
}

fn build(script: &str, options: &[&str], output: &Path) -> io::Result<String> {
    fs::create_dir_all(output)?;
    let programs = programs()?;
    let script = checkout().join("packaging").join(script);
    tool::run(&script.to_string_lossy(), |build| {
        build.args(["--fast", "--binaries"]).arg(&programs).args(options).arg(output)
    })
}

fn only(printed: &str, output: &Path) -> io::Result<PathBuf> {
    let mut lines = printed.lines();
    match (lines.next(), lines.next()) {
        (Some(package), None) => Ok(PathBuf::from(package)),
        _ => Err(io::Error::other(format!("not one package in `{}`: {printed}", output.display()))),
    }
}

/// The directory of the programs under test.
fn programs() -> io::Result<PathBuf> {
    binaries::path("isomirror")?;
    let daemon = binaries::path("isomirrord")?;
    Ok(daemon.parent().unwrap_or(Path::new("/")).to_owned())
}
