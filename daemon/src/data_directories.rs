//! Directories of data files: those that are shipped, and the user's own over them.
//!
//! Nothing here can fail as a whole: a file that cannot be read is left out and told of.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::logging::Chain;

/// Where packages install data.
const INSTALLED: &str = "/usr/lib/isomirror";

/// Where the user's own are.
const OWN: &str = "/etc/isomirror";

/// Bytes that a file may have.
const LARGEST: u64 = 4 << 20;

/// Files of a directory that are read.
const MOST_FILES: usize = 1000;

/// Where data of one kind are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDirectories {
    /// Those that are shipped; a directory that is not there stands for what was built in.
    pub shipped: PathBuf,
    /// The user's own; need not be there.
    pub own: PathBuf,
}

impl DataDirectories {
    /// Those that the environment has `named`, else the machine's of this kind, like `boot.d`.
    #[must_use]
    pub fn of(named: Option<&(PathBuf, PathBuf)>, kind: &str) -> Self {
        let (shipped, own) = named
            .cloned()
            .unwrap_or_else(|| (Path::new(INSTALLED).join(kind), Path::new(OWN).join(kind)));
        Self { shipped, own }
    }
}

/// Gives `take` the YAML files of `directory`, each with its name, its path for people, and its text, in the order of
/// their names; `None` where there is no such directory. What is wrong is added to `problems`, in which the files are
/// called `what`.
pub fn yaml_files(
    directory: &Path,
    what: &str,
    problems: &mut Vec<String>,
    mut take: impl FnMut(&str, &str, &str, &mut Vec<String>),
) -> Option<()> {
    let paths = match files(directory, &["yaml", "yml"]) {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            let remedy = "let isomirrord read it";
            problems.push(format!("cannot read `{}`: {error}: {remedy}", directory.display()));
            return None;
        }
    };
    for path in paths {
        let shown = path.display().to_string();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match read_text(&path) {
            Ok(text) => take(&name, &shown, &text, problems),
            Err(error) => problems.push(format!(
                "cannot read the {what} `{shown}`: {}: mend or remove the file",
                Chain(&error)
            )),
        }
    }
    Some(())
}

/// The files of `directory` with one of these extensions that are not hidden, in the order of their names.
///
/// # Errors
/// Where the directory cannot be read.
pub fn files(directory: &Path, extensions: &[&str]) -> io::Result<Vec<PathBuf>> {
    let is_data = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let extension = path.extension();
        !name.starts_with(b".")
            && extension.is_some_and(|found| extensions.iter().any(|wanted| found == *wanted))
    };
    let entries = fs::read_dir(directory)?.take(MOST_FILES);
    let mut paths: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_data).collect();
    paths.sort();
    Ok(paths)
}

/// The bytes of a file that has at most `limit`.
///
/// # Errors
/// Where it has more, or cannot be read.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read(path)
}

fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read(path, LARGEST)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
