//! `isomirror mount`: an image on a directory, by the same backends as the daemon's. Only FUSE leaves a process
//! behind, which ends with the mount.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use isomirror_core::{image::OpenError, medium::IdentityKey};
use nix::{
    libc::{O_DIRECTORY, O_PATH},
    sys::signal::{SigSet, Signal},
};

use super::umount;
use crate::{
    backend::{
        self, BackendChoice, BackendKind, Capabilities, MountError, MountRequest, MountTarget,
        Mounted, SymlinkPolicy,
    },
    environment::Environment,
    logging::Chain,
    open_medium::OpenMedium,
    sys::medium_file::{MediumFile, OpenMediumError},
};

/// The hidden subcommand by which a FUSE server of its own is started: `isomirror fuse-serve IMAGE DIR`.
pub const SERVER: &str = "fuse-serve";
/// What the server says when it serves; anything else is why it does not.
const SERVING: &[u8] = b"serving\n";
/// Bytes that a server may say.
const MAXIMUM_REPORT: u64 = 4096;

/// Why an image could not be mounted.
#[derive(Debug, thiserror::Error)]
pub enum MountCommandError {
    /// The image cannot be opened.
    #[error(transparent)]
    Medium(#[from] OpenMediumError),
    /// The image cannot be read.
    #[error("cannot read the image `{}`", path.display())]
    Image {
        /// The file or device.
        path: PathBuf,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// Another medium was asked for.
    #[error("`{}` is not the medium that was asked for: it was changed or replaced", .0.display())]
    AnotherMedium(PathBuf),
    /// The directory cannot be used.
    #[error("cannot mount on `{}`", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no directory for EROFS metadata.
    #[error("there is no state directory: set $HOME or $STATE_DIRECTORY")]
    NoStateDirectory,
    /// The backend refused.
    #[error("cannot mount on `{}` ({remedy})", path.display())]
    Backend {
        /// The directory.
        path: PathBuf,
        /// What can be done.
        remedy: String,
        /// Why.
        #[source]
        source: Box<MountError>,
    },
    /// No backend works here, or the one that was asked for does not mount by itself.
    #[error("nothing was mounted: {0}")]
    Nothing(String),
    /// The FUSE server could not be started.
    #[error("cannot start the FUSE server")]
    Start(#[source] io::Error),
    /// The FUSE server could not serve; the text is its own.
    #[error("{0}")]
    Server(String),
}

/// How an image is to be mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// By which backend.
    pub backend: BackendChoice,
    /// What becomes of symbolic links.
    pub symlinks: SymlinkPolicy,
    /// The only medium to be mounted.
    pub key: Option<IdentityKey>,
    /// Where EROFS metadata lies, instead of the environment's state directory.
    pub state_directory: Option<PathBuf>,
    /// Further options by file system type, separated by commas.
    pub further: BTreeMap<String, String>,
}

/// Mounts `image`, a file or a block device, on `directory`.
pub fn run(
    image: &Path,
    directory: &Path,
    options: &MountOptions,
) -> Result<(), MountCommandError> {
    let backend = options.backend;
    let capabilities = Capabilities::probe();
    let server =
        capabilities.fuse.is_ok() && matches!(backend, BackendChoice::Auto | BackendChoice::Fuse);
    if backend == BackendChoice::Fuse && server {
        return start_server(image, directory, options);
    }
    // FUSE would end with this process, so it is left to one that stays.
    let fuse =
        capabilities.fuse.clone().and(Err("it is served by a process of its own".to_owned()));
    let mounted = mount(image, directory, options, &Capabilities { fuse, ..capabilities })?;
    match mounted.backend {
        BackendKind::None if server => start_server(image, directory, options),
        BackendKind::None => Err(MountCommandError::Nothing(
            mounted.reason.unwrap_or_else(|| "it was not asked for".to_owned()),
        )),
        BackendKind::Kernel | BackendKind::Erofs | BackendKind::Fuse => Ok(()),
    }
}

/// Serves `image` on `directory` over FUSE until it is unmounted or this process is told to end. Called in the
/// process that [`run`] starts; tells on standard output how it went.
pub fn serve_fuse(
    image: &Path,
    directory: &Path,
    options: MountOptions,
) -> Result<(), MountCommandError> {
    // Blocked before there are threads, so that no thread dies of them.
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect();
    signals.thread_block().map_err(|error| MountCommandError::Start(error.into()))?;
    let options = MountOptions { backend: BackendChoice::Fuse, ..options };
    let mounted = mount(image, directory, &options, &Capabilities::probe());
    let session = match mounted {
        Ok(Mounted { session: Some(session), .. }) => session,
        Ok(_) => return Err(MountCommandError::Nothing("there is no FUSE server".to_owned())),
        Err(error) => {
            say(Chain(&error).to_string().as_bytes());
            return Err(error);
        }
    };
    // Only now: automount's own processes alone may enter what it is about to mount. A process that leads its session
    // already needs no new one.
    let _ = rustix::process::setsid();
    say(SERVING);
    let directory = directory.to_owned();
    std::thread::spawn(move || {
        if signals.wait().is_ok() {
            // The session ends with the mount; where it cannot be taken away, there is nothing left to try.
            let _ = umount::detach(&directory);
        }
    });
    session.wait();
    Ok(())
}

fn mount(
    image: &Path,
    directory: &Path,
    options: &MountOptions,
    capabilities: &Capabilities,
) -> Result<Mounted, MountCommandError> {
    let medium = open(image, options)?;
    let (parent, name) = split(directory)?;
    let target = MountTarget::new(parent.as_fd(), &name).ok_or_else(|| no_directory(directory))?;
    let state = options.state_directory.clone().or_else(|| Environment::of_process().state());
    let state = state.ok_or(MountCommandError::NoStateDirectory)?;
    let request = MountRequest {
        medium: &medium,
        target,
        symlinks: options.symlinks,
        options: &options.further,
        key: medium.file().key(),
    };
    backend::mount(options.backend, &request, capabilities, &state).map_err(|source| {
        MountCommandError::Backend {
            path: directory.to_owned(),
            remedy: source.remedy(),
            source: Box::new(source),
        }
    })
}

/// Opens `image`, if it is the medium that is meant.
pub(super) fn open(
    image: &Path,
    options: &MountOptions,
) -> Result<Arc<OpenMedium>, MountCommandError> {
    let file = Arc::new(MediumFile::open(image)?);
    if options.key.is_some_and(|key| key != file.key()) {
        return Err(MountCommandError::AnotherMedium(image.to_owned()));
    }
    let failed = |source| MountCommandError::Image { path: image.to_owned(), source };
    Ok(Arc::new(OpenMedium::open(file).map_err(failed)?))
}

/// The directory that holds `directory`, opened, and its name there. `directory` itself is not looked into, for a
/// dead mount cannot be.
pub(super) fn split(directory: &Path) -> Result<(File, std::ffi::OsString), MountCommandError> {
    let failed = |source| MountCommandError::Directory { path: directory.to_owned(), source };
    let parent = match (directory.parent(), directory.file_name()) {
        (Some(parent), Some(_)) if parent.as_os_str().is_empty() => Path::new("."),
        (Some(parent), Some(_)) => parent,
        _ => return Err(no_directory(directory)),
    };
    let flags = O_PATH | O_DIRECTORY;
    let parent = File::options().read(true).custom_flags(flags).open(parent).map_err(failed)?;
    Ok((parent, directory.file_name().unwrap_or_default().to_owned()))
}

fn no_directory(directory: &Path) -> MountCommandError {
    let source = io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a directory");
    MountCommandError::Directory { path: directory.to_owned(), source }
}

/// Starts a process that serves, and waits until it does.
fn start_server(
    image: &Path,
    directory: &Path,
    options: &MountOptions,
) -> Result<(), MountCommandError> {
    let image = std::path::absolute(image).map_err(MountCommandError::Start)?;
    let directory = std::path::absolute(directory).map_err(MountCommandError::Start)?;
    let mut server = Command::new("/proc/self/exe")
        .arg(SERVER)
        .args([&image, &directory])
        .arg(format!("--symlinks={}", options.symlinks.as_str()))
        .args(options.key.map(|key| format!("--key={key}")))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(MountCommandError::Start)?;
    let mut report = Vec::new();
    if let Some(output) = server.stdout.take() {
        output.take(MAXIMUM_REPORT).read_to_end(&mut report).map_err(MountCommandError::Start)?;
    }
    if report == SERVING {
        return Ok(());
    }
    let status = server.wait().map_err(MountCommandError::Start)?;
    let text = String::from_utf8_lossy(&report).trim().to_owned();
    Err(MountCommandError::Server(if text.is_empty() {
        format!("the FUSE server ended with {status}")
    } else {
        text
    }))
}

/// Tells the waiting process, and lets go of standard output, so that it does not wait for more.
fn say(report: &[u8]) {
    let mut output = io::stdout();
    // Nobody may be waiting any more; the mount serves all the same.
    let _ = output.write_all(report).and_then(|()| output.flush());
    if let Ok(null) = File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
    }
}
