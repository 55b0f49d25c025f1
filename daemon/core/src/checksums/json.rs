//! Hashes inside a JSON document: what Fedora, Fedora `CoreOS` and Tails publish.

use serde_json::Value;

use super::{ChecksumListError, list::Collector};
use crate::digest::{Algorithm, Digest};

/// Where a document has its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPlaces {
    /// JSON pointer (RFC 6901) to the object that describes a file; a part `*` stands for all elements of an array, or
    /// all values of an object.
    pub files: String,
    /// Key of the file's name in that object. Of a URL or path the last part is taken.
    pub name: String,
    /// Key of the digest, and the algorithm that it is of.
    pub digest: (String, Algorithm),
    /// Key of the size in bytes, a number or digits, where there is one.
    pub size: Option<String>,
}

/// Reads `bytes` as a document whose files are at `places`.
pub(super) fn read(bytes: &[u8], places: &JsonPlaces) -> Result<Collector, ChecksumListError> {
    let document: Value = serde_json::from_slice(bytes).map_err(ChecksumListError::Json)?;
    let mut files = Collector::default();
    for object in find(&document, &places.files) {
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        let name = text(&places.name).map(file_name);
        let (key, algorithm) = &places.digest;
        let digest = text(key).and_then(|digits| Digest::from_hex(*algorithm, digits).ok());
        let (Some(name), Some(digest)) = (name, digest) else {
            files.ignored += 1;
            continue;
        };
        files.digest(name, digest)?;
        if let Some(bytes) = places.size.as_deref().and_then(|key| object.get(key)).and_then(number)
        {
            files.size(name, bytes)?;
        }
    }
    Ok(files)
}

/// The last part of a URL or path.
fn file_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn find<'a>(document: &'a Value, pointer: &str) -> Vec<&'a Value> {
    let mut found = vec![document];
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        found = found.into_iter().flat_map(|value| children(value, &part)).collect();
    }
    found
}

fn children<'a>(value: &'a Value, part: &str) -> Vec<&'a Value> {
    match (value, part) {
        (Value::Array(items), "*") => items.iter().collect(),
        (Value::Object(members), "*") => members.values().collect(),
        (Value::Array(items), part) => {
            part.parse().ok().and_then(|index: usize| items.get(index)).into_iter().collect()
        }
        (Value::Object(members), part) => members.get(part).into_iter().collect(),
        _ => Vec::new(),
    }
}
