//! Manual pages, completions and schemas, made of what the programs say of themselves: the command lines, and the types of
//! the configuration and the catalog. They are committed, so that packages need no generator; a test compares them.

mod blocks;
mod command_page;
pub mod pages;
mod roff;
mod schema_page;

use std::{fs, io, path::Path};

use clap::CommandFactory;
use clap_complete::Shell;
use isomirror::cli::{DaemonOptions, Options};
use isomirror_core::{catalog, config};

use command_page::visible;

/// A generated file: its path in the checkout, and its text.
pub type Generated = (String, String);

/// All generated files.
#[must_use]
pub fn all() -> Vec<Generated> {
    let mut files = pages::all();
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        for mut command in [visible("isomirror", &Options::command()), DaemonOptions::command()] {
            files.push(completion(shell, &mut command));
        }
    }
    for (path, schema) in [
        ("config/catalog.schema.json", catalog::schema()),
        ("config/isomirror.schema.json", config::schema()),
    ] {
        let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
        files.push((path.to_owned(), text + "\n"));
    }
    files
}

/// Writes all generated files into `checkout`.
///
/// # Errors
/// Where one cannot be written.
pub fn write_all(checkout: &Path) -> io::Result<()> {
    for (path, text) in all() {
        let path = checkout.join(path);
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            fs::write(path, text)?;
        }
    }
    Ok(())
}

fn completion(shell: Shell, command: &mut clap::Command) -> Generated {
    let name = command.get_name().to_owned();
    let file = match shell {
        Shell::Zsh => format!("_{name}"),
        Shell::Fish => format!("{name}.fish"),
        _ => format!("{name}.bash"),
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, command, name, &mut text);
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    (format!("packaging/completions/{file}"), lines.join("\n") + "\n")
}
