//! Lists on a medium, of its own files: where they are, and how they are read.

use crate::{
    boot::metadata::treeinfo::TreeInfo,
    checksums::{ChecksumList, ChecksumListError, Hints, ListedFile, normalised},
    digest::{Algorithm, Digest},
};

/// Bytes of the largest list of a medium's files.
pub const MAXIMUM_SIZE: u64 = 64 << 20;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestFormat {
    /// `.treeinfo`, whose section `checksums` has some of the files.
    TreeInfo,
    /// One of the formats of [`crate::checksums`]; hashes of this algorithm where it does not tell by itself.
    List(Option<Algorithm>),
    /// FreeBSD's `MANIFEST`: name, SHA-256 and more, between tabs.
    FreeBsd,
}

/// A list that media of some family have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Path on the medium. A part `*` stands for any name.
    pub path: &'static str,
    /// How it is written.
    pub format: ManifestFormat,
    /// Whether its names count from the root of the medium; else from where the list is.
    pub from_root: bool,
    /// Whether it is meant to have all files of the medium.
    pub is_complete: bool,
}

const fn at_root(path: &'static str, algorithm: Option<Algorithm>, is_complete: bool) -> Manifest {
    Manifest { path, format: ManifestFormat::List(algorithm), from_root: true, is_complete }
}

const fn beside(path: &'static str, algorithm: Algorithm) -> Manifest {
    let format = ManifestFormat::List(Some(algorithm));
    Manifest { path, format, from_root: false, is_complete: false }
}

/// All lists that are looked for.
pub const MANIFESTS: &[Manifest] = &[
    // Fedora, Red Hat and kin; mirrors that hide dot files have it without the dot.
    Manifest {
        path: ".treeinfo",
        format: ManifestFormat::TreeInfo,
        from_root: true,
        is_complete: false,
    },
    Manifest {
        path: "treeinfo",
        format: ManifestFormat::TreeInfo,
        from_root: true,
        is_complete: false,
    },
    // Debian, Ubuntu and kin.
    at_root("md5sum.txt", Some(Algorithm::Md5), true),
    at_root("sha256sum.txt", Some(Algorithm::Sha256), true),
    at_root("SHA256SUMS", Some(Algorithm::Sha256), false),
    // SUSE since Leap 15, and before.
    at_root("CHECKSUMS", None, false),
    at_root("content", None, false),
    // Arch Linux and kin: only the image of the live system.
    beside("*/*/airootfs.sha512", Algorithm::Sha512),
    beside("*/*/airootfs.sha256", Algorithm::Sha256),
    beside("*/*/airootfs.md5", Algorithm::Md5),
    // OpenBSD: the sets of an architecture.
    beside("*/*/SHA256", Algorithm::Sha256),
    // FreeBSD.
    Manifest {
        path: "usr/freebsd-dist/MANIFEST",
        format: ManifestFormat::FreeBsd,
        from_root: false,
        is_complete: false,
    },
];

/// What a list on a medium says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestContent {
    /// Files with paths from the root of the medium.
    pub files: Vec<ListedFile>,
    /// Lines that look like a file with a hash, but cannot be checked: of unknown algorithms, or with hostile names.
    pub ignored: usize,
}

impl Manifest {
    /// Reads the list that was found at `path`.
    ///
    /// # Errors
    /// Where it is none, or contradicts itself.
    pub fn read(&self, path: &str, bytes: &[u8]) -> Result<ManifestContent, ChecksumListError> {
        let mut content = match self.format {
            ManifestFormat::TreeInfo => tree_info(bytes),
            ManifestFormat::FreeBsd => free_bsd(bytes),
            ManifestFormat::List(algorithm) => {
                let maximum_size = usize::try_from(MAXIMUM_SIZE).unwrap_or(usize::MAX);
                let hints = Hints { algorithm, maximum_size, ..Hints::default() };
                let list = ChecksumList::parse(bytes, &hints)?;
                ManifestContent { files: list.files().to_vec(), ignored: list.ignored() }
            }
        };
        if content.files.is_empty() {
            return Err(ChecksumListError::Empty);
        }
        if let Some((directory, _)) = path.rsplit_once('/').filter(|_| !self.from_root) {
            for file in &mut content.files {
                file.name = format!("{directory}/{}", file.name);
            }
        }
        Ok(content)
    }
}

