//! One bounded walk over a whole tree: what there is, which links leave it, and where each directory belongs.
//!
//! Backends that mount a tree need to know this beforehand. The walk reads attributes only, never a file's bytes.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::{
    containment::{MAXIMUM_DEPTH, Resolver, SymlinkPolicy},
    image::{Directory, DirectoryEntry, Image, Kind, NodeId},
};

/// Entries that are looked at; what lies behind them is not shown. Install media have some ten
/// thousands.
const MAXIMUM_ENTRIES: u64 = 1 << 20;

/// Problems that are told in words.
const MAXIMUM_PROBLEMS: usize = 16;

/// What a tree has, as far as it can be read.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Regular files, counted by their names.
    pub files: u64,
    /// Directories, the root included.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Devices, pipes and sockets.
    pub others: u64,
    /// Sum of the files' sizes.
    pub bytes: u64,
    /// Links that lead out of the tree from any of the places where they are named, or cannot be read.
    pub escaping: HashSet<NodeId>,
    /// The directory that each directory belongs to, the root to itself: the first that names it, breadth first
    /// and by the order of names. Directories that are not in here are not to be shown.
    pub parents: HashMap<NodeId, NodeId>,
    /// Whether a directory is named more than once, which no file system that is mounted may show.
    pub reached_twice: bool,
    /// Records and objects that cannot be read.
    pub damaged: u64,
    /// Whether nothing was left out for the sake of the walk's own bounds.
    pub complete: bool,
    /// What was found wrong, each a phrase for people; not more than a few.
    pub problems: Vec<String>,
}

/// Walks over the tree of `image`.
#[must_use]
pub fn survey(image: &Image) -> Survey {
    let root = image.root();
    let mut survey = Survey { complete: true, ..Survey::default() };
    survey.parents.insert(root, root);
    let mut resolver = Resolver::new(image);
    let mut queue = VecDeque::from([(root, 0)]);
    let mut left = MAXIMUM_ENTRIES;
    while let Some((id, depth)) = queue.pop_front() {
        survey.directories += 1;
        let directory = match image.directory(id) {
            Ok(directory) => directory,
            Err(error) => {
                survey.report(format!("a directory is unreadable: {error}"));
                survey.damaged += 1;
                continue;
            }
        };
        let Some(rest) = left.checked_sub(directory.len() as u64) else {
            survey.give_up(id, &queue);
            break;
        };
        left = rest;
        survey.damaged += u64::from(directory.damaged());
        let mut links = Vec::new();
        for entry in directory.entries() {
            survey.take(image, id, depth, entry, &mut queue, &mut links);
        }
        survey.take_links(&mut resolver, id, &links);
    }
    survey
}

impl Survey {
    /// The entries of `directory`, whose id is `id`, that a mounted tree shows: links by `policy`, each directory
    /// only at the place where it belongs.
    pub fn shown<'d>(
        &self,
        id: NodeId,
        directory: &'d Directory,
        policy: SymlinkPolicy,
    ) -> impl Iterator<Item = DirectoryEntry<'d>> {
        // Only a hostile tree names a directory twice, so only there names have to be remembered.
        let mut seen = HashSet::new();
        directory.entries().filter(move |entry| {
            self.shows(id, *entry, policy)
                && (!self.reached_twice || entry.kind != Kind::Directory || seen.insert(entry.id))
        })
    }

    /// The entry `name` of `directory`, whose id is `id`, if [`Survey::shown`] has it.
    #[must_use]
    pub fn find<'d>(
        &self,
        id: NodeId,
        directory: &'d Directory,
        name: &[u8],
        policy: SymlinkPolicy,
    ) -> Option<DirectoryEntry<'d>> {
        let entry = directory.find(name).filter(|entry| self.shows(id, *entry, policy))?;
        if self.reached_twice && entry.kind == Kind::Directory {
            let first = directory.entries().find(|other| other.id == entry.id)?;
            return (first.name == name).then_some(first);
        }
        Some(entry)
    }

    fn shows(&self, directory: NodeId, entry: DirectoryEntry<'_>, policy: SymlinkPolicy) -> bool {
        match (entry.kind, policy) {
            (Kind::Directory, _) => self.parents.get(&entry.id) == Some(&directory),
            (Kind::Symlink, SymlinkPolicy::Contained) => !self.escaping.contains(&entry.id),
            (Kind::Symlink, SymlinkPolicy::Off) => false,
            _ => true,
        }
    }

    fn take(
        &mut self,
        image: &Image,
        directory: NodeId,
        depth: usize,
        entry: DirectoryEntry<'_>,
        queue: &mut VecDeque<(NodeId, usize)>,
        links: &mut Vec<NodeId>,
    ) {
        match entry.kind {
            Kind::File => {
                self.files += 1;
                match image.node(entry.id) {
                    Ok(node) => self.bytes = self.bytes.saturating_add(node.size),
                    Err(_) => self.damaged += 1,
                }
            }
            Kind::Symlink => {
                self.symlinks += 1;
                links.push(entry.id);
            }
            Kind::Directory if depth >= MAXIMUM_DEPTH => {
                self.complete = false;
                self.report(format!("directories lie deeper than {MAXIMUM_DEPTH}"));
            }
            Kind::Directory if self.parents.contains_key(&entry.id) => {
                self.reached_twice = true;
                self.report("a directory is reached by two paths".to_owned());
            }
            Kind::Directory => {
                self.parents.insert(entry.id, directory);
                queue.push_back((entry.id, depth + 1));
            }
            _ => self.others += 1,
        }
    }

    fn take_links(&mut self, resolver: &mut Resolver<'_>, directory: NodeId, links: &[NodeId]) {
        if links.is_empty() {
            return;
        }
        let ancestors = self.ancestors(directory);
        for link in links {
            if !resolver.shows_link(&ancestors, *link, SymlinkPolicy::Contained) {
                self.escaping.insert(*link);
            }
        }
    }

    /// The directories from the root to `directory`, which is one of `parents`.
    fn ancestors(&self, directory: NodeId) -> Vec<NodeId> {
        let mut ancestors = vec![directory];
        let mut current = directory;
        while let Some(parent) = self.parents.get(&current).filter(|parent| **parent != current) {
            ancestors.push(*parent);
            current = *parent;
        }
        ancestors.reverse();
        ancestors
    }

    fn give_up(&mut self, id: NodeId, queue: &VecDeque<(NodeId, usize)>) {
        self.complete = false;
        self.report(format!("the tree has more than {MAXIMUM_ENTRIES} entries"));
        for (unread, _) in queue.iter().chain([&(id, 0)]) {
            self.parents.remove(unread);
        }
    }

    fn report(&mut self, problem: String) {
        if self.problems.len() < MAXIMUM_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}
