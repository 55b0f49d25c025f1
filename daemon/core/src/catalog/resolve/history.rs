//! What is remembered of an entry, so that nobody makes an old release look new.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::{trust::Trust, version_order};

/// What was taken for right before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// The highest version.
    pub version: Option<String>,
    /// The latest time of a signature, in seconds since 1970.
    pub signed_at: Option<i64>,
    /// The best that vouched for an image.
    pub trust: Option<Trust>,
}

impl History {
    /// Whether `version` may come now.
    ///
    /// # Errors
    /// Where it is older than what was there: a phrase for people.
    pub fn allows_version(&self, version: &str) -> Result<(), String> {
        let Some(known) = &self.version else { return Ok(()) };
        if version_order::compare(version, known) == Ordering::Less {
            return Err(format!("rollback: {version} is offered after {known}"));
        }
        Ok(())
    }

    /// Whether a list or image that was signed at `time`, in seconds since 1970, may come now.
    ///
    /// # Errors
    /// Where another one was signed later: a phrase for people.
    pub fn allows_signature(&self, time: i64) -> Result<(), String> {
        match self.signed_at {
            Some(known) if time < known => Err(format!(
                "rollback: what is offered was signed {} s before what was there",
                known.saturating_sub(time)
            )),
            _ => Ok(()),
        }
    }

    /// Whether an image for which `trust` vouches may take the place of what was there.
    ///
    /// # Errors
    /// Where more vouched for that: a phrase for people.
    pub fn allows_trust(&self, trust: Trust) -> Result<(), String> {
        match self.trust {
            Some(known) if trust < known => {
                Err(format!("downgrade: it is {trust}, and what was there is {known}"))
            }
            _ => Ok(()),
        }
    }

    /// Remembers a release that was verified.
    pub fn remember(&mut self, version: &str, signed_at: Option<i64>, trust: Trust) {
        if self.allows_version(version).is_ok() {
            self.version = Some(version.to_owned());
        }
        self.signed_at = self.signed_at.max(signed_at);
        self.trust = self.trust.max(Some(trust));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_older_or_weaker_is_allowed() {
        let mut history = History::default();
        history.remember("13.7.0", Some(1000), Trust::SignedList);
        assert!(
            history.allows_version("13.7.0").is_ok() && history.allows_version("13.10.0").is_ok()
        );
        let refused = history.allows_version("13.6.0").unwrap_err();
        assert_eq!(refused, "rollback: 13.6.0 is offered after 13.7.0");
        assert!(history.allows_version("13.7.0-rc1").is_err());
        assert!(history.allows_signature(1000).is_ok() && history.allows_signature(999).is_err());
        assert!(history.allows_trust(Trust::Pinned).is_ok());
        assert!(history.allows_trust(Trust::OneSource).is_err());
        history.remember("13.6.0", None, Trust::OneSource);
        assert_eq!(history.version.as_deref(), Some("13.7.0"));
        assert_eq!((history.signed_at, history.trust), (Some(1000), Some(Trust::SignedList)));
    }
}
