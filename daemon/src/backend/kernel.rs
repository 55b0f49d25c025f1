//! The kernel's own ISO 9660 and UDF, over a loop device.

use isomirror_core::{containment::SymlinkPolicy, image::TreeFormat, survey::Survey};

use super::{BackendKind, Capabilities, MountError, MountRequest, block_source};
use crate::sys::{
    file_system::{DetachedMount, FileSystemContext, FileSystemError},
    loop_device::LoopDevice,
};

/// Everything is root's and everybody's to read, as on all backends; names are UTF-8.
const ISO9660_OPTIONS: &str = "iocharset=utf8,mode=0444,dmode=0555,overriderockperm,uid=0,gid=0";
const UDF_OPTIONS: &str = "iocharset=utf8,mode=0444,dmode=0555,uid=0,gid=0";

/// The type of the file system that shows the tree which the reader shows.
fn file_system(request: &MountRequest<'_>) -> (&'static str, &'static str) {
    match request.medium.image().volume().tree {
        TreeFormat::Udf => ("udf", UDF_OPTIONS),
        TreeFormat::Plain | TreeFormat::Enhanced | TreeFormat::Joliet | TreeFormat::RockRidge => {
            ("iso9660", ISO9660_OPTIONS)
        }
    }
}

/// Mounts, and tells why links are not followed where that was not asked for.
pub(super) fn mount(
    request: &MountRequest<'_>,
    survey: &Survey,
    capabilities: &Capabilities,
) -> Result<(DetachedMount, Option<String>), MountError> {
    let (file_system, options) = file_system(request);
    let capability = match file_system {
        "udf" => &capabilities.kernel_udf,
        _ => &capabilities.kernel_iso9660,
    };
    if let Err(reason) = capability {
        let reason = reason.clone();
        return Err(MountError::Unavailable { backend: BackendKind::Kernel, reason });
    }
    if let Some(reason) = unlike(request.medium.image().volume().tree, survey) {
        let reason = reason.to_owned();
        return Err(MountError::Unavailable { backend: BackendKind::Kernel, reason });
    }
    let unfollowed = unfollowed(request.symlinks, survey);
    let follow = request.symlinks != SymlinkPolicy::Off && unfollowed.is_none();
    // Held until the mount is made: then the mount holds the device.
    let source = block_source::attach(request)?;
    let mounted = make(request, file_system, options, &source, follow);
    let mounted = mounted.map_err(|source| MountError::FileSystem {
        medium: request.medium.file().path().display().to_string(),
        source: Box::new(source),
    })?;
    Ok((mounted, unfollowed))
}

fn make(
    request: &MountRequest<'_>,
    file_system: &str,
    options: &str,
    source: &LoopDevice,
    follow: bool,
) -> Result<DetachedMount, FileSystemError> {
    let context = FileSystemContext::open(file_system)?;
    context.set("source", source.path())?;
    context.set_all(options)?;
    context.set_all(request.options.get(file_system).map_or("", String::as_str))?;
    context.mount(follow)
}

/// Why the kernel would show another tree than all other views do.
fn unlike(tree: TreeFormat, survey: &Survey) -> Option<&'static str> {
    match tree {
        TreeFormat::Enhanced => Some("the kernel does not read the names of ISO 9660:1999"),
        _ if survey.beyond_linux => Some("the kernel would show files of zisofs 2 as compressed"),
        _ => None,
    }
}

/// Why the kernel, which shows the tree as it is, must not follow this tree's links under the policy `Contained`.
fn unfollowed(policy: SymlinkPolicy, survey: &Survey) -> Option<String> {
    let cause = match policy {
        SymlinkPolicy::Contained if !survey.escaping.is_empty() => "some lead out of the tree",
        SymlinkPolicy::Contained if survey.reached_twice => "a directory is reached by two paths",
        SymlinkPolicy::Contained if !survey.complete => "the tree is too large to be searched",
        SymlinkPolicy::Contained | SymlinkPolicy::Off | SymlinkPolicy::Follow => return None,
    };
    Some(format!("symbolic links are not followed, for {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use isomirror_core::image::NodeId;

    #[test]
    fn a_tree_that_the_kernel_would_show_otherwise_is_not_left_to_it() {
        let sound = Survey::default();
        let compressed = Survey { beyond_linux: true, ..Survey::default() };
        assert!(unlike(TreeFormat::Enhanced, &sound).is_some());
        assert!(unlike(TreeFormat::RockRidge, &compressed).is_some());
        assert_eq!(unlike(TreeFormat::RockRidge, &sound), None);
    }

    #[test]
    fn links_are_not_followed_where_they_may_leave_the_tree() {
        let sound = Survey { complete: true, ..Survey::default() };
        let escaping = Survey { escaping: [NodeId(1)].into(), ..sound.clone() };
        let twice = Survey { reached_twice: true, ..sound.clone() };
        let large = Survey { complete: false, ..sound.clone() };
        for (policy, survey, expected) in [
            (SymlinkPolicy::Contained, &sound, false),
            (SymlinkPolicy::Contained, &escaping, true),
            (SymlinkPolicy::Contained, &twice, true),
            (SymlinkPolicy::Contained, &large, true),
            (SymlinkPolicy::Follow, &escaping, false),
        ] {
            assert_eq!(unfollowed(policy, survey).is_some(), expected, "{policy:?} {survey:?}");
        }
    }
}
