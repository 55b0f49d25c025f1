//! Where symbolic links lead, resolved as the kernel would resolve them, but within one image only.
//!
//! A link on a medium is text that anyone may have written. Views ask here before they show or follow one; nothing
//! here ever reaches for the host's files, and all work is bounded whatever the medium says.

use std::{collections::HashMap, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::image::{Directory, DirectoryEntry, Image, Kind, NodeId, ReadError};

/// Links that are followed for one path: the kernel's own limit (`MAXSYMLINKS`).
const MAXIMUM_HOPS: usize = 40;

/// Components that the targets of one path's links may have in all.
const MAXIMUM_COMPONENTS: usize = 256;

/// Directories that may lie within each other, the root not counted. What lies deeper is shown by no view.
pub const MAXIMUM_DEPTH: usize = 128;

/// Bytes of directories that a resolver keeps in memory for the next lookup.
const MEMORY: usize = 32 << 20;

/// How often a resolver may forget all that it keeps before it takes the medium for hostile.
const MAXIMUM_FORGETTING: u32 = 4;

/// What views do with symbolic links (configuration key `mount.symlinks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SymlinkPolicy {
    /// Links that stay inside their tree are shown, the others hidden.
    #[default]
    Contained,
    /// No link is shown.
    Off,
    /// Every link is shown as it is, even one that leads readers of a mounted tree to the files of this
    /// machine.
    Follow,
}

impl SymlinkPolicy {
    /// The word in configuration files and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contained => "contained",
            Self::Off => "off",
            Self::Follow => "follow",
        }
    }
}

impl fmt::Display for SymlinkPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A word that names no policy of symbolic links.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is no way to treat symbolic links: use contained, off or follow", .0.escape_debug())]
pub struct UnknownSymlinkPolicy(String);

impl FromStr for SymlinkPolicy {
    type Err = UnknownSymlinkPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownSymlinkPolicy> {
        [Self::Contained, Self::Off, Self::Follow]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or_else(|| UnknownSymlinkPolicy(text.to_owned()))
    }
}

/// Where a link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leads {
    /// To something inside the tree, or to nothing at all.
    Inside,
    /// Out of the tree, or on for too long to tell.
    Outside,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// An object of the tree.
    Found {
        /// The object.
        id: NodeId,
        /// What it is; a link only where the final link was not to be followed.
        kind: Kind,
        /// Its path from the root without links, `.` and `..`; empty for the root.
        path: Vec<Vec<u8>>,
    },
    /// Nothing, or nothing that may be shown.
    NotFound,
    /// Out of the tree.
    Outside,
}

/// Whether a link that a path ends with is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinalLink {
    /// As `stat` does.
    Follow,
    /// As `lstat` does.
    Keep,
}

/// Where the link `target` leads that lies in the last of `ancestors`, the directories from the root on.
///
/// # Errors
/// [`ReadError`] of a directory or another link on the way: then nobody knows, and the link is not to be followed.
pub fn leads(image: &Image, ancestors: &[NodeId], target: &[u8]) -> Result<Leads, ReadError> {
    Resolver::new(image).leads(ancestors, target)
}

/// What `path`, component by component from the root, leads to. Policy `Off` meets no links; under the others links
/// are followed inside the tree only. A directory that is its own ancestor is not found.
///
/// # Errors
/// [`ReadError`] of what had to be read on the way.
pub fn resolve(
    image: &Image,
    path: &[&[u8]],
    policy: SymlinkPolicy,
    final_link: FinalLink,
) -> Result<Resolved, ReadError> {
    let follow_final = final_link == FinalLink::Follow;
    let walk = Walk::from_root(image, path);
    Ok(match Resolver::new(image).walk(walk, policy, follow_final)? {
        End::At { id, kind, path } => Resolved::Found { id, kind, path },
        End::Missing => Resolved::NotFound,
        End::Outside => Resolved::Outside,
    })
}

