//! A file that is being fetched, its digests, and the record by which it goes on after a restart.

use std::{
    fs::{self, File, OpenOptions},
    io,
    ops::Range,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use isomirror_core::{
    digest::{Algorithm, Digest, Hasher},
    transfer::{
        checkpoint::{Checkpoint, FORMAT, HasherState, Origin, TAIL},
        extents::Extents,
        samples::Sampler,
        space::Space,
    },
};

use super::comparison;
use crate::{
    fetch::store::DiskHealth,
    sys::{bulk_file, replace_file::replace_file},
};

/// Name of the file in its staging directory.
pub(in crate::fetch) const IMAGE: &str = "image";
/// Name of the record.
pub(in crate::fetch) const CHECKPOINT: &str = "checkpoint.json";
/// Bytes of one read.
const READ: usize = 1 << 20;
/// Bytes after which writing to the disk is begun, so that it does not come all at once.
const WRITE_BEHIND: u64 = 8 << 20;
/// Places that are remembered.
const MOST_ORIGINS: usize = 16;

/// The disk failed, or there is no room.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the stage")]
pub(in crate::fetch) struct StageError {
    /// Why.
    #[source]
    pub(in crate::fetch) source: io::Error,
    /// Bytes that had to be made free.
    pub(in crate::fetch) missing: u64,
}

impl StageError {
    pub(in crate::fetch) fn new(source: io::Error, missing: u64) -> Self {
        Self { source, missing }
    }
}

impl From<io::Error> for StageError {
    fn from(source: io::Error) -> Self {
        Self { source, missing: 0 }
    }
}

/// What a stage is for, and how it is kept.
#[derive(Clone, Debug)]
pub(in crate::fetch) struct StageFor {
    /// The version.
    pub(in crate::fetch) version: String,
    /// The digests that the image shall have.
    pub(in crate::fetch) expected: Vec<Digest>,
    /// Its size, where it is known.
    pub(in crate::fetch) size: Option<u64>,
    /// Bytes between two checkpoints.
    pub(in crate::fetch) interval: u64,
    /// Whether the disk is to be written to.
    pub(in crate::fetch) health: DiskHealth,
}

/// The file.
#[derive(Debug)]
pub(in crate::fetch) struct Stage {
    directory: PathBuf,
    file: File,
    purpose: StageFor,
    size: Option<u64>,
    origins: Vec<Origin>,
    present: Extents,
    hashers: Vec<Hasher>,
    /// Length of the part that is hashed: always that without a gap.
    hashed: u64,
    /// Samples of it.
    sampler: Sampler,
    /// Bytes since the last checkpoint.
    unsaved: u64,
    /// Bytes since writing to the disk was begun, and from where on they are.
    unwritten: Range<u64>,
    /// Up to where the kernel was told to forget.
    forgotten: u64,
}

impl Stage {
    /// Opens the stage of `directory`, which is made if it is missing. What is there of an earlier attempt is kept
    /// where it is of the same image and `resume` says so, else dropped.
    pub(in crate::fetch) fn open(
        directory: &Path,
        purpose: StageFor,
        algorithms: &[Algorithm],
        resume: bool,
    ) -> Result<Self, StageError> {
        purpose.health.check()?;
        fs::create_dir_all(directory)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o644);
        let file = options.custom_flags(nix::libc::O_NOFOLLOW).open(directory.join(IMAGE))?;
        let hashers = algorithms.iter().map(|algorithm| Hasher::new(*algorithm)).collect();
        let mut stage = Self {
            directory: directory.to_owned(),
            file,
            size: purpose.size,
            purpose,
            origins: Vec::new(),
            present: Extents::default(),
            hashers,
            hashed: 0,
            sampler: Sampler::default(),
            unsaved: 0,
            unwritten: 0..0,
            forgotten: 0,
        };
        let checkpoint = if resume { stage.checkpoint() } else { None };
        match checkpoint {
            Some(checkpoint) => stage.take_up(checkpoint, algorithms)?,
            None => stage.clear()?,
        }
        if let Some(size) = stage.size {
            stage.reserve(size)?;
        }
        Ok(stage)
    }

    /// The record, if it is of this image and of this file.
    fn checkpoint(&self) -> Option<Checkpoint> {
        let record = fs::read(self.directory.join(CHECKPOINT)).ok()?;
        let StageFor { version, size, expected, .. } = &self.purpose;
        let checkpoint = Checkpoint::parse(&record)?;
        let is_long_enough = self.file.metadata().ok()?.len() >= checkpoint.present.end();
        let is_it = checkpoint.is_of(version, *size, expected) && is_long_enough;
        // What is missing is noticed in the end where there is a digest, and else never.
        let is_sound = !expected.is_empty() || !comparison::has_holes(&self.file, &checkpoint);
        let agrees = || comparison::agrees(&self.file, &checkpoint);
        (is_it && is_sound && agrees().ok()?).then_some(checkpoint)
    }

    fn take_up(&mut self, checkpoint: Checkpoint, algorithms: &[Algorithm]) -> io::Result<()> {
        self.file.set_len(checkpoint.present.end())?;
        self.size = checkpoint.size.or(self.size);
        // In doubt all is read and hashed once more.
        let is_sound = !comparison::has_holes(&self.file, &checkpoint);
        if let Some(hashers) = checkpoint.hashers(algorithms).filter(|_| is_sound) {
            self.hashers = hashers;
            self.hashed = checkpoint.present.frontier();
            self.sampler = Sampler::new(checkpoint.samples);
        }
        self.origins = checkpoint.origins;
        self.present = checkpoint.present;
        self.unwritten = self.present.end()..self.present.end();
        self.forgotten = self.hashed;
        self.catch_up()
    }

    fn clear(&mut self) -> io::Result<()> {
        match fs::remove_file(self.directory.join(CHECKPOINT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.file.set_len(0),
        }
    }

    /// The bytes that are there.
    pub(in crate::fetch) fn present(&self) -> &Extents {
        &self.present
    }

    /// Where bytes came from.
    pub(in crate::fetch) fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// Size of the whole, where it is known.
    pub(in crate::fetch) fn size(&self) -> Option<u64> {
        self.size
    }

    /// The file itself.
    pub(in crate::fetch) fn file(&self) -> &File {
        &self.file
    }

    /// Adds a place that bytes come from, or what it says now.
    pub(in crate::fetch) fn note_origin(&mut self, origin: Origin) {
        self.origins.retain(|known| known.url != origin.url);
        self.origins.push(origin);
        let excess = self.origins.len().saturating_sub(MOST_ORIGINS);
        self.origins.drain(..excess);
    }

    /// Makes sure of the room for `size` bytes, of which some are there.
    pub(in crate::fetch) fn reserve(&mut self, size: u64) -> Result<(), StageError> {
        self.size = Some(size);
        let needed = size.saturating_sub(self.present.total());
        self.ensure_room(needed)?;
        bulk_file::reserve(&self.file, size).map_err(|error| StageError::new(error, needed))?;
        Ok(())
    }

    /// An error where `needed` more bytes do not fit. Blocks that are reserved for this file count as room.
    fn ensure_room(&self, needed: u64) -> Result<(), StageError> {
        use std::os::unix::fs::MetadataExt;
        let (total, available) = bulk_file::file_system_space(&self.directory)?;
        let allocated = self.file.metadata()?.blocks() * 512;
        let reserved = allocated.saturating_sub(self.present.total());
        let space = Space { total, available };
        match space.missing(needed.saturating_sub(reserved)) {
            Some(missing) if needed > reserved => {
                let source = io::Error::from_raw_os_error(nix::libc::ENOSPC);
                Err(StageError::new(source, missing))
            }
            _ => Ok(()),
        }
    }

    /// Writes `buffers`, one after the other, from `offset` on, and hashes what completes the beginning.
    pub(in crate::fetch) fn write(
        &mut self,
        offset: u64,
        buffers: &[&[u8]],
    ) -> Result<(), StageError> {
        self.purpose.health.check()?;
        let length: u64 = buffers.iter().map(|buffer| buffer.len() as u64).sum();
        let missing = self.size.map_or(length, |size| size.saturating_sub(self.present.total()));
        bulk_file::write_all_at(&self.file, buffers, offset)
            .map_err(|error| StageError::new(error, missing))?;
        self.present.insert(offset..offset + length);
        if offset == self.hashed {
            for buffer in buffers {
                self.hash(buffer);
            }
        }
        self.catch_up()?;
        self.write_behind(offset, length);
        self.unsaved += length;
        if self.unsaved >= self.purpose.interval {
            self.save()?;
            let left = self.size.map_or(length, |size| size.saturating_sub(self.present.total()));
            self.ensure_room(left)?;
        }
        Ok(())
    }

    /// Has the kernel write in the order of the file; what comes out of order waits for the checkpoint.
    fn write_behind(&mut self, offset: u64, length: u64) {
        if offset != self.unwritten.end {
            self.unwritten = offset..offset;
        }
        self.unwritten.end = offset + length;
        let waiting = self.unwritten.end - self.unwritten.start;
        if waiting >= WRITE_BEHIND {
            bulk_file::start_writing(&self.file, self.unwritten.start, waiting);
            self.unwritten.start = self.unwritten.end;
        }
    }

    /// Hashes what is on the disk already and follows what is hashed.
    fn catch_up(&mut self) -> io::Result<()> {
        let frontier = self.present.frontier();
        if self.hashed == frontier {
            return Ok(());
        }
        let mut buffer = vec![0; READ];
        while self.hashed < frontier {
            let left = usize::try_from(frontier - self.hashed).unwrap_or(READ).min(READ);
            let read = self.file.read_at(&mut buffer[..left], self.hashed)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.hash(&buffer[..read]);
        }
        Ok(())
    }

    /// Takes in what follows the part that is hashed.
    fn hash(&mut self, bytes: &[u8]) {
        for hasher in &mut self.hashers {
            hasher.update(bytes);
        }
        self.sampler.update(self.hashed, bytes);
        self.hashed += bytes.len() as u64;
    }

    /// Puts what is there on the disk, and then the record of it.
    pub(in crate::fetch) fn save(&mut self) -> io::Result<()> {
        self.purpose.health.check()?;
        self.file.sync_data()?;
        let checkpoint = Checkpoint {
            format: FORMAT.to_owned(),
            version: self.purpose.version.clone(),
            expected: self.purpose.expected.clone(),
            size: self.size,
            origins: self.origins.clone(),
            present: self.present.clone(),
            tail: comparison::tail(&self.file, self.hashed)?,
            samples: self.sampler.taken().to_vec(),
            hashers: self.hashers.iter().filter_map(HasherState::of).collect(),
        };
        replace_file(&self.directory.join(CHECKPOINT), &serde_json::to_vec(&checkpoint)?)?;
        self.unsaved = 0;
        bulk_file::forget(&self.file, self.forgotten, self.hashed - self.forgotten);
        // The tail is read once more, by the next checkpoint or when the transfer is taken up.
        self.forgotten = self.hashed.saturating_sub(TAIL);
        Ok(())
    }

    /// What has taken in all of the complete part.
    pub(in crate::fetch) fn hashers(&self) -> &[Hasher] {
        &self.hashers
    }

    /// Takes parts away that turned out to be wrong. All is hashed anew when they are there again.
    pub(in crate::fetch) fn drop_ranges(&mut self, ranges: &[Range<u64>]) -> io::Result<()> {
        for range in ranges {
            self.present.remove(range);
        }
        let fresh = |hasher: &Hasher| Hasher::new(hasher.algorithm());
        self.hashers = self.hashers.iter().map(fresh).collect();
        (self.hashed, self.forgotten) = (0, 0);
        self.sampler = Sampler::default();
        self.catch_up()?;
        self.save()
    }
}

/// Removes a stage that cannot be trusted: after an error of the disk nobody knows which bytes are on it.
pub(super) fn discard(directory: &Path) {
    // Where that fails too, the comparison at the next start is what is left.
    let _ = fs::remove_file(directory.join(CHECKPOINT));
    let _ = fs::remove_dir_all(directory);
}
