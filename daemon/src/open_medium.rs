//! A medium that was opened and recognised: what probing yields, and all that the others work with.

use std::sync::Arc;

use isomirror_core::{
    copy::likeness,
    generated::Generated,
    image::{Image, OpenError},
    verified::{Known, Release, Verified},
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
    release: Option<Arc<Release>>,
}

impl OpenMedium {
    /// Reads the descriptors of `file`. Blocks for as long as the medium takes to answer.
    pub fn open(file: Arc<MediumFile>) -> Result<Self, OpenError> {
        let image = Image::open(Arc::clone(&file) as _)?;
        let generated = Generated::of(&image);
        let volume = image.volume();
        let likeness = likeness(&*file, volume.uuid.as_deref(), volume.real_size);
        let (verified, alias, release) = (None, None, None);
        Ok(Self { file, image, generated, likeness, verified, alias, release })
    }

    /// It, with what is known of its file.
    #[must_use]
    pub fn known_as(self, known: Known) -> Self {
        let Known { verified, alias, release } = known;
        Self { verified: verified.map(Arc::new), alias, release: release.map(Arc::new), ..self }
    }

    /// What it is one version of.
    #[must_use]
    pub fn release(&self) -> Option<Arc<Release>> {
        self.release.clone()
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