/// The entries of the last of `ancestors` (the directories from the root on) less those that must not be shown:
/// links by `policy`, links that cannot be read, and directories that are their own ancestors.
///
/// # Errors
/// [`ReadError`] of the directory itself.
pub fn visible_entries(
    image: &Image,
    ancestors: &[NodeId],
    policy: SymlinkPolicy,
) -> Result<VisibleDirectory, ReadError> {
    let id = ancestors.last().copied().unwrap_or_else(|| image.root());
    let directory = image.directory(id)?;
    let mut resolver = Resolver::new(image);
    let shown = directory
        .entries()
        .map(|entry| match entry.kind {
            Kind::Directory => !ancestors.contains(&entry.id) && ancestors.len() <= MAXIMUM_DEPTH,
            Kind::Symlink => resolver.shows_link(ancestors, entry.id, policy),
            _ => true,
        })
        .collect();
    Ok(VisibleDirectory { directory, shown })
}

/// A directory with the knowledge of which of its entries are to be shown.
#[derive(Clone, Debug)]
pub struct VisibleDirectory {
    directory: Arc<Directory>,
    shown: Vec<bool>,
}

impl VisibleDirectory {
    /// The entries that are shown, in the order of their names' bytes.
    pub fn entries(&self) -> impl Iterator<Item = DirectoryEntry<'_>> + '_ {
        self.directory
            .entries()
            .zip(&self.shown)
            .filter_map(|(entry, shown)| shown.then_some(entry))
    }

    /// Number of places for entries: those of hidden ones are empty.
    #[must_use]
    pub fn places(&self) -> usize {
        self.shown.len()
    }

    /// The entry at place `index`, in the order of the names' bytes, for whoever goes through a long directory in
    /// several turns.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<DirectoryEntry<'_>> {
        if *self.shown.get(index)? { self.directory.get(index) } else { None }
    }

    /// Number of records that could not be read.
    #[must_use]
    pub fn damaged(&self) -> u32 {
        self.directory.damaged()
    }
}

/// Resolves many paths of one image, and remembers the directories that it came through.
#[derive(Debug)]
pub(crate) struct Resolver<'a> {
    image: &'a Image,
    directories: HashMap<NodeId, Arc<Directory>>,
    weight: usize,
    forgotten: u32,
}

/// A path that is being walked.
struct Walk {
    /// Directories from the root to where the walk is, each with its name.
    directories: Vec<(NodeId, Vec<u8>)>,
    /// Components still to go, the next one last.
    pending: Vec<Vec<u8>>,
    hops: usize,
    components: usize,
}

/// Where a walk ended.
enum End {
    At { id: NodeId, kind: Kind, path: Vec<Vec<u8>> },
    Missing,
    Outside,
}

impl Walk {
    fn from_root(image: &Image, path: &[&[u8]]) -> Self {
        let pending = path.iter().rev().map(|component| component.to_vec()).collect();
        Self { directories: vec![(image.root(), Vec::new())], pending, hops: 0, components: 0 }
    }

    /// Puts a link's target before the components still to go. `false` where it leads out or too far.
    fn push_target(&mut self, target: &[u8]) -> bool {
        self.hops += 1;
        if target.first() == Some(&b'/') || self.hops > MAXIMUM_HOPS {
            return false;
        }
        self.components += target.split(|byte| *byte == b'/').count();
        if self.components > MAXIMUM_COMPONENTS {
            return false;
        }
        self.pending.extend(target.rsplit(|byte| *byte == b'/').map(<[u8]>::to_vec));
        true
    }

    fn path_with(self, name: Option<Vec<u8>>) -> Vec<Vec<u8>> {
        let names = self.directories.into_iter().skip(1).map(|(_, name)| name);
        names.chain(name).collect()
    }
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(image: &'a Image) -> Self {
        Self { image, directories: HashMap::new(), weight: 0, forgotten: 0 }
    }

    /// Whether the link `id` in the last of `ancestors` is shown. One that cannot be read is not.
    pub(crate) fn shows_link(
        &mut self,
        ancestors: &[NodeId],
        id: NodeId,
        policy: SymlinkPolicy,
    ) -> bool {
        let Ok(target) = self.image.link_target(id) else { return false };
        match policy {
            SymlinkPolicy::Off => false,
            SymlinkPolicy::Follow => true,
            SymlinkPolicy::Contained => {
                matches!(self.leads(ancestors, &target), Ok(Leads::Inside))
            }
        }
    }

