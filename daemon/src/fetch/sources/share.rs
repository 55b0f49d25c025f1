//! A share of an SMB server in which an image is looked for.

use isomirror_core::config::ShareUrl;

use super::Sought;
use crate::{
    fetch::{
        Origin, SmbAccess, SmbFile,
        smb::{Share, SmbError, Times},
    },
    logging::Chain,
};

pub(super) async fn look(
    url: &ShareUrl,
    access: &SmbAccess,
    sought: &Sought,
    times: Times,
) -> Result<Option<Origin>, String> {
    find(url, access, sought, times).await.map_err(|error| Chain(&error).to_string())
}

async fn find(
    url: &ShareUrl,
    access: &SmbAccess,
    sought: &Sought,
    times: Times,
) -> Result<Option<Origin>, SmbError> {
    let mut share = Share::connect(url, access, times).await?;
    for names in sought.places() {
        let file = url.join(&names);
        if share.size(&file).await?.is_some_and(|size| sought.fits(size)) {
            return Ok(Some(Origin::Smb(SmbFile { url: file, access: access.clone() })));
        }
    }
    share.check().await.map(|()| None)
}
