//! `mount.isomirror`: what mount(8) starts for `mount -t isomirror IMAGE DIR`, and so what fstab and autofs mount
//! through. The same as `isomirror mount`, with the arguments and exit codes of mount(8)'s helpers.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{CommandFactory, Parser};
use isomirror_core::backend_choice::BackendChoice;

use super::{
    escape::sanitised,
    mount::{self, MountCommandError, MountOptions},
};
use crate::logging::Chain;

/// The name by which `isomirror` is this helper.
pub(super) const PROGRAM: &str = "mount.isomirror";

/// Exit code for wrong usage, as mount(8) has it.
const WRONG_USAGE: u8 = 1;
/// Exit code for a mount that failed, as mount(8) has it.
const MOUNT_FAILED: u8 = 32;

const EXAMPLES: &str = "\
Examples:
  mount -t isomirror debian.iso /mnt
  mount -t isomirror -o backend=fuse,symlinks=off /dev/sr0 /mnt

Options (-o), separated by commas:
  backend=B        auto, kernel, erofs or fuse
  symlinks=S       contained (the default), off or follow
  key=K            mount nothing but the medium with this identity, 32 hexadecimal digits
  state=DIR        where EROFS metadata lies, instead of /var/lib/isomirror
  TYPE.OPTION      a further option for the file system type iso9660, udf or erofs
Media are always mounted ro,nosuid,nodev,noexec, whatever else is asked for.

Exit codes: 0 done, 1 wrong usage, 32 failed.";

/// Mounts install media; started by mount(8).
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version, after_help = EXAMPLES, max_term_width = 100)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that mount(8) hands over")]
struct Arguments {
    /// Image file or device.
    source: PathBuf,
    /// An existing, empty directory.
    directory: PathBuf,
    /// Options.
    #[arg(short = 'o', value_name = "OPTIONS")]
    options: Vec<OsString>,
    /// Tolerate unknown options.
    #[arg(short = 's')]
    sloppy: bool,
    /// Check everything and mount nothing.
    #[arg(short = 'f')]
    fake: bool,
    /// Taken for mount(8)'s sake: there is no mtab.
    #[arg(short = 'n')]
    no_mtab: bool,
    /// Taken for mount(8)'s sake.
    #[arg(short = 'v')]
    verbose: bool,
    /// Taken for mount(8)'s sake.
    #[arg(short = 't', value_name = "TYPE")]
    file_system: Option<OsString>,
}

/// Options that cannot be followed.
#[derive(Debug, thiserror::Error)]
enum OptionError {
    /// Nobody knows it.
    #[error("there is no option `{0}`")]
    Unknown(String),
    /// Its value is none.
    #[error("the option `{option}` cannot be `{value}`: use {wanted}")]
    Value { option: &'static str, value: String, wanted: &'static str },
    /// A read-only mount has nothing to be changed.
    #[error("isomirror mounts cannot be remounted")]
    Remount,
}

/// Whether `program`, the first argument of a process, names this helper.
pub(super) fn is_meant(program: &OsStr) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == PROGRAM)
}

/// Its command line.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// What `mount.isomirror` does.
pub(super) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // There is nobody left to tell that the output is gone.
            let _ = error.print();
            return if error.use_stderr() { WRONG_USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    let options = match read(&arguments.options, arguments.sloppy) {
        Ok(options) => options,
        Err(error) => return fail(&Chain(&error).to_string(), WRONG_USAGE),
    };
    match run(&arguments, &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&Chain(&error).to_string(), MOUNT_FAILED),
    }
}

fn run(arguments: &Arguments, options: &MountOptions) -> Result<(), Box<MountCommandError>> {
    let done = if arguments.fake {
        mount::open(&arguments.source, options).map(drop)
    } else {
        mount::run(&arguments.source, &arguments.directory, options)
    };
    done.map_err(Box::new)
}

fn fail(text: &str, code: u8) -> ExitCode {
    // There is nobody left to tell that standard error is gone.
    let _ = writeln!(io::stderr(), "{PROGRAM}: {}", sanitised(text));
    code.into()
}

/// Reads options as mount(8) hands them over: its own are there too, and `rw` wherever nobody said `ro`.
fn read(texts: &[OsString], sloppy: bool) -> Result<MountOptions, OptionError> {
    let mut options = MountOptions::default();
    for option in texts.iter().flat_map(|text| text.as_bytes().split(|byte| *byte == b',')) {
        let (name, value) = match option.iter().position(|byte| *byte == b'=') {
            Some(at) => (&option[..at], Some(&option[at + 1..])),
            None => (option, None),
        };
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        match (name, value) {
            (b"backend", Some(value)) => {
                let wanted = "auto, kernel, erofs or fuse";
                options.backend = word("backend", value, wanted, |word| {
                    let backend: Option<BackendChoice> = word.parse().ok();
                    backend.filter(|it| !matches!(it, BackendChoice::Autofs | BackendChoice::None))
                })?;
            }
            (b"symlinks", Some(value)) => {
                let wanted = "contained, off or follow";
                options.symlinks = word("symlinks", value, wanted, |word| word.parse().ok())?;
            }
            (b"key", Some(value)) => {
                let key = word("key", value, "32 hexadecimal digits", |key| key.parse().ok());
                options.key = Some(key?);
            }
            (b"state", Some(value)) => {
                options.state_directory = Some(OsString::from_vec(value.to_vec()).into());
            }
            (b"remount", None) => return Err(OptionError::Remount),
            _ if further(option, &mut options.further) || is_mounts_own(name) || sloppy => {}
            _ => return Err(OptionError::Unknown(text(option))),
        }
    }
    Ok(options)
}

