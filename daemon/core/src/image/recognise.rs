//! Which formats a medium has, and which of its trees is shown.
//!
//! The tree is the one that Linux would take, UDF before ISO 9660, with the exceptions that [`bridge`] tells. A
//! medium of which one format is damaged is shown by the other, and it is told. The label is libblkid's whatever the
//! tree.

use super::{
    Format, OpenError, ReadAt, TreeFormat, Volume, bridge,
    image::Tree,
    iso9660::{self, Iso9660, PrimaryDescriptor},
    label,
    udf::{self, Udf},
};

/// A tree and its format.
type Chosen = (TreeFormat, Box<dyn Tree>);

/// Reads the descriptors of every format and chooses the tree to show.
pub(super) fn recognise(source: &dyn ReadAt) -> Result<(Volume, Box<dyn Tree>), OpenError> {
    let (udf, udf_failure) = separate(udf::recognise(source));
    let (iso, iso_failure) = separate(iso9660::recognise(source));
    let mut volume = describe(source, udf.as_ref(), iso.as_ref());
    let (udf_tree, udf_failure) = match udf.map(|udf| udf.tree) {
        Some(Ok(tree)) => (Some(Box::new(tree) as Box<dyn Tree>), udf_failure),
        Some(Err(failure)) => (None, Some(failure)),
        None => (None, udf_failure),
    };
    let iso_tree = iso.map(|iso| (iso.tree_format, iso.tree));
    let Some((format, tree)) = choose(source, udf_tree, iso_tree) else {
        // Of two failures, that of UDF says more: an ISO 9660 tree beside it is often a mere note.
        return Err(udf_failure.or(iso_failure).unwrap_or(OpenError::NotAnImage));
    };
    volume.tree = format;
    let failures = [("UDF", udf_failure), ("ISO 9660", iso_failure)];
    for (name, failure) in failures.into_iter().filter_map(|(name, f)| Some((name, f?))) {
        volume.problems.push(format!("the {name} file system cannot be read: {failure}"));
    }
    Ok((volume, tree))
}

fn separate<T>(result: Result<Option<T>, OpenError>) -> (Option<T>, Option<OpenError>) {
    match result {
        Ok(found) => (found, None),
        Err(failure) => (None, Some(failure)),
    }
}

fn choose(source: &dyn ReadAt, udf: Option<Box<dyn Tree>>, iso: Option<Chosen>) -> Option<Chosen> {
    match (udf, iso) {
        (Some(udf), Some((TreeFormat::RockRidge, iso)))
            if bridge::iso_holds_all(source, &*udf, &*iso) =>
        {
            Some((TreeFormat::RockRidge, iso))
        }
        (Some(udf), _) => Some((TreeFormat::Udf, udf)),
        (None, iso) => iso,
    }
}

/// All that the descriptors say. Of what both formats state, ISO 9660's word counts, which is in practice the
/// fuller one; but for the label and the UUID, where libblkid looks at UDF first and then no further.
fn describe(source: &dyn ReadAt, udf: Option<&Udf>, iso: Option<&Iso9660>) -> Volume {
    let primary = iso.map(|iso| &iso.primary);
    let text_of =
        |field: fn(&PrimaryDescriptor) -> &[u8]| primary.and_then(|primary| text(field(primary)));
    let (label, uuid) = match udf {
        Some(udf) => (udf.label.clone(), udf.uuid.clone()),
        None => (iso.and_then(iso_label), iso.and_then(iso_uuid)),
    };
    let claims = [udf.map(|udf| udf.claimed_size), iso.map(|iso| iso.claimed_size)];
    let claimed_size = claims.into_iter().flatten().max().unwrap_or(0);
    Volume {
        label,
        uuid,
        formats: formats(udf, iso),
        tree: TreeFormat::Udf,
        claimed_size,
        real_size: source.size(),
        system: text_of(|primary| &primary.system),
        volume_set: text_of(|primary| &primary.volume_set)
            .or_else(|| udf.and_then(|udf| udf.volume_set.clone())),
        publisher: text_of(|primary| &primary.publisher)
            .or_else(|| udf.and_then(|udf| udf.owner.clone())),
        preparer: text_of(|primary| &primary.preparer),
        application: text_of(|primary| &primary.application)
            .or_else(|| udf.and_then(|udf| udf.application.clone())),
        created: primary
            .and_then(PrimaryDescriptor::created)
            .or_else(|| udf.and_then(|udf| udf.created)),
        modified: primary
            .and_then(PrimaryDescriptor::modified)
            .or_else(|| udf.and_then(|udf| udf.modified)),
        boot: iso.and_then(|iso| iso.boot.clone()),
        problems: problems(udf, iso),
    }
}

fn formats(udf: Option<&Udf>, iso: Option<&Iso9660>) -> Vec<Format> {
    let mut formats = vec![];
    if let Some(iso) = iso {
        let found = [
            (Format::Iso9660, true),
            (Format::Iso9660Enhanced, iso.enhanced),
            (Format::Joliet, iso.joliet_volume_id.is_some()),
            (Format::RockRidge, iso.rock_ridge),
            (Format::ElTorito, iso.boot.is_some()),
        ];
        formats.extend(found.into_iter().filter_map(|(format, is)| is.then_some(format)));
    }
    formats.extend(udf.map(|udf| Format::Udf(udf.revision)));
    formats
}

fn problems(udf: Option<&Udf>, iso: Option<&Iso9660>) -> Vec<String> {
    let of_udf = udf.into_iter().flat_map(|udf| &udf.problems);
    of_udf.chain(iso.into_iter().flat_map(|iso| &iso.problems)).cloned().collect()
}

fn iso_label(iso: &Iso9660) -> Option<String> {
    label::iso_label(&iso.primary.volume_id, iso.joliet_volume_id.as_ref())
}

fn iso_uuid(iso: &Iso9660) -> Option<String> {
    label::iso_uuid(&iso.primary.modification_date, &iso.primary.creation_date)
}

/// Text of a field that is padded with blanks, or with NUL.
fn text(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}
