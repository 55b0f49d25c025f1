//! One opened medium, whatever its format.

use std::sync::Arc;

use super::{
    Content, Directory, Node, NodeId, OpenError, ReadAt, ReadError, Volume, cache::DirectoryCache,
};

/// What every format's tree can answer. Implementations hold what they learned at opening, nothing else: all
/// methods take the source and are free of state.
pub(crate) trait Tree: Send + Sync + std::fmt::Debug {
    /// The root directory.
    fn root(&self) -> NodeId;
    /// Attributes of an object.
    fn node(&self, source: &dyn ReadAt, id: NodeId) -> Result<Node, ReadError>;
    /// All names of a directory.
    fn directory(&self, source: &dyn ReadAt, id: NodeId) -> Result<Directory, ReadError>;
    /// Where a regular file's bytes lie.
    fn content(&self, source: &dyn ReadAt, id: NodeId) -> Result<Content, ReadError>;
    /// The target of a symbolic link, as written.
    fn link_target(&self, source: &dyn ReadAt, id: NodeId) -> Result<Vec<u8>, ReadError>;
}

/// One opened medium. Cheap to share: every method takes `&self` and reads by position.
pub struct Image {
    source: Arc<dyn ReadAt>,
    volume: Volume,
    tree: Box<dyn Tree>,
    directories: DirectoryCache,
}

impl Image {
    /// Reads the descriptors of `source` and chooses the tree to show: UDF before ISO 9660, except where the ISO
    /// tree has Rock Ridge and no file is longer in UDF.
    ///
    /// # Errors
    /// [`OpenError`] where no tree can be read at all. Lesser damage is told in [`Volume::problems`].
    pub fn open(source: Arc<dyn ReadAt>) -> Result<Self, OpenError> {
        let (volume, tree) = super::recognise::recognise(&*source)?;
        Ok(Self { source, volume, tree, directories: DirectoryCache::default() })
    }

    /// An image whose tree is made up by a test.
    #[cfg(test)]
    pub(crate) fn from_parts(source: Arc<dyn ReadAt>, volume: Volume, tree: Box<dyn Tree>) -> Self {
        Self { source, volume, tree, directories: DirectoryCache::default() }
    }

    /// What the medium says of itself.
    #[must_use]
    pub fn volume(&self) -> &Volume {
        &self.volume
    }

    /// The bytes of the medium itself.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn ReadAt> {
        &self.source
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.tree.root()
    }

    /// Attributes of an object. `id` must come from this image: ids are offsets, and another image's id gives an
    /// error or some other object's attributes, but never reads outside the image.
    pub fn node(&self, id: NodeId) -> Result<Node, ReadError> {
        self.tree.node(&*self.source, id)
    }

    /// All names of a directory, from memory if it was read lately.
    pub fn directory(&self, id: NodeId) -> Result<Arc<Directory>, ReadError> {
        self.directories.get_or_read(id, || self.tree.directory(&*self.source, id))
    }

    /// The object that `directory` names `name`.
    pub fn lookup(&self, directory: NodeId, name: &[u8]) -> Result<Option<NodeId>, ReadError> {
        Ok(self.directory(directory)?.find(name).map(|entry| entry.id))
    }

    /// Where a regular file's bytes lie.
    pub fn content(&self, file: NodeId) -> Result<Content, ReadError> {
        self.tree.content(&*self.source, file)
    }

    /// The target of a symbolic link as written on the medium: any bytes but NUL, at most 4095. Where it leads is
    /// for [`crate::containment`] to tell; following it unasked would leave the medium.
    pub fn link_target(&self, link: NodeId) -> Result<Vec<u8>, ReadError> {
        self.tree.link_target(&*self.source, link)
    }

    /// Reads from a file's bytes; fewer than asked for only at the file's end.
    ///
    /// # Errors
    /// [`ReadError`] where the bytes lie outside the image or cannot be uncompressed; never bytes that are wrong.
    pub fn read(
        &self,
        content: &Content,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, ReadError> {
        content.read(&*self.source, offset, buffer)
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Image").field("volume", &self.volume).finish_non_exhaustive()
    }
}
