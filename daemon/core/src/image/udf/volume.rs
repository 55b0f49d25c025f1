//! A UDF volume: what it says of itself, and the way to its tree.

use super::{
    anchor::{self, Anchor},
    characters,
    partition_map::{self, Copy},
    recognition::{self, Edition},
    tree::UdfTree,
    volume_sequence::{self, Logical, VolumeSequence},
};
use crate::image::{OpenError, ReadAt, Timestamp, label};

/// What a medium's UDF descriptors say.
#[derive(Debug)]
pub(crate) struct Udf {
    /// As libblkid gives it.
    pub(crate) label: Option<String>,
    /// As libblkid gives it.
    pub(crate) uuid: Option<String>,
    /// Revision in hexadecimal, as in [`crate::image::Format::Udf`].
    pub(crate) revision: u16,
    /// Bytes that the descriptors claim.
    pub(crate) claimed_size: u64,
    /// Volume set identifier.
    pub(crate) volume_set: Option<String>,
    /// Who made the volume.
    pub(crate) owner: Option<String>,
    /// Application that wrote the volume, or who made that.
    pub(crate) application: Option<String>,
    /// When the volume was made.
    pub(crate) created: Option<Timestamp>,
    /// When the volume was last written to.
    pub(crate) modified: Option<Timestamp>,
    /// What is wrong, if it can be read all the same.
    pub(crate) problems: Vec<String>,
    /// The tree, or why it cannot be read. The label is known even then.
    pub(crate) tree: Result<UdfTree, OpenError>,
}

/// Reads the descriptors of a UDF volume; `None` where nothing claims to be UDF.
///
/// # Errors
/// [`OpenError`] where something claims to be UDF whose descriptors cannot be read.
pub(crate) fn recognise(source: &dyn ReadAt) -> Result<Option<Udf>, OpenError> {
    let Some(edition) = recognition::read(source)? else { return Ok(None) };
    let anchor = anchor::find(source)?;
    let mut problems = vec![];
    let sequence = volume_sequence::read(source, &anchor, &mut problems)?;
    let missing = OpenError::Damaged { what: "UDF logical volume descriptor", offset: 0 };
    let logical = sequence.logical.as_ref().ok_or(missing)?;
    let tree = open_tree(source, &anchor, logical, &sequence, &mut problems);
    let claimed_size = claimed_size(&anchor, &sequence);
    if claimed_size > source.size() {
        problems.push(format!(
            "the image ends at byte {}, its UDF volume at byte {claimed_size}: copy it again",
            source.size()
        ));
    }
    let primary = sequence.primary.as_ref();
    let integrity = logical.integrity;
    Ok(Some(Udf {
        label: sequence.label.as_ref().and_then(label::udf_label),
        uuid: sequence.uuid.clone(),
        revision: revision(logical.revision, edition),
        claimed_size,
        volume_set: primary.and_then(|primary| characters::dstring(&primary.volume_set)),
        owner: sequence.owner.clone(),
        application: primary.and_then(|primary| {
            entity(&primary.application).or_else(|| entity(&primary.implementation))
        }),
        created: primary.and_then(|primary| primary.recorded),
        modified: volume_sequence::last_integrity(source, anchor.block_size, integrity),
        problems,
        tree,
    }))
}

/// Opens the tree; by the mirror of the metadata file where the file itself does not lead to a root directory.
fn open_tree(
    source: &dyn ReadAt,
    anchor: &Anchor,
    logical: &Logical,
    sequence: &VolumeSequence,
    problems: &mut Vec<String>,
) -> Result<UdfTree, OpenError> {
    if logical.block_size != anchor.block_size {
        return Err(OpenError::Damaged { what: "UDF logical volume descriptor", offset: 0 });
    }
    let open = |copy| {
        let space = partition_map::space(source, logical, &sequence.partitions, copy)?;
        UdfTree::open(source, space, logical.file_set).map_err(super::open_error)
    };
    let failure = match open(Copy::Main) {
        Err(failure) if partition_map::has_metadata(logical) => failure,
        done => return done,
    };
    let tree = open(Copy::Mirror).map_err(|_| failure)?;
    problems.push("the UDF metadata file is damaged; its mirror is used".to_owned());
    Ok(tree)
}

/// The revision that the logical volume states, else the first of the edition that the medium follows.
fn revision(stated: u16, edition: Edition) -> u16 {
    match (stated, edition) {
        (0, Edition::Second) => 0x0102,
        (0, Edition::Third) => 0x0200,
        (stated, _) => stated,
    }
}

/// Where the last of partitions and descriptor sequences ends.
fn claimed_size(anchor: &Anchor, sequence: &VolumeSequence) -> u64 {
    let bytes = |blocks: u32| u64::from(blocks) * u64::from(anchor.block_size);
    let partitions = sequence.partitions.iter().map(|p| bytes(p.start) + bytes(p.length));
    let sequences = [anchor.main, anchor.reserve].map(|e| bytes(e.location) + u64::from(e.length));
    partitions.chain(sequences).max().unwrap_or(0)
}

/// The text of an entity identifier (ECMA-167 1/7.4): ASCII, padded with NUL, marked with `*` where it is registered.
fn entity(identifier: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(identifier);
    let text = text.trim_matches(['\0', '*', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}
