//! `/CHECKSUM`: the digests of images that are known to be what was released, as `sha256sum -c` reads them.
//!
//! Lines are in the form that BSD's tools and `sha256sum --tag` write. They name files as they lie in a directory into
//! which they were downloaded, without `_/` before them.

use std::fmt::Write;

use crate::{
    digest::{Algorithm, Digest},
    name::Name,
    state::{MediumState, StateDocument},
    trust::Trust,
    verified::Verified,
};

/// The file. Media for which `is_exported` does not hold cannot be downloaded, and are not in it.
#[must_use]
pub fn checksums(document: &StateDocument, is_exported: impl Fn(&Name) -> bool) -> String {
    let mut out = String::from(
        "# Images of this mirror that are verified. Check what you downloaded from /_/ by\n\
        # sha256sum -c --ignore-missing CHECKSUM\n",
    );
    for medium in document.media.iter().filter(|medium| is_exported(&medium.name)) {
        let Some(digest) = listed_digest(medium) else { continue };
        let file = format!("{}.iso", medium.name);
        // A backslash is doubled, and then one stands before the line (GNU coreutils, "md5sum invocation").
        let escaped = file.replace('\\', "\\\\");
        let mark = if escaped == file { "" } else { "\\" };
        let algorithm = digest.algorithm().bsd_name();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# {file}: {} bytes", medium.size);
        let _ = writeln!(out, "{mark}{algorithm} ({escaped}) = {}", digest.hex());
    }
    out
}

/// The digest of a medium that something vouches for.
pub(super) fn listed_digest(medium: &MediumState) -> Option<&Digest> {
    let verified = medium.verified.as_ref().filter(|verified| verified.trust > Trust::Unverified);
    verified.and_then(usual_digest)
}

/// The digest that people compare: SHA-256 where it is known, else the strongest of those that withstand an attacker.
pub(super) fn usual_digest(verified: &Verified) -> Option<&Digest> {
    let strong = verified.digests.iter().filter(|digest| digest.algorithm().is_strong());
    strong.max_by_key(|digest| (digest.algorithm() == Algorithm::Sha256, digest.algorithm()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::document::tests::medium;

    fn verified(name: &str, trust: Trust, algorithms: &[Algorithm]) -> MediumState {
        let digest = |algorithm: &Algorithm| {
            Digest::from_bytes(*algorithm, &vec![0xab; algorithm.length()]).unwrap()
        };
        let digests = algorithms.iter().map(digest).collect();
        let verified = Verified { trust, digests, signer: None, verified_at: String::new() };
        MediumState { verified: Some(verified), ..medium(name) }
    }

    #[test]
    fn only_images_that_something_vouches_for_are_listed() {
        use Algorithm::{Md5, Sha256, Sha512};
        let media = vec![
            verified("A\\B", Trust::Pinned, &[Md5, Sha256, Sha512]),
            verified("Forgeable", Trust::Unverified, &[Sha256]),
            verified("Gone", Trust::Pinned, &[Sha256]),
            verified("Long", Trust::OneSource, &[Sha512]),
            verified("Weak", Trust::OneSource, &[Md5]),
            medium("Unknown"),
        ];
        let document = StateDocument { media, ..StateDocument::default() };
        let text = checksums(&document, |name| name.as_str() != "Gone");
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "# A\\B.iso: 4700372992 bytes",
                &format!("\\SHA256 (A\\\\B.iso) = {}", "ab".repeat(32)),
                "# Long.iso: 4700372992 bytes",
                &format!("SHA512 (Long.iso) = {}", "ab".repeat(64)),
            ]
        );
    }
}
