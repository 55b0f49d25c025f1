//! Which tree of a bridge is shown: a medium that holds the same files by ISO 9660 and by UDF.
//!
//! UDF is, for two reasons: it is what Linux mounts, and on the media that matter most (Windows) ISO 9660 holds but a
//! note that one needs UDF. The exception is an ISO 9660 tree with Rock Ridge that holds all that UDF holds: bridges
//! by mkisofs have the modes, owners and symbolic links only there. "All" has to be looked at file by file, since
//! mkisofs cuts files of 4 GiB and more short in ISO 9660 and says nothing.

use std::collections::{HashMap, HashSet};

use super::{Directory, Kind, NodeId, ReadAt, image::Tree};

/// Names that are compared before the question is given up, and UDF shown: about a second's work.
const MAXIMUM_ENTRIES: u32 = 1 << 16;

/// Whether each file and directory of `udf` has a twin in `iso` under the same path, and no file is longer than its
/// twin. What cannot be read in `udf` need not be there; what cannot be read in `iso` is not there.
pub(super) fn iso_holds_all(source: &dyn ReadAt, udf: &dyn Tree, iso: &dyn Tree) -> bool {
    let mut pending = vec![(udf.root(), iso.root())];
    let mut visited = HashSet::new();
    let mut budget = MAXIMUM_ENTRIES;
    while let Some((udf_id, iso_id)) = pending.pop() {
        if !visited.insert(udf_id) {
            continue;
        }
        let Ok(udf_names) = udf.directory(source, udf_id) else { continue };
        let Ok(iso_names) = iso.directory(source, iso_id) else { return false };
        let twins = Twins::new(&iso_names);
        for entry in udf_names.entries() {
            let Some(left) = budget.checked_sub(1) else { return false };
            budget = left;
            let Some((twin, twin_kind)) = twins.find(entry.name) else { return false };
            match (entry.kind, twin_kind) {
                (Kind::Directory, Kind::Directory) => pending.push((entry.id, twin)),
                (Kind::File, Kind::File) if is_longer(source, (udf, entry.id), (iso, twin)) => {
                    return false;
                }
                (Kind::Directory, _) | (Kind::File, Kind::Directory) => return false,
                // mkisofs writes links and devices as empty files into UDF.
                _ => {}
            }
        }
    }
    true
}

fn is_longer(source: &dyn ReadAt, file: (&dyn Tree, NodeId), twin: (&dyn Tree, NodeId)) -> bool {
    let size = |(tree, id): (&dyn Tree, NodeId)| tree.node(source, id).map(|node| node.size);
    match (size(file), size(twin)) {
        (Ok(file), Ok(twin)) => file > twin,
        (Err(_), _) => false,
        (Ok(_), Err(_)) => true,
    }
}

/// Finds names of a directory exactly, else but for their case.
struct Twins<'a> {
    directory: &'a Directory,
    folded: HashMap<String, (NodeId, Kind)>,
}

impl<'a> Twins<'a> {
    fn new(directory: &'a Directory) -> Self {
        let entries = directory.entries().map(|entry| (fold(entry.name), (entry.id, entry.kind)));
        Self { directory, folded: entries.collect() }
    }

    fn find(&self, name: &[u8]) -> Option<(NodeId, Kind)> {
        match self.directory.find(name) {
            Some(entry) => Some((entry.id, entry.kind)),
            None => self.folded.get(&fold(name)).copied(),
        }
    }
}

