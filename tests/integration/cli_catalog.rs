//! `isomirror catalog`, as people and scripts use it.

use std::{fs, path::Path, process::Command};

use isomirror_tests::program::{command, run};

/// `isomirror catalog ARGUMENTS`, with a catalog of its own.
fn catalog<const N: usize>(directory: &Path, arguments: [&str; N]) -> Command {
    let mut command = command("isomirror", ["catalog"]);
    let directories = format!("{0}/shipped:{0}/own", directory.display());
    command.args(arguments).env("ISOMIRROR_CATALOG_DIRECTORIES", directories);
    command
}

#[test]
pub(crate) fn the_catalog_that_is_built_in_is_listed_and_sound() {
    let directory = tempfile::tempdir().unwrap();
    let checked = run(&mut catalog(directory.path(), ["check"]));
    assert_eq!((checked.code, checked.errors.as_str()), (Some(0), ""));
    let fedora = "36F612DCF27F7D1A48A835E4DBFCF71C6D9F90A6.asc";
    assert!(checked.output.contains(fedora), "it tells which keys are missing: {}", checked.output);
    let listed = run(&mut catalog(directory.path(), ["list"]));
    assert_eq!(listed.code, Some(0));
    let line = listed.output.lines().find(|line| line.starts_with("debian-13-netinst-amd64 "));
    let words: Vec<_> = line.unwrap().split_whitespace().collect();
    assert_eq!(words[1..3], ["signed-list", "present"]);
    let json = run(&mut catalog(directory.path(), ["list", "--json", "fedora"]));
    let document: serde_json::Value = serde_json::from_str(&json.output).unwrap();
    let entries = document["entries"].as_array().unwrap();
    assert!(document["schema"] == 1 && entries.len() > 5);
    assert!(entries.iter().all(|entry| entry["distribution"] == "fedora"));
    let shown = run(&mut catalog(directory.path(), ["show", "debian-13-netinst-amd64", "--json"]));
    let document: serde_json::Value = serde_json::from_str(&shown.output).unwrap();
    assert_eq!(document["keys"]["DF9B9C49EAA9298432589D76DA87E80D6294BE9B"], true);
}

#[test]
pub(crate) fn what_is_wrong_is_told_all_at_once_with_its_place_and_78() {
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().join("own");
    fs::create_dir(&own).unwrap();
    let file = own.join("mine.yaml");
    fs::write(&file, "schema: 1\nentries:\n  a:\n    title: A\n  b:\n    titel: B\n").unwrap();
    let checked = run(&mut catalog(directory.path(), ["check"]));
    assert_eq!(checked.code, Some(78), "{checked:?}");
    let lines: Vec<_> = checked.errors.lines().collect();
    let shown = file.display();
    assert!(lines[0].starts_with(&format!("{shown}:4:5: entries.a: missing field")), "{lines:?}");
    assert!(
        lines[1].starts_with(&format!("{shown}:6:5: entries.b: unknown field `titel`")),
        "{lines:?}"
    );
    let listed = run(&mut catalog(directory.path(), ["list", "debian"]));
    assert_eq!(listed.code, Some(0), "one bad file takes no other down");
    let file = file.to_str().unwrap();
    assert_eq!(run(&mut catalog(directory.path(), ["check", file])).code, Some(78));
}

#[test]
pub(crate) fn an_entry_that_there_is_not_is_answered_with_what_was_meant() {
    let directory = tempfile::tempdir().unwrap();
    for command in ["show", "list"] {
        let ended = run(&mut catalog(directory.path(), [command, "debian-13-netinst-amd46"]));
        assert_eq!(ended.code, Some(1));
        assert!(ended.errors.contains("did you mean `debian-13-netinst-amd64`?"), "{ended:?}");
    }
}

#[test]
pub(crate) fn config_check_tells_what_is_wanted_and_not_in_the_catalog() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("isomirror.yaml");
    fs::write(
        &file,
        "fetch:\n  want:\n    - debian-13-netinst-amd64\n    - debian-13-netinst-amd46\n",
    )
    .unwrap();
    let checked = run(command("isomirror", ["config", "check"]).arg(&file));
    assert_eq!(checked.code, Some(78), "{checked:?}");
    let expected =
        format!("{}:4:7: fetch.want: there is no `debian-13-netinst-amd46`", file.display());
    assert!(checked.errors.starts_with(&expected), "{checked:?}");
    fs::write(&file, "fetch: {want: [debian-13-netinst-amd64]}\n").unwrap();
    assert_eq!(run(command("isomirror", ["config", "check"]).arg(&file)).code, Some(0));
}
