//! What is asked of whoever does the reading.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasher,
    sync::Arc,
};

use crate::catalog::{LISTING_LIMIT, METADATA_LIMIT, Url};

/// A document that is needed. Equal ones are one document, whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentRequest {
    /// The bytes at a URL.
    Content {
        /// Where it is.
        url: Url,
        /// Bytes that it may have; of more it is unreadable.
        limit: u64,
    },
    /// Where a URL leads; the bytes there are not wanted.
    Destination(Url),
}

impl DocumentRequest {
    pub(super) const fn listing(url: Url) -> Self {
        Self::Content { url, limit: LISTING_LIMIT }
    }

    pub(super) const fn metadata(url: Url) -> Self {
        Self::Content { url, limit: METADATA_LIMIT }
    }

    /// Where it is asked for.
    #[must_use]
    pub const fn url(&self) -> &Url {
        match self {
            Self::Content { url, .. } | Self::Destination(url) => url,
        }
    }
}

/// A document as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where it was in the end, after redirections.
    pub url: Url,
    /// Its content; empty where only the destination was wanted.
    pub bytes: Arc<[u8]>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was read whole.
    Found(Document),
    /// The server says that there is none: 404 or 410, and nothing else.
    Gone,
    /// Anything else: unreachable, refused, too long, cut off. Why, as a phrase for people.
    Unreadable(String),
}

/// The documents that are known.
pub trait Documents {
    /// The answer to `request`, or `None` while there is none.
    fn get(&self, request: &DocumentRequest) -> Option<&Answer>;
}

impl<S: BuildHasher> Documents for HashMap<DocumentRequest, Answer, S> {
    fn get(&self, request: &DocumentRequest) -> Option<&Answer> {
        HashMap::get(self, request)
    }
}

impl Documents for BTreeMap<DocumentRequest, Answer> {
    fn get(&self, request: &DocumentRequest) -> Option<&Answer> {
        BTreeMap::get(self, request)
    }
}

/// An answer, with what its own bytes betray.
pub(super) enum Reading<'d> {
    Found(&'d Document),
    Gone,
    Unreadable(String),
}

impl<'d> Reading<'d> {
    pub(super) fn of(request: &DocumentRequest, answer: &'d Answer) -> Self {
        match (request, answer) {
            (_, Answer::Gone) => Self::Gone,
            (_, Answer::Unreadable(why)) => Self::Unreadable(why.clone()),
            (DocumentRequest::Destination(_), Answer::Found(document)) => Self::Found(document),
            (DocumentRequest::Content { limit, .. }, Answer::Found(document)) => {
                let size = document.bytes.len() as u64;
                if size > *limit {
                    return Self::Unreadable(format!("it is larger than {limit} bytes"));
                }
                if document.bytes.is_empty() {
                    return Self::Unreadable("it is empty".to_owned());
                }
                // A page where a list or a signature is expected is a login, a challenge or an error.
                let is_page = document.bytes.trim_ascii_start().starts_with(b"<");
                if *limit == METADATA_LIMIT && is_page {
                    return Self::Unreadable("it is a page".to_owned());
                }
                Self::Found(document)
            }
        }
    }
}
