//! `isomirror config show`.

use isomirror_core::config::annotate;
use serde_json::{Map, Value, json};

use super::super::{CommandError, output::Output};
use crate::{
    environment::Environment,
    settings::{At, Request, effective},
};

/// Version of the document of `--json`.
const SCHEMA: u32 = 1;

/// Prints what holds in the end, and for each key who said so: as YAML that can be a configuration file, or as JSON.
pub(crate) fn show(request: &Request, as_json: bool) -> Result<(), CommandError> {
    let files = effective(request, &Environment::of_process())?;
    let mut output = Output::new();
    if as_json {
        let origins: Map<_, _> = files
            .layers
            .values()
            .into_iter()
            .map(|(key, _)| (key.to_string(), origin(&files.at(&key))))
            .collect();
        let paths: Vec<_> = files.paths().map(|path| path.display().to_string()).collect();
        let config = files.config();
        output.json(
            &json!({"schema": SCHEMA, "files": paths, "config": config, "origins": origins}),
        )?;
    } else {
        let text = annotate(&files.layers.values(), |key| match files.at(key) {
            At::File(path, place) => format!("{}:{}", path.display(), place.line),
            at => at.to_string(),
        });
        output.write(text.as_bytes())?;
    }
    output.finish()
}

fn origin(at: &At) -> Value {
    match at {
        At::File(path, place) => json!({
            "kind": "file", "path": path.display().to_string(), "line": place.line, "column": place.column,
        }),
        At::Whole(path) => json!({"kind": "file", "path": path.display().to_string()}),
        At::Variable(name) => json!({"kind": "environment", "variable": name}),
        At::Option(name) => json!({"kind": "command-line", "option": name}),
        At::Default => json!({"kind": "default"}),
    }
}
