//! The JSON schema of a catalog's file, for editors and for its manual page.
//!
//! Keys and descriptions come from the types; here stands what their values look like. What depends on several keys, like
//! what a method needs, is for `isomirror catalog check` to tell.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{Entry, NamePattern, Template};
use crate::{
    catalog::{KeyId, Url},
    config::{schema_of, text_schema},
    digest::Digest,
};

/// The schema.
#[must_use]
pub fn schema() -> Value {
    let mut entry = schema_of::<Entry>();
    let dialect = entry.as_object_mut().and_then(|entry| entry.remove("$schema"));
    json!({
        "$schema": dialect,
        "title": "Catalog of isomirror",
        "description": "A file of the catalog, /etc/isomirror/catalog.d/NAME.yaml.",
        "type": "object",
        "additionalProperties": false,
        "required": ["schema", "entries"],
        "properties": {
            "schema": {"description": "Version of the format.", "const": 1},
            "entries": {
                "description": "What can be fetched, each by its id: lower-case letters, digits, `.`, `-` and `_`.",
                "type": "object",
                "propertyNames": {"pattern": "^[a-z0-9][a-z0-9._-]{0,99}$"},
                "additionalProperties": entry,
            },
        },
    })
}

/// The word for an algorithm.
pub(super) struct AlgorithmName;

text_schema! {
    AlgorithmName: {"enum": ["md5", "sha1", "sha256", "sha384", "sha512", "blake2b"]},
    Digest: {"pattern": "^[a-z0-9]+:[0-9A-Fa-f]+$"},
    KeyId: {"pattern": "^[A-Za-z0-9._-]+$"},
    NamePattern: {},
    Template: {},
    Url: {"pattern": "^https?://"},
}
