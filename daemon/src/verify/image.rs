//! Verifying an image file, or the disc in a drive.

use std::{path::Path, sync::Arc};

use isomirror_core::{
    digest::{Algorithm, Digest, Hasher},
    image::{Image, ReadAt},
    implanted_md5::{ImplantedMd5, ImplantedMd5Result},
    signature::{DetachedSignature, SignatureError},
    trust::Trust,
};

use super::{
    Check, CheckResult, Expected, Progress, Report, Request, VerifyError,
    beside::{Beside, Said, bad_signature, good_signature},
    on_medium,
    pass::{Computed, read_all},
    tree::ImageTree,
};
use crate::image_file::ImageFile;

/// What the check of an implanted sum is called.
const IMPLANTED: &str = "implanted-md5";

/// Verifies the image at `path`.
pub(super) fn verify(
    path: &Path,
    request: &Request<'_>,
    progress: Progress<'_>,
) -> Result<Report, VerifyError> {
    let failed = |source| VerifyError::Open { path: path.to_owned(), source };
    let file = ImageFile::open(path).map_err(failed)?;
    let source = Arc::new(file.ok_or_else(|| VerifyError::NotAnImage(path.to_owned()))?);
    let mut beside = Beside::find(path, request);
    expect(&mut beside, request);
    let implanted = ImplantedMd5::find(&*source);
    let unreadable = |source| VerifyError::Read { path: path.to_owned(), offset: 0, source };
    let implanted = implanted.map_err(unreadable)?;
    let mut checks = match read_all(&*source, &algorithms(&beside), implanted.clone(), progress) {
        Ok(computed) => compare(&beside, &computed, source.size(), request),
        Err((offset, error)) => {
            let detail = format!("cannot be read at byte {offset}: {error}");
            vec![Check::new("image", path.display().to_string(), CheckResult::Failed, detail)]
        }
    };
    if implanted.is_none() {
        checks.push(Check::new(
            IMPLANTED,
            "the image",
            CheckResult::Absent,
            "nothing was implanted",
        ));
    }
    checks.append(&mut beside.checks);
    match Image::open(source) {
        Ok(image) => {
            checks.extend(too_short(&image));
            checks.extend(on_medium::check(&ImageTree(&image), progress));
        }
        Err(error) => {
            let detail = format!("its files cannot be read: {error}");
            checks.push(Check::new("files", "the image", CheckResult::Unchecked, detail));
        }
    }
    Ok(Report::of(checks))
}

/// That an image ends before its volume does. That it does not says nothing of its bytes, so it is no check.
fn too_short(image: &Image) -> Option<Check> {
    let (claimed, real) = (image.volume().claimed_size, image.source().size());
    let detail = || format!("the volume has {claimed} bytes, and the image only {real}");
    (real < claimed).then(|| Check::new("size", "the image", CheckResult::Failed, detail()))
}

/// Takes what the catalog says among what lies beside the image.
fn expect(beside: &mut Beside, request: &Request<'_>) {
    let expected = &request.expected;
    if !expected.digests.is_empty() {
        let Expected { by, digests, trust, signer, .. } = expected.clone();
        beside.said.insert(0, Said { by, digests, size: None, trust, signer });
    }
    if let Some(signature) = &expected.signature {
        beside.signatures.push((expected.by.clone(), DetachedSignature::parse(signature)));
    }
}

/// All hashes that are needed.
fn algorithms(beside: &Beside) -> Vec<Algorithm> {
    let said = beside.said.iter().flat_map(|said| &said.digests).map(Digest::algorithm);
    let signatures = beside.signatures.iter().filter_map(|(_, signature)| signature.as_ref().ok());
    let mut algorithms: Vec<_> =
        said.chain(signatures.flat_map(DetachedSignature::algorithms)).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    algorithms
}

fn compare(beside: &Beside, computed: &Computed, size: u64, request: &Request<'_>) -> Vec<Check> {
    let digests: Vec<_> = computed.hashers.iter().cloned().map(Hasher::finish).collect();
    let said = beside.said.iter().map(|said| digest_check(said, &digests, size));
    let signed = beside
        .signatures
        .iter()
        .map(|(by, signature)| image_signature(by, signature, &computed.hashers, request));
    said.chain(signed).chain(computed.implanted.as_ref().map(implanted_check)).collect()
}

fn digest_check(said: &Said, digests: &[Digest], size: u64) -> Check {
    let failed = |detail| Check::new("digest", &*said.by, CheckResult::Failed, detail);
    if let Some(expected) = said.size.filter(|expected| *expected != size) {
        return failed(format!("it has {size} bytes, and should have {expected}"));
    }
    if let Some(differs) = said.digests.iter().find(|digest| !digests.contains(digest)) {
        return failed(format!("its {} is not {}", differs.algorithm(), differs.hex()));
    }
    let strong = said.digests.iter().rfind(|digest| digest.algorithm().is_strong());
    let shown: Vec<_> = said.digests.iter().map(ToString::to_string).collect();
    let mut check = Check::new("digest", &*said.by, CheckResult::Ok, shown.join(", "));
    match (said.trust, strong) {
        (Trust::Unverified, _) => {
            check.detail.push_str("; unsigned: who changed the image may have changed this too");
        }
        (_, None) => check.detail.push_str("; signed, but such a digest can be forged"),
        (trust, Some(_)) => {
            check.signer.clone_from(&said.signer);
            check.vouches = Some(trust);
        }
    }
    check
}

fn image_signature(
    by: &str,
    signature: &Result<DetachedSignature, SignatureError>,
    hashers: &[Hasher],
    request: &Request<'_>,
) -> Check {
    let verified = match signature {
        Ok(signature) => signature.verify_hashed(hashers, request.keys, request.now),
        Err(error) => Err(error.clone()),
    };
    match verified {
        Ok(signed) => {
            let mut check = good_signature(by, &signed);
            check.vouches = Some(Trust::SignedImage);
            check
        }
        Err(error) => bad_signature(by, &error),
    }
}

fn implanted_check(result: &ImplantedMd5Result) -> Check {
    let check = |result, detail: String| Check::new(IMPLANTED, "the image", result, detail);
    match result {
        ImplantedMd5Result::Good => {
            check(CheckResult::Ok, "the sum is that of the image".to_owned())
        }
        ImplantedMd5Result::Short => check(CheckResult::Failed, "the image ends early".to_owned()),
        ImplantedMd5Result::Bad { between: None } => {
            check(CheckResult::Failed, "the sum is not that of the image".to_owned())
        }
        ImplantedMd5Result::Bad { between: Some((start, end)) } => check(
            CheckResult::Failed,
            format!("the image differs, first between bytes {start} and {end}"),
        ),
    }
}