fn word<T>(
    option: &'static str,
    value: &[u8],
    wanted: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, OptionError> {
    let value = String::from_utf8_lossy(value).into_owned();
    read(&value).ok_or(OptionError::Value { option, value, wanted })
}

/// Takes in an option for one file system type, as `udf.uid=33`.
fn further(option: &[u8], further: &mut BTreeMap<String, String>) -> bool {
    let Some((kind, option)) = str::from_utf8(option).ok().and_then(|text| text.split_once('.'))
    else {
        return false;
    };
    if !matches!(kind, "iso9660" | "udf" | "erofs") || option.is_empty() {
        return false;
    }
    let options = further.entry(kind.to_owned()).or_default();
    if !options.is_empty() {
        options.push(',');
    }
    options.push_str(option);
    true
}

/// Options that mount(8) acts on itself, or that ask for what is the case or cannot be.
fn is_mounts_own(name: &[u8]) -> bool {
    const OWN: &[&str] = &[
        "",
        "ro",
        "rw",
        "defaults",
        "suid",
        "nosuid",
        "dev",
        "nodev",
        "exec",
        "noexec",
        "auto",
        "noauto",
        "user",
        "nouser",
        "users",
        "nousers",
        "owner",
        "noowner",
        "group",
        "nogroup",
        "_netdev",
        "nofail",
        "sync",
        "async",
        "dirsync",
        "atime",
        "noatime",
        "diratime",
        "nodiratime",
        "relatime",
        "norelatime",
        "strictatime",
        "nostrictatime",
        "lazytime",
        "nolazytime",
        "mand",
        "nomand",
        "silent",
        "loud",
        "iversion",
        "noiversion",
        "symfollow",
        "nosymfollow",
        "comment",
        "uhelper",
        "helper",
    ];
    let Ok(name) = str::from_utf8(name) else { return false };
    OWN.contains(&name) || name.starts_with("x-") || name.starts_with("X-")
}

#[cfg(test)]
mod tests {
    use isomirror_core::{containment::SymlinkPolicy, medium::IdentityKey};

    use super::*;

    fn options(text: &str) -> Result<MountOptions, String> {
        read(&[text.into()], false).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
        let words = [PROGRAM, "/a", "/b", "-o", "rw,x-y", "-sfnv", "-t", "isomirror.x"];
        let arguments = Arguments::try_parse_from(words).unwrap();
        assert!(arguments.sloppy && arguments.fake && arguments.no_mtab && arguments.verbose);
    }

    #[test]
    fn options_are_understood_as_mount_hands_them_over() {
        let key = "0123456789abcdef0123456789abcdef";
        let text =
            format!("ro,nosuid,key={key},backend=erofs,symlinks=off,udf.uid=33,udf.gid=4,state=/s");
        let found = options(&text).unwrap();
        assert_eq!(found.key, key.parse::<IdentityKey>().ok());
        assert_eq!((found.backend, found.symlinks), (BackendChoice::Erofs, SymlinkPolicy::Off));
        assert_eq!(found.further["udf"], "uid=33,gid=4");
        assert_eq!(found.state_directory.as_deref(), Some(Path::new("/s")));
        for text in ["rw", "defaults", "rw,user,exec,x-systemd.automount", "", "uhelper=x"] {
            assert_eq!(options(text).unwrap(), MountOptions::default(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        for (text, says) in [
            ("bogus", "there is no option `bogus`"),
            ("iso9660.", "there is no option `iso9660.`"),
            (
                "backend=autofs",
                "the option `backend` cannot be `autofs`: use auto, kernel, erofs or fuse",
            ),
            ("symlinks=all", "the option `symlinks` cannot be `all`: use contained, off or follow"),
            ("key=1", "the option `key` cannot be `1`: use 32 hexadecimal digits"),
            ("ro,remount", "isomirror mounts cannot be remounted"),
        ] {
            assert_eq!(options(text).unwrap_err(), says);
        }
        assert_eq!(read(&["bogus".into()], true).unwrap(), MountOptions::default());
    }

    #[test]
    fn only_its_own_name_makes_it_the_helper() {
        for (program, meant) in [
            ("mount.isomirror", true),
            ("/sbin/mount.isomirror", true),
            ("isomirror", false),
            ("", false),
        ] {
            assert_eq!(is_meant(OsStr::new(program)), meant, "{program}");
        }
    }
}
