//! Copying to a share of an SMB server.

use std::{
    fs, io,
    time::{SystemTime, UNIX_EPOCH},
};

use isomirror_core::{config::ShareUrl, transfer::answer::Asked};
use smb2::FileWriter;
use tokio::time::timeout;

use super::{Job, LEFTOVER, UploadError, Uploaded};
use crate::fetch::{
    SmbAccess, SmbError, directory,
    smb::{Share, Times},
};

/// Seconds from 1601, with which Windows begins, to 1970.
const EPOCHS_APART: u64 = 11_644_473_600;

pub(super) async fn upload(
    url: &ShareUrl,
    access: &SmbAccess,
    times: Times,
    job: &Job,
) -> Result<Uploaded, UploadError> {
    let path = job.image.clone();
    let size = tokio::task::spawn_blocking(move || fs::metadata(path)).await;
    let size =
        size.map_err(io::Error::other).flatten().map_err(|source| unreadable(job, source))?;
    let size = size.len();
    let mut share = Share::connect(url, access, times).await.map_err(UploadError::of_share)?;
    share.check().await.map_err(|error| match error {
        SmbError::NotFound(place) => UploadError::Missing(place),
        other => UploadError::of_share(other),
    })?;
    let target = url.join(&[&job.id, &job.version, &job.file_name]);
    if is_present(&mut share, &target, size).await? {
        return Ok(Uploaded::Present);
    }
    let directory = url.join(&[&job.id, &job.version]);
    for directory in [&url.join(&[&job.id]), &directory] {
        share.make_directory(directory).await.map_err(UploadError::of_share)?;
    }
    remove_leftovers(&mut share, &directory, job).await;
    let temporary = directory.join(&[&job.temporary_name()]);
    let copied = copy(&mut share, &temporary, &target, size, times, job).await;
    if !matches!(copied, Ok(Uploaded::Copied(_))) {
        let _ = share.remove(&temporary).await;
    }
    copied
}

async fn copy(
    share: &mut Share,
    temporary: &ShareUrl,
    target: &ShareUrl,
    size: u64,
    times: Times,
    job: &Job,
) -> Result<Uploaded, UploadError> {
    let writer = share.create(temporary).await.map_err(UploadError::of_share)?;
    send(writer, temporary, times, job).await?;
    let found = share.size(temporary).await.map_err(UploadError::of_share)?.unwrap_or_default();
    if found != size {
        return Err(UploadError::Short { path: temporary.to_string(), found, size });
    }
    if is_present(share, target, size).await? {
        return Ok(Uploaded::Present);
    }
    share.rename(temporary, target).await.map_err(UploadError::of_share)?;
    Ok(Uploaded::Copied(size))
}

/// Sends the bytes, and looks whether they are those that were verified.
async fn send(
    mut writer: FileWriter,
    to: &ShareUrl,
    times: Times,
    job: &Job,
) -> Result<(), UploadError> {
    let failed = |error: smb2::Error| UploadError::of_share(SmbError::of_path(to, &error));
    let silent = |_| UploadError::Silent(to.address());
    let asked = Asked::default();
    let opened = directory::open(&job.image, &asked, times.silence).await;
    let (_, mut reading) = opened.map_err(|why| unreadable(job, io::Error::other(why)))?;
    let mut checked = job.checked();
    while let Some(bytes) = reading.next().await.map_err(|source| unreadable(job, source))? {
        checked.update(&bytes);
        timeout(times.silence, writer.write_chunk(&bytes))
            .await
            .map_err(silent)?
            .map_err(failed)?;
    }
    if let Err(error) = checked.finish(&job.image) {
        let _ = timeout(times.silence, writer.abort()).await;
        return Err(error);
    }
    // The server may have to put much on its disk.
    writer.finish().await.map(drop).map_err(failed)
}

/// Whether a file of this size is there; an error where one of another size is.
async fn is_present(share: &mut Share, target: &ShareUrl, size: u64) -> Result<bool, UploadError> {
    match share.size(target).await.map_err(UploadError::of_share)? {
        None => Ok(false),
        Some(found) if found == size => Ok(true),
        Some(found) => Err(UploadError::Occupied { path: target.to_string(), found, size }),
    }
}

/// What cannot be removed does not matter.
async fn remove_leftovers(share: &mut Share, directory: &ShareUrl, job: &Job) {
    let Ok(entries) = share.list(directory).await else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    for entry in entries {
        let written = (entry.modified.0 / 10_000_000).saturating_sub(EPOCHS_APART);
        let is_old = now.as_secs().saturating_sub(written) > LEFTOVER.as_secs();
        if is_old && job.is_temporary(&entry.name) {
            let _ = share.remove(&directory.join(&[&entry.name])).await;
        }
    }
}

fn unreadable(job: &Job, source: io::Error) -> UploadError {
    UploadError::Image { image: job.image.clone(), source }
}
