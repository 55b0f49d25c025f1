//! Names and links as UDF writes them.

use std::iter;

use super::{Entry, Object};

/// An entry under a name that is 8 bits wide where it can be.
#[must_use]
pub fn entry(name: &str, object: Object) -> Entry {
    Entry { name: compressed(name), characteristics: 0, object }
}

/// `text` in OSTA compressed Unicode.
#[must_use]
pub fn compressed(text: &str) -> Vec<u8> {
    let narrow: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    match narrow {
        Some(narrow) => iter::once(8).chain(narrow).collect(),
        None => iter::once(16).chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect(),
    }
}

/// Path components of a relative or absolute target.
///
/// # Panics
/// Where a component is too long.
#[must_use]
pub fn components(target: &str) -> Vec<u8> {
    let root = if target.starts_with('/') { &[2, 0, 0, 0][..] } else { &[] };
    let parts = target.split('/').filter(|part| !part.is_empty()).flat_map(|part| match part {
        "." => vec![4, 0, 0, 0],
        ".." => vec![3, 0, 0, 0],
        name => {
            let name = compressed(name);
            [&[5, u8::try_from(name.len()).expect("a short name"), 0, 0][..], &name].concat()
        }
    });
    root.iter().copied().chain(parts).collect()
}
