//! Objects of a tree: files, directories, links, and the names that directories give them.

/// Names one object of one image for as long as the image is open.
///
/// ISO 9660: twice the byte offset of the object's first directory record; of a directory, twice that of its extent
/// (its own `.` record) and 1. UDF: the byte offset of its file entry. So ids need no table, and every view agrees on
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
}

/// A moment, as seconds since 1970-01-01 00:00:00 UTC and nanoseconds within the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Whole seconds; negative before 1970.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// Attributes of an object as the medium states them. What a view shows instead is the view's affair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The object's name within its image.
    pub id: NodeId,
    /// What it is.
    pub kind: Kind,
    /// Bytes that a reader gets: of a file its (uncompressed) length, of a link the length of its target; a
    /// directory's is of no meaning to readers.
    pub size: u64,
    /// Permission bits, setuid, setgid and sticky (`0o7777`). Media without modes get 0444 and 0555.
    pub permissions: u16,
    /// Owner; 0 where the medium states none.
    pub owner: u32,
    /// Group; 0 where the medium states none.
    pub group: u32,
    /// Number of links; at least 1.
    pub links: u32,
    /// Last change of the content.
    pub modified: Timestamp,
    /// Major and minor number of a device, else zeros.
    pub device: (u32, u32),
}

/// One name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryEntry<'a> {
    /// The name's bytes: never empty, `.`, `..`, nor with `/` or NUL; at most 255 bytes. Not always UTF-8.
    pub name: &'a [u8],
    /// The object named.
    pub id: NodeId,
    /// What it is.
    pub kind: Kind,
}

/// The names of one directory, sorted by their bytes, each once. Kept compact: a directory may hold a million.
#[derive(Debug, Default)]
pub struct Directory {
    names: Vec<u8>,
    slots: Vec<Slot>,
    damaged: u32,
}

/// Where an entry's name lies in `Directory::names`, and what it names.
#[derive(Clone, Copy, Debug)]
struct Slot {
    id: NodeId,
    name_start: u32,
    name_length: u8,
    kind: Kind,
}

impl Directory {
    /// All entries in the order of their names' bytes.
    #[must_use]
    pub fn entries(&self) -> impl ExactSizeIterator<Item = DirectoryEntry<'_>> + '_ {
        self.slots.iter().map(|slot| self.entry(*slot))
    }

    /// The entry of exactly this name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<DirectoryEntry<'_>> {
        let index = self.slots.binary_search_by(|slot| self.entry(*slot).name.cmp(name)).ok()?;
        Some(self.entry(self.slots[index]))
    }

    /// The entry at `index` in the order of names.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<DirectoryEntry<'_>> {
        self.slots.get(index).map(|slot| self.entry(*slot))
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no entry at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Number of records that were left out because they are damaged, or name what cannot be named.
    #[must_use]
    pub fn damaged(&self) -> u32 {
        self.damaged
    }

    /// Bytes of memory that this directory occupies, for whoever bounds a cache.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.names.capacity() + self.slots.capacity() * size_of::<Slot>()
    }

    fn entry(&self, slot: Slot) -> DirectoryEntry<'_> {
        let start = slot.name_start as usize;
        let name = &self.names[start..start + usize::from(slot.name_length)];
        DirectoryEntry { name, id: slot.id, kind: slot.kind }
    }
}

/// Collects the entries of a directory in the order of the medium; of two with one name the first stays.
#[derive(Debug, Default)]
pub struct DirectoryBuilder(Directory);

impl DirectoryBuilder {
    /// Takes an entry in. A name that no path can have is counted as damaged instead; returns whether it was taken.
    pub fn push(&mut self, name: &[u8], id: NodeId, kind: Kind) -> bool {
        let directory = &mut self.0;
        let (Ok(name_length), Ok(name_start)) =
            (u8::try_from(name.len()), u32::try_from(directory.names.len()))
        else {
            self.push_damaged();
            return false;
        };
        if name.is_empty()
            || name == b"."
            || name == b".."
            || name.iter().any(|b| matches!(b, 0 | b'/'))
        {
            self.push_damaged();
            return false;
        }
        directory.names.extend_from_slice(name);
        directory.slots.push(Slot { id, name_start, name_length, kind });
        true
    }

    /// Counts a record that could not be read.
    pub fn push_damaged(&mut self) {
        self.0.damaged = self.0.damaged.saturating_add(1);
    }

    /// Entries taken so far, duplicates included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.slots.len()
    }

    /// Whether nothing was taken so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.slots.is_empty()
    }

    /// The finished directory.
    #[must_use]
    pub fn build(self) -> Directory {
        let Directory { names, mut slots, mut damaged } = self.0;
        let name = |slot: &Slot| {
            let start = slot.name_start as usize;
            &names[start..start + usize::from(slot.name_length)]
        };
        // Stable, so that of equal names the medium's first comes first and is the one that dedup keeps.
        slots.sort_by(|a, b| name(a).cmp(name(b)));
        let taken = slots.len();
        slots.dedup_by(|later, earlier| name(later) == name(earlier));
        damaged = damaged.saturating_add(u32::try_from(taken - slots.len()).unwrap_or(u32::MAX));
        slots.shrink_to_fit();
        Directory { names, slots, damaged }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_sorted_and_the_first_of_equal_names_stays() {
        let mut builder = DirectoryBuilder::default();
        for (name, id) in [("b", 1), ("a", 2), ("b", 3)] {
            assert!(builder.push(name.as_bytes(), NodeId(id), Kind::File));
        }
        let directory = builder.build();
        let found: Vec<_> = directory.entries().map(|e| (e.name, e.id.0)).collect();
        assert_eq!(found, [(&b"a"[..], 2), (&b"b"[..], 1)]);
        assert_eq!(directory.damaged(), 1);
        assert_eq!(directory.find(b"b").unwrap().id, NodeId(1));
        assert!(directory.find(b"c").is_none());
    }

    #[test]
    fn names_that_no_path_can_have_are_left_out() {
        let mut builder = DirectoryBuilder::default();
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0", &[b'x'; 256]] {
            assert!(!builder.push(name, NodeId(1), Kind::File));
        }
        assert!(builder.push(&[b'x'; 255], NodeId(1), Kind::File));
        let directory = builder.build();
        assert_eq!((directory.len(), directory.damaged()), (1, 6));
    }
}
