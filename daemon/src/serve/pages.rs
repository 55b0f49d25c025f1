//! Pages that are other ones for who asks another host, until the next set.

use std::sync::{Mutex, PoisonError};

use isomirror_core::view::MirrorUrl;

use super::published::Page;

/// Pages by the mirror's URL; `None` for that of nobody.
#[derive(Debug)]
pub(super) struct Pages {
    /// How many are kept. Who asks more hosts makes the server render them anew.
    limit: usize,
    pages: Mutex<Vec<(Option<MirrorUrl>, Page)>>,
}

impl Pages {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, pages: Mutex::default() }
    }

    /// The page for `mirror`. Who asks while it is being rendered renders it too: nobody waits for another.
    pub(super) fn get_or_render(
        &self,
        mirror: Option<&MirrorUrl>,
        render: impl FnOnce() -> Page,
    ) -> Page {
        let lock = || self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, page)) = lock().iter().find(|(url, _)| url.as_ref() == mirror) {
            return page.clone();
        }
        let page = render();
        let mut pages = lock();
        if pages.len() >= self.limit {
            pages.remove(0);
        }
        pages.push((mirror.cloned(), page.clone()));
        page
    }
}
