//! Images are copied to where other machines take them from, if the configuration names such a place.

use tracing::info;

use super::{Setback, context::Context};
use crate::fetch::{
    store::Store,
    upload::{Image, Uploaded, upload},
};

/// Copies the newest image of an entry, unless it is there already.
pub(super) async fn pass_on(context: &Context, id: &str) -> Result<(), Setback> {
    let settings = context.settings();
    let Some(to) = &settings.fetch.upload else { return Ok(()) };
    let own = id.to_owned();
    let newest = move |store: &Store| {
        let image = store.entry(&own)?.images.into_iter().next();
        let image = image.map(|image| {
            let path = store.image_path(&own, &image.version, &image.file);
            (store.is_verified(&path), path, image)
        });
        Ok(image)
    };
    let Some((true, path, image)) = context.in_store(newest).await? else { return Ok(()) };
    let copy = Image {
        path: &path,
        id,
        version: &image.version,
        file_name: &image.file,
        digests: &image.digests,
    };
    let fetcher = context.fetcher();
    let uploaded = upload(to, &settings.smb, fetcher.policy(), &copy).await;
    match uploaded.map_err(|error| Setback::Upload { to: to.to_string(), source: error })? {
        Uploaded::Copied(bytes) => info!(entry = id, %to, bytes, "an image is passed on"),
        Uploaded::Present => {}
    }
    Ok(())
}