    pub(crate) fn leads(
        &mut self,
        ancestors: &[NodeId],
        target: &[u8],
    ) -> Result<Leads, ReadError> {
        let directories = ancestors.iter().map(|id| (*id, Vec::new())).collect();
        let mut walk = Walk { directories, pending: Vec::new(), hops: 0, components: 0 };
        if !walk.push_target(target) {
            return Ok(Leads::Outside);
        }
        Ok(match self.walk(walk, SymlinkPolicy::Contained, true)? {
            End::At { .. } | End::Missing => Leads::Inside,
            End::Outside => Leads::Outside,
        })
    }

    fn walk(
        &mut self,
        mut walk: Walk,
        policy: SymlinkPolicy,
        follow_final: bool,
    ) -> Result<End, ReadError> {
        while let Some(component) = walk.pending.pop() {
            match component.as_slice() {
                b"" | b"." => {}
                b".." if walk.directories.len() <= 1 => return Ok(End::Outside),
                b".." => drop(walk.directories.pop()),
                name => {
                    let Some((id, kind)) = self.lookup(&walk, name)? else {
                        return Ok(if self.is_exhausted() { End::Outside } else { End::Missing });
                    };
                    let last = walk.pending.is_empty();
                    match kind {
                        Kind::Directory if walk.directories.len() > MAXIMUM_DEPTH => {
                            return Ok(End::Outside);
                        }
                        Kind::Directory if walk.directories.iter().any(|(up, _)| *up == id) => {
                            return Ok(End::Missing);
                        }
                        Kind::Directory => walk.directories.push((id, component)),
                        Kind::Symlink if policy == SymlinkPolicy::Off => return Ok(End::Missing),
                        Kind::Symlink if follow_final || !last => {
                            if !walk.push_target(&self.image.link_target(id)?) {
                                return Ok(End::Outside);
                            }
                        }
                        _ if last => {
                            return Ok(End::At { id, kind, path: walk.path_with(Some(component)) });
                        }
                        _ => return Ok(End::Missing),
                    }
                }
            }
        }
        let id = walk.directories.last().map_or_else(|| self.image.root(), |(id, _)| *id);
        Ok(End::At { id, kind: Kind::Directory, path: walk.path_with(None) })
    }

    fn lookup(&mut self, walk: &Walk, name: &[u8]) -> Result<Option<(NodeId, Kind)>, ReadError> {
        let id = walk.directories.last().map_or_else(|| self.image.root(), |(id, _)| *id);
        let Some(directory) = self.directory(id)? else { return Ok(None) };
        Ok(directory.find(name).map(|entry| (entry.id, entry.kind)))
    }

    /// The directory `id`; `None` once this medium has made us read too much.
    fn directory(&mut self, id: NodeId) -> Result<Option<Arc<Directory>>, ReadError> {
        if let Some(directory) = self.directories.get(&id) {
            return Ok(Some(Arc::clone(directory)));
        }
        if self.is_exhausted() {
            return Ok(None);
        }
        let directory = self.image.directory(id)?;
        if self.weight + directory.weight() > MEMORY {
            self.directories.clear();
            self.weight = 0;
            self.forgotten += 1;
        }
        self.weight += directory.weight();
        self.directories.insert(id, Arc::clone(&directory));
        Ok(Some(directory))
    }

    fn is_exhausted(&self) -> bool {
        self.forgotten > MAXIMUM_FORGETTING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Content, fake_tree::FakeTree};

    fn tree() -> FakeTree {
        FakeTree::default()
            .directory(0, &[("a", 1), ("file", 2), ("up", 3), ("in", 4), ("loop", 5), ("dot", 6)])
            .directory(1, &[("b", 7), ("root", 8), ("self", 1)])
            .directory(7, &[("far", 9), ("near", 10), ("chain", 11)])
            .file(2, Content::Extents(Vec::new()))
            .symlink(3, "../etc/passwd")
            .symlink(4, "a/b/../../file")
            .symlink(5, "loop")
            .symlink(6, ".")
            .symlink(8, "/etc")
            .symlink(9, "../../../x")
            .symlink(10, "../../file")
            .symlink(11, "../root/passwd")
    }

