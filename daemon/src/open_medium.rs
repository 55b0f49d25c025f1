//! A medium that was opened and recognised: what probing yields, and all that the others work with.

use std::sync::Arc;

use isomirror_core::{
    copy::likeness,
    generated::Generated,
    image::{Image, OpenError},
    verified::Verified,
};

use crate::sys::medium_file::MediumFile;

/// One medium with its bytes and its tree. Shared by everyone who serves it; dropped by the last, which releases
/// the file and its lease.
#[derive(Debug)]
pub struct OpenMedium {
    file: Arc<MediumFile>,
    image: Image,
    generated: Generated,
    likeness: Option<String>,
    verified: Option<Arc<Verified>>,
    alias: Option<String>,
}

impl OpenMedium {
    /// Reads the descriptors of `file`. Blocks for as long as the medium takes to answer.
    pub fn open(file: Arc<MediumFile>) -> Result<Self, OpenError> {
        let image = Image::open(Arc::clone(&file) as _)?;
        let generated = Generated::of(&image);
        let volume = image.volume();
        let likeness = likeness(&*file, volume.uuid.as_deref(), volume.real_size);
        Ok(Self { file, image, generated, likeness, verified: None, alias: None })
    }

    /// It, with what was found about its file, and the name that it is to have instead of its label.
    #[must_use]
    pub fn known_as(self, verified: Option<Verified>, alias: Option<String>) -> Self {
        Self { verified: verified.map(Arc::new), alias, ..self }
    }

    /// The name that it is to have instead of its label.
    #[must_use]
    pub fn alias(&self) -> Option<&str> {
        self.alias.as_deref()
    }

    /// What is known of its verification.
    #[must_use]
    pub fn verified(&self) -> Option<Arc<Verified>> {
        self.verified.clone()
    }

    /// The medium's bytes.
    #[must_use]
    pub fn file(&self) -> &Arc<MediumFile> {
        &self.file
    }

    /// What it has in common with a copy of itself; see [`likeness`].
    #[must_use]
    pub fn likeness(&self) -> Option<&str> {
        self.likeness.as_deref()
    }

    /// What stands in for some of the tree's files when it is fetched over the network.
    #[must_use]
    pub fn generated(&self) -> &Generated {
        &self.generated
    }

    /// The medium's tree.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }
}
