//! Carries out one step of a plan. Everything here may block for as long as a drive does.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use isomirror_core::{control::MOST_PROCESSES, medium::IdentityKey, name::Name, plan::Step};
use tracing::{debug, warn};

use super::{reconciler::Settings, web_root::WebRoot};
use crate::{
    backend::{
        self, BackendKind, Capabilities, FuseSession, MountError, MountRequest, MountTarget,
        Mounted, UnmountError, UnmountMode, Unmounted,
    },
    logging::Chain,
    open_medium::OpenMedium,
    sys::{
        loop_device,
        mount_users::{MountReference, MountUser, mount_users},
    },
};

/// How long the users of a detached mount are looked for.
const LOOK_FOR_USERS: Duration = Duration::from_millis(500);

/// What steps work with. Shared by all that are under way.
#[derive(Debug)]
pub(super) struct Workshop {
    /// What this machine can do.
    pub(super) capabilities: Capabilities,
    /// Where EROFS metadata lies.
    pub(super) state_directory: PathBuf,
    /// FUSE mounts that this process serves.
    pub(super) sessions: Mutex<BTreeMap<Name, FuseSession>>,
}

/// What a step came to.
#[derive(Debug)]
pub(super) enum Done {
    /// Mounted, how and why so.
    Mounted { backend: BackendKind, reason: Option<String> },
    /// No longer mounted; who was cut off by that.
    Unmounted { cut_off: Vec<MountUser> },
    /// The directory is gone.
    Removed,
    /// Another mount than the planned one is there: nothing was done.
    Overtaken,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// The directory cannot be made.
    #[error("cannot make the directory `{name}` in the web root")]
    Create {
        name: Name,
        #[source]
        source: io::Error,
    },
    /// The directory cannot be removed.
    #[error("cannot remove the directory `{name}` from the web root")]
    Remove {
        name: Name,
        #[source]
        source: io::Error,
    },
    /// The medium cannot be mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// No backend can mount it here.
    #[error("`{name}` cannot be mounted and is served over HTTP alone: {reason}")]
    NoBackend { name: Name, reason: String },
    /// It is still mounted.
    #[error(transparent)]
    Unmount(#[from] UnmountError),
}

impl StepError {
    /// Whether it is readers who are in the way.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Unmount(UnmountError::Busy(_)))
    }

    /// What an operator can do.
    pub(super) fn remedy(&self) -> Option<String> {
        let error = match self {
            Self::Mount(error) => return Some(error.remedy()),
            Self::Create { source, .. } | Self::Remove { source, .. } => source,
            Self::NoBackend { .. } | Self::Unmount(_) => return None,
        };
        let remedy = match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => "remount the web root's file system writable",
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "make room in the web root's file system"
            }
            io::ErrorKind::PermissionDenied => "run as root, or give isomirror the web root",
            _ => "look at the web root",
        };
        Some(remedy.to_owned())
    }
}

impl Workshop {
    /// Carries out `step`; a mount needs its medium.
    pub(super) fn carry_out(
        &self,
        step: &Step,
        web_root: &WebRoot,
        medium: Option<&Arc<OpenMedium>>,
        settings: &Settings,
    ) -> Result<Done, StepError> {
        match step {
            Step::Unmount { name, mount, medium, detach } => {
                let done = self.unmount(web_root, name, *mount, *detach)?;
                if *detach {
                    cut_off(name, *medium);
                }
                if let Err(error) = backend::forget(*medium, &self.state_directory) {
                    debug!(name = %name, error = %Chain(&error), "metadata of a mount is left behind");
                }
                Ok(done)
            }
            Step::RemoveDirectory { name } => web_root
                .remove_directory(name.as_str())
                .map(|()| Done::Removed)
                .map_err(|source| StepError::Remove { name: name.clone(), source }),
            Step::Mount { name, create, .. } => {
                // A medium that left between plan and step: the next plan has no such step.
                let Some(medium) = medium else { return Ok(Done::Overtaken) };
                if *create {
                    web_root
                        .create_directory(name.as_str())
                        .map_err(|source| StepError::Create { name: name.clone(), source })?;
                }
                let mounted = self.mount(web_root, name, medium, settings);
                if mounted.is_err() && *create {
                    // An empty directory would look like an empty medium. If it cannot go, the next plan says so.
                    web_root.remove_directory(name.as_str()).ok();
                }
                mounted
            }
        }
    }

    fn mount(
        &self,
        web_root: &WebRoot,
        name: &Name,
        medium: &Arc<OpenMedium>,
        settings: &Settings,
    ) -> Result<Done, StepError> {
        let request = MountRequest {
            medium,
            target: target(web_root, name),
            symlinks: settings.symlinks,
            options: &settings.options,
            key: medium.file().key(),
        };
        let Mounted { backend, reason, session } =
            backend::mount(settings.backend, &request, &self.capabilities, &self.state_directory)?;
        if backend == BackendKind::None {
            let reason = reason.unwrap_or_else(|| "no backend works here".to_owned());
            return Err(StepError::NoBackend { name: name.clone(), reason });
        }
        if let Some(session) = session {
            self.lock().insert(name.clone(), session);
        }
        Ok(Done::Mounted { backend, reason })
    }

    fn unmount(
        &self,
        web_root: &WebRoot,
        name: &Name,
        mount: u32,
        detach: bool,
    ) -> Result<Done, StepError> {
        let target = target(web_root, name);
        // PID 1 unmounts discs too, and an operator may have mounted something else meanwhile.
        if target.mount_id().is_ok_and(|there| there != u64::from(mount)) {
            return Ok(Done::Overtaken);
        }
        let mode = if detach { UnmountMode::Detach } else { UnmountMode::Orderly };
        // Keeps the number of the mount from being given to another one before its users were looked for.
        let held = if detach { held(&target, mount) } else { None };
        if target.unmount(mode)? == Unmounted::Already {
            return Ok(Done::Overtaken);
        }
        let session = self.lock().remove(name);
        // Ends the thread that serves it; readers of a detached mount get errors from then on.
        drop(session);
        let cut_off = held.map(|(_mount, reference)| {
            mount_users(reference, MOST_PROCESSES, Instant::now() + LOOK_FOR_USERS)
        });
        Ok(Done::Unmounted { cut_off: cut_off.unwrap_or_default() })
    }

    /// Names whose FUSE mounts this process serves.
    pub(super) fn served(&self) -> std::collections::BTreeSet<Name> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, FuseSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends what readers of a detached mount may still do: the next disc's bytes would come to them under this name.
fn cut_off(name: &Name, medium: IdentityKey) {
    let mark = medium.mark();
    if let Err(error) = loop_device::cut_off(|device| device.mark == mark) {
        warn!(name = %name, error = %Chain(&error), "readers of a disc cannot be cut off");
    }
}

/// The mount, open, and how to know its users.
fn held(target: &MountTarget<'_>, mount: u32) -> Option<(OwnedFd, MountReference)> {
    let device = target.device().ok()?;
    let open = target.open_mount().ok()?;
    Some((open, MountReference { mount: u64::from(mount), device }))
}

fn target<'a>(web_root: &'a WebRoot, name: &'a Name) -> MountTarget<'a> {
    MountTarget::new(web_root.as_fd(), OsStr::new(name.as_str()))
        .expect("a name is one path component")
}
