//! Which formats a medium has, and which of its trees is shown.

use super::{Format, OpenError, ReadAt, Volume, image::Tree, iso9660};

/// Reads the descriptors of every format and chooses the tree to show.
pub(super) fn recognise(source: &dyn ReadAt) -> Result<(Volume, Box<dyn Tree>), OpenError> {
    let Some(iso) = iso9660::recognise(source)? else { return Err(OpenError::NotAnImage) };
    let primary = &iso.primary;
    let formats = [
        (Format::Iso9660, true),
        (Format::Iso9660Enhanced, iso.enhanced),
        (Format::Joliet, iso.joliet_volume_id.is_some()),
        (Format::RockRidge, iso.rock_ridge),
        (Format::ElTorito, iso.boot.is_some()),
    ];
    let volume = Volume {
        label: text(&primary.volume_id),
        uuid: None,
        formats: formats.into_iter().filter_map(|(format, is)| is.then_some(format)).collect(),
        tree: iso.tree_format,
        claimed_size: iso.claimed_size,
        real_size: source.size(),
        system: text(&primary.system),
        volume_set: text(&primary.volume_set),
        publisher: text(&primary.publisher),
        preparer: text(&primary.preparer),
        application: text(&primary.application),
        created: primary.created(),
        modified: primary.modified(),
        boot: iso.boot,
        problems: iso.problems,
    };
    Ok((volume, iso.tree))
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}
