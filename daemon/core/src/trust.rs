//! How well it is known that an image is what its publisher released.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What vouches for an image, from the weakest to the strongest. Policies compare it: `min_trust`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Nothing: it was not verified, or only against digests that can be forged.
    Unverified,
    /// A list of digests from one place, by HTTPS and unsigned.
    OneSource,
    /// Lists from two places that are independent of each other, and agree.
    TwoSources,
    /// A signature of the image by a key that the catalog names.
    SignedImage,
    /// A list of digests that is signed by a key that the catalog names.
    SignedList,
    /// A digest that the operator wrote down.
    Pinned,
}

impl Trust {
    /// All of them, from the weakest to the strongest.
    pub const ALL: [Self; 6] = [
        Self::Unverified,
        Self::OneSource,
        Self::TwoSources,
        Self::SignedImage,
        Self::SignedList,
        Self::Pinned,
    ];

    /// The word in documents and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::OneSource => "one-source",
            Self::TwoSources => "two-sources",
            Self::SignedImage => "signed-image",
            Self::SignedList => "signed-list",
            Self::Pinned => "pinned",
        }
    }
}

/// What an image has to have before it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustPolicy {
    /// What the catalog promises for it: what has a signature is not taken without one.
    pub promised: Trust,
    /// `fetch.min_trust` of the configuration.
    pub minimum: Option<Trust>,
    /// What the operator allows for this entry alone, be it more or less.
    pub entry: Option<Trust>,
}

impl TrustPolicy {
    /// The least that is enough.
    #[must_use]
    pub fn required(self) -> Trust {
        self.entry.unwrap_or_else(|| self.promised.max(self.minimum.unwrap_or(Trust::Unverified)))
    }

    /// Whether `found` is enough.
    #[must_use]
    pub fn permits(self, found: Trust) -> bool {
        found >= self.required()
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_worth_more_than_what_is_only_said() {
        assert!(Trust::Pinned > Trust::SignedList && Trust::SignedList > Trust::SignedImage);
        assert!(Trust::SignedImage > Trust::TwoSources && Trust::OneSource > Trust::Unverified);
    }

    #[test]
    fn nothing_is_taken_for_less_than_the_catalog_promises_unless_its_entry_says_so() {
        let policy = |minimum, entry| TrustPolicy { promised: Trust::SignedList, minimum, entry };
        assert!(policy(None, None).permits(Trust::SignedList));
        assert!(policy(None, None).permits(Trust::Pinned));
        assert!(!policy(None, None).permits(Trust::OneSource));
        assert!(!policy(Some(Trust::OneSource), None).permits(Trust::OneSource));
        assert!(!policy(Some(Trust::Pinned), None).permits(Trust::SignedList));
        assert!(policy(Some(Trust::Pinned), Some(Trust::OneSource)).permits(Trust::OneSource));
        assert!(!policy(None, Some(Trust::Pinned)).permits(Trust::SignedList));
    }

    #[test]
    fn documents_have_the_word_that_people_read() {
        for trust in [Trust::Unverified, Trust::OneSource, Trust::SignedImage, Trust::Pinned] {
            assert_eq!(serde_json::to_value(trust).unwrap(), trust.to_string());
        }
    }
}
