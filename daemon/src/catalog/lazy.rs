//! The catalog, read when somebody needs it: its patterns take more memory than all the rest of a daemon that fetches
//! nothing.

use std::sync::{Arc, OnceLock};

use tracing::warn;

use super::CatalogData;
use crate::data_directories::DataDirectories;

/// A catalog that may not have been read yet.
#[derive(Debug)]
pub struct LazyCatalog {
    directories: DataDirectories,
    data: OnceLock<Arc<CatalogData>>,
}

impl LazyCatalog {
    /// The one in `directories`.
    #[must_use]
    pub fn new(directories: &DataDirectories) -> Self {
        Self { directories: directories.clone(), data: OnceLock::new() }
    }

    /// The same places, read anew when it is needed. Where the catalog was in use and what is there now has problems, the
    /// one that was in use stays.
    #[must_use]
    pub fn anew(&self) -> Self {
        let fresh = Self::new(&self.directories);
        let Some(held) = self.data.get() else { return fresh };
        let read = CatalogData::load(&self.directories);
        for problem in &read.problems {
            warn!(problem, "the catalog is not taken over: the one before it holds");
        }
        let kept = if read.problems.is_empty() { Arc::new(read) } else { Arc::clone(held) };
        Self { data: OnceLock::from(kept), ..fresh }
    }

    /// What is in it.
    pub fn get(&self) -> &CatalogData {
        self.data.get_or_init(|| {
            let data = CatalogData::load(&self.directories);
            for problem in &data.problems {
                warn!(problem, "a part of the catalog is left out");
            }
            Arc::new(data)
        })
    }
}

impl From<CatalogData> for LazyCatalog {
    /// One that was read already.
    fn from(data: CatalogData) -> Self {
        let nowhere = DataDirectories { shipped: "/".into(), own: "/".into() };
        Self { directories: nowhere, data: OnceLock::from(Arc::new(data)) }
    }
}
