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
const MAXIMUM_ENTRIES: u64 = 1 << 19;

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
    /// Sum of the files' sizes; 0 in an [`outline`].
    pub bytes: u64,
    /// Links that lead out of the tree from any of the places where they are named, or cannot be read.
    pub escaping: HashSet<NodeId>,
    /// Where each directory belongs: the first place that names it, breadth first and by the order of names.
    /// Directories that are not in here are not to be shown.
    pub parents: HashMap<NodeId, Parent>,
    /// Whether a directory is named more than once, which no file system that is mounted may show.
    pub reached_twice: bool,
    /// Records and objects that cannot be read; an [`outline`] does not look at files.
    pub damaged: u64,
    /// Whether nothing was left out for the sake of the walk's own bounds.
    pub complete: bool,
    /// What was found wrong, each a phrase for people; not more than a few.
    pub problems: Vec<String>,
}

/// The place of a directory in the directory that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The directory above; of the root the root.
    pub directory: NodeId,
    /// Index of its name there; of the root of no meaning.
    pub index: usize,
}

/// Walks over the tree of `image` and reads the attributes of all files.
#[must_use]
pub fn survey(image: &Image) -> Survey {
    walk(image, true)
}

/// Walks over the tree of `image`, but reads directories and links only: what is needed to mount it.
#[must_use]
pub fn outline(image: &Image) -> Survey {
    walk(image, false)
}

fn walk(image: &Image, with_files: bool) -> Survey {
    let root = image.root();
    let mut survey = Survey { complete: true, ..Survey::default() };
    survey.parents.insert(root, Parent { directory: root, index: usize::MAX });
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
        for (index, entry) in directory.entries().enumerate() {
            let place = Parent { directory: id, index };
            survey.take(place, depth, entry, &mut queue, &mut links);
            if with_files && entry.kind == Kind::File {
                survey.weigh(image, entry.id);
            }
        }
        survey.take_links(image, &mut resolver, id, &links);
    }
    survey
}

