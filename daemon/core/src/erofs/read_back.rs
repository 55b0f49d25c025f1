//! The least that reads an image back, for tests: by the format's definition, not by the writer's code.

use std::collections::BTreeMap;

/// A metadata image and the medium that it refers to.
#[derive(Debug)]
pub(super) struct ReadBack {
    pub(super) metadata: Vec<u8>,
    pub(super) medium: Vec<u8>,
}

struct Found {
    layout: u16,
    mode: u16,
    size: usize,
    union: u32,
    modified: i64,
    links: u32,
    /// Byte offset behind the inode.
    behind: usize,
}

impl ReadBack {
    fn number(&self, offset: usize, length: usize) -> u64 {
        let bytes = &self.metadata[offset..offset + length];
        bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    fn small(&self, offset: usize, length: usize) -> usize {
        usize::try_from(self.number(offset, length)).unwrap()
    }

    fn block_size(&self) -> usize {
        1 << self.metadata[1024 + 12]
    }

    fn inode(&self, number: usize) -> Found {
        assert_eq!(self.number(1024, 4), 0xE0F5_E1E2);
        let at = self.small(1024 + 40, 4) * self.block_size() + number * 32;
        let format = u16::try_from(self.number(at, 2)).unwrap();
        assert_eq!(format & 1, 1, "an extended inode");
        Found {
            layout: format >> 1,
            mode: u16::try_from(self.number(at + 4, 2)).unwrap(),
            size: self.small(at + 8, 8),
            union: u32::try_from(self.number(at + 16, 4)).unwrap(),
            modified: self.number(at + 32, 8).cast_signed(),
            links: u32::try_from(self.number(at + 44, 4)).unwrap(),
            behind: at + 64,
        }
    }

    fn flat(&self, inode: &Found) -> Vec<u8> {
        let start = inode.union as usize * self.block_size();
        match inode.layout {
            0 if inode.size == 0 => Vec::new(),
            0 => self.metadata[start..start + inode.size].to_vec(),
            2 => {
                let rest = inode.size % self.block_size();
                let whole = inode.size - rest;
                let mut bytes = if whole == 0 {
                    Vec::new()
                } else {
                    self.metadata[start..start + whole].to_vec()
                };
                assert!(inode.behind % self.block_size() + rest <= self.block_size());
                bytes.extend_from_slice(&self.metadata[inode.behind..inode.behind + rest]);
                bytes
            }
            layout => panic!("layout {layout}"),
        }
    }

    fn entries(&self, inode: &Found) -> Vec<(String, usize)> {
        let mut all = Vec::new();
        for block in self.flat(inode).chunks(self.block_size()) {
            let offset = |index: usize| {
                usize::from(u16::from_le_bytes([block[12 * index + 8], block[12 * index + 9]]))
            };
            if offset(0) == 0 {
                return Vec::new();
            }
            for index in 0..offset(0) / 12 {
                let end =
                    if 12 * (index + 1) < offset(0) { offset(index + 1) } else { block.len() };
                let name = String::from_utf8_lossy(&block[offset(index)..end]);
                let number = u32::from_le_bytes(block[12 * index..][..4].try_into().unwrap());
                all.push((name.trim_end_matches('\0').to_owned(), number as usize));
            }
        }
        assert!(all.is_sorted(), "names are sorted by their bytes");
        all
    }

    /// Every path with a line about what it leads to.
    pub(super) fn tree(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let root = self.small(1024 + 14, 2);
        self.walk(&mut found, "", root, root);
        found
    }

    fn walk(&self, found: &mut BTreeMap<String, String>, path: &str, own: usize, parent: usize) {
        let inode = self.inode(own);
        let (what, rest) = match inode.mode >> 12 {
            4 => ("directory", String::new()),
            8 => ("file", format!(" size {}", inode.size)),
            10 => ("symlink", format!(" to {}", String::from_utf8(self.flat(&inode)).unwrap())),
            _ => ("device", format!(" number {:x}", inode.union)),
        };
        let line =
            format!("{what} {:o} links {} time {}{rest}", inode.mode, inode.links, inode.modified);
        found.insert(if path.is_empty() { "/".to_owned() } else { path.to_owned() }, line);
        if inode.mode >> 12 == 4 {
            for (name, number) in self.entries(&inode) {
                match name.as_str() {
                    "." => assert_eq!(number, own),
                    ".." => assert_eq!(number, parent),
                    _ => self.walk(found, &format!("{path}/{name}"), number, own),
                }
            }
        }
    }

    /// A file's bytes; `None` where a chunk of it names a device that there is not.
    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        let mut number = self.small(1024 + 14, 2);
        for name in path.split('/').skip(1) {
            let entries = self.entries(&self.inode(number));
            number = entries.iter().find(|(other, _)| other == name).unwrap().1;
        }
        let inode = self.inode(number);
        if inode.size == 0 {
            return Some(Vec::new());
        }
        assert_eq!(inode.layout, 4);
        let chunk_size = self.block_size() << (inode.union & 31);
        let mut bytes = Vec::new();
        for chunk in 0..inode.size.div_ceil(chunk_size) {
            let at = inode.behind + 8 * chunk;
            let length = chunk_size.min(inode.size - bytes.len());
            let start = self.small(at + 4, 4) * self.block_size();
            match (self.number(at + 2, 2), self.number(at + 4, 4)) {
                (0, 0xFFFF_FFFF) => bytes.resize(bytes.len() + length, 0),
                (0, _) => bytes.extend_from_slice(&self.metadata[start..start + length]),
                (1, _) => bytes.extend_from_slice(&self.medium[start..start + length]),
                _ => return None,
            }
        }
        Some(bytes)
    }
}
