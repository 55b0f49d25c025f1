//! Manuals, completions and schemas are those of the programs that they are shipped with, and can be read.

use std::{fs, process::Command};

use boon::{Compiler, Schemas};
use isomirror_core::{
    catalog::{CatalogFile, schema},
    config,
};
use isomirror_tests::{
    manuals::{self, pages},
    packages::checkout,
    tool,
};
use serde_json::Value;

#[test]
fn what_is_committed_is_what_the_programs_say() {
    let stale: Vec<_> = manuals::all()
        .into_iter()
        .filter(|(path, text)| {
            fs::read_to_string(checkout().join(path)).ok().as_ref() != Some(text)
        })
        .map(|(path, _)| path)
        .collect();
    let advice = "run `cargo run -p isomirror-tests --bin make_manuals` and commit what it writes";
    assert_eq!(stale, [""; 0], "{advice}");
}

#[test]
fn manuals_are_rendered_without_a_complaint() {
    for (path, _) in manuals::all().into_iter().filter(|(path, _)| path.contains("/man/")) {
        let page = checkout().join(&path);
        let lint = Command::new("mandoc").args(["-T", "lint"]).arg(&page).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&lint.stdout), "", "{path}");
        let rendered = Command::new("man")
            .args(["--warnings", "--local-file"])
            .arg(&page)
            .env("MANWIDTH", "80")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&rendered.stderr), "", "{path}");
        let text = String::from_utf8_lossy(&rendered.stdout);
        assert!(text.contains("SEE ALSO") && !text.contains('`'), "{path}:\n{text}");
    }
}

#[test]
fn examples_in_manuals_are_sound() {
    assert!(config::parse(pages::CONFIGURATION).is_ok());
    let (file, problems) = CatalogFile::parse("example.yaml", pages::CATALOG);
    assert_eq!((file.entries.len(), problems), (1, vec![]));
}

#[test]
fn shells_understand_the_completions() {
    for (program, check, name) in [
        ("bash", "-n", "isomirror.bash"),
        ("bash", "-n", "isomirrord.bash"),
        ("zsh", "-n", "_isomirror"),
        ("zsh", "-n", "_isomirrord"),
        ("fish", "--no-execute", "isomirror.fish"),
        ("fish", "--no-execute", "isomirrord.fish"),
    ] {
        let file = checkout().join("packaging/completions").join(name);
        tool::run(program, |shell| shell.arg(check).arg(&file)).unwrap();
        let text = fs::read_to_string(file).unwrap();
        assert!(!text.contains("udev-release"), "{name} has commands that are for udev alone");
    }
    let complete = "source packaging/completions/isomirror.bash; COMP_WORDS=(isomirror ver); COMP_CWORD=1; \
                    _isomirror isomirror ver isomirror; echo \"${COMPREPLY[@]}\"";
    let found = tool::run("bash", |bash| bash.args(["-c", complete]).current_dir(checkout()));
    assert_eq!(found.unwrap(), "verify\n");
}

#[test]
fn the_shipped_catalog_follows_its_schema() {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("catalog", schema()).unwrap();
    let index = compiler.compile("catalog", &mut schemas).unwrap();
    let validate = |text: &str| {
        let value: Value = serde_yaml::from_str(text).unwrap();
        schemas.validate(&value, index).map_err(|error| format!("{error:#}"))
    };
    let mut files = 0;
    for entry in fs::read_dir(checkout().join("config/catalog.d")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            validate(&fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files += 1;
        }
    }
    assert!(files > 40, "{files}");
    validate(pages::CATALOG).unwrap();
    let typo = pages::CATALOG.replace("    title:", "    titel:");
    assert!(validate(&typo).is_err(), "an unknown key is told of");
}
