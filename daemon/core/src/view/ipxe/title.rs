//! What media and their entries are called in menus, and in which order they stand.

use std::cmp::Ordering;

use crate::{
    boot::{BootMode, System},
    state::MediumState,
    version_order,
};

/// The heading of media that nobody knows.
const OTHERS: &str = "Other media";

/// The heading that a medium stands under.
pub(super) fn heading(medium: &MediumState) -> &str {
    system(medium).map_or(OTHERS, |system| system.name.as_str())
}

/// The medium itself: what its heading does not say, and its name.
pub(super) fn in_group(medium: &MediumState) -> String {
    let parts = system(medium).map(parts).unwrap_or_default();
    if parts.is_empty() {
        return medium.name.to_string();
    }
    format!("{} ({})", parts.join(" "), medium.name)
}

/// The medium where nothing else is said of it.
pub(super) fn whole(medium: &MediumState) -> String {
    match system(medium) {
        Some(system) => [&[system.name.as_str()], &parts(system)[..]].concat().join(" "),
        None => medium.name.to_string(),
    }
}

fn system(medium: &MediumState) -> Option<&System> {
    medium.detection.system.as_ref().filter(|system| !system.name.trim().is_empty())
}

fn parts(system: &System) -> Vec<&str> {
    let parts = [&system.version, &system.edition, &system.arch];
    parts.into_iter().flatten().map(String::as_str).filter(|part| !part.is_empty()).collect()
}

/// The order of menus: by heading, those that nobody knows last; then the newest version first; then by name.
pub(super) fn order(a: &MediumState, b: &MediumState) -> Ordering {
    let version = |medium| system(medium).and_then(|system| system.version.as_deref());
    let group = |medium| {
        let system = system(medium);
        (system.is_none(), system.map(|system| system.name.to_lowercase()), heading(medium))
    };
    let newest_first =
        || version_order::compare(version(b).unwrap_or_default(), version(a).unwrap_or_default());
    group(a).cmp(&group(b)).then_with(newest_first).then_with(|| a.name.cmp(&b.name))
}

/// What an entry does.
pub(super) fn of_mode(mode: BootMode) -> &'static str {
    match mode {
        BootMode::HttpTree => "Start over HTTP",
        BootMode::HttpIso => "Start over HTTP with the whole image in memory",
        BootMode::Text => "Start over HTTP in text mode",
        BootMode::Unattended => "Install unattended",
        BootMode::Sanboot => "Boot the image as a disc",
        BootMode::EfiLoader => "Boot its own EFI loader",
    }
}
