//! What lies beside an image: lists of checksums that name it, signatures of these, and signatures of the image.

use std::{fmt::Write as _, fs, path::Path};

use isomirror_core::{
    checksums::{self, ChecksumList, Hints},
    digest::{Algorithm, Digest},
    signature::{
        DetachedSignature, MAXIMUM_SIZE, SignatureError, Signed, is_clear_signed, signed_list,
    },
    trust::Trust,
};

use super::{Check, CheckResult, Request, keys::read_bounded};

/// Names that are looked at.
const MOST_NAMES: usize = 100_000;
/// Endings of signatures.
const SIGNATURES: [&str; 5] = [".asc", ".gpg", ".sig", ".sign", ".minisig"];
/// What follows the image's name in the name of a list for it alone.
const ENDINGS: [&str; 15] = [
    ".sha256",
    ".sha256sum",
    ".sha256.txt",
    ".sha512",
    ".sha512sum",
    ".sha384",
    ".sha1",
    ".sha1sum",
    ".md5",
    ".md5sum",
    ".b2",
    ".checksum",
    ".digests",
    ".digests.asc",
    "-checksum",
];
/// Names, or their endings, of lists for all images of a directory.
const COMMON: [&str; 10] = [
    "sums",
    "checksum",
    "checksums",
    "checksums.txt",
    "sums.txt",
    "sha256sum.txt",
    "sha512sum.txt",
    "sha1sum.txt",
    "md5sum.txt",
    "signed-hashes.txt",
];
/// Whole names of such lists.
const BSD: [&str; 4] = ["sha256", "sha512", "sha256.sig", "md5"];

/// What a list says of the image.
#[derive(Debug)]
pub(super) struct Said {
    /// Name of the list.
    pub(super) by: String,
    /// Digests of the image.
    pub(super) digests: Vec<Digest>,
    /// Bytes of the image.
    pub(super) size: Option<u64>,
    /// What vouches for it.
    pub(super) trust: Trust,
    /// The pinned key that signed it.
    pub(super) signer: Option<String>,
}

/// Everything that lies beside an image and speaks of it.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// The lists that name it.
    pub(super) said: Vec<Said>,
    /// The signatures of the image itself, with the names of their files.
    pub(super) signatures: Vec<(String, Result<DetachedSignature, SignatureError>)>,
    /// What was found of the lists' own signatures, and of lists that are none.
    pub(super) checks: Vec<Check>,
}

impl Beside {
    /// Looks beside `image`.
    pub(super) fn find(image: &Path, request: &Request<'_>) -> Self {
        let mut beside = Self::default();
        let Some(name) = image.file_name().and_then(|name| name.to_str()) else { return beside };
        let directory = match image.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return beside,
        };
        let Ok(entries) = fs::read_dir(directory) else { return beside };
        let names =
            entries.take(MOST_NAMES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names.collect();
        names.sort();
        for list in names.iter().filter(|other| is_list(name, other)) {
            beside.read_list(directory, name, list, &names, request);
        }
        for ending in SIGNATURES {
            let file = format!("{name}{ending}");
            if names.binary_search(&file).is_ok() {
                let signature = read_bounded(&directory.join(&file), MAXIMUM_SIZE as u64)
                    .map_err(|_| SignatureError::Malformed("its file cannot be read"))
                    .and_then(|bytes| DetachedSignature::parse(&bytes));
                beside.signatures.push((file, signature));
            }
        }
        beside
    }

    fn read_list(
        &mut self,
        directory: &Path,
        name: &str,
        list: &str,
        names: &[String],
        request: &Request<'_>,
    ) {
        let is_own = is_own_list(name, list);
        let mut unchecked = |reason: String| {
            if is_own {
                self.checks.push(Check::new("digest", list, CheckResult::Unchecked, reason));
            }
        };
        let limit = checksums::MAXIMUM_SIZE as u64;
        let bytes = match read_bounded(&directory.join(list), limit) {
            Ok(bytes) => bytes,
            Err(error) => return unchecked(format!("the list cannot be read: {error}")),
        };
        let (covered, by_key, checks) = signed_part(directory, list, &bytes, names, request);
        let only_file = is_own.then(|| name.to_owned());
        let hints = Hints { algorithm: algorithm_of(list), only_file, ..Hints::default() };
        match ChecksumList::parse(&covered, &hints) {
            Ok(parsed) => match parsed.find(name) {
                Ok(file) => {
                    let (digests, size) = (file.digests.clone(), file.size);
                    let trust = by_key.as_ref().map_or(Trust::Unverified, |_| Trust::SignedList);
                    let (by, signer) = (list.to_owned(), by_key.map(|signed| signed.signer));
                    self.said.push(Said { by, digests, size, trust, signer });
                    self.checks.extend(checks);
                }
                Err(reason) => unchecked(reason.to_string()),
            },
            Err(error) => unchecked(error.to_string()),
        }
    }
}

