//! JSON and YAML documents: values at a path, and fields within each.

use serde_json::Value;

use super::{Candidate, MOST_CANDIDATES};
use crate::{
    catalog::{Find, RemoteName, Url},
    digest::{Algorithm, Digest},
};

/// A JSON document.
pub(super) fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("it is not JSON: {error}"))
}

/// A YAML document. One that refers to parts of itself is refused: a short one can stand for a very long one.
pub(super) fn yaml(text: &str) -> Result<Value, String> {
    let is_reference = |(index, character): (usize, char)| {
        let before = text[..index].chars().next_back();
        let after = text[index + character.len_utf8()..].chars().next();
        let begins = before.is_none_or(|before| before.is_whitespace() || "[{,:".contains(before));
        begins && after.is_some_and(char::is_alphanumeric)
    };
    if text.char_indices().filter(|(_, character)| "&*".contains(*character)).any(is_reference) {
        return Err("it refers to parts of itself".to_owned());
    }
    serde_yaml::from_str(text).map_err(|error| format!("it is not YAML: {error}"))
}

/// What the values at `items` offer.
pub(super) fn read(find: &Find, url: &Url, document: &Value) -> Result<Vec<Candidate>, String> {
    let items = find.items.as_deref().unwrap_or_default();
    let values = at(document, items);
    if values.is_empty() {
        return Err(format!("there is nothing at `{items}`"));
    }
    let fitting = values.into_iter().take(MOST_CANDIDATES).filter(|value| {
        find.conditions.iter().all(|(path, wanted)| text(value, path).as_ref() == Some(wanted))
    });
    Ok(fitting.filter_map(|value| candidate(find, url, value)).collect())
}

fn candidate(find: &Find, base: &Url, value: &Value) -> Option<Candidate> {
    let fields = &find.fields;
    let field = |path: &Option<String>| path.as_ref().and_then(|path| text(value, path));
    // Where the entry says that there are URLs, one that is none makes the value nothing.
    let url = match field(&fields.url) {
        Some(text) => Some(base.join(&text)?),
        None => None,
    };
    let name = match field(&fields.name) {
        Some(text) => Some(RemoteName::last_of(&text)?),
        None => url.as_ref().and_then(Url::file_name),
    };
    let digests = [(Algorithm::Sha256, &fields.sha256), (Algorithm::Sha512, &fields.sha512)];
    let digests = digests
        .into_iter()
        .filter_map(|(algorithm, path)| Digest::from_hex(algorithm, field(path)?.trim()).ok());
    Some(Candidate {
        name,
        version: field(&fields.version),
        size: field(&fields.size).and_then(|size| size.parse().ok()),
        digests: digests.collect(),
        url,
        ..Candidate::default()
    })
}

/// The values at a path of keys with dots between them, where `[]` after a key means all elements of its list. The
/// empty path is the value itself.
fn at<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    let mut values = vec![value];
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let key = part.trim_end_matches("[]");
        let lists = (part.len() - key.len()) / 2;
        if !key.is_empty() {
            values = values.into_iter().filter_map(|value| value.get(key)).collect();
        }
        for _ in 0..lists {
            values = values.into_iter().filter_map(Value::as_array).flatten().collect();
        }
    }
    values
}

/// The text, number or truth value at `path`.
fn text(value: &Value, path: &str) -> Option<String> {
    match at(value, path).first()? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}
