//! Looks at all of a medium, within bounds, as a server and a mounter would.

use std::{collections::BTreeSet, sync::Arc};

use isomirror_core::image::{Content, ExtentData, Image, Kind, NodeId, ReadAt};

/// Objects looked at; a hostile image has no end of them.
const MAXIMUM_OBJECTS: usize = 300;
/// Names looked at in one directory.
const MAXIMUM_NAMES: usize = 200;
/// Bytes read at each of a file's ends.
const PROBE: usize = 4096;

/// Opens `source` and walks its tree.
///
/// # Panics
/// Where the reader breaks a promise of its own.
pub(super) fn open_and_walk(source: Arc<dyn ReadAt>) {
    let Ok(image) = Image::open(source) else { return };
    let volume = image.volume();
    assert_eq!(volume.real_size, image.source().size());
    assert!(volume.label.as_ref().is_none_or(|label| !label.trim().is_empty()), "a blank label");
    let mut seen = BTreeSet::from([image.root()]);
    let mut waiting = vec![image.root()];
    while let Some(directory) = waiting.pop() {
        walk_directory(&image, directory, &mut seen, &mut waiting);
    }
}

fn walk_directory(
    image: &Image,
    id: NodeId,
    seen: &mut BTreeSet<NodeId>,
    waiting: &mut Vec<NodeId>,
) {
    let Ok(directory) = image.directory(id) else { return };
    for entry in directory.entries().take(MAXIMUM_NAMES) {
        assert!(!entry.name.is_empty() && entry.name.len() <= 255);
        assert!(!entry.name.contains(&b'/') && !entry.name.contains(&0));
        assert!(!matches!(entry.name, b"." | b".."));
        let found = image.lookup(id, entry.name).expect("a directory that was read is read again");
        assert_eq!(found, Some(entry.id), "a name that is listed is found");
        if seen.len() >= MAXIMUM_OBJECTS || !seen.insert(entry.id) {
            continue;
        }
        look_at(image, entry.id);
        if entry.kind == Kind::Directory {
            waiting.push(entry.id);
        }
    }
}

fn look_at(image: &Image, id: NodeId) {
    let Ok(node) = image.node(id) else { return };
    assert_eq!(node.id, id);
    assert!(node.permissions <= 0o7777 && node.links >= 1);
    assert!(node.modified.nanoseconds < 1_000_000_000);
    match node.kind {
        Kind::File => {
            if let Ok(content) = image.content(id) {
                assert_eq!(content.size(), node.size, "size of node and of content");
                read_ends(image, &content);
            }
        }
        Kind::Symlink => {
            if let Ok(target) = image.link_target(id) {
                assert!(target.len() <= 4095 && !target.contains(&0));
            }
        }
        _ => {}
    }
}

fn read_ends(image: &Image, content: &Content) {
    let size = content.size();
    for offset in [0, size.saturating_sub(PROBE as u64), size, u64::MAX] {
        let mut buffer = vec![0xa5; PROBE];
        let Ok(length) = image.read(content, offset, &mut buffer) else { continue };
        let expected = size.saturating_sub(offset).min(PROBE as u64);
        assert_eq!(length as u64, expected, "bytes read at {offset} of {size}");
        if let (0, Content::Extents(extents)) = (offset, content) {
            // What is served by position must be what is read.
            let Some(first) = extents.first() else { continue };
            let head = length.min(usize::try_from(first.length).unwrap_or(usize::MAX));
            let mut bytes = vec![0; head];
            if let ExtentData::Image(start) = first.data {
                image.source().read_exact_at(&mut bytes, start).expect("it could be read before");
            }
            assert_eq!(bytes, buffer[..head]);
        }
    }
}
