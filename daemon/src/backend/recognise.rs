//! Which medium a mount shows, told by what the mount table says of it alone.

use std::{ffi::OsStr, path::Path};

use isomirror_core::medium::IdentityKey;

use super::metadata;
use crate::sys::loop_device;

/// The medium that a mount shows, by its file system type, source (unescaped) and device number (major and minor)
/// in `/proc/self/mountinfo`. `None` where it is not ours.
#[must_use]
pub fn recognise(
    file_system: &str,
    source: &OsStr,
    device: (u32, u32),
    state_directory: &Path,
) -> Option<IdentityKey> {
    match file_system {
        "fuse.isomirror" => IdentityKey::of_mark(source.to_str()?),
        "erofs" | "iso9660" | "udf" if device.0 == loop_device::MAJOR => {
            IdentityKey::of_mark(&loop_device::mark(device.1)?)
        }
        "erofs" => metadata::key_of(state_directory, Path::new(source)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_tell_their_medium_by_type_and_source() {
        let text = "0123456789abcdef0123456789abcdef";
        let key: IdentityKey = text.parse().unwrap();
        let state = Path::new("/var/lib/isomirror");
        let found = |file_system, source: String| {
            recognise(file_system, OsStr::new(&source), (0, 40), state)
        };
        assert_eq!(found("fuse.isomirror", key.mark()), Some(key));
        assert_eq!(found("erofs", format!("/var/lib/isomirror/erofs/{text}.erofs")), Some(key));
        for (file_system, source) in [
            ("fuse", key.mark()),
            ("fuse.isomirror", text.to_owned()),
            ("fuse.isomirror", format!("isomirror:{text}0")),
            ("erofs", format!("/tmp/erofs/{text}.erofs")),
            ("erofs", format!("/var/lib/isomirror/erofs/{text}.partial")),
            ("erofs", "/var/lib/isomirror/erofs/other.erofs".to_owned()),
            ("iso9660", "/dev/sr0".to_owned()),
            ("ext4", key.mark()),
        ] {
            assert_eq!(found(file_system, source.clone()), None, "{file_system} {source}");
        }
    }
}