impl Survey {
    /// The entries of `directory`, whose id is `id`, that a mounted tree shows, with their indexes there, from the
    /// index `start` on: links by `policy`, each directory only at the place where it belongs.
    pub fn shown<'d>(
        &'d self,
        id: NodeId,
        directory: &'d Directory,
        start: usize,
        policy: SymlinkPolicy,
    ) -> impl Iterator<Item = (usize, DirectoryEntry<'d>)> {
        (start..directory.len()).filter_map(|index| Some((index, directory.get(index)?))).filter(
            move |(index, entry)| {
                self.shows(Parent { directory: id, index: *index }, *entry, policy)
            },
        )
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
        let entry = directory.find(name)?;
        let place = self.parents.get(&entry.id);
        let index = match place.and_then(|place| directory.get(place.index)) {
            Some(named) if named.name == name => place.map_or(usize::MAX, |place| place.index),
            _ => usize::MAX,
        };
        self.shows(Parent { directory: id, index }, entry, policy).then_some(entry)
    }

    /// Number of directories that each directory shows.
    #[must_use]
    pub fn subdirectories(&self) -> HashMap<NodeId, u32> {
        let mut counts = HashMap::new();
        for (directory, parent) in &self.parents {
            if *directory != parent.directory {
                *counts.entry(parent.directory).or_default() += 1;
            }
        }
        counts
    }

    fn shows(&self, place: Parent, entry: DirectoryEntry<'_>, policy: SymlinkPolicy) -> bool {
        match (entry.kind, policy) {
            (Kind::Directory, _) => self.parents.get(&entry.id) == Some(&place),
            (Kind::Symlink, SymlinkPolicy::Contained) => !self.escaping.contains(&entry.id),
            (Kind::Symlink, SymlinkPolicy::Off) => false,
            _ => true,
        }
    }

    fn weigh(&mut self, image: &Image, file: NodeId) {
        match image.node(file) {
            Ok(node) => self.bytes = self.bytes.saturating_add(node.size),
            Err(_) => self.damaged += 1,
        }
    }

    fn take(
        &mut self,
        place: Parent,
        depth: usize,
        entry: DirectoryEntry<'_>,
        queue: &mut VecDeque<(NodeId, usize)>,
        links: &mut Vec<NodeId>,
    ) {
        match entry.kind {
            Kind::File => self.files += 1,
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
                self.parents.insert(entry.id, place);
                queue.push_back((entry.id, depth + 1));
            }
            _ => self.others += 1,
        }
    }

    fn take_links(
        &mut self,
        image: &Image,
        resolver: &mut Resolver<'_>,
        directory: NodeId,
        links: &[NodeId],
    ) {
        if links.is_empty() {
            return;
        }
        let ancestors = self.ancestors(directory);
        for link in links {
            self.damaged += u64::from(image.link_target(*link).is_err());
            if !resolver.shows_link(&ancestors, *link, SymlinkPolicy::Contained) {
                self.escaping.insert(*link);
            }
        }
    }

    /// The directories from the root to `directory`, which is one of `parents`.
    fn ancestors(&self, directory: NodeId) -> Vec<NodeId> {
        let mut ancestors = vec![directory];
        let mut current = directory;
        while let Some(parent) = self.parents.get(&current)
            && parent.directory != current
        {
            ancestors.push(parent.directory);
            current = parent.directory;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{
        Content, Extent, ExtentData,
        fake_tree::{Fake, FakeTree},
    };

    fn content(length: u64) -> Content {
        Content::Extents(vec![Extent { length, data: ExtentData::Image(0) }])
    }

    #[test]
    fn everything_is_counted_once() {
        let image = FakeTree::default()
            .directory(0, &[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("gone", 5)])
            .directory(1, &[("x", 6), ("y", 7)])
            .file(2, content(100))
            .symlink(3, "a/x")
            .with(4, Fake::Device(Kind::Fifo, 0, 0))
            .with(5, Fake::Damaged(Kind::Directory))
            .file(6, content(11))
            .symlink(7, "../../x")
            .image(Vec::new());
        let survey = survey(&image);
        let counts = (survey.files, survey.directories, survey.symlinks, survey.others);
        assert_eq!(counts, (2, 3, 2, 1));
        assert_eq!((survey.bytes, survey.damaged, survey.complete), (111, 1, true));
        assert_eq!(outline(&image).bytes, 0);
        assert_eq!(outline(&image).parents, survey.parents);
        assert_eq!(survey.escaping, HashSet::from([NodeId(7)]));
        assert!(!survey.reached_twice);
        assert_eq!(survey.subdirectories(), HashMap::from([(NodeId(0), 2)]));
    }

    #[test]
    fn a_directory_belongs_where_it_is_named_first() {
        let image = FakeTree::default()
            .directory(0, &[("a", 1), ("b", 2), ("c", 2)])
            .directory(1, &[("deep", 2), ("up", 0)])
            .directory(2, &[("self", 2)])
            .image(Vec::new());
        let survey = survey(&image);
        assert!(survey.reached_twice);
        assert_eq!(survey.parents[&NodeId(2)], Parent { directory: NodeId(0), index: 1 });
        for (id, expected) in [(0, "a b"), (1, ""), (2, "")] {
            let directory = image.directory(NodeId(id)).unwrap();
            let policy = SymlinkPolicy::Contained;
            let names: Vec<_> = survey
                .shown(NodeId(id), &directory, 0, policy)
                .map(|(_, entry)| String::from_utf8_lossy(entry.name).into_owned())
                .collect();
            assert_eq!(names.join(" "), expected);
            for entry in directory.entries() {
                let found = survey.find(NodeId(id), &directory, entry.name, policy);
                let shown = names.iter().any(|name| name.as_bytes() == entry.name);
                assert_eq!(found.is_some(), shown, "{:?}", entry.name);
            }
        }
    }

    #[test]
    fn directories_deeper_than_any_view_goes_are_not_shown() {
        let mut tree = FakeTree::default();
        for id in 0..200 {
            tree = tree.directory(id, &[("d", id + 1), ("l", 1000)]);
        }
        let image = tree.symlink(1000, &"../".repeat(MAXIMUM_DEPTH)).image(Vec::new());
        let survey = survey(&image);
        assert_eq!((survey.directories, survey.complete), (129, false));
        assert!(survey.escaping.contains(&NodeId(1000)), "it escapes from all places but the last");
    }
}
