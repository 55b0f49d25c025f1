//! What was found.

use isomirror_core::trust::Trust;
use serde::Serialize;

/// Files that are named one by one; the rest is only counted.
const MOST_NAMED: usize = 1000;

/// Everything that was found about one image, disc or tree.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// In one word.
    pub verdict: Verdict,
    /// What vouches for it: a signature by a pinned key, or nothing.
    pub trust: Trust,
    /// The key that signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Each that was looked for.
    pub checks: Vec<Check>,
}

/// What is to be thought of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A pinned key signed it, and all that speaks about it agrees.
    Verified,
    /// All that speaks about it agrees, but nobody whose key is pinned.
    Intact,
    /// Nothing that can be checked speaks about it.
    Unknown,
    /// Something that speaks about it does not agree.
    Failed,
}

/// One of those that speak about it.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What kind it is: `digest`, `signature`, `implanted-md5` or `files`; `image` where it cannot be read, `size` where it
    /// is too short.
    pub kind: &'static str,
    /// Who speaks: a file beside the image, or a path on the medium.
    pub by: String,
    /// What was found.
    pub result: CheckResult,
    /// What was compared, or why nothing was, for people.
    pub detail: String,
    /// Files that were compared, of a list on a medium.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Files that are not as the list says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FileProblem>,
    /// Files that are not as the list says, also those that `faults` has no room for.
    #[serde(skip_serializing_if = "is_zero")]
    pub faulty: u64,
    /// Files of the medium that a list which should have all of them does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<u64>,
    /// The pinned key that signed; of a good signature only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Whether this check, being good, makes the whole image as trusted as its signer.
    #[serde(skip)]
    pub vouches: Option<Trust>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What one check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// It agrees.
    Ok,
    /// It does not.
    Failed,
    /// It is not there.
    Absent,
    /// It is there, but cannot be checked here: its key is not pinned, say.
    Unchecked,
}

/// A file that is not as a list says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileProblem {
    /// Path on the medium.
    pub path: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// Its bytes are others.
    Differs,
    /// It is not there.
    Missing,
    /// It cannot be read.
    Unreadable,
}

impl Check {
    /// One with nothing but its result.
    pub(super) fn new(
        kind: &'static str,
        by: impl Into<String>,
        result: CheckResult,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            by: by.into(),
            result,
            detail: detail.into(),
            files: None,
            faults: Vec::new(),
            faulty: 0,
            unlisted: None,
            signer: None,
            vouches: None,
        }
    }

    /// Notes a file that is not as it should be.
    pub(super) fn fault(&mut self, path: &str, fault: Fault) {
        self.result = CheckResult::Failed;
        self.faulty += 1;
        if self.faults.len() < MOST_NAMED {
            self.faults.push(FileProblem { path: path.to_owned(), fault });
        }
    }
}

impl Report {
    /// The whole of `checks`.
    pub(super) fn of(checks: Vec<Check>) -> Self {
        let any = |result| checks.iter().any(|check| check.result == result);
        let good = || checks.iter().filter(|check| check.result == CheckResult::Ok);
        let best = good().filter(|check| check.vouches.is_some()).max_by_key(|check| check.vouches);
        let trust = best.and_then(|check| check.vouches).unwrap_or(Trust::Unverified);
        let signer = best.and_then(|check| check.signer.clone());
        let verdict = if any(CheckResult::Failed) {
            Verdict::Failed
        } else if trust > Trust::Unverified {
            Verdict::Verified
        } else if good().any(|check| check.kind != "signature") {
            Verdict::Intact
        } else {
            Verdict::Unknown
        };
        match verdict {
            Verdict::Failed => Self { verdict, trust: Trust::Unverified, signer: None, checks },
            _ => Self { verdict, trust, signer, checks },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &'static str, result: CheckResult, vouches: Option<Trust>) -> Check {
        Check { vouches, ..Check::new(kind, "x", result, "") }
    }

    #[test]
    fn nothing_is_called_verified_that_no_pinned_key_signed() {
        let signed = || check("digest", CheckResult::Ok, Some(Trust::SignedList));
        let unsigned = || check("digest", CheckResult::Ok, None);
        let bad = || check("files", CheckResult::Failed, None);
        let absent = || check("implanted-md5", CheckResult::Absent, None);
        let verdict = |checks| Report::of(checks).verdict;
        assert_eq!(verdict(vec![signed(), unsigned(), absent()]), Verdict::Verified);
        assert_eq!(verdict(vec![unsigned(), absent()]), Verdict::Intact);
        assert_eq!(verdict(vec![absent()]), Verdict::Unknown);
        assert_eq!(verdict(Vec::new()), Verdict::Unknown);
        let failed = Report::of(vec![signed(), bad()]);
        assert_eq!((failed.verdict, failed.trust), (Verdict::Failed, Trust::Unverified));
        // A good signature of a list says nothing of an image that the list does not have.
        assert_eq!(verdict(vec![check("signature", CheckResult::Ok, None)]), Verdict::Unknown);
        let failed = check("digest", CheckResult::Failed, Some(Trust::SignedList));
        assert_eq!(Report::of(vec![failed]).trust, Trust::Unverified);
    }
}
