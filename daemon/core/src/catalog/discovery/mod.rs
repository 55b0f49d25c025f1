//! Reading the documents by which versions are found. Their writers are strangers: every reader is bounded in what it
//! takes, and names that could do harm are passed over.

mod github;
mod links;
mod page;
mod pointer;
mod rss;
mod values;

use std::collections::BTreeMap;

use super::{Entry, Method, RemoteName, Url};
use crate::digest::Digest;

pub(super) use links::{directories, files};

/// Bytes that the listing of a directory, a page or a feed may have.
pub const LISTING_LIMIT: u64 = 16 << 20;

/// Bytes that any other document may have: lists of digests, signatures, JSON, YAML, pointers.
pub const METADATA_LIMIT: u64 = 4 << 20;

/// Names that are taken from one document.
const MOST_CANDIDATES: usize = 100_000;

/// Characters that a line may have to be looked at.
const LONGEST_LINE: usize = 16 << 10;

/// Something that a document offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Name of the file, where the document tells.
    pub name: Option<RemoteName>,
    /// Where it lies, where the document tells.
    pub url: Option<Url>,
    /// Its version, where the document tells.
    pub version: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Its digests.
    pub digests: Vec<Digest>,
    /// What the groups of the entry's `pattern` held.
    pub groups: BTreeMap<String, String>,
}

impl Candidate {
    fn named(name: RemoteName) -> Self {
        Self { name: Some(name), ..Self::default() }
    }

    fn linked(url: Url) -> Option<Self> {
        Some(Self { name: Some(url.file_name()?), url: Some(url), ..Self::default() })
    }
}

/// What the document at `url`, which the method of `entry` reads, offers.
///
/// # Errors
/// Why it cannot be what it should be: a phrase for people. It then offers nothing, which is not the same as an empty list.
pub fn scan(entry: &Entry, url: &Url, bytes: &[u8]) -> Result<Vec<Candidate>, String> {
    let find = &entry.find;
    let text = || std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned());
    let mut candidates = match find.method {
        Method::DirIndex => links::files(url, bytes)?,
        Method::Html => page::read(find, url, bytes)?,
        Method::Rss => rss::read(text()?)?,
        Method::TextPointer => pointer::read(find, text()?)?,
        Method::GithubRelease => github::read(find, bytes)?,
        Method::Json => values::read(find, url, &values::json(bytes)?)?,
        Method::Yaml => values::read(find, url, &values::yaml(text()?)?)?,
        Method::ChecksumFile | Method::Redirect | Method::FixedName | Method::Manual => Vec::new(),
    };
    candidates.truncate(MOST_CANDIDATES);
    Ok(candidates)
}
