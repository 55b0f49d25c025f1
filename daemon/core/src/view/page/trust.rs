//! How well a medium is known to be what its publisher released, in words that promise no more than that.

use crate::{trust::Trust, verified::Verified};

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrustShown {
    /// Class of the style: `trusted`, `partly` or `unknown`.
    pub(super) class: &'static str,
    /// A few words.
    pub(super) words: &'static str,
    /// A sentence.
    pub(super) meaning: &'static str,
}

/// What is said of a medium. Only a signature or the operator's own digest is called verified.
pub(super) fn trust_shown(verified: Option<&Verified>) -> TrustShown {
    let (class, words, meaning) = match verified.map(|verified| verified.trust) {
        None => {
            ("unknown", "not verified", "Nobody has compared this image with what was released.")
        }
        Some(Trust::Unverified) => {
            ("unknown", "not verified", "Nothing that cannot be forged vouches for this image.")
        }
        Some(Trust::OneSource) => (
            "partly",
            "one unsigned source",
            "It has the digest that one place states over HTTPS, without a signature.",
        ),
        Some(Trust::TwoSources) => (
            "partly",
            "two unsigned sources",
            "It has the digest on which two independent places agree, without a signature.",
        ),
        Some(Trust::SignedImage) => {
            ("trusted", "verified: signed image", "A key of the catalog has signed this image.")
        }
        Some(Trust::SignedList) => (
            "trusted",
            "verified: signed list",
            "It has the digest of a list that a key of the catalog has signed.",
        ),
        Some(Trust::Pinned) => (
            "trusted",
            "verified: pinned digest",
            "It has the digest that the operator of this mirror wrote down.",
        ),
    };
    TrustShown { class, words, meaning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_signed_or_pinned_is_called_verified() {
        let shown = |trust: Option<Trust>| {
            let verified = trust.map(|trust| Verified {
                trust,
                digests: Vec::new(),
                signer: None,
                verified_at: String::new(),
            });
            trust_shown(verified.as_ref())
        };
        for trust in
            [None, Some(Trust::Unverified), Some(Trust::OneSource), Some(Trust::TwoSources)]
        {
            let TrustShown { class, words, .. } = shown(trust);
            assert!(class != "trusted" && !words.starts_with("verified"), "{trust:?}");
        }
        for trust in [Trust::SignedImage, Trust::SignedList, Trust::Pinned] {
            assert_eq!(shown(Some(trust)).class, "trusted", "{trust}");
        }
    }
}
