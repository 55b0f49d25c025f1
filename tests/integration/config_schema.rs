//! `config/isomirror.schema.json`, by which editors help with the configuration, says what the daemon takes.
//!
//! `ISOMIRROR_UPDATE_SCHEMA=1` writes it anew.

use std::{env, fs, path::PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use isomirror_core::config::{Config, parse, render, schema};
use serde_json::{Value, json};

use crate::config_shipped::{shipped, uncommented};

const FILE: &str = "config/isomirror.schema.json";

/// Where packages install it.
const INSTALLED: &str = "/usr/share/isomirror/isomirror.schema.json";

fn committed() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(FILE)
}

struct Validator(Schemas, SchemaIndex);

impl Validator {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("config", schema()).unwrap();
        let index = compiler.compile("config", &mut schemas).unwrap();
        Self(schemas, index)
    }

    /// What is wrong with a configuration written as YAML.
    fn faults(&self, text: &str) -> Option<String> {
        let value: Value =
            serde_yaml::from_str::<Option<Value>>(text).unwrap().unwrap_or(json!({}));
        self.0.validate(&value, self.1).err().map(|error| format!("{error:#}"))
    }
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let generated = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if env::var_os("ISOMIRROR_UPDATE_SCHEMA").is_some() {
        fs::write(committed(), &generated).unwrap();
    }
    let committed = fs::read_to_string(committed()).unwrap();
    assert!(
        committed == generated,
        "{FILE} is stale: run this test with ISOMIRROR_UPDATE_SCHEMA=1"
    );
}

#[test]
fn the_shipped_configuration_follows_it_and_names_it() {
    let validator = Validator::new();
    let text = shipped();
    assert_eq!(text.lines().next(), Some(&*format!("# yaml-language-server: $schema={INSTALLED}")));
    for text in [&text, &uncommented(&text), &render(&Config::default()).unwrap()] {
        assert_eq!(validator.faults(text), None, "{text}");
    }
}

#[test]
fn every_key_has_a_description_and_its_default() {
    let schema = schema();
    let defaults = serde_json::to_value(Config::default()).unwrap();
    for (section, described) in schema["properties"].as_object().unwrap() {
        assert!(described["description"].is_string(), "{section}");
        let Some(keys) = described["properties"].as_object() else {
            assert_eq!(described["default"], defaults[section], "{section}");
            continue;
        };
        for (key, described) in keys {
            let text = described["description"].as_str().unwrap();
            assert!(
                text.ends_with('.') && !text.contains("`None`") && !text.contains('\n'),
                "{key}: {text}"
            );
            assert_eq!(described["default"], defaults[section][key], "{section}.{key}");
        }
    }
}

/// The examples of all values of a schema, each with the path to its key.
fn examples(schema: &Value, path: &[String], found: &mut Vec<(Vec<String>, Value)>) {
    for example in schema["examples"].as_array().into_iter().flatten() {
        found.push((path.to_vec(), example.clone()));
    }
    for (key, below) in schema["properties"].as_object().into_iter().flatten() {
        examples(below, &[path, std::slice::from_ref(key)].concat(), found);
    }
    for alternative in schema["anyOf"].as_array().into_iter().flatten() {
        // Those of a list's elements are not values of its key.
        if alternative["properties"].is_null() && alternative["type"] != "array" {
            examples(alternative, path, found);
        }
    }
}

#[test]
fn the_parser_takes_every_example() {
    let mut found = Vec::new();
    examples(&schema(), &[], &mut found);
    assert!(found.len() > 30, "{found:#?}");
    let validator = Validator::new();
    for (path, example) in found {
        let nested = |value, key: &String| json!({ key: value });
        let value = path.iter().rev().fold(example, nested);
        let text = serde_yaml::to_string(&value).unwrap();
        // Those of an element of a list stand for the list of it.
        assert!(parse(&text).is_ok(), "{text}: {:?}", parse(&text));
        assert_eq!(validator.faults(&text), None, "{text}");
    }
}

