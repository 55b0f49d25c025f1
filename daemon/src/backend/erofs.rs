//! EROFS: the kernel serves the tree from metadata that we write and from the medium's own bytes, with nobody of
//! ours in between.

use std::{
    fs::File,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use isomirror_core::{containment::SymlinkPolicy, erofs::Encoded, survey::Survey};
use nix::errno::Errno;

use super::{BackendKind, Capabilities, MountError, MountRequest, block_source, metadata};
use crate::sys::{
    file_system::{DetachedMount, FileSystemContext, FileSystemError},
    loop_device::LoopDevice,
};

/// Writes the metadata and mounts; tells what is out of the ordinary.
pub(super) fn mount(
    request: &MountRequest<'_>,
    survey: &Survey,
    capabilities: &Capabilities,
    state_directory: &Path,
) -> Result<(DetachedMount, Option<String>), MountError> {
    if let Err(reason) = &capabilities.erofs {
        let reason = reason.clone();
        return Err(MountError::Unavailable { backend: BackendKind::Erofs, reason });
    }
    let (path, encoded) = metadata::write(request, survey, state_directory)?;
    let mounted = mount_metadata(request, &path, encoded);
    if mounted.is_err() {
        // The mount's own failure is what matters; a sweep removes what stays behind.
        let _ = metadata::forget(request.key, state_directory);
    }
    mounted.map(|(mounted, detour)| (mounted, remark(encoded, detour)))
}

/// Mounts from files where the kernel can (6.12 and later, on file systems that have pages to map), else from loop
/// devices. Metadata and medium have to be of one kind, so the metadata of a drive lies on a loop device too.
fn mount_metadata(
    request: &MountRequest<'_>,
    path: &Path,
    encoded: Encoded,
) -> Result<(DetachedMount, Option<String>), MountError> {
    let medium = request.medium.file();
    if medium.is_device() {
        return mount_on_devices(request, path, encoded).map(|mounted| (mounted, None));
    }
    match make(request, path, &medium.descriptor_path(), encoded) {
        Ok(mounted) => Ok((mounted, None)),
        Err(error) if error.error_number() == Some(Errno::ENOTBLK as i32) => {
            let mounted = mount_on_devices(request, path, encoded)?;
            let detour = "loop devices are used, for the kernel cannot mount from these files";
            Ok((mounted, Some(detour.to_owned())))
        }
        Err(source) => Err(failed(request, source)),
    }
}

fn mount_on_devices(
    request: &MountRequest<'_>,
    path: &Path,
    encoded: Encoded,
) -> Result<DetachedMount, MountError> {
    let file = File::open(path)
        .map_err(|source| MountError::Metadata { path: path.display().to_string(), source })?;
    // Both are held until the mount is made: then the mount holds them.
    let metadata = LoopDevice::attach(file.as_fd(), &request.key.mark())
        .map_err(|source| MountError::Loop { medium: path.display().to_string(), source })?;
    let medium = block_source::attach(request)?;
    make(request, metadata.path(), medium.path(), encoded).map_err(|source| failed(request, source))
}

fn make(
    request: &MountRequest<'_>,
    metadata: &Path,
    medium: &Path,
    encoded: Encoded,
) -> Result<DetachedMount, FileSystemError> {
    let context = FileSystemContext::open("erofs")?;
    context.set("source", metadata)?;
    for _ in 0..encoded.devices {
        context.set("device", PathBuf::from(medium))?;
    }
    context.set_all(request.options.get("erofs").map_or("", String::as_str))?;
    context.mount(request.symlinks != SymlinkPolicy::Off)
}

fn failed(request: &MountRequest<'_>, source: FileSystemError) -> MountError {
    MountError::FileSystem {
        medium: request.medium.file().path().display().to_string(),
        source: Box::new(source),
    }
}

fn remark(encoded: Encoded, detour: Option<String>) -> Option<String> {
    let mut remarks: Vec<_> = detour.into_iter().collect();
    match encoded.damaged {
        0 => {}
        1 => remarks.push("1 object of the tree is damaged".to_owned()),
        damaged => remarks.push(format!("{damaged} objects of the tree are damaged")),
    }
    (!remarks.is_empty()).then(|| remarks.join("; "))
}
