//! Which trees a volume has, and which of them is read.

use super::{
    Iso9660,
    descriptor::Descriptors,
    object,
    record::SECTOR,
    rock_ridge::Presence,
    system_use::Continuations,
    tree::{Dialect, IsoTree},
};
use crate::image::{OpenError, ReadAt, ReadError, TreeFormat, el_torito};

/// Reads the descriptors of an ISO 9660 volume and chooses its tree: Rock Ridge, else Joliet, else the enhanced one,
/// else the plain one. As Linux does, Joliet is preferred to Rock Ridge that is not announced or has an empty root.
/// A tree whose root cannot be read is passed over. `None` where there are no ISO 9660 descriptors.
pub(in crate::image) fn recognise(source: &dyn ReadAt) -> Result<Option<Iso9660>, OpenError> {
    let Some(mut descriptors) = Descriptors::read(source)? else { return Ok(None) };
    let mut problems = std::mem::take(&mut descriptors.problems);
    let boot = descriptors.boot_catalog.and_then(|sector| {
        el_torito::read(source, sector).map_err(|error| problems.push(error)).ok()
    });
    let rock_ridge = rock_ridge(source, &descriptors);
    let (tree_format, tree) =
        choose(source, candidates(source, &descriptors, rock_ridge), &mut problems)?;
    let primary = descriptors.primary;
    let claimed_size = u64::from(primary.space_size) * u64::from(primary.block_size);
    if claimed_size > source.size() {
        problems.push(format!(
            "the image ends at byte {}, its ISO 9660 volume at byte {claimed_size}: copy it again",
            source.size()
        ));
    }
    Ok(Some(Iso9660 {
        claimed_size,
        joliet_volume_id: descriptors.joliet.map(|joliet| joliet.volume_id),
        enhanced: descriptors.enhanced.is_some(),
        rock_ridge: rock_ridge.is_some(),
        primary,
        boot,
        tree_format,
        problems,
        tree: Box::new(tree),
    }))
}

fn rock_ridge(source: &dyn ReadAt, descriptors: &Descriptors) -> Option<Presence> {
    let primary = &descriptors.primary;
    let mut buffer = [0; 255];
    let root = primary.root * u64::from(primary.block_size);
    let record = object::own_record(source, root, &mut buffer).ok()?;
    Presence::of(record, &mut Continuations::of_record(source, primary.block_size))
}

/// All trees, the preferred one first.
fn candidates(
    source: &dyn ReadAt,
    descriptors: &Descriptors,
    rock_ridge: Option<Presence>,
) -> Vec<(TreeFormat, IsoTree)> {
    let block_size = descriptors.primary.block_size;
    let tree = |dialect, root| IsoTree { dialect, block_size, root: root * u64::from(block_size) };
    let mut trees = Vec::new();
    if let Some(enhanced) = descriptors.enhanced {
        trees.push((TreeFormat::Enhanced, tree(Dialect::Plain, enhanced.root)));
    }
    trees.push((TreeFormat::Plain, tree(Dialect::Plain, descriptors.primary.root)));
    if let Some(joliet) = descriptors.joliet {
        trees.insert(0, (TreeFormat::Joliet, tree(Dialect::Joliet, joliet.root)));
    }
    if let Some(Presence { skip, is_announced }) = rock_ridge {
        let tree = tree(Dialect::RockRidge { skip }, descriptors.primary.root);
        let yields = descriptors.joliet.is_some() && (!is_announced || is_empty(source, &tree));
        trees.insert(usize::from(yields), (TreeFormat::RockRidge, tree));
    }
    trees
}

/// Whether a directory has nothing but itself and its parent, by its first sector. There are discs whose primary
/// root is empty though it has Rock Ridge, and whose files are in the Joliet tree only.
fn is_empty(source: &dyn ReadAt, tree: &IsoTree) -> bool {
    let mut sector = [0; SECTOR];
    let read = source.read_exact_at(&mut sector, tree.root);
    read.is_ok() && super::record::Sector::new(&sector).count() < 3
}

/// The first of the trees whose root can be read.
fn choose(
    source: &dyn ReadAt,
    candidates: Vec<(TreeFormat, IsoTree)>,
    problems: &mut Vec<String>,
) -> Result<(TreeFormat, IsoTree), OpenError> {
    let mut last = None;
    for (format, tree) in candidates {
        match object::directory(&tree, source, tree.root) {
            Ok(_) => return Ok((format, tree)),
            Err(error) => {
                problems.push(format!(
                    "the root directory of the {} tree is unreadable",
                    called(format)
                ));
                last = Some((tree.root, error));
            }
        }
    }
    let (offset, error) = last.expect("there is always the plain tree");
    Err(match error {
        ReadError::Read { what, offset, source } => OpenError::Read { what, offset, source },
        _ => OpenError::Damaged { what: "root directory", offset },
    })
}

fn called(format: TreeFormat) -> &'static str {
    match format {
        TreeFormat::Plain => "primary",
        TreeFormat::Enhanced => "enhanced",
        TreeFormat::Joliet => "Joliet",
        TreeFormat::RockRidge => "Rock Ridge",
        TreeFormat::Udf => "UDF",
    }
}
