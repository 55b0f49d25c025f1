//! Copying to a directory. It has a thread of its own, for the directory may hang.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{sync::oneshot, time::interval};

use super::{Job, LEFTOVER, UploadError, Uploaded};

/// Bytes of one read.
const CHUNK: usize = 1 << 20;
/// Bytes after which they are put on the disk, so that it is seen to be at work.
const SYNC: u64 = 32 << 20;
/// How often somebody looks whether it is.
const LOOK: Duration = Duration::from_millis(200);

/// Copies; gives up when nothing has been written for the time of `patience`.
pub(super) async fn upload(
    directory: &Path,
    job: Job,
    patience: Duration,
) -> Result<Uploaded, UploadError> {
    let place = directory.display().to_string();
    let failed = |source| UploadError::Directory { place: place.clone(), source };
    let (beat, root) = (Arc::new(AtomicU64::new(0)), directory.to_owned());
    let (sender, mut outcome) = oneshot::channel();
    let beating = Arc::clone(&beat);
    let work = move || drop(sender.send(Copy { root, job, beat: beating }.run()));
    thread::Builder::new().name("upload".into()).spawn(work).map_err(failed)?;
    let mut look = interval(LOOK);
    let (mut last, mut since) = (0, tokio::time::Instant::now());
    loop {
        tokio::select! {
            outcome = &mut outcome => {
                let ended = || failed(io::Error::other("the copy has ended unforeseen"));
                return outcome.map_err(|_| ended())?;
            }
            _ = look.tick() => {
                let now = beat.load(Ordering::Relaxed);
                if now != last {
                    (last, since) = (now, tokio::time::Instant::now());
                } else if since.elapsed() > patience {
                    return Err(UploadError::Silent(place));
                }
            }
        }
    }
}

struct Copy {
    root: PathBuf,
    job: Job,
    /// Grows with everything that has been done.
    beat: Arc<AtomicU64>,
}

impl Copy {
    fn run(&self) -> Result<Uploaded, UploadError> {
        let unreadable = |source| UploadError::Image { image: self.job.image.clone(), source };
        let image = File::open(&self.job.image).map_err(unreadable)?;
        let size = image.metadata().map_err(unreadable)?.len();
        // An image below the mount point of a share that is not mounted would help nobody.
        if !self.root.is_dir() {
            return Err(UploadError::Missing(self.root.display().to_string()));
        }
        let directory = self.root.join(&self.job.id).join(&self.job.version);
        let target = directory.join(&self.job.file_name);
        if is_present(&target, size)? {
            return Ok(Uploaded::Present);
        }
        fs::create_dir_all(&directory).map_err(|error| of(&directory, error))?;
        self.remove_leftovers(&directory);
        let temporary = directory.join(self.job.temporary_name());
        let copied = self.copy(image, &temporary, size).and_then(|()| {
            if is_present(&target, size)? {
                return Ok(Uploaded::Present);
            }
            fs::rename(&temporary, &target).map_err(|error| of(&target, error))?;
            Ok(Uploaded::Copied(size))
        });
        if !matches!(copied, Ok(Uploaded::Copied(_))) {
            let _ = fs::remove_file(&temporary);
        }
        // Not every file system can do that.
        let _ = File::open(&directory).and_then(|directory| directory.sync_all());
        copied
    }

    /// Copies under the temporary name, and looks whether it is right.
    fn copy(&self, mut image: File, temporary: &Path, size: u64) -> Result<(), UploadError> {
        let failed = |error| of(temporary, error);
        let created = OpenOptions::new().write(true).create_new(true).open(temporary);
        let mut file = created.map_err(failed)?;
        let (mut checked, mut buffer) = (self.job.checked(), vec![0; CHUNK]);
        let (mut written, mut unsynced) = (0_u64, 0_u64);
        loop {
            let read = match image.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result.map_err(|source| UploadError::Image {
                    image: self.job.image.clone(),
                    source,
                })?,
            };
            if read == 0 {
                break;
            }
            checked.update(&buffer[..read]);
            file.write_all(&buffer[..read]).map_err(failed)?;
            (written, unsynced) = (written + read as u64, unsynced + read as u64);
            if unsynced >= SYNC {
                file.sync_data().map_err(failed)?;
                unsynced = 0;
            }
            self.beat.fetch_add(1, Ordering::Relaxed);
        }
        checked.finish(&self.job.image)?;
        file.sync_all().map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        if found != written || written != size {
            let path = temporary.display().to_string();
            return Err(UploadError::Short { path, found, size });
        }
        Ok(())
    }

    /// What cannot be removed does not matter.
    fn remove_leftovers(&self, directory: &Path) {
        let Ok(entries) = fs::read_dir(directory) else { return };
        for entry in entries.flatten() {
            let is_old = || entry.metadata()?.modified()?.elapsed().map_err(io::Error::other);
            if entry.file_name().to_str().is_some_and(|name| self.job.is_temporary(name))
                && is_old().is_ok_and(|age| age > LEFTOVER)
            {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn of(path: &Path, error: io::Error) -> UploadError {
    UploadError::of_directory(path.display().to_string(), error)
}

/// Whether a file of this size is there; an error where one of another size is.
fn is_present(target: &Path, size: u64) -> Result<bool, UploadError> {
    match fs::metadata(target) {
        Ok(found) if found.is_file() && found.len() == size => Ok(true),
        Ok(found) => {
            let path = target.display().to_string();
            Err(UploadError::Occupied { path, found: found.len(), size })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(of(target, error)),
    }
}
