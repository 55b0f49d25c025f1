//! JSON schemas, as manual pages describe the files that they are of: each key with what it takes, its default, and what
//! it means.

use std::fmt::Write as _;

use serde_json::Value;

use super::roff::{Page, bold, italic};

/// Describes the keys of an object, the required ones first, those with keys of their own last and each below a heading.
pub(super) fn sections(page: &mut Page, schema: &Value) {
    let (sections, keys): (Vec<_>, Vec<_>) =
        properties(schema).into_iter().partition(|(_, property)| has_keys(property));
    for (name, property) in keys {
        key(page, "", name, property, is_required(schema, name));
    }
    for (name, section) in sections {
        page.subsection(name);
        page.paragraphs(description(section));
        for (key_name, property) in properties(section) {
            key(page, &format!("{name}."), key_name, property, is_required(section, key_name));
        }
    }
}

/// Describes the keys of an object, with those below them.
pub(super) fn keys(page: &mut Page, schema: &Value, prefix: &str) {
    for (name, property) in properties(schema) {
        key(page, prefix, name, property, is_required(schema, name));
    }
}

fn key(page: &mut Page, prefix: &str, name: &str, property: &Value, required: bool) {
    let kind = kind(property);
    let note = match property.get("default") {
        _ if required => " (required)".to_owned(),
        // Where there is no section, what is null is simply not there.
        Some(Value::Null) if prefix.is_empty() => String::new(),
        Some(default) if !has_keys(property) => format!(" (default {})", bold(&yaml(default))),
        _ => String::new(),
    };
    let tag = format!("{}: {}{note}", bold(&format!("{prefix}{name}")), italic(&kind));
    page.item(&tag, &explanation(property));
    let words = words(property);
    let below = below(property);
    if !words.is_empty() || below.is_some() {
        page.indented(|page| {
            for (word, meaning) in &words {
                page.item(&bold(word), meaning);
            }
            if let Some(below) = below {
                keys(page, below, "");
            }
        });
    }
}

/// What it means, with examples where there are any.
fn explanation(property: &Value) -> String {
    let mut text = description(property).to_owned();
    // How these are written stands at the top of the page.
    if matches!(kind(property).as_str(), "length of time" | "size") {
        return text;
    }
    let examples = property.get("examples").or_else(|| any(property).first()?.get("examples"));
    if let Some(Value::Array(examples)) = examples {
        let default = property.get("default");
        let others = examples.iter().filter(|example| Some(*example) != default);
        let others: Vec<_> = others.map(|example| format!("`{}`", yaml(example))).collect();
        if !others.is_empty() {
            let _ = write!(text, " For example {}.", others.join(" or "));
        }
    }
    text
}

/// What a value is, in a word or two.
fn kind(schema: &Value) -> String {
    if let Some(constant) = schema.get("const") {
        return yaml(constant);
    }
    if !words(schema).is_empty() {
        return "word".to_owned();
    }
    let alternatives = any(schema);
    if !alternatives.is_empty() {
        let mut kinds: Vec<_> = alternatives.iter().map(|it| kind(it)).collect();
        kinds.dedup();
        // What may be null says so in its description, and takes it for its default.
        kinds.retain(|kind| kind != "null");
        return kinds.join(" or ");
    }
    let types: Vec<_> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one.as_str()],
        _ => Vec::new(),
    };
    match types.iter().find(|it| **it != "null").copied() {
        Some("array") => format!("list of {}", plural(&kind(&schema["items"]))),
        Some("object") if has_keys(schema) => "keys and values".to_owned(),
        Some("object") => format!("names with {}", plural(&kind(&schema["additionalProperties"]))),
        Some("boolean") => "true or false".to_owned(),
        Some("integer" | "number") => "number".to_owned(),
        None if types.contains(&"null") => "null".to_owned(),
        _ => scalar(schema["pattern"].as_str().unwrap_or_default()).to_owned(),
    }
}

/// What a text is, by the pattern that it has to be like.
fn scalar(pattern: &str) -> &'static str {
    match pattern {
        pattern if pattern.contains("(ms|s|m|h|d)") => "length of time",
        pattern if pattern.contains("KiB") => "size",
        _ => "text",
    }
}

fn plural(kind: &str) -> String {
    match kind {
        "length of time" => "lengths of time".to_owned(),
        "keys and values" => kind.to_owned(),
        kind if kind.contains(" or ") => {
            kind.split(" or ").map(plural).collect::<Vec<_>>().join(" or ")
        }
        kind => format!("{kind}s"),
    }
}

/// Words that a value can be, with what each means.
fn words(schema: &Value) -> Vec<(String, String)> {
    let of = |list: &Value| -> Vec<(String, String)> {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .filter_map(|it| Some((it["const"].as_str()?.to_owned(), description(it).to_owned())))
            .collect()
    };
    if let Some(Value::Array(words)) = schema.get("enum") {
        return words
            .iter()
            .filter_map(|it| Some((it.as_str()?.to_owned(), String::new())))
            .collect();
    }
    let mut words = of(&schema["oneOf"]);
    for alternative in any(schema) {
        words.extend(of(&alternative["oneOf"]));
    }
    words
}

/// The object that the value, or each of its elements, is.
fn below(schema: &Value) -> Option<&Value> {
    if has_keys(schema) {
        return Some(schema);
    }
    let items = schema.get("items").and_then(below);
    items.or_else(|| any(schema).into_iter().find_map(below))
}

fn any(schema: &Value) -> Vec<&Value> {
    schema["anyOf"].as_array().map(|list| list.iter().collect()).unwrap_or_default()
}

fn has_keys(schema: &Value) -> bool {
    schema.get("properties").is_some()
}

fn properties(schema: &Value) -> Vec<(&str, &Value)> {
    let all = schema["properties"].as_object();
    let mut all: Vec<_> = all.into_iter().flatten().map(|(name, it)| (name.as_str(), it)).collect();
    all.sort_by_key(|(name, _)| !is_required(schema, name));
    all
}

fn is_required(schema: &Value, name: &str) -> bool {
    let required = schema["required"].as_array();
    required.is_some_and(|names| names.iter().any(|it| it == name))
}

fn description(schema: &Value) -> &str {
    let own = schema["description"].as_str();
    own.or_else(|| any(schema).iter().find_map(|it| it["description"].as_str())).unwrap_or_default()
}

/// A value as one writes it in a line of YAML.
fn yaml(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(yaml).collect::<Vec<_>>().join(", "))
        }
        Value::Object(pairs) => {
            let pair = |(key, value): (&String, &Value)| format!("{key}: {}", yaml(value));
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether YAML reads the text as it is, in brackets too.
fn is_plain(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+~-:@".contains(&byte);
    text.bytes().all(allowed)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/')
        && !(text.contains(':') && text.starts_with(|first: char| first.is_ascii_digit()))
}
