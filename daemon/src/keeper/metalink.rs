//! What a Metalink says besides: more mirrors, and the digests of pieces. It helps to fetch, and vouches for nothing.

use std::time::{Duration, Instant};

use isomirror_core::{
    catalog::{Answer, DocumentRequest, METADATA_LIMIT, Url},
    digest::Digest,
    transfer::metalink::{MetalinkFile, parse},
};
use tracing::debug;

use super::documents::Library;
use crate::fetch::{Download, Origin};

/// How old it may be.
const FRESH: Duration = Duration::from_hours(1);

/// Mirrors that are taken of it.
const MOST_MIRRORS: usize = 20;

/// Adds to `download` what the Metalink at `url` says. Where it cannot be read, or speaks of another image, nothing.
pub(super) async fn add(download: &mut Download, url: &Url, library: &Library) {
    let now = Instant::now();
    let since = now.checked_sub(FRESH).unwrap_or(now);
    let request = DocumentRequest::Content { url: url.clone(), limit: METADATA_LIMIT };
    let Answer::Found(document) = library.get(&request, since).await else { return };
    let files = match parse(&document.bytes) {
        Ok(files) => files,
        Err(error) => return debug!(%url, %error, "a Metalink is left out"),
    };
    let file = files.into_iter().find(|file| is_of(file, download));
    let Some(file) = file else { return debug!(%url, "a Metalink speaks of another image") };
    let mirrors = file.urls.iter().filter_map(|url| url.parse::<Origin>().ok());
    let mirrors = mirrors.filter(|origin| matches!(origin, Origin::Http(_)));
    let new: Vec<_> =
        mirrors.filter(|origin| !download.urls.contains(origin)).take(MOST_MIRRORS).collect();
    download.urls.extend(new);
    download.pieces = download.pieces.take().or(file.pieces);
}

/// Whether it is about the image that is wanted: by its name, and by its digests as far as both are known.
fn is_of(file: &MetalinkFile, download: &Download) -> bool {
    let differs = |digest: &Digest| {
        let known = download.expected.iter().find(|known| known.algorithm() == digest.algorithm());
        known.is_some_and(|known| known != digest)
    };
    file.name == download.file_name && !file.digests.iter().any(differs)
}