/// What of a list is signed, by whom, and what was found of each signature. Where nobody signed it, all of it counts
/// for what unsigned lists count.
fn signed_part(
    directory: &Path,
    list: &str,
    bytes: &[u8],
    names: &[String],
    request: &Request<'_>,
) -> (Vec<u8>, Option<Signed>, Vec<Check>) {
    let mut checks = Vec::new();
    let mut best = None;
    let files = SIGNATURES.iter().map(|ending| format!("{list}{ending}"));
    // A signature that has the list within is a list by itself.
    let files = files.filter(|file| {
        names.binary_search(file).is_ok() && !BSD.contains(&file.to_ascii_lowercase().as_str())
    });
    let mut tries: Vec<_> = files.map(Some).collect();
    tries.push(None);
    for file in tries {
        let by = file.as_deref().unwrap_or(list).to_owned();
        let signature = file.map(|file| read_bounded(&directory.join(file), MAXIMUM_SIZE as u64));
        let result = match &signature {
            // It has the list within; what stands beside it does not matter then.
            Some(Ok(message)) if is_clear_signed(message) => {
                signed_list(message, None, request.keys, request.now)
            }
            Some(Ok(signature)) => signed_list(bytes, Some(signature), request.keys, request.now),
            Some(Err(_)) => Err(SignatureError::Malformed("its file cannot be read")),
            None => signed_list(bytes, None, request.keys, request.now),
        };
        match result {
            Ok((covered, signed)) => {
                checks.push(good_signature(&by, &signed));
                best.get_or_insert((covered.into_owned(), signed));
            }
            Err(SignatureError::Missing) if signature.is_none() => {}
            Err(error) => checks.push(bad_signature(&by, &error)),
        }
    }
    match best {
        Some((covered, signed)) => (covered, Some(signed), checks),
        None => (bytes.to_vec(), None, checks),
    }
}

/// The check of a signature that is good.
pub(super) fn good_signature(by: &str, signed: &Signed) -> Check {
    let mut detail = format!("signed by {}", signed.signer);
    if let Some(at) = signed.made_at {
        let _ = write!(detail, " on {at}");
    }
    for warning in &signed.warnings {
        let _ = write!(detail, "; {warning}");
    }
    let mut check = Check::new("signature", by, CheckResult::Ok, detail);
    check.signer = Some(signed.signer.clone());
    check
}

/// The check of a signature that is not. One whose key is not pinned is neither good nor bad.
pub(super) fn bad_signature(by: &str, error: &SignatureError) -> Check {
    let result = match error {
        SignatureError::UnknownSigner(_)
        | SignatureError::Unsupported
        | SignatureError::Missing => CheckResult::Unchecked,
        _ => CheckResult::Failed,
    };
    Check::new("signature", by, result, error.to_string())
}

fn is_list(image: &str, name: &str) -> bool {
    name != image && (is_own_list(image, name) || is_common_list(name)) && !is_of_unknown(name)
}

fn is_own_list(image: &str, name: &str) -> bool {
    let ending = name.strip_prefix(image).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

fn is_common_list(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    COMMON.iter().any(|ending| name.ends_with(ending)) || BSD.contains(&name.as_str())
}

/// Whether the name says that its hashes are of an algorithm that is not known here, and may be as long as one that is.
fn is_of_unknown(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["b3sum", "blake3", "sha3", "blake2s"].iter().any(|unknown| name.contains(unknown))
}

/// The algorithm that the name of a list tells.
fn algorithm_of(name: &str) -> Option<Algorithm> {
    let name = name.to_ascii_lowercase();
    let known = Algorithm::ALL.into_iter().find(|algorithm| name.contains(algorithm.name()));
    let is_blake2 =
        name.contains("b2sum") || Path::new(&name).extension().is_some_and(|found| found == "b2");
    known.or_else(|| is_blake2.then_some(Algorithm::Blake2b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_known_by_their_names() {
        for name in [
            "a.iso.sha256",
            "a.iso.CHECKSUM",
            "SHA256SUMS",
            "Fedora-44-CHECKSUM",
            "CHECKSUMS.TXT",
            "SHA256.sig",
        ] {
            assert!(is_list("a.iso", name), "{name}");
        }
        for name in [
            "a.iso",
            "b.iso.sha256",
            "a.iso.sig",
            "a.iso.zsync",
            "B3SUMS",
            "SHA256SUMS.gpg",
            "a.iso.sha3-256",
        ] {
            assert!(!is_list("a.iso", name), "{name}");
        }
        assert_eq!(algorithm_of("B2SUMS"), Some(Algorithm::Blake2b));
        assert_eq!(algorithm_of("a.iso.sha512"), Some(Algorithm::Sha512));
    }
}
