//! Scripts for iPXE: the menu of all media, and one for each medium.
//!
//! A script is a program that machines run unasked, so no text of a medium, and none that a client sent, is ever
//! written into one but as a word that iPXE takes for an argument (`word.rs`), or as a text with nothing in it that iPXE
//! acts on. What cannot be written so is not offered.
//!
//! The commands and settings are those of iPXE 1.0.0 and later, which Debian 12 has.

mod all_media;
mod entry;
mod machine;
mod one_medium;
mod script;
#[cfg(test)]
mod tests;
mod title;
mod word;

pub use all_media::boot_menu;
pub use one_medium::medium_script;
pub(super) use one_medium::script_of;

use super::{MirrorUrl, template::BootValues};
use crate::{
    config::BootConfig,
    generated::{Fetchable, Generated},
    state::{MediumState, StateDocument},
};

/// All that scripts are rendered from.
#[derive(Clone, Copy, Debug)]
pub struct BootViews<'a> {
    /// All media.
    pub document: &'a StateDocument,
    /// What the operator adds.
    pub settings: &'a BootConfig,
    /// Where the mirror is; `None` where the script has to find out when it runs.
    pub mirror: Option<&'a MirrorUrl>,
    /// The media that can be fetched.
    pub fetchable: &'a Fetchable<'a>,
}

impl<'a> BootViews<'a> {
    /// The mirror as scripts write it.
    fn mirror_url(&self) -> MirrorUrl {
        self.mirror.cloned().unwrap_or_else(|| MirrorUrl::of_setting(word::MIRROR))
    }

    /// The media that can be fetched.
    fn media(&self) -> impl Iterator<Item = (&'a MediumState, &'a Generated)> {
        let fetchable = self.fetchable;
        self.document
            .media
            .iter()
            .filter_map(move |medium| Some((medium, fetchable.get(&medium.name).copied()?)))
    }

    /// What the templates of `medium` are filled with.
    fn values(&self, medium: &MediumState, generated: &Generated) -> BootValues {
        let mirror = self.mirror_url();
        let overlay = mirror.overlay(&medium.name);
        let tree = mirror.tree(&medium.name);
        BootValues {
            tree: if generated.describes_tree() { overlay.clone() } else { tree },
            iso: mirror.image(&medium.name),
            generated: overlay,
            answers: self.settings.answers_of(medium).map(|answers| answers.url(mirror.as_str())),
        }
    }
}
