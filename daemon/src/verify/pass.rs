//! One pass over all bytes of an image, for everybody who wants them.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use isomirror_core::{
    digest::{Algorithm, Hasher},
    image::ReadAt,
    implanted_md5::{ImplantedMd5, ImplantedMd5Check, ImplantedMd5Result},
};

use super::Progress;

/// Bytes that are read at once.
const STRETCH: usize = 1 << 20;
/// Stretches that wait for a slow hash; with [`STRETCH`] this bounds the memory of each.
const WAITING: usize = 4;

/// What one pass has computed.
#[derive(Debug, Default)]
pub(super) struct Computed {
    /// Hashers that have taken in everything, not finished: a signature adds to them.
    pub(super) hashers: Vec<Hasher>,
    /// Of the implanted sum, if there was one.
    pub(super) implanted: Option<ImplantedMd5Result>,
}

/// Reads all of `source` once, and hashes it by all `algorithms`, each on a thread of its own.
///
/// # Errors
/// The offset at which it cannot be read, and why.
pub(super) fn read_all(
    source: &dyn ReadAt,
    algorithms: &[Algorithm],
    implanted: Option<ImplantedMd5>,
    progress: Progress<'_>,
) -> Result<Computed, (u64, io::Error)> {
    thread::scope(|scope| {
        let mut readers: Vec<SyncSender<Arc<[u8]>>> = Vec::new();
        let hashers: Vec<_> = algorithms
            .iter()
            .map(|algorithm| {
                let (sender, receiver) = sync_channel::<Arc<[u8]>>(WAITING);
                readers.push(sender);
                let mut hasher = Hasher::new(*algorithm);
                scope.spawn(move || {
                    for bytes in receiver {
                        hasher.update(&bytes);
                    }
                    hasher
                })
            })
            .collect();
        let check = implanted.map(|implanted| {
            let (sender, receiver) = sync_channel::<Arc<[u8]>>(WAITING);
            readers.push(sender);
            let mut check = ImplantedMd5Check::new(implanted);
            scope.spawn(move || {
                for bytes in receiver {
                    check.update(&bytes);
                }
                check.finish()
            })
        });
        let read = if readers.is_empty() { Ok(()) } else { feed(source, &readers, progress) };
        // Without senders the threads end.
        drop(readers);
        let panicked = |_| (0, io::Error::other("a thread that hashes panicked"));
        let mut computed = Computed::default();
        for hasher in hashers {
            computed.hashers.push(hasher.join().map_err(panicked)?);
        }
        if let Some(check) = check {
            computed.implanted = Some(check.join().map_err(panicked)?);
        }
        read.map(|()| computed)
    })
}

fn feed(
    source: &dyn ReadAt,
    readers: &[SyncSender<Arc<[u8]>>],
    progress: Progress<'_>,
) -> Result<(), (u64, io::Error)> {
    let size = source.size();
    let mut offset = 0;
    while offset < size {
        let length = usize::try_from(size - offset).unwrap_or(STRETCH).min(STRETCH);
        let mut buffer = vec![0; length];
        source.read_exact_at(&mut buffer, offset).map_err(|error| (offset, error))?;
        let bytes: Arc<[u8]> = buffer.into();
        for reader in readers {
            // A thread that is gone is told of when it is joined.
            let _ = reader.send(Arc::clone(&bytes));
        }
        offset += length as u64;
        progress(offset, size);
    }
    Ok(())
}
