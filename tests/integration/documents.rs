//! What people read: every link leads somewhere, and every guide has commands that a test runs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use isomirror::boot_data::BootData;
use isomirror_tests::guide;

/// The recipes, whose commands are run in a guest.
const RECIPES: [&str; 3] =
    ["air-gapped.md", "directory-with-ipxe.md", "hypervisor-guest-with-nginx.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn documents() -> Vec<PathBuf> {
    ["", "config/guides", "tests"]
        .iter()
        .flat_map(|directory| fs::read_dir(root().join(directory)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// Targets of Markdown's links that are files.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    files.filter(|file| !file.is_empty() && !file.contains(':')).collect()
}

/// The number that stands before the first of `words` that has one before it.
fn number_before(text: &str, words: &str) -> usize {
    let (before, _) = text.split_once(words).unwrap();
    before.split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
fn documents_count_what_there_is() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let (readme, changelog) = (read("README.md"), read("CHANGELOG.md"));
    let signatures = BootData::built_in().signatures.iter().count();
    assert_eq!(number_before(&readme, " families, and"), signatures);
    assert_eq!(number_before(&changelog, " families are known"), signatures);
    let entries: Vec<_> =
        catalog_files().iter().map(|file| file.matches("\n    distribution: ").count()).collect();
    assert_eq!(number_before(&changelog, " images of"), entries.iter().sum::<usize>());
}

fn catalog_files() -> Vec<String> {
    let files = fs::read_dir(root().join("config/catalog.d")).unwrap();
    let files = files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn links_of_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    let documents = documents();
    assert!(documents.len() > 9, "{documents:?}");
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        let directory = document.parent().unwrap();
        let broken = links(&text).into_iter().filter(|link| !directory.join(link).exists());
        wrong.extend(broken.map(|link| format!("{}: {link}", document.display())));
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn recipes_have_commands_that_are_sound_shell() {
    for recipe in RECIPES {
        for block in guide::blocks(recipe).unwrap() {
            let checked =
                isomirror_tests::tool::run_with_input("bash", &block, |bash| bash.arg("-n"));
            assert!(checked.is_ok(), "{recipe}: {checked:?}");
        }
        assert!(
            fs::read_to_string(root().join("README.md")).unwrap().contains(recipe),
            "README.md leads to {recipe}"
        );
    }
}
