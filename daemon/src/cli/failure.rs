//! How commands fail: what is said, and the exit code.

use std::{
    error::Error,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use isomirror_core::image::{OpenError, ReadError};
use nix::errno::Errno;

use super::{
    escape::sanitised, mount::MountCommandError, umount::UmountCommandError,
    umount_all::UmountAllError,
};
use crate::{
    app::RunError, control::AskError, keeper::KeeperError, logging::Chain, settings::SettingsError,
    verify::VerifyError,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// An image file or device cannot be opened.
    #[error("cannot open `{}`", path.display())]
    Open {
        /// The file or device.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something that is opened as an image cannot be one.
    #[error("`{}` is neither a file nor a block device", .0.display())]
    NotAFile(PathBuf),
    /// What was opened is not an image that can be read.
    #[error("cannot read the image `{}`", path.display())]
    Image {
        /// The file or device.
        path: PathBuf,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// Something in an image cannot be read.
    #[error("cannot read `{object}` in `{}`", image.display())]
    Object {
        /// The file or device.
        image: PathBuf,
        /// Path in the image, escaped.
        object: String,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// An image has nothing at a path.
    #[error("there is no `{object}` in `{}`", image.display())]
    Missing {
        /// The file or device.
        image: PathBuf,
        /// Path in the image, escaped.
        object: String,
    },
    /// A path leads out of the image by a symbolic link.
    #[error("`{object}` leads out of `{}` by a symbolic link", image.display())]
    Outside {
        /// The file or device.
        image: PathBuf,
        /// Path in the image, escaped.
        object: String,
    },
    /// What a path names is not what the command works on.
    #[error("`{object}` in `{}` is not a regular file", image.display())]
    NotARegularFile {
        /// The file or device.
        image: PathBuf,
        /// Path in the image, escaped.
        object: String,
    },
    /// Some entries of a directory could not be shown.
    #[error("{count} entries of `{object}` in `{}` are damaged", image.display())]
    Damaged {
        /// Number of entries.
        count: u64,
        /// The file or device.
        image: PathBuf,
        /// Path in the image, escaped.
        object: String,
    },
    /// There is no daemon to ask.
    #[error(
        "isomirrord is not running: start it with `systemctl start isomirrord`, or by hand with `isomirrord --images DIR`"
    )]
    NotRunning,
    /// Something of this host keeps media from being published.
    #[error("{0} failing: what to do stands below each")]
    Unhealthy(usize),
    /// The daemon cannot be asked.
    #[error(transparent)]
    Ask(#[from] Box<AskError>),
    /// The daemon cannot do what it was asked for.
    #[error("{error}: {remedy}")]
    Refused {
        /// What is wrong.
        error: String,
        /// What to do.
        remedy: String,
    },
    /// Readers of a disc that is gone go on.
    #[error("cannot cut off the readers of discs that were in `{}`", device.display())]
    CutOff {
        /// The drive.
        device: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The state document cannot be read.
    #[error("cannot read the state document `{}`", path.display())]
    State {
        /// The document.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The state document is not one, or one of another version.
    #[error("the state document `{}` is not of version {}", path.display(), isomirror_core::state::SCHEMA)]
    StateFormat {
        /// The document.
        path: PathBuf,
        /// What does not fit, where it could not be read at all.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// Nothing is published under a name.
    #[error("there is neither a file nor a published medium `{0}`")]
    NotPublished(String),
    /// What is needed to verify cannot be read.
    #[error(transparent)]
    Verify(#[from] Box<VerifyError>),
    /// Something speaks against what was verified.
    #[error("verification failed")]
    VerificationFailed,
    /// Some of what was to be verified could not be read.
    #[error("not everything could be read")]
    NotAllRead,
    /// Nothing that can be checked speaks about what was to be verified.
    #[error("nothing was verified: nothing that can be checked speaks about it")]
    NothingToCompare,
    /// `mount`.
    #[error(transparent)]
    Mount(#[from] Box<MountCommandError>),
    /// `umount`.
    #[error(transparent)]
    Umount(#[from] Box<UmountCommandError>),
    /// `umount --all`.
    #[error(transparent)]
    UmountAll(UmountAllError),
    /// The configuration.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The catalog has errors.
    #[error("{}", .0.join("\n"))]
    Catalog(Vec<String>),
    /// The catalog has no such entry.
    #[error("there is no `{id}` in the catalog{}", meant.as_ref().map(|meant| format!(": did you mean `{meant}`?")).unwrap_or_default())]
    NoEntry {
        /// What was asked for.
        id: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// Nothing was named, and nothing is wanted.
    #[error(
        "nothing is wanted: name entries of `isomirror catalog list`, or list them in `fetch.want`"
    )]
    NothingWanted,
    /// Nothing can be fetched at all.
    #[error(transparent)]
    Keeper(#[from] Box<KeeperError>),
    /// Not all entries are current.
    #[error("{failed} of {all} are not current")]
    NotCurrent {
        /// How many are not.
        failed: usize,
        /// How many there are.
        all: usize,
        /// Whether something speaks against what was offered.
        refused: bool,
    },
    /// Not of all entries something is offered that may be taken.
    #[error("nothing is to be had of {failed} of {all}")]
    NotOffered {
        /// Of how many not.
        failed: usize,
        /// How many there are.
        all: usize,
        /// Whether something speaks against what is offered.
        refused: bool,
    },
    /// The operating system refuses something basic.
    #[error("cannot set up {what}")]
    System {
        /// What was to be set up.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The daemon cannot start.
    #[error(transparent)]
    Start(#[from] RunError),
    /// The configuration cannot be written as YAML.
    #[error("cannot write the configuration as YAML")]
    Render(#[source] Box<dyn Error + Send + Sync>),
    /// Standard output.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl From<UmountAllError> for CommandError {
    fn from(error: UmountAllError) -> Self {
        match error {
            UmountAllError::Settings(error) => Self::Settings(error),
            error => Self::UmountAll(error),
        }
    }
}

impl CommandError {
    /// Whether whoever read our output has had enough of it. That is an end, not a failure.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Says on standard error why `program` failed, and tells the exit code.
#[must_use]
pub fn report(program: &str, error: &CommandError) -> ExitCode {
    if error.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    let text = match error {
        CommandError::Settings(SettingsError::Invalid(problems)) => {
            lines(problems.iter().map(ToString::to_string))
        }
        CommandError::Catalog(problems) => lines(problems.iter().map(ToString::to_string)),
        error => format!("{program}: {}\n", Chain(error)),
    };
    // There is nobody left to tell that standard error is gone.
    let _ = io::stderr().write_all(sanitised(&text).as_bytes());
    ExitCode::from(exit_code(error))
}

/// A text of whole lines.
fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
}

/// 3 where nothing could be verified, 4 where something is not what it should be, 77 where the kernel did not permit it, 78 for a configuration with errors, else 1.
#[must_use]
pub fn exit_code(error: &CommandError) -> u8 {
    match error {
        CommandError::Catalog(_)
        | CommandError::Settings(
            SettingsError::Invalid(_)
            | SettingsError::WebRoot(_)
            | SettingsError::Variables(_)
            | SettingsError::NoPlace { .. },
        ) => 78,
        CommandError::VerificationFailed
        | CommandError::NotCurrent { refused: true, .. }
        | CommandError::NotOffered { refused: true, .. } => 4,
        CommandError::NothingWanted => 2,
        CommandError::NothingToCompare => 3,
        error if is_not_permitted(error) => 77,
        CommandError::Settings(SettingsError::Read { .. }) => 78,
        _ => 1,
    }
}

/// Whether `EACCES` or `EPERM` is somewhere among the causes.
pub(crate) fn is_not_permitted(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        let errno = error.downcast_ref::<Errno>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
            || errno.is_some_and(|errno| matches!(errno, Errno::EACCES | Errno::EPERM))
        {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_what_kind_of_failure_it_was() {
        let open = |errno| CommandError::Open {
            path: "/x".into(),
            source: io::Error::from_raw_os_error(errno as i32),
        };
        let read = |errno| {
            let source = io::Error::from_raw_os_error(errno as i32);
            CommandError::Settings(SettingsError::Read { path: "/x".into(), source })
        };
        let invalid = SettingsError::Invalid(Vec::new());
        for (error, code) in [
            (open(Errno::ENOENT), 1),
            (open(Errno::EACCES), 77),
            (open(Errno::EPERM), 77),
            (read(Errno::ENOENT), 78),
            (read(Errno::EACCES), 77),
            (CommandError::Settings(invalid), 78),
            (CommandError::NotRunning, 1),
            (CommandError::NothingToCompare, 3),
            (CommandError::VerificationFailed, 4),
            (CommandError::NotAllRead, 1),
        ] {
            assert_eq!(exit_code(&error), code, "{error}");
        }
    }
}
