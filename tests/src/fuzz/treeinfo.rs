//! `.treeinfo`: any text.

use isomirror_core::boot::metadata::treeinfo::TreeInfo;

/// Reads `data`.
///
/// # Panics
/// Where a path of the tree leads out of it, a digest is none, or more is told than the text has lines.
pub fn run(data: &[u8]) {
    let tree = TreeInfo::parse(data);
    let images = tree.images.iter().map(|(_, _, path)| path);
    let paths = images.chain(tree.checksums.iter().map(|(path, _)| path)).chain(&tree.second_stage);
    for path in paths {
        assert!(!path.is_empty() && !path.starts_with('/'), "{path:?}");
        assert!(path.split('/').all(|name| !matches!(name, "" | "." | "..")), "{path:?}");
        assert!(!path.contains(char::is_control), "{path:?}");
    }
    for (_, checksum) in &tree.checksums {
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        assert!(!checksum.digest.is_empty() && checksum.digest.bytes().all(is_digit));
    }
    let lines = data.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(tree.variants.len() <= lines && tree.checksums.len() <= lines);
    let _ = tree.facts();
}
