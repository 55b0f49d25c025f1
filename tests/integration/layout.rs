//! The sources are laid out as ARCHITECTURE.md says.
//!
//! Its section `## Who may import whom` holds a table `| module | may use |`: modules of `daemon/src` in backticks,
//! `core` for the crate of decisions, and `everything` where there is no limit.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const HEADING: &str = "## Who may import whom";
/// Lines of a file without its tests; the style asks for fewer.
const MAXIMUM_LINES: usize = 400;
const TOP_LEVEL: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "autofs",
    "clippy.toml",
    "config",
    "daemon",
    "packaging",
    "rustfmt.toml",
    "systemd",
    "target",
    "tests",
    "udev-rules",
];

/// What each module may use; `None` for everything.
type Table = BTreeMap<String, Option<BTreeSet<String>>>;

#[test]
fn modules_import_only_what_the_architecture_allows() {
    let root = root();
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("there is ARCHITECTURE.md");
    let table = table(&text);
    assert!(!table.is_empty(), "ARCHITECTURE.md has a table under `{HEADING}`");
    let sources = root.join("daemon/src");
    let modules = modules(&sources);
    let mut wrong: Vec<_> = modules
        .iter()
        .filter(|module| !table.contains_key(*module))
        .map(|module| format!("`{module}` is not in the table"))
        .collect();
    for file in rust_files(&sources) {
        let path = file.strip_prefix(&sources).unwrap();
        let code = without_comments(&production(&fs::read_to_string(&file).unwrap()));
        wrong.extend(violations(&table, &modules, path, &code));
    }
    assert_eq!(wrong, [""; 0], "see `{HEADING}` in ARCHITECTURE.md");
}

#[test]
fn no_file_outgrows_its_reader() {
    let root = root();
    let mut long = Vec::new();
    for file in rust_files(&root.join("daemon")) {
        let lines = production(&fs::read_to_string(&file).unwrap()).lines().count();
        if lines > MAXIMUM_LINES {
            long.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert_eq!(long, [""; 0]);
}

#[test]
fn only_the_system_interface_is_unsafe() {
    let root = root().join("daemon");
    let home = root.join("src/sys");
    let mut wrong = Vec::new();
    for file in rust_files(&root).into_iter().filter(|file| !file.starts_with(&home)) {
        let text = fs::read_to_string(&file).unwrap();
        if is_unsafe(&without_comments(&text)) {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "system calls belong into daemon/src/sys: {wrong:?}");
}

#[test]
fn the_top_level_holds_only_what_has_its_place_there() {
    let names = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let strange: Vec<_> = names
        .filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(&name.as_str()))
        .collect();
    assert_eq!(strange, [""; 0]);
}

#[test]
fn forbidden_imports_are_found_however_they_are_written() {
    let table = table(
        "# A\n\n## Who may import whom\n\n| module | may use |\n|---|---|\n| `sources` | `core`, `sys` |\n\
         | `sys` | `core` |\n| `app`, `cli` | everything |\n\n## Next\n| `x` | `y` |\n",
    );
    assert_eq!(table.keys().collect::<Vec<_>>(), ["app", "cli", "sources", "sys"]);
    let modules: BTreeSet<_> = ["app", "cli", "sources", "sys"].map(String::from).into();
    for (path, code, expected) in [
        ("sources/drive.rs", "use crate::sys::loops;", 0),
        ("sources/drive.rs", "use crate::sources::X; use isomirror_core::name;", 0),
        ("sources/drive.rs", "use crate::app::App;", 1),
        ("sources/drive.rs", "use crate::{cli::{sys, Y}, sys, app};", 2),
        ("sources/drive.rs", "fn f() { crate::app::run() }", 1),
        ("sources/drive.rs", "use super::X; // crate::app", 0),
        ("sources/drive.rs", "use super::super::app;", 1),
        ("sources/mod.rs", "use super::app;", 1),
        ("sys/mod.rs", "use crate::sources;", 1),
        ("app.rs", "use crate::{cli, sources, sys};", 0),
        ("bin/isomirrord.rs", "isomirror::app::run()", 0),
    ] {
        let found = violations(&table, &modules, Path::new(path), &without_comments(code));
        assert_eq!(found.len(), expected, "{path}: {code}: {found:?}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn table(architecture: &str) -> Table {
    let lines = architecture.lines().skip_while(|line| line.trim() != HEADING).skip(1);
    let rows = lines.take_while(|line| !line.starts_with("## ")).filter(|l| l.starts_with('|'));
    let mut table = Table::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').collect();
        let [modules, allowed, ..] = cells[..] else { continue };
        let everything = allowed.contains("everything");
        for module in quoted(modules) {
            table.insert(module, (!everything).then(|| quoted(allowed)));
        }
    }
    table
}

/// The words in backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(|word| word.trim_end_matches('/').to_owned()).collect()
}

/// The modules at the crate's root: what lib.rs declares.
fn modules(sources: &Path) -> BTreeSet<String> {
    let library = fs::read_to_string(sources.join("lib.rs")).unwrap();
    let library = without_comments(&library);
    let words: Vec<_> = library.split_whitespace().collect();
    let declared = words.windows(2).filter(|pair| pair[0] == "mod");
    declared.map(|pair| pair[1].trim_end_matches([';', '{']).to_owned()).collect()
}

fn violations(table: &Table, modules: &BTreeSet<String>, path: &Path, code: &str) -> Vec<String> {
    let own = path.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
    let Some(Some(allowed)) = table.get(&own) else { return Vec::new() };
    let mut used: BTreeSet<_> = roots(path).iter().flat_map(|root| after(code, root)).collect();
    used.retain(|name| modules.contains(name) && *name != own);
    if code.contains("isomirror_core::") {
        used.insert("core".into());
    }
    let forbidden = used.difference(allowed);
    forbidden.map(|name| format!("{} uses `{name}`", path.display())).collect()
}

/// How code in the file `path` may write the crate's root.
fn roots(path: &Path) -> [String; 2] {
    let is_module = path.file_name().is_some_and(|name| name == "mod.rs");
    let depth = path.iter().count() - usize::from(is_module);
    ["crate::".to_owned(), "super::".repeat(depth)]
}

/// The names that follow `root` in `code`, in braces too.
fn after(code: &str, root: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in code.match_indices(root) {
        let rest = &code[start + root.len()..];
        let preceded = code[..start].ends_with("::") || code[..start].ends_with(is_identifier);
        match rest.strip_prefix('{') {
            _ if preceded => {}
            Some(group) => names.extend(group_heads(group)),
            None => names.extend(head(rest)),
        }
    }
    names
}

/// The first name of each path in `a::b, c::{d, e}}…`.
fn group_heads(group: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                names.extend(head(group[start..index].trim_start()));
                start = index + 1;
                if character == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

fn head(path: &str) -> Option<String> {
    let name: String = path.chars().take_while(|c| is_identifier(*c)).collect();
    (!name.is_empty()).then_some(name)
}

fn is_identifier(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether `code` has an unsafe block, function or implementation.
fn is_unsafe(code: &str) -> bool {
    code.match_indices("unsafe").any(|(start, word)| {
        let rest = code[start + word.len()..].trim_start();
        !code[..start].ends_with(is_identifier)
            && ["{", "fn ", "impl ", "impl<", "extern ", "trait "]
                .iter()
                .any(|next| rest.starts_with(next))
    })
}

/// The code before the tests of a file, without comments.
fn production(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end].to_owned()
}

fn without_comments(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