    #[test]
    fn links_lead_where_the_kernel_would_follow_them() {
        let image = tree().image(Vec::new());
        let ancestors = [NodeId(0), NodeId(1), NodeId(7)];
        for (target, expected) in [
            ("near", Leads::Inside),
            ("missing", Leads::Inside),
            ("missing/../../../../../x", Leads::Inside),
            ("../../file/x", Leads::Inside),
            ("../../..", Leads::Outside),
            ("../../../web/a", Leads::Outside),
            ("/", Leads::Outside),
            ("/a/b", Leads::Outside),
            ("chain", Leads::Outside),
            ("../../loop", Leads::Outside),
            ("../../dot/dot/dot/a/b/near", Leads::Inside),
            ("../../up", Leads::Outside),
            (".", Leads::Inside),
            ("", Leads::Inside),
            ("../self/self", Leads::Inside),
        ] {
            assert_eq!(leads(&image, &ancestors, target.as_bytes()).unwrap(), expected, "{target}");
        }
        let long = "../b/".repeat(130);
        assert_eq!(leads(&image, &ancestors, long.as_bytes()).unwrap(), Leads::Outside);
    }

    #[test]
    fn paths_resolve_to_canonical_ones() {
        use FinalLink::{Follow, Keep};
        use SymlinkPolicy::{Contained, Off};
        let image = tree().image(Vec::new());
        let resolved = |path: &str, policy, final_link| {
            let path: Vec<_> = path.split('/').map(str::as_bytes).collect();
            match resolve(&image, &path, policy, final_link).unwrap() {
                Resolved::Found { id, path, .. } => {
                    let path: Vec<_> =
                        path.iter().map(|name| String::from_utf8_lossy(name)).collect();
                    format!("{} {}", id.0, path.join("/"))
                }
                other => format!("{other:?}"),
            }
        };
        for (path, policy, final_link, expected) in [
            ("", Contained, Follow, "0 "),
            ("a/b", Contained, Follow, "7 a/b"),
            ("in", Contained, Follow, "2 file"),
            ("in", Contained, Keep, "4 in"),
            ("in", Off, Follow, "NotFound"),
            ("dot/a/b/near", Contained, Follow, "2 file"),
            ("dot/a/b/near", Off, Follow, "NotFound"),
            ("up", Contained, Follow, "Outside"),
            ("up", Contained, Keep, "3 up"),
            ("..", Contained, Follow, "Outside"),
            ("a/self", Contained, Follow, "NotFound"),
            ("file/", Contained, Follow, "NotFound"),
            ("file/x", Contained, Follow, "NotFound"),
            ("nothing", Contained, Follow, "NotFound"),
        ] {
            assert_eq!(resolved(path, policy, final_link), expected, "{path} {policy:?}");
        }
    }

    #[test]
    fn hidden_links_and_recurring_directories_are_not_listed() {
        let image = tree().image(Vec::new());
        let names = |ancestors: &[u64], policy| {
            let ancestors: Vec<_> = ancestors.iter().map(|id| NodeId(*id)).collect();
            let visible = visible_entries(&image, &ancestors, policy).unwrap();
            let names: Vec<_> =
                visible.entries().map(|e| String::from_utf8_lossy(e.name).into_owned()).collect();
            names.join(" ")
        };
        assert_eq!(names(&[0], SymlinkPolicy::Contained), "a dot file in");
        assert_eq!(names(&[0], SymlinkPolicy::Off), "a file");
        assert_eq!(names(&[0], SymlinkPolicy::Follow), "a dot file in loop up");
        assert_eq!(names(&[0, 1], SymlinkPolicy::Contained), "b");
        assert_eq!(names(&[0, 1, 7], SymlinkPolicy::Contained), "near");
    }
}
