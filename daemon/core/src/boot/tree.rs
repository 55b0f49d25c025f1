//! What detection asks of a tree, so that it works on a medium and on the examples of a signature alike.

/// An object at the end of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path below the root without links in it, components separated by `/`; empty for the root.
    pub path: String,
    /// Whether it is a directory; else it is a regular file.
    pub is_directory: bool,
}

/// What stands where a path should lead could not be read, so nobody knows whether there is something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// A tree of files. Paths are separated by `/` and begin with none; the empty path is the root.
pub trait Tree {
    /// The regular file or directory at `path`, links followed within the tree; `None` for anything else.
    ///
    /// # Errors
    /// [`Unreadable`] where a directory or link on the way cannot be read.
    fn find(&self, path: &str) -> Result<Option<Found>, Unreadable>;

    /// Shows `visit` the names in the directory at `path`, in the order of their bytes, up to `limit` of them. A path
    /// that leads to no directory has none.
    ///
    /// # Errors
    /// [`Unreadable`] where the directory cannot be read.
    fn names(
        &self,
        path: &str,
        limit: usize,
        visit: &mut dyn FnMut(&str),
    ) -> Result<(), Unreadable>;

    /// At most `length` bytes of the file at `path` from `offset` on; fewer at its end.
    ///
    /// # Errors
    /// [`Unreadable`] where it is no file or its bytes cannot be read.
    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, Unreadable>;
}