fn tree_info(bytes: &[u8]) -> ManifestContent {
    let mut content = ManifestContent::default();
    for (name, checksum) in TreeInfo::parse(bytes).checksums {
        let algorithm = checksum.algorithm.and_then(|algorithm| algorithm.parse().ok());
        let digest =
            algorithm.and_then(|algorithm| Digest::from_hex(algorithm, &checksum.digest).ok());
        match digest {
            Some(digest) => {
                content.files.push(ListedFile { name, size: None, digests: vec![digest] });
            }
            None => content.ignored += 1,
        }
    }
    content
}

fn free_bsd(bytes: &[u8]) -> ManifestContent {
    let mut content = ManifestContent::default();
    for line in String::from_utf8_lossy(bytes).lines() {
        let mut columns = line.split('\t');
        let name = columns.next().and_then(normalised);
        let digest =
            columns.next().and_then(|digits| Digest::from_hex(Algorithm::Sha256, digits).ok());
        match name.zip(digest) {
            Some((name, digest)) => {
                content.files.push(ListedFile { name, size: None, digests: vec![digest] });
            }
            None => content.ignored += usize::from(!line.is_empty()),
        }
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(path: &str) -> &'static Manifest {
        MANIFESTS.iter().find(|manifest| manifest.path == path).unwrap()
    }

    #[test]
    fn names_count_from_where_the_list_says() {
        let sha512 = "ab".repeat(64);
        let text = format!("{sha512}  airootfs.sfs\n");
        let path = "arch/x86_64/airootfs.sha512";
        let content = manifest("*/*/airootfs.sha512").read(path, text.as_bytes()).unwrap();
        assert_eq!(content.files[0].name, "arch/x86_64/airootfs.sfs");
        let text = format!("{}  ./.disk/info\n", "ab".repeat(16));
        let content = manifest("md5sum.txt").read("md5sum.txt", text.as_bytes()).unwrap();
        assert_eq!(content.files[0].name, ".disk/info");
    }

    #[test]
    fn every_family_s_list_is_read() {
        let sha256 = "ab".repeat(32);
        let tree =
            format!("[checksums]\nimages/a.img = sha256:{sha256}\nimages/b.img = sha3:{sha256}\n");
        let content = manifest(".treeinfo").read(".treeinfo", tree.as_bytes()).unwrap();
        assert_eq!((content.files.len(), content.ignored), (1, 1));
        let free_bsd = format!("base.txz\t{sha256}\t26\tbase\t\"Base\"\ton\nbroken\n");
        let path = "usr/freebsd-dist/MANIFEST";
        let content = manifest(path).read(path, free_bsd.as_bytes()).unwrap();
        assert_eq!(
            (content.files[0].name.as_str(), content.ignored),
            ("usr/freebsd-dist/base.txz", 1)
        );
        let suse = format!("PRODUCT openSUSE\nHASH SHA256 {sha256}  boot/x86_64/config\n");
        let content = manifest("content").read("content", suse.as_bytes()).unwrap();
        assert_eq!(content.files[0].name, "boot/x86_64/config");
        let open_bsd = format!("SHA256 (bsd.rd) = {sha256}\n");
        let content = manifest("*/*/SHA256").read("7.8/amd64/SHA256", open_bsd.as_bytes()).unwrap();
        assert_eq!(content.files[0].name, "7.8/amd64/bsd.rd");
        assert!(manifest(".treeinfo").read(".treeinfo", b"[general]\n").is_err());
    }
}
