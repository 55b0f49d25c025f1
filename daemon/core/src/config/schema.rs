//! The JSON schema of the configuration, for editors and for its manual page.
//!
//! Keys, defaults and descriptions come from the types; here stands what the parsers of the values accept, as far as a
//! schema can say it. A text that these patterns refuse is refused by its parser too, but for texts that YAML takes for
//! numbers: those are to be quoted. `not` names its type, since patterns hold for whatever is no text, like null. Draft 7, and nothing referred to, since that is what editors know best.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Value, json};

use super::{
    Bandwidth, BaseUrl, ByteSize, Config, CongestionControl, DailyWindow, ImageDirectory,
    ListenAddress, ListenAddresses, LogFile, MountOptions, NameTemplate, Period, PinnedVersion,
    Resource, SourceUrl, WebRoot,
    bandwidth::Timed,
    fetch::{AbsoluteFile, Positive, Writable},
};
use crate::{name::Name, naming::TEMPLATE_FIELDS};

/// The schema. Descriptions are plain sentences, defaults those of [`Config::default`].
#[must_use]
pub fn schema() -> Value {
    let mut schema = schema_of::<Config>();
    schema["title"] = json!("Configuration of isomirror");
    schema["description"] = json!(
        "The configuration of isomirrord, /etc/isomirror/isomirror.yaml, and of its drop-ins."
    );
    schema
}

/// The schema of a type, as people want to read it.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    tidy(&mut schema);
    schema
}

/// Makes of generated schemas what people want to read: paragraphs in one line each, no formats of Rust, and sections
/// that may be empty.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text
                    .split("\n\n")
                    .map(|p| p.replace('\n', " "))
                    .collect::<Vec<_>>()
                    .join("\n\n");
            }
            object.remove("format");
            // A section with all its keys commented out is null.
            if object.get("type") == Some(&json!("object")) && !object.contains_key("required") {
                object.insert("type".to_owned(), json!(["object", "null"]));
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Says for types that are read from a text what that looks like.
macro_rules! text_schema {
    ($($type:ty: $schema:tt),+ $(,)?) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = json_schema!($schema);
                schema.insert("type".to_owned(), json!("string"));
                schema
            }
        }
    )+};
}

pub(crate) use text_schema;

/// Characters that a path may end with.
const FILE: &str = r"^/([^\u0000]*[^/\u0000])?$";

