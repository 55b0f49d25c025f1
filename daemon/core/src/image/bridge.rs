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
