//! Which files of a medium need another to stand in for them.

use super::{Generated, boot_cfg, treeinfo};
use crate::{
    containment::{FinalLink, Resolved, SymlinkPolicy, resolve},
    image::{Image, Kind, NodeId},
};

/// Bytes of a file that is looked at. A description of a tree or of a boot has some kilobytes.
const LARGEST: u64 = 1 << 20;

impl Generated {
    /// What stands in for files of `image`. A file that cannot be read is left as it is.
    #[must_use]
    pub fn of(image: &Image) -> Self {
        let mut generated = Self::default();
        let is_there = |path: &str| file_at(image, path).is_some();
        for name in treeinfo::NAMES {
            let rewritten = read(image, name).and_then(|text| treeinfo::rewrite(&text, is_there));
            generated.0.extend(rewritten.map(|file| (name, file)));
        }
        if let Some(text) = read(image, boot_cfg::NAME) {
            generated.0.extend(boot_cfg::rewrite(&text));
        }
        generated
    }
}

fn file_at(image: &Image, path: &str) -> Option<NodeId> {
    let names: Vec<&[u8]> =
        path.split('/').filter(|name| !name.is_empty()).map(str::as_bytes).collect();
    match resolve(image, &names, SymlinkPolicy::Contained, FinalLink::Follow) {
        Ok(Resolved::Found { id, kind: Kind::File, .. }) => Some(id),
        _ => None,
    }
}

fn read(image: &Image, path: &str) -> Option<Vec<u8>> {
    let content = image.content(file_at(image, path)?).ok()?;
    let size = usize::try_from(Some(content.size()).filter(|size| *size <= LARGEST)?).ok()?;
    let mut bytes = vec![0; size];
    (image.read(&content, 0, &mut bytes).ok()? == size).then_some(bytes)
}
