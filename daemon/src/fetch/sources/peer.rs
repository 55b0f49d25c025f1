//! A peer in which an image is looked for: another isomirror, or a directory of images on a web server.

use isomirror_core::{
    config::BaseUrl,
    transfer::peer_index::{self, Found},
};
use reqwest::{Client, StatusCode};
use url::Url;

use super::Sought;
use crate::fetch::{Origin, client};

/// Bytes that an index may have.
const LARGEST_INDEX: usize = 32 << 20;

pub(super) async fn look(
    base: &BaseUrl,
    sought: &Sought,
    client: &Client,
) -> Result<Option<Origin>, String> {
    let index = fetch_index(base, client).await?;
    match peer_index::find(&index, &sought.wanted()) {
        Found::Image(path) => url(base, &path).map(Some),
        Found::Nothing => Ok(None),
        Found::NoIndex => find(base, sought, client).await,
    }
}

/// The index; nothing where there is none.
async fn fetch_index(base: &BaseUrl, client: &Client) -> Result<Vec<u8>, String> {
    let request = client.get(format!("{}/index.json", base.as_str()));
    let mut response = request.send().await.map_err(client::why_unasked)?;
    let mut index = Vec::new();
    if response.status() != StatusCode::OK {
        return Ok(index);
    }
    while let Some(chunk) = response.chunk().await.map_err(client::reason)? {
        if index.len() + chunk.len() > LARGEST_INDEX {
            return Err("its index is too large".to_owned());
        }
        index.extend_from_slice(&chunk);
    }
    Ok(index)
}

/// The file, where the server says that it is there, or does not say anything about files.
async fn find(base: &BaseUrl, sought: &Sought, client: &Client) -> Result<Option<Origin>, String> {
    for names in sought.places() {
        // They are safe names: nothing in them needs an escape.
        let origin = url(base, &format!("/{}", names.join("/")))?;
        let Origin::Peer(url) = &origin else { continue };
        let response = client.head(url.clone()).send().await.map_err(client::why_unasked)?;
        let length = client::answer(&response).content_length;
        match response.status() {
            StatusCode::OK if length.is_none_or(|length| sought.fits(length)) => {
                return Ok(Some(origin));
            }
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                return Ok(Some(origin));
            }
            status if status.is_server_error() => return Err(format!("it answers {status}")),
            _ => {}
        }
    }
    Ok(None)
}

fn url(base: &BaseUrl, path: &str) -> Result<Origin, String> {
    let url = Url::parse(&format!("{}{path}", base.as_str()));
    url.map(Origin::Peer).map_err(|error| error.to_string())
}
