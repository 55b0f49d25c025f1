//! How resolving goes on, and how it ends.

use super::{DocumentRequest, Otherwise, Release};

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// These documents are needed, and may be read in any order; at least one.
    Ask(Vec<DocumentRequest>),
    /// That is all.
    End(Outcome),
}

/// How it ended. Whatever is kept stays in all cases but the first; reasons are phrases for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The newest release, to be fetched and verified.
    Resolved(Box<Release>),
    /// Nothing can be told now.
    Unknown(String),
    /// A newer release is announced, but not there yet.
    Pending(String),
    /// What is offered is not to be trusted.
    Held(String),
    /// The operator has to bring the file; how.
    Manual(String),
}

impl Outcome {
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "an end without a release is rare, and large"
    )]
    pub(super) fn otherwise(self) -> Otherwise {
        Box::new(Step::End(self))
    }

    #[expect(
        clippy::unnecessary_box_returns,
        reason = "an end without a release is rare, and large"
    )]
    pub(super) fn held(why: String) -> Otherwise {
        Self::Held(why).otherwise()
    }
}
