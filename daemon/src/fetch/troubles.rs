//! Why a download does not go on, when no place is left.

use std::collections::BTreeMap;

use isomirror_core::transfer::answer::Rejection;

use super::{Download, Hold};

/// What went wrong last with each place, for telling why it cannot go on.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    pub(super) reasons: BTreeMap<usize, Reason>,
    /// How often hosts asked for patience.
    pub(super) waits: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Reason {
    Failed(String),
    Rejected(Rejection),
    Forbidden,
    Gone,
}

impl Troubles {
    pub(super) fn reject(&mut self, mirror: usize, why: Rejection) {
        self.reasons.insert(mirror, Reason::Rejected(why));
    }

    /// Why nothing can be fetched any more: what can be hoped to pass is told before what cannot.
    pub(super) fn why(&self, download: &Download) -> Hold {
        let file = download.file_name.clone();
        let of = |wanted: fn(&Reason) -> bool| {
            self.reasons.iter().rev().find(|(_, reason)| wanted(reason))
        };
        let wrong = of(|reason| matches!(reason, Reason::Rejected(Rejection::WrongDigest)));
        let failed = || of(|reason| matches!(reason, Reason::Failed(_)));
        let rejected = || of(|reason| matches!(reason, Reason::Rejected(_)));
        let forbidden = || of(|reason| matches!(reason, Reason::Forbidden));
        let last = || self.reasons.iter().next_back();
        match wrong.or_else(failed).or_else(rejected).or_else(forbidden).or_else(last) {
            Some((_, Reason::Failed(last))) => Hold::Unreachable { last: last.clone() },
            Some((mirror, Reason::Rejected(rejection))) => {
                let url = download.urls[*mirror].to_string();
                Hold::Rejected { url, rejection: *rejection }
            }
            Some((_, Reason::Forbidden)) => Hold::Forbidden { file },
            Some((_, Reason::Gone)) => Hold::Gone { file },
            None => Hold::Unreachable { last: "there is no mirror".to_owned() },
        }
    }
}
