//! Older images go when the newest one is served, and not before.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use isomirror_core::state::StateDocument;
use tokio::time::timeout;
use tracing::info;

use super::{Setback, context::Context};
use crate::fetch::store::Store;

/// How long the mounting role is given to publish an image.
const PATIENCE: Duration = Duration::from_mins(2);

/// Takes away what is more than is to be kept of an entry, once the newest is served.
pub(super) async fn retire(context: &Context, id: &str) -> Result<(), Setback> {
    let settings = context.settings();
    let keep = usize::from(settings.fetch.keep.get());
    let own = id.to_owned();
    let list = move |store: &Store| {
        store.pin(&own, |version| settings.fetch.is_pinned(&own, version))?;
        let images = store.entry(&own)?.images;
        Ok(images
            .iter()
            .map(|image| store.image_path(&own, &image.version, &image.file))
            .collect::<Vec<_>>())
    };
    let paths: Vec<PathBuf> = context.in_store(list).await?;
    let Some((newest, older)) = paths.split_first() else { return Ok(()) };
    if paths.len() <= keep {
        return Ok(());
    }
    if !is_replaced(context, newest, older).await {
        return Err(Setback::NotServed(newest.clone()));
    }
    let own = id.to_owned();
    let removed = context.in_store(move |store| store.retire(&own, keep, 0, |_| false)).await?;
    for path in removed {
        info!(entry = id, path = %path.display(), "an older image is taken away");
    }
    Ok(())
}

/// Whether `newest` is served, or nothing of the entry is by anybody.
async fn is_replaced(context: &Context, newest: &Path, older: &[PathBuf]) -> bool {
    let Some(document) = &context.document else { return true };
    let mut changing = document.clone();
    let served = changing.wait_for(|document| is_served(document, newest));
    if let Ok(found) = timeout(PATIENCE, served).await {
        return found.is_ok();
    }
    let document = document.borrow();
    // Nobody has told anything: mounts outlive the daemon.
    document.schema != 0 && !older.iter().any(|path| is_served(&document, path))
}

/// Whether the image at `path` is published, and nothing is wrong with it.
fn is_served(document: &StateDocument, path: &Path) -> bool {
    document.media.iter().any(|medium| {
        let is_it = medium.source.path == path || medium.also_at.iter().any(|other| other == path);
        is_it && medium.is_served()
    })
}
