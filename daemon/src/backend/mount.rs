//! Mounting by the backend that was chosen, or by the first that can.

use std::path::Path;

use isomirror_core::survey::{Survey, outline};

use super::{
    BackendChoice, BackendKind, Capabilities, MountError, MountRequest, Mounted, UnmountMode,
    erofs, fuse, kernel, metadata,
};
use crate::sys::file_system::DetachedMount;

/// Backends in the order in which `auto` tries them.
const ORDER: [BackendKind; 3] = [BackendKind::Kernel, BackendKind::Erofs, BackendKind::Fuse];

/// Mounts a medium. `state_directory` is where EROFS metadata is kept.
///
/// # Errors
/// [`MountError`] of the backend that was asked for. `auto` gives one only where the directory itself cannot be
/// mounted on, or a failure may pass; a machine that can mount by none gets [`BackendKind::None`] and the reasons.
pub fn mount(
    choice: BackendChoice,
    request: &MountRequest<'_>,
    capabilities: &Capabilities,
    state_directory: &Path,
) -> Result<Mounted, MountError> {
    let kind = match choice {
        BackendChoice::None => return Ok(none(None)),
        BackendChoice::Autofs => return Ok(none(Some("mounted on demand by autofs".to_owned()))),
        BackendChoice::Auto => return automatically(request, capabilities, state_directory),
        BackendChoice::Kernel => BackendKind::Kernel,
        BackendChoice::Erofs => BackendKind::Erofs,
        BackendChoice::Fuse => BackendKind::Fuse,
    };
    let survey = outline(request.medium.image());
    Attempt { request, survey: &survey, capabilities, state_directory }.by(kind)
}

fn none(reason: Option<String>) -> Mounted {
    Mounted { backend: BackendKind::None, reason, session: None }
}

fn automatically(
    request: &MountRequest<'_>,
    capabilities: &Capabilities,
    state_directory: &Path,
) -> Result<Mounted, MountError> {
    let survey = outline(request.medium.image());
    let attempt = Attempt { request, survey: &survey, capabilities, state_directory };
    let mut reasons = Vec::new();
    let mut passing = None;
    for kind in ORDER {
        match attempt.by(kind) {
            Ok(mut mounted) => {
                reasons.extend(mounted.reason.take());
                mounted.reason = (!reasons.is_empty()).then(|| reasons.join("; "));
                return Ok(mounted);
            }
            Err(error) if !error.is_backends() => return Err(error),
            Err(error) => {
                reasons.push(match &error {
                    MountError::Unavailable { backend, reason } => {
                        format!("no {backend}: {reason}")
                    }
                    _ => format!("no {kind}: {}", error.chain()),
                });
                passing = passing.or(error.retryable().then_some(error));
            }
        }
    }
    passing.map_or_else(|| Ok(none(Some(reasons.join("; ")))), Err)
}

struct Attempt<'a> {
    request: &'a MountRequest<'a>,
    survey: &'a Survey,
    capabilities: &'a Capabilities,
    state_directory: &'a Path,
}

impl Attempt<'_> {
    fn by(&self, kind: BackendKind) -> Result<Mounted, MountError> {
        let Self { request, survey, capabilities, state_directory } = *self;
        let (detached, reason) = match kind {
            BackendKind::None => return Ok(none(None)),
            BackendKind::Fuse => return fuse::mount(request, survey, capabilities),
            BackendKind::Kernel => kernel::mount(request, survey, capabilities)?,
            BackendKind::Erofs => erofs::mount(request, survey, capabilities, state_directory)?,
        };
        attach(detached, request).inspect_err(|_| {
            // Metadata of a mount that never was; a sweep removes it where this fails.
            let _ = metadata::forget(request.key, state_directory);
        })?;
        Ok(Mounted { backend: kind, reason, session: None })
    }
}

/// Puts a mount to its place, which is only now opened, so that it is the directory that is there now.
///
/// The kernel mounts what is in a drive, not the medium that was read: a mount whose medium was changed meanwhile is
/// taken away again before anyone is told of it.
pub(super) fn attach(
    detached: DetachedMount,
    request: &MountRequest<'_>,
) -> Result<(), MountError> {
    confirm(request)?;
    let attached =
        request.target.open().and_then(|target| detached.attach(std::os::fd::AsFd::as_fd(&target)));
    attached.map_err(|source| MountError::Target {
        name: request.target.name().to_string_lossy().into_owned(),
        source,
    })?;
    confirm(request).inspect_err(|_| {
        // Nothing else can be mounted there yet: the directory was opened as one without a mount.
        let _ = request.target.unmount(UnmountMode::Detach);
    })
}

/// That the medium is still the one that is asked for.
fn confirm(request: &MountRequest<'_>) -> Result<(), MountError> {
    let file = request.medium.file();
    if file.is_unchanged().unwrap_or(false) {
        return Ok(());
    }
    Err(MountError::Changed { medium: file.path().display().to_string() })
}
