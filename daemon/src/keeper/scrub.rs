//! Reads images at rest again, slowly, one after the other.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use isomirror_core::transfer::entry::Image;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{clock, context::Context};
use crate::{
    fetch::store::{Recheck, Store},
    logging::{Chain, message_id},
};

/// Bytes a second, so that nobody notices.
const RATE: u64 = 20 << 20;

/// How often to look whether an image is due.
const CHECK: Duration = Duration::from_mins(10);

/// Reads what is due until `cancel`; `found` is told of each entry that has lost an image by it.
pub(super) async fn scrub(
    context: Arc<Context>,
    found: impl Fn(&str) + Send + 'static,
    cancel: CancellationToken,
) {
    loop {
        while let Some((id, image)) = due(&context).await {
            if cancel.is_cancelled() {
                return;
            }
            if one(&context, &id, image, &cancel).await {
                found(&id);
            }
        }
        tokio::select! {
            () = sleep(CHECK) => {}
            () = cancel.cancelled() => return,
        }
    }
}

/// The image that was not looked at for the longest time, if that is long enough.
async fn due(context: &Context) -> Option<(String, Image)> {
    let interval = context.settings().fetch.scrub?.duration();
    let list = |store: &Store| {
        let mut images = Vec::new();
        for id in store.remembered()? {
            images.extend(store.entry(&id)?.images.into_iter().map(|image| (id.clone(), image)));
        }
        Ok(images)
    };
    let images = context.in_store(list).await.inspect_err(|error| {
        warn!(error = %Chain(error), "images at rest cannot be looked at");
    });
    let aged = images.ok()?.into_iter().map(|(id, image)| (age(&image), id, image));
    let oldest = aged.max_by_key(|(age, ..)| *age)?;
    (oldest.0 >= interval).then_some((oldest.1, oldest.2))
}

/// How long ago all of it was read.
fn age(image: &Image) -> Duration {
    let read_at = image.scrubbed_at.as_ref().unwrap_or(&image.published_at);
    clock::since(read_at).unwrap_or_default()
}

/// Reads one; whether it is lost.
async fn one(context: &Context, id: &str, image: Image, cancel: &CancellationToken) -> bool {
    let _lock = context.lock(id).await;
    let path = context.store.image_path(id, &image.version, &image.file);
    let (own, stopped) = (id.to_owned(), cancel.clone());
    let begun = Instant::now();
    let mut read = 0;
    let pace = move |bytes: u64| {
        read += bytes;
        let due = Duration::from_millis(read.saturating_mul(1000) / RATE);
        thread::sleep(due.saturating_sub(begun.elapsed()));
        !stopped.is_cancelled()
    };
    let checked =
        context.in_store(move |store| store.recheck(&own, &image, &clock::now(), pace)).await;
    let path = path.display();
    match checked {
        Ok(Some(Recheck::Good)) => info!(entry = id, %path, "an image at rest is what it was"),
        Ok(Some(Recheck::Rotten)) => {
            error!(message_id = message_id::VERIFICATION_FAILED, entry = id, %path, "an image at rest has changed by itself: it is put aside and fetched again; look at the disk");
            return true;
        }
        Ok(Some(Recheck::Foreign)) => {
            warn!(entry = id, %path, "an image was changed by somebody: it is theirs now, and not verified");
            return true;
        }
        Ok(Some(Recheck::Gone)) => {
            warn!(entry = id, %path, "an image is gone from the store");
            return true;
        }
        Ok(None) => {}
        Err(error) => {
            warn!(entry = id, %path, error = %Chain(&error), "an image at rest cannot be read");
            sleep(CHECK).await;
        }
    }
    false
}