fn fold(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Content, DirectoryBuilder, Node, ReadError, Timestamp};

    /// Objects by their paths: a size for a file, `None` for a directory. The id of an object is its index and 1.
    #[derive(Debug)]
    struct Paths(Vec<(String, Option<u64>)>);

    impl Paths {
        fn new(paths: &[(&str, Option<u64>)]) -> Self {
            let root = (String::new(), None);
            let paths = paths.iter().map(|(path, size)| (format!("/{path}"), *size));
            Self(std::iter::once(root).chain(paths).collect())
        }

        fn at(&self, id: NodeId) -> &(String, Option<u64>) {
            &self.0[usize::try_from(id.0).unwrap() - 1]
        }
    }

    impl Tree for Paths {
        fn root(&self) -> NodeId {
            NodeId(1)
        }

        fn node(&self, _: &dyn ReadAt, id: NodeId) -> Result<Node, ReadError> {
            let (_, size) = self.at(id);
            Ok(Node {
                id,
                kind: size.map_or(Kind::Directory, |_| Kind::File),
                size: size.unwrap_or(0),
                permissions: 0o444,
                owner: 0,
                group: 0,
                links: 1,
                modified: Timestamp::default(),
                device: (0, 0),
            })
        }

        fn directory(&self, _: &dyn ReadAt, id: NodeId) -> Result<Directory, ReadError> {
            let (path, _) = self.at(id);
            if path.ends_with("unreadable") {
                return Err(ReadError::Damaged { what: "directory", offset: 0 });
            }
            let mut builder = DirectoryBuilder::default();
            for (index, (candidate, size)) in self.0.iter().enumerate() {
                if let Some((parent, name)) = candidate.rsplit_once('/')
                    && parent == path
                {
                    let kind = size.map_or(Kind::Directory, |_| Kind::File);
                    builder.push(name.as_bytes(), NodeId(index as u64 + 1), kind);
                }
            }
            Ok(builder.build())
        }

        fn content(&self, _: &dyn ReadAt, _: NodeId) -> Result<Content, ReadError> {
            panic!("a bridge is judged by names and sizes")
        }

        fn link_target(&self, _: &dyn ReadAt, _: NodeId) -> Result<Vec<u8>, ReadError> {
            panic!("a bridge is judged by names and sizes")
        }
    }

    fn holds_all(udf: &[(&str, Option<u64>)], iso: &[(&str, Option<u64>)]) -> bool {
        iso_holds_all(&vec![], &Paths::new(udf), &Paths::new(iso))
    }

    #[test]
    fn rock_ridge_is_shown_where_no_file_is_longer_in_udf() {
        let tree = [("a", Some(5)), ("dir", None), ("dir/b", Some(7))];
        assert!(holds_all(&tree, &tree));
        assert!(holds_all(&tree, &[&tree[..], &[("more", Some(1))]].concat()));
        assert!(holds_all(&tree, &[("A", Some(6)), ("Dir", None), ("Dir/B", Some(7))]));
        assert!(holds_all(&[], &tree));
    }

    #[test]
    fn udf_is_shown_where_anything_is_missing_cut_short_or_of_another_kind() {
        let tree = [("a", Some(5)), ("dir", None), ("dir/b", Some(7))];
        for iso in [
            &[("readme.txt", Some(9))][..],
            &[("a", Some(5)), ("dir", None)],
            &[("a", Some(4)), ("dir", None), ("dir/b", Some(7))],
            &[("a", Some(5)), ("dir", None), ("dir/b", Some(6))],
            &[("a", Some(5)), ("dir", Some(1))],
            &[("a", None), ("dir", None), ("dir/b", Some(7))],
        ] {
            assert!(!holds_all(&tree, iso), "{iso:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_counts_against_the_tree_that_has_it() {
        let holding = [("unreadable", None), ("unreadable/x", Some(1))];
        assert!(holds_all(&holding, &holding));
        assert!(!holds_all(&[("Unreadable", None)], &holding));
    }

    #[test]
    fn udf_is_shown_where_there_is_too_much_to_compare() {
        let names: Vec<_> = (0..=MAXIMUM_ENTRIES).map(|index| index.to_string()).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), Some(1))).collect();
        assert!(!holds_all(&many, &many));
        assert!(holds_all(&many[1..], &many[1..]));
    }
}
