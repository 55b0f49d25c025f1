//! A directory in which an image is looked for.
//!
//! Each look has a thread of its own, which nobody waits for: that of a share whose server is gone may hang for ever.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tokio::sync::oneshot;

use super::Sought;
use crate::fetch::Origin;

/// Looks that may hang before no more are begun.
const MOST_LOOKS: usize = 8;

/// A directory, and how many looks into it have not ended.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    path: PathBuf,
    looks: Arc<AtomicUsize>,
}

impl Directory {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, looks: Arc::default() }
    }

    pub(super) async fn look(&self, sought: Arc<Sought>) -> Result<Option<Origin>, String> {
        let look = Look::begin(&self.looks).ok_or("it still does not answer")?;
        let (sender, receiver) = oneshot::channel();
        let path = self.path.clone();
        let work = move || {
            let found = find(&path, &sought);
            drop(look);
            // Whoever asked may have lost patience.
            let _ = sender.send(found);
        };
        thread::Builder::new()
            .name("look-into-source".into())
            .spawn(work)
            .map_err(|error| error.to_string())?;
        receiver.await.map_err(|_| "it cannot be looked into".to_owned())?
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(formatter)
    }
}

/// One of the looks that are under way.
struct Look(Arc<AtomicUsize>);

impl Look {
    fn begin(looks: &Arc<AtomicUsize>) -> Option<Self> {
        let begun = looks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |looks| {
            (looks < MOST_LOOKS).then_some(looks + 1)
        });
        begun.ok().map(|_| Self(Arc::clone(looks)))
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn find(directory: &Path, sought: &Sought) -> Result<Option<Origin>, String> {
    for names in sought.places() {
        let path = names.iter().fold(directory.to_owned(), |path, name| path.join(name));
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && sought.fits(found.len()) => {
                return Ok(Some(Origin::File(path)));
            }
            _ => {}
        }
    }
    // Nothing is there: because there is no such image, or because the disk is not mounted?
    fs::read_dir(directory).map(|_| None).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_looks_hang() {
        let looks = Arc::default();
        let hanging: Vec<_> = (0..MOST_LOOKS).map(|_| Look::begin(&looks).unwrap()).collect();
        assert!(Look::begin(&looks).is_none());
        drop(hanging);
        assert!(Look::begin(&looks).is_some());
    }
}
