//! Files and directories in memory.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    time::SystemTime,
};

use fuser::{Errno, FileAttr, FileType, INodeNo};

#[derive(Debug)]
pub(super) struct Nodes {
    nodes: BTreeMap<u64, Node>,
    next: u64,
}

#[derive(Debug)]
struct Node {
    kind: FileType,
    mode: u32,
    bytes: Vec<u8>,
    entries: BTreeMap<OsString, u64>,
    changed: SystemTime,
}

impl Node {
    fn new(kind: FileType, mode: u32) -> Self {
        let (bytes, entries) = (Vec::new(), BTreeMap::new());
        Self { kind, mode, bytes, entries, changed: SystemTime::now() }
    }
}

impl Default for Nodes {
    /// An empty root, which FUSE gives the number 1.
    fn default() -> Self {
        let root = Node::new(FileType::Directory, 0o755);
        Self { nodes: [(1, root)].into(), next: 2 }
    }
}

impl Nodes {
    fn node(&self, number: u64) -> Result<&Node, Errno> {
        self.nodes.get(&number).ok_or(Errno::ENOENT)
    }

    fn node_mut(&mut self, number: u64) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&number).ok_or(Errno::ENOENT)
    }

    pub(super) fn find(&self, parent: u64, name: &OsStr) -> Result<u64, Errno> {
        self.node(parent)?.entries.get(name).copied().ok_or(Errno::ENOENT)
    }

    pub(super) fn attributes(&self, number: u64) -> Result<FileAttr, Errno> {
        let node = self.node(number)?;
        let size = node.bytes.len() as u64;
        Ok(FileAttr {
            ino: INodeNo(number),
            size,
            blocks: size.div_ceil(512),
            atime: node.changed,
            mtime: node.changed,
            ctime: node.changed,
            crtime: node.changed,
            kind: node.kind,
            perm: u16::try_from(node.mode & 0o7777).unwrap_or_default(),
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: super::BLOCK,
            flags: 0,
        })
    }

    pub(super) fn change(
        &mut self,
        number: u64,
        mode: Option<u32>,
        size: Option<u64>,
    ) -> Result<(), Errno> {
        let node = self.node_mut(number)?;
        node.mode = mode.unwrap_or(node.mode);
        if let Some(size) = size {
            node.bytes.resize(usize::try_from(size).map_err(|_| Errno::EFBIG)?, 0);
        }
        node.changed = SystemTime::now();
        Ok(())
    }

    pub(super) fn make(
        &mut self,
        parent: u64,
        name: &OsStr,
        kind: FileType,
        mode: u32,
    ) -> Result<u64, Errno> {
        if self.find(parent, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        let number = self.next;
        self.node_mut(parent)?.entries.insert(name.to_owned(), number);
        self.next += 1;
        self.nodes.insert(number, Node::new(kind, mode));
        Ok(number)
    }

    pub(super) fn read(&self, number: u64, offset: u64, size: u32) -> Result<&[u8], Errno> {
        let bytes = &self.node(number)?.bytes;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(&bytes[start..(start + size as usize).min(bytes.len())])
    }

    pub(super) fn write(&mut self, number: u64, offset: u64, new: &[u8]) -> Result<(), Errno> {
        let node = self.node_mut(number)?;
        let start = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
        let end = start + new.len();
        if node.bytes.len() < end {
            node.bytes.resize(end, 0);
        }
        node.bytes[start..end].copy_from_slice(new);
        node.changed = SystemTime::now();
        Ok(())
    }

    /// Takes a name away. What it named stays for those who have it open.
    pub(super) fn remove(&mut self, parent: u64, name: &OsStr) -> Result<(), Errno> {
        let number = self.find(parent, name)?;
        if !self.node(number)?.entries.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        self.node_mut(parent)?.entries.remove(name);
        Ok(())
    }

    pub(super) fn rename(
        &mut self,
        (from, name): (u64, &OsStr),
        (to, new_name): (u64, &OsStr),
    ) -> Result<(), Errno> {
        let number = self.find(from, name)?;
        if let Ok(replaced) = self.find(to, new_name)
            && !self.node(replaced)?.entries.is_empty()
        {
            return Err(Errno::ENOTEMPTY);
        }
        self.node_mut(from)?.entries.remove(name);
        self.node_mut(to)?.entries.insert(new_name.to_owned(), number);
        Ok(())
    }

    pub(super) fn list(&self, number: u64) -> Result<Vec<(&OsStr, u64, FileType)>, Errno> {
        let kind = |number: &u64| self.node(*number).map(|node| node.kind);
        let entries = self.node(number)?.entries.iter();
        entries.map(|(name, number)| Ok((&**name, *number, kind(number)?))).collect()
    }
}
