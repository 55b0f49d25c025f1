//! What is mounted, read by the tests themselves: the product's parser is one of the things they test.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use rustix::mount::UnmountFlags;

/// One line of mountinfo (`proc_pid_mountinfo(5)`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Unique among the mounts of now; given again after an unmount.
    pub id: u64,
    /// Major and minor number of the file system's device, as `8:1`.
    pub device: String,
    /// Where it is.
    pub target: PathBuf,
    /// Options of this mount.
    pub options: String,
    /// `shared:N`, `master:N` and so on.
    pub propagation: Vec<String>,
    /// Type of the file system.
    pub filesystem: String,
    /// What the mounter named as source.
    pub source: String,
}

/// All mounts that this thread sees, the oldest first.
pub fn all() -> io::Result<Vec<Mount>> {
    Ok(parse(&fs::read("/proc/thread-self/mountinfo")?))
}

/// The mounts at and below `directory`, the oldest first.
pub fn below(directory: &Path) -> io::Result<Vec<Mount>> {
    let mut mounts = all()?;
    mounts.retain(|mount| mount.target.starts_with(directory));
    Ok(mounts)
}

/// The topmost mount at exactly `target`.
pub fn at(target: &Path) -> io::Result<Option<Mount>> {
    Ok(all()?.into_iter().rfind(|mount| mount.target == target))
}

/// Detaches whatever is mounted below `directory`, which has to be a test's own: the newest mount first.
pub fn detach_below(directory: &Path) -> io::Result<()> {
    for mount in below(directory)?.iter().rev().filter(|mount| mount.target != directory) {
        let flags = UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
        match rustix::mount::unmount(&mount.target, flags) {
            // Gone by itself in the meantime.
            Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The mounts of a mountinfo file. Lines that are none are left out.
#[must_use]
pub fn parse(mountinfo: &[u8]) -> Vec<Mount> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let fields: Vec<_> = line.split(|byte| *byte == b' ').collect();
    let text = |index: usize| Some(String::from_utf8_lossy(fields.get(index)?).into_owned());
    let separator = fields.iter().skip(6).position(|field| *field == b"-")? + 6;
    Some(Mount {
        id: text(0)?.parse().ok()?,
        device: text(2)?,
        target: unescaped(fields.get(4)?),
        options: text(5)?,
        propagation: (6..separator).filter_map(text).collect(),
        filesystem: text(separator + 1)?,
        source: unescaped(fields.get(separator + 2)?).to_string_lossy().into_owned(),
    })
}

/// Undoes `\040` and the like.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let octal = tail.get(..3).filter(|_| *first == b'\\');
        let value =
            octal.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { &tail[3..] } else { tail };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart() {
        let line = b"36 35 98:0 / /a\\040b\\134 rw,noatime shared:1 master:2 - ext4 /dev/x\\040y rw\nnone\n";
        let expected = Mount {
            id: 36,
            device: "98:0".into(),
            target: "/a b\\".into(),
            options: "rw,noatime".into(),
            propagation: vec!["shared:1".into(), "master:2".into()],
            filesystem: "ext4".into(),
            source: "/dev/x y".into(),
        };
        assert_eq!(parse(line), [expected]);
    }
}
