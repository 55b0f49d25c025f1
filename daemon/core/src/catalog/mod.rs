//! What can be fetched, and how its newest version is found.
//!
//! An [`Entry`] is a rule, not a URL: where to look, what names look like, which list has the digests and who signs it.
//! [`resolve`] follows it without any input or output: it is asked with the documents that are known, and answers with
//! those that it needs next, or with what came of it. It never falls back: what cannot be read is unknown, not older.

mod authenticate;
mod discovery;
mod key;
mod remote_name;
mod resolve;
mod schema;
mod url;

pub use authenticate::{Authentic, ImageSignature, KeyFiles, Refusal, authenticate};
pub use discovery::{Candidate, LISTING_LIMIT, METADATA_LIMIT, scan};
pub use key::{InvalidKeyId, KeyId};
pub use remote_name::RemoteName;
pub use resolve::{
    Answer, Document, DocumentRequest, Documents, History, ListToVerify, Outcome, Release,
    SignatureToVerify, Step, resolve,
};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use schema::{
    Catalog, CatalogFile, ChecksumRule, Entry, EntryId, Examples, Fields, FileProblem, Find,
    ImageKind, Method, NamePattern, Scheme, SignatureKind, SignatureRule, Signed, Support,
    Template, VersionRule,
};
pub use url::{InvalidUrl, Url};
