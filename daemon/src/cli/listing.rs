//! One entry of a directory of an image, as `isomirror ls` shows it.

use std::fmt::{self, Write as _};

use isomirror_core::image::{DirectoryEntry, Image, Kind, Node, ReadError};
use serde::Serialize;

use super::{
    escape::Escaped,
    inspection::{kind_word, rfc3339},
};

/// An entry with its attributes. Its JSON is part of the documented interface.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    /// The name; what is no UTF-8 in it is replaced by U+FFFD.
    name: String,
    /// The name's bytes in hexadecimal, where they are no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_bytes: Option<String>,
    /// `file`, `directory`, `symlink`, `character-device`, `block-device`, `fifo` or `socket`.
    kind: &'static str,
    /// Bytes of a file, or of a link's target.
    size: u64,
    /// Permissions, as an octal number of four digits.
    mode: String,
    /// User id.
    owner: u32,
    /// Group id.
    group: u32,
    /// Last change in RFC 3339; null where the medium states no such moment.
    modified: Option<String>,
    /// Where a link leads to, as on the medium.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

impl Listed {
    /// Reads the attributes of `entry`.
    pub(super) fn read(image: &Image, entry: DirectoryEntry<'_>) -> Result<Self, ReadError> {
        let node = image.node(entry.id)?;
        let target = target(image, &node)?;
        let valid = std::str::from_utf8(entry.name).is_ok();
        let hexadecimal = || Hexadecimal(entry.name).to_string();
        Ok(Self {
            name: String::from_utf8_lossy(entry.name).into_owned(),
            name_bytes: (!valid).then(hexadecimal),
            kind: kind_word(node.kind),
            size: node.size,
            mode: format!("{:04o}", node.permissions),
            owner: node.owner,
            group: node.group,
            modified: rfc3339(node.modified),
            target: target.map(|target| String::from_utf8_lossy(&target).into_owned()),
        })
    }
}

/// Bytes as two hexadecimal digits each.
struct Hexadecimal<'a>(&'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The line of `ls -l`: columns wide enough for what media have, so that nothing has to be read before it is shown.
pub(super) fn long_line(image: &Image, entry: DirectoryEntry<'_>) -> Result<String, ReadError> {
    let node = image.node(entry.id)?;
    let target = target(image, &node)?;
    let mode = mode_letters(node.kind, node.permissions);
    let Node { links, owner, group, .. } = node;
    let size = match node.kind {
        Kind::CharacterDevice | Kind::BlockDevice => {
            format!("{}, {}", node.device.0, node.device.1)
        }
        _ => node.size.to_string(),
    };
    let time = rfc3339(node.modified).unwrap_or_else(|| "-".to_owned());
    let name = Escaped(entry.name);
    let mut line = format!("{mode} {links:>3} {owner:>5} {group:>5} {size:>12} {time:<20} {name}");
    if let Some(target) = target {
        let _ = write!(line, " -> {}", Escaped(&target));
    }
    Ok(line)
}

fn target(image: &Image, node: &Node) -> Result<Option<Vec<u8>>, ReadError> {
    (node.kind == Kind::Symlink).then(|| image.link_target(node.id)).transpose()
}

fn mode_letters(kind: Kind, permissions: u16) -> String {
    let kind = match kind {
        Kind::File => '-',
        Kind::Directory => 'd',
        Kind::Symlink => 'l',
        Kind::CharacterDevice => 'c',
        Kind::BlockDevice => 'b',
        Kind::Fifo => 'p',
        Kind::Socket => 's',
    };
    let mut letters = String::from(kind);
    // The execute position also shows setuid, setgid and sticky: small where execution is allowed, else capital.
    for (shift, special, marks) in [(6, 0o4000, "sS"), (3, 0o2000, "sS"), (0, 0o1000, "tT")] {
        let bits = permissions >> shift;
        letters.push(if bits & 4 != 0 { 'r' } else { '-' });
        letters.push(if bits & 2 != 0 { 'w' } else { '-' });
        letters.push_str(match (bits & 1 != 0, permissions & special != 0) {
            (true, false) => "x",
            (false, false) => "-",
            (true, true) => &marks[..1],
            (false, true) => &marks[1..],
        });
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_written_as_people_know_them() {
        for (kind, permissions, letters) in [
            (Kind::File, 0o644, "-rw-r--r--"),
            (Kind::Directory, 0o1777, "drwxrwxrwt"),
            (Kind::File, 0o6755, "-rwsr-sr-x"),
            (Kind::File, 0o7000, "---S--S--T"),
            (Kind::Symlink, 0o777, "lrwxrwxrwx"),
        ] {
            assert_eq!(mode_letters(kind, permissions), letters);
        }
    }
}
