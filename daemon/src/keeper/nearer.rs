//! Places that an image is taken from before the internet: the store itself, and the sources of the configuration.

use tracing::warn;

use super::{Setback, context::Context};
use crate::fetch::{Download, Origin, sources::Wanted};

/// Puts those that have, or may have, the image before the others; the store itself only where `is_twin_taken`.
pub(super) async fn add(
    download: &mut Download,
    context: &Context,
    is_twin_taken: bool,
) -> Result<(), Setback> {
    let mut near = Vec::new();
    if is_twin_taken {
        let expected = download.expected.clone();
        let twin = context.in_store(move |store| store.twin(&expected)).await?;
        near.extend(twin.map(Origin::File));
    }
    // Else whoever has the only bytes of which nothing is known would vouch for them.
    let is_proved = !download.expected.is_empty() || !download.hashed_by.is_empty();
    if is_proved {
        near.extend(from_sources(download, context).await);
    }
    near.retain(|origin| !download.urls.contains(origin));
    download.urls.splice(0..0, near);
    Ok(())
}

async fn from_sources(download: &Download, context: &Context) -> Vec<Origin> {
    let sources = context.sources();
    let wanted = Wanted {
        id: &download.id,
        version: &download.version,
        file_name: &download.file_name,
        size: download.size,
        digests: &download.expected,
    };
    let (origins, problems) = sources.origins(&wanted).await;
    for problem in problems {
        warn!(entry = download.id, problem, "a source is left out");
    }
    origins
}