#[test]
fn what_the_parser_takes_the_schema_takes() {
    let validator = Validator::new();
    for text in [
        "{}",
        "media:\nserve:\nboot: {timeout: ~}\n",
        "media: {drives: any, directories: [/srv/iso, {path: /a, recursive: false}, {path: /b}], settle: 1m}",
        "mount: {backend: autofs, symlinks: off, eject: defer, options: {udf: 'uid=33,context=a:b:c', iso9660: ''}}",
        "mount: {on_stop: unmount, views: false, drain: 0s}",
        "names: {template: 'iso-{label_lower}.{uuid}', aliases: {Old Disc: old, '9': 'nine~0123abcd'}}",
        "serve: {listen: ['[::]:80', 'unix:/run/a b.sock', 0.0.0.0:0], base_url: 'http://[::1]:8080/a/'}",
        "serve: {access_log: /a, connections: 1, connections_per_address: 4294967295, congestion_control: bbr}",
        "boot: {default: Rocky-9, timeout: ~, answers: {a: 'nfs:server:/a.ks', b: /a.ks}, wimboot: 'http://a/{MAC}'}",
        "fetch: {sources: ['FILE:///a b', 'smb://anna@nas:1445/isos/x', 'https://m/i'], upload: 'file:///', want: []}",
        "fetch: {bandwidth: [{window: '08:00-18:00', limit: ~}, {limit: 1GB}], window: '00:00-24:00', quota: 1B}",
        "fetch: {pin: [a/1.0~rc+1], min_trust: pinned, scrub: ~, interval: 1ms, smb_credentials: /a, keep: 65535}",
        "webroot: //srv/./isos/",
        "webroot: /.hidden",
    ] {
        assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        assert_eq!(validator.faults(text), None, "{text}");
    }
}

#[test]
fn what_the_parser_refuses_the_schema_refuses() {
    let validator = Validator::new();
    for text in [
        "webrot: /a",
        "webroot: srv",
        "webroot: /srv/../etc",
        "webroot: /",
        "webroot: /./",
        "webroot: [/srv]",
        "media: 5",
        "media: {drives: optcal}",
        "media: {directories: [{recursive: true}]}",
        "media: {directories: [{path: /a, recursiv: true}]}",
        "media: {directories: [srv]}",
        "media: {directories: /srv}",
        "media: {settle: 10}",
        "media: {settle: 1h30m}",
        "mount: {backend: loop}",
        "mount: {views: some}",
        "mount: {options: {udf: 'uid=3,rw'}}",
        "mount: {options: {udf: 'a,,b'}}",
        "names: {template: '{lable}'}",
        "names: {template: iso}",
        "names: {aliases: {a: ../b}}",
        "names: {aliases: {a: _b}}",
        "serve: {listen: localhost}",
        "serve: {listen: []}",
        "serve: {listen: 'unix:a'}",
        "serve: {base_url: mirror}",
        "serve: {base_url: 'http://m/?a'}",
        "serve: {access_log: a.log}",
        "serve: {access_log: /a/}",
        "serve: {connections: 0}",
        "serve: {minimum_speed: 1k}",
        "serve: {congestion_control: BBR}",
        "boot: {default: ../a}",
        "boot: {timeout: 30}",
        "boot: {answers: {a: b}}",
        "boot: {answers: {a: 'http://a/${mac}'}}",
        "boot: {wimboot: 'http://a/ b'}",
        "fetch: {interval: 0s}",
        "fetch: {stall_timeout: 00ms}",
        "fetch: {keep: 0}",
        "fetch: {concurrency: 65536}",
        "fetch: {bandwidth: 3}",
        "fetch: {bandwidth: []}",
        "fetch: {bandwidth: [{windw: '08:00-18:00', limit: 2MiB}]}",
        "fetch: {window: '25:00-26:00'}",
        "fetch: {sources: [/srv/isos]}",
        "fetch: {sources: ['smb://u:secret@nas/isos']}",
        "fetch: {sources: ['ftp://nas/isos']}",
        "fetch: {sources: ['smb://nas']}",
        "fetch: {upload: 'http://nas/isos'}",
        "fetch: {smb_credentials: smb}",
        "fetch: {pin: [debian]}",
        "fetch: {min_trust: signed}",
        "fetch: {want: debian}",
    ] {
        assert!(parse(text).is_err(), "{text}");
        assert!(validator.faults(text).is_some(), "{text}");
    }
}
