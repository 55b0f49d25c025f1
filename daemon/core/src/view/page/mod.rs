//! The page of all media, for people: what there is, in which state, and what to type to use it.
//!
//! [`model`] decides what is said, [`html`] writes it. The page is whole without its script (`page.js`), which adds
//! searching, copying and staying up to date, by fetching this very page again.

mod commands;
mod html;
mod model;
mod trust;

use super::MirrorUrl;
use crate::{name::Name, state::StateDocument};

/// The page's own style, after that of all pages.
pub(super) const STYLE: &str = include_str!("page.css");

/// The page's script.
pub(super) const SCRIPT: &str = include_str!("page.js");

/// What the page is rendered from.
#[derive(Clone, Copy)]
pub struct IndexView<'a> {
    /// All media and downloads. Of it only the public part is shown.
    pub document: &'a StateDocument,
    /// Which media can be fetched: only they are linked.
    pub is_exported: &'a dyn Fn(&Name) -> bool,
    /// Where the mirror is, as far as that is known.
    pub mirror: Option<&'a MirrorUrl>,
    /// Whether that is how the operator wants it to be written; else browsers may know better.
    pub is_mirror_fixed: bool,
}

/// The page.
#[must_use]
pub fn index_page(view: &IndexView<'_>) -> String {
    let public = view.document.public();
    html::render(&model::Model::of(&public, view))
}

impl std::fmt::Debug for IndexView<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("IndexView").field("mirror", &self.mirror).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
