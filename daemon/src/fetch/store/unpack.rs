//! Images that publishers pack: unpacked in the staging area after what was fetched has been verified.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::Path,
};

use isomirror_core::digest::{Algorithm, Hasher};

use super::{Staged, Store, StoreError};
use crate::fetch::writer::{CHECKPOINT, IMAGE};

/// Name of the file while it is being written.
const UNPACKED: &str = "unpacked";

/// Bytes of one read.
const READ: usize = 1 << 20;

/// Where an ISO 9660 image says that it is one (ECMA-119 8.1: logical sector 16, behind the type).
const MARK: (usize, &[u8]) = (0x8001, b"CD001");

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// By bzip2.
    Bz2,
    /// By xz.
    Xz,
    /// In a ZIP archive, with nothing else.
    Zip,
}

/// Why nothing can be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The store cannot be worked in.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not packed as it should be.
    #[error("`{file}` cannot be unpacked: look whether the catalog entry tells the right packing")]
    Malformed {
        /// Its name.
        file: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// There is more in it than is allowed.
    #[error("`{file}` has more than {limit} bytes in it; raise the entry's limit if that is right")]
    TooLarge {
        /// Its name.
        file: String,
        /// The limit.
        limit: u64,
    },
    /// There is something else in it.
    #[error("what is in `{0}` is no disc image; look whether the catalog entry is out of date")]
    NotAnImage(String),
}

impl Store {
    /// Unpacks what is staged, at most `limit` bytes, which is then what is staged, under the name `file`.
    ///
    /// # Errors
    /// Why not. What was fetched is staged still then.
    pub fn unpack(
        &self,
        staged: &Staged,
        packing: Packing,
        file: &str,
        limit: u64,
    ) -> Result<Staged, UnpackError> {
        let directory = self.staging(&staged.id);
        let (from, to) = (directory.join(IMAGE), directory.join(UNPACKED));
        let unpacked = unpack_to(&from, &to, packing, staged, limit);
        let (size, hasher) = match unpacked {
            Ok(unpacked) => unpacked,
            Err(error) => {
                // A part of it is of no use to anybody; if it stays, the next attempt overwrites it.
                let _ = fs::remove_file(&to);
                return Err(error);
            }
        };
        let failed = StoreError::io("unpack", &to);
        // It told of what is replaced now.
        let replaced = match fs::remove_file(directory.join(CHECKPOINT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::rename(&to, &from),
        };
        replaced.map_err(failed)?;
        Ok(staged.clone().unpacked(file, size, hasher))
    }
}

fn unpack_to(
    from: &Path,
    to: &Path,
    packing: Packing,
    staged: &Staged,
    limit: u64,
) -> Result<(u64, Hasher), UnpackError> {
    let file = &staged.file;
    let malformed = |source| UnpackError::Malformed { file: file.clone(), source };
    let packed = File::open(from).map_err(StoreError::io("open", from))?;
    let mut output = File::create(to).map_err(StoreError::io("write", to))?;
    let mut copy = |reader: &mut dyn Read| copy(reader, &mut output, to, file, limit);
    match packing {
        Packing::Bz2 => {
            copy(&mut bzip2::bufread::MultiBzDecoder::new(BufReader::with_capacity(READ, packed)))
        }
        Packing::Xz => {
            copy(&mut lzma_rust2::XzReader::new(BufReader::with_capacity(READ, packed), true))
        }
        Packing::Zip => {
            let mut archive = zip::ZipArchive::new(BufReader::with_capacity(READ, packed))
                .map_err(|error| malformed(error.into()))?;
            let only = only_file(&mut archive).map_err(malformed)?;
            copy(&mut archive.by_index(only).map_err(|error| malformed(error.into()))?)
        }
    }
}

/// The only file of an archive.
fn only_file(archive: &mut zip::ZipArchive<BufReader<File>>) -> io::Result<usize> {
    let mut files = Vec::new();
    for index in 0..archive.len() {
        if archive.by_index_raw(index)?.is_file() {
            files.push(index);
        }
    }
    match files[..] {
        [only] => Ok(only),
        _ => Err(io::Error::other(format!("it has {} files instead of one", files.len()))),
    }
}

/// Writes what comes out, and looks whether it is an image.
fn copy(
    reader: &mut dyn Read,
    output: &mut File,
    path: &Path,
    file: &str,
    limit: u64,
) -> Result<(u64, Hasher), UnpackError> {
    let failed = StoreError::io("write", path);
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut buffer = vec![0; READ];
    let (mut size, mut beginning) = (0_u64, Vec::new());
    loop {
        let read = match reader.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(UnpackError::Malformed { file: file.to_owned(), source }),
            Ok(0) => break,
            Ok(read) => read,
        };
        size += read as u64;
        if size > limit {
            return Err(UnpackError::TooLarge { file: file.to_owned(), limit });
        }
        let wanted = (MARK.0 + MARK.1.len()).saturating_sub(beginning.len());
        beginning.extend_from_slice(&buffer[..read.min(wanted)]);
        hasher.update(&buffer[..read]);
        output.write_all(&buffer[..read]).map_err(&failed)?;
    }
    if beginning.get(MARK.0..) != Some(MARK.1) {
        return Err(UnpackError::NotAnImage(file.to_owned()));
    }
    output.sync_all().map_err(failed)?;
    Ok((size, hasher))
}