text_schema! {
    Period: {"pattern": "^[0-9]{1,20}(ms|s|m|h|d)$", "examples": ["2500ms", "10s", "5m", "6h", "30d"]},
    Positive: {"pattern": "^0*[1-9][0-9]{0,19}(ms|s|m|h|d)$", "examples": ["10s", "5m", "6h"]},
    ByteSize: {
        "pattern": "^[0-9]{1,20}(B|KiB|MiB|GiB|KB|MB|GB)$",
        "examples": ["0B", "10KiB", "50MiB", "500GB"]
    },
    BaseUrl: {
        "pattern": r"^https?://[!$-.0-;=@-Z\[\]_a-z~][!$-;=@-Z\[\]_a-z~]*$",
        "examples": ["https://mirror.example/images"]
    },
    CongestionControl: {"pattern": "^[a-z0-9_-]{1,15}$", "examples": ["bbr", "cubic"]},
    DailyWindow: {
        "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        "examples": ["22:00-06:00"]
    },
    ListenAddress: {
        "pattern": r"^(unix:/[^\u0000]*[^/\u0000]|[0-9.]+:[0-9]{1,5}|\[[0-9A-Fa-f:.%]+\]:[0-9]{1,5})$",
        "maxLength": 112,
        "examples": ["127.0.0.1:8080", "[::]:80", "unix:/run/isomirror/http.sock"]
    },
    LogFile: {"pattern": FILE, "not": {"const": "/"}, "examples": ["/var/log/isomirror/access.log"]},
    AbsoluteFile: {"pattern": FILE, "not": {"const": "/"}, "examples": ["/etc/isomirror/smb"]},
    MountOptions: {
        "pattern": "^([!-+\\--~]+(,[!-+\\--~]+)*)?$",
        "not": {"type": "string", "pattern": "(^|,)(rw|suid|dev|exec|symfollow|remount|bind|rbind|move|loop|user|users)(,|$)"},
        "examples": ["check=relaxed,uid=33"]
    },
    NameTemplate: {
        "pattern": format!(r"^[^{{}}]*(\{{({})\}}[^{{}}]*)+$", TEMPLATE_FIELDS.join("|")),
        "examples": ["{label}", "{label_lower}-{uuid}"]
    },
    Name: {"pattern": r"^[^_./\s-][^/\s]*$", "maxLength": 255, "examples": ["Rocky-9-6-x86_64-dvd"]},
    PinnedVersion: {
        "pattern": "^[A-Za-z0-9_+~][A-Za-z0-9._+~-]{0,199}/[A-Za-z0-9_+~][A-Za-z0-9._+~-]{0,199}$",
        "examples": ["debian-13-netinst-amd64/13.1.0"]
    },
    Resource: {
        "allOf": [
            {"pattern": "^(/[^/]|[A-Za-z][A-Za-z0-9+.-]*:/*[^/])"},
            {"pattern": r"^[!$-&(-;=?-\[\]_a-{}~]+$"},
            {"not": {"pattern": r"\$\{"}}
        ],
        "examples": ["https://example.com/host.ks", "/answers/host.ks"]
    },
    SourceUrl: {
        "pattern": "^([fF][iI][lL][eE]:///|[sS][mM][bB]://[^/]+/+[^/]|https?://[^/])",
        "not": {"type": "string", "pattern": "^([sS][mM][bB]|https?)://[^/]*:[^/]*@"},
        "examples": ["file:///mnt/isos", "smb://user@server/share/isos", "http://peer:8080"]
    },
    Writable: {
        "pattern": "^([fF][iI][lL][eE]:///|[sS][mM][bB]://[^/]+/+[^/])",
        "not": {"type": "string", "pattern": "^[sS][mM][bB]://[^/]*:[^/]*@"},
        "examples": ["file:///mnt/isos", "smb://user@server/share/isos"]
    },
    WebRoot: {
        "pattern": "^/",
        "not": {"anyOf": [{"pattern": r"(^|/)\.\.(/|$)"}, {"pattern": r"^(/+\.?)+$"}]},
        "examples": ["/srv/isomirror"]
    },
}

/// Says what types look like that are read from more than a text.
macro_rules! value_schema {
    ($($type:ty: |$generator:ident| $schema:tt),+ $(,)?) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

value_schema! {
    ListenAddresses: |generator| {
        "anyOf": [
            generator.subschema_for::<ListenAddress>(),
            {"type": "array", "minItems": 1, "items": generator.subschema_for::<ListenAddress>()}
        ]
    },
    ImageDirectory: |_generator| {
        "anyOf": [
            {"type": "string", "pattern": "^/", "description": "Its absolute path.", "examples": ["/srv/iso"]},
            {
                "type": "object",
                "additionalProperties": false,
                "required": ["path"],
                "properties": {
                    "path": {
                        "type": "string", "pattern": "^/", "description": "Its absolute path.",
                        "examples": ["/srv/iso"]
                    },
                    "recursive": {
                        "type": "boolean", "default": true, "description": "Whether its subdirectories count too."
                    }
                }
            }
        ]
    },
    Bandwidth: |generator| {
        "anyOf": [
            {"type": "null", "description": "No limit."},
            generator.subschema_for::<ByteSize>(),
            {"type": "array", "minItems": 1, "items": generator.subschema_for::<Timed>()}
        ],
        "examples": ["10MiB", [{"window": "08:00-18:00", "limit": "2MiB"}, {"limit": "50MiB"}]]
    },
}
