//! From an entry to the release that it means now.
//!
//! [`resolve`] is a function of what is known: the documents so far, and what was resolved before. As long as it needs more
//! it asks, for all that it can use at once. Documents have no owner, so whoever gets them can get each URL once for all
//! entries.

mod document;
mod history;
mod locate;
mod newest;
mod outcome;
mod release;
mod sums;

#[cfg(test)]
mod tests;

pub use document::{Answer, Document, DocumentRequest, Documents};
pub use history::History;
pub use outcome::{Outcome, Step};
pub use release::{ListToVerify, Release, SignatureToVerify};

use document::Reading;

use super::{Entry, Method, Url};

/// What `entry` means now, or which documents are needed to tell.
#[must_use]
pub fn resolve(entry: &Entry, history: &History, documents: &impl Documents) -> Step {
    let resolving = Resolving { entry, history, documents };
    match resolving.run() {
        Ok(release) => Step::End(Outcome::Resolved(Box::new(release))),
        Err(step) => *step,
    }
}

/// What is not a value: a wish for documents, or an end without a release.
type Otherwise = Box<Step>;

struct Resolving<'r, D> {
    entry: &'r Entry,
    history: &'r History,
    documents: &'r D,
}

impl<'r, D: Documents> Resolving<'r, D> {
    fn run(&self) -> Result<Release, Otherwise> {
        if self.entry.find.method == Method::Manual {
            let instructions = self.entry.find.instructions.as_ref();
            let text = instructions.map_or("bring the file by hand", |text| text.as_str());
            return Err(Outcome::Manual(text.to_owned()).otherwise());
        }
        let located = self.locate()?;
        if let Some(version) = &located.version {
            self.history.allows_version(version).map_err(Outcome::held)?;
        }
        self.release(located)
    }

    /// What is known of a document; asks for it where nothing is.
    fn read(&self, request: &DocumentRequest) -> Result<Reading<'r>, Otherwise> {
        let answer = self.documents.get(request);
        let answer = answer.ok_or_else(|| Box::new(Step::Ask(vec![request.clone()])))?;
        Ok(Reading::of(request, answer))
    }

    /// Asks for all of `requests` that nothing is known of.
    fn want(&self, requests: &[DocumentRequest]) -> Result<(), Otherwise> {
        let unknown = requests.iter().filter(|request| self.documents.get(request).is_none());
        let unknown: Vec<_> = unknown.cloned().collect();
        if unknown.is_empty() { Ok(()) } else { Err(Box::new(Step::Ask(unknown))) }
    }

    /// The end that nothing can be told, for `why` of the document at `url`.
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "an end without a release is rare, and large"
    )]
    fn unknown(url: &Url, why: &str) -> Otherwise {
        Outcome::Unknown(format!("`{url}` tells nothing: {why}")).otherwise()
    }
}
