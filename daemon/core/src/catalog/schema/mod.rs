//! The catalog as it is written: files, entries and their parts. Whatever is wrong with a file is found when it is read.

mod check;
mod entry;
mod entry_id;
mod examples;
mod file;
mod find;
#[cfg(feature = "schema")]
mod json_schema;
mod name_pattern;
mod set;
mod template;
mod verification;

pub use entry::{Entry, ImageKind, Support};
pub use entry_id::EntryId;
pub use examples::Examples;
pub use file::{CatalogFile, FileProblem};
pub use find::{Fields, Find, Method};
#[cfg(feature = "schema")]
pub use json_schema::schema;
pub use name_pattern::NamePattern;
pub use set::Catalog;
pub use template::Template;
pub use verification::{ChecksumRule, Scheme, SignatureKind, SignatureRule, Signed, VersionRule};
