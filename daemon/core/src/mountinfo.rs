//! `/proc/self/mountinfo` as values. It must not read the file: that is the daemon's.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::Path, path::PathBuf};

/// One line of mountinfo (proc(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountEntry {
    /// Mount id: unique among the mounts that exist now.
    pub id: u32,
    /// Mount id of the mount that this one lies on.
    pub parent: u32,
    /// Major and minor number of the file system's device.
    pub device: (u32, u32),
    /// The directory of the file system that is the mount's root.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// Options of the mount, comma-separated (`ro,nosuid`).
    pub options: String,
    /// Peer group in which events are shared, from `shared:N`.
    pub shared: Option<u32>,
    /// Peer group of the mount that this one is a slave of, from `master:N`.
    pub master: Option<u32>,
    /// File system type, with a subtype behind a dot where there is one.
    pub file_system: String,
    /// What is mounted: a device node, a file or any text.
    pub source: OsString,
    /// Options of the file system, comma-separated (`rw,fd=5,pgrp=1028`).
    pub super_options: String,
}

impl MountEntry {
    /// The process group of the automount that serves this mount; `None` where it is no autofs mount.
    #[must_use]
    pub fn automount_group(&self) -> Option<i32> {
        let group = |option: &str| option.strip_prefix("pgrp=")?.parse().ok();
        self.super_options.split(',').find_map(group).filter(|_| self.file_system == "autofs")
    }
}

/// All entries in the order of the file; of mounts on one point the later lies on top. Lines that make no sense are
/// passed over, as the kernel may add to the format.
#[must_use]
pub fn parse(text: &[u8]) -> Vec<MountEntry> {
    text.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

/// The mount on which `path` lies: the one with the longest mount point above it, of several on one point the last.
#[must_use]
pub fn holder_of<'a>(entries: &'a [MountEntry], path: &Path) -> Option<&'a MountEntry> {
    entries
        .iter()
        .filter(|entry| path.starts_with(&entry.point))
        .max_by_key(|entry| entry.point.components().count())
}

/// Whether what is mounted below `path` stays invisible to the rest of the host: the mount there only receives from
/// the host's peer group. A service gets such a mount from options like `PrivateTmp=` or `ProtectSystem=`.
#[must_use]
pub fn is_private(entries: &[MountEntry], path: &Path) -> bool {
    holder_of(entries, path).is_some_and(|entry| entry.master.is_some())
}

fn parse_line(line: &[u8]) -> Option<MountEntry> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = number(fields.next()?)?;
    let parent = number(fields.next()?)?;
    let device = device_number(fields.next()?)?;
    let root = PathBuf::from(unescape(fields.next()?));
    let point = PathBuf::from(unescape(fields.next()?));
    let options = String::from_utf8_lossy(fields.next()?).into_owned();
    let (mut shared, mut master) = (None, None);
    for field in fields.by_ref() {
        if field == b"-" {
            break;
        }
        let after = |prefix: &[u8]| field.strip_prefix(prefix).and_then(number);
        shared = shared.or_else(|| after(b"shared:"));
        master = master.or_else(|| after(b"master:"));
    }
    let file_system = String::from_utf8_lossy(fields.next()?).into_owned();
    let source = unescape(fields.next()?);
    let super_options = String::from_utf8_lossy(fields.next().unwrap_or_default()).into_owned();
    Some(MountEntry {
        id,
        parent,
        device,
        root,
        point,
        options,
        shared,
        master,
        file_system,
        source,
        super_options,
    })
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn device_number(text: &[u8]) -> Option<(u32, u32)> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    Some((number(&text[..colon])?, number(&text[colon + 1..])?))
}

/// Space, tab, newline, backslash and `#` are written as `\` and three octal digits.
fn unescape(text: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        if let (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) =
            (first, tail)
        {
            bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &[u8] = b"\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
58 22 8:1 /srv /srv rw shared:58 master:1 - ext4 /dev/sda1 rw\n\
60 58 11:0 / /srv/isomirror/My\\040Disc ro,nosuid,nodev,noexec - iso9660 /dev/sr0 ro,iocharset=utf8\n\
nonsense\n\
61 58 0:45 / /srv/isomirror/F ro shared:9 - fuse.isomirror isomirror:00 ro\n";

    #[test]
    fn a_line_is_read_whole() {
        let entries = parse(TABLE);
        assert_eq!(entries.len(), 4);
        let disc = &entries[2];
        assert_eq!((disc.id, disc.parent, disc.device), (60, 58, (11, 0)));
        assert_eq!(disc.point, Path::new("/srv/isomirror/My Disc"));
        assert_eq!((disc.shared, disc.master), (None, None));
        assert_eq!(
            (disc.file_system.as_str(), disc.source.to_str()),
            ("iso9660", Some("/dev/sr0"))
        );
        assert_eq!(disc.options, "ro,nosuid,nodev,noexec");
        assert_eq!(entries[3].file_system, "fuse.isomirror");
    }

    #[test]
    fn an_autofs_mount_tells_who_serves_it() {
        let line = |kind: &str, options: &str| {
            parse(format!("9 1 0:44 / /web rw - {kind} /run/map {options}").as_bytes())[0]
                .automount_group()
        };
        assert_eq!(line("autofs", "rw,fd=5,pgrp=1028,timeout=3,indirect"), Some(1028));
        assert_eq!(line("autofs", "rw"), None);
        assert_eq!(line("ext4", "rw,pgrp=1"), None);
    }

    #[test]
    fn a_path_lies_on_the_deepest_mount_above_it() {
        let entries = parse(TABLE);
        for (path, id) in
            [("/", 22), ("/srvx", 22), ("/srv/isomirror", 58), ("/srv/isomirror/F/deep", 61)]
        {
            assert_eq!(holder_of(&entries, Path::new(path)).unwrap().id, id, "{path}");
        }
    }

    #[test]
    fn of_mounts_on_one_point_the_later_counts() {
        let mut table = TABLE.to_vec();
        table.extend_from_slice(b"70 61 0:46 / /srv/isomirror/F rw - tmpfs over rw\n");
        assert_eq!(holder_of(&parse(&table), Path::new("/srv/isomirror/F")).unwrap().id, 70);
    }

    #[test]
    fn a_slave_of_the_hosts_mounts_is_private() {
        let entries = parse(TABLE);
        assert!(is_private(&entries, Path::new("/srv/isomirror")));
        assert!(!is_private(&entries, Path::new("/var")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&text);
        }

        #[test]
        fn mount_points_come_back_as_they_were(point in "/[a-z \\\\\\n\\t#]{0,20}") {
            let escaped: String = point
                .chars()
                .map(|c| if c.is_ascii_lowercase() || c == '/' { c.to_string() } else { format!("\\{:03o}", u32::from(c)) })
                .collect();
            let line = format!("1 0 0:1 / {escaped} rw - tmpfs none rw");
            prop_assert_eq!(&parse(line.as_bytes())[0].point, Path::new(&point));
        }
    }
}
