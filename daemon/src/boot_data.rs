//! The signatures by which media are recognised: those that are shipped, and the user's own over them.
//!
//! Nothing here can fail as a whole: a file that is wrong is left out and told of, and where nothing is installed
//! the signatures that were there when the program was built hold.

mod shipped;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use isomirror_core::boot::{SignatureFile, Signatures};

use crate::logging::Chain;

/// Where packages install signatures.
const INSTALLED: &str = "/usr/lib/isomirror/boot.d";

/// Where the user's own are.
const OWN: &str = "/etc/isomirror/boot.d";

/// Bytes that a file of signatures may have.
const LARGEST: u64 = 4 << 20;

/// Files of a directory that are read.
const MOST_FILES: usize = 1000;

/// Where signatures are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootDirectories {
    /// Those that are shipped; a directory that is not there stands for what was built in.
    pub shipped: PathBuf,
    /// The user's own; need not be there.
    pub own: PathBuf,
}

impl Default for BootDirectories {
    fn default() -> Self {
        Self { shipped: INSTALLED.into(), own: OWN.into() }
    }
}

impl BootDirectories {
    /// Those of the environment's `$ISOMIRROR_BOOT_DIRECTORIES`, else the machine's.
    #[must_use]
    pub fn of(named: Option<&(PathBuf, PathBuf)>) -> Self {
        named.map_or_else(Self::default, |(shipped, own)| Self {
            shipped: shipped.clone(),
            own: own.clone(),
        })
    }
}

/// Signatures, and what is wrong with others.
#[derive(Clone, Debug, Default)]
pub struct BootData {
    /// The signatures.
    pub signatures: Signatures,
    /// What is wrong, with the file and what to do; for the state document.
    pub problems: Vec<String>,
}

impl BootData {
    /// Reads the signatures of `directories`.
    #[must_use]
    pub fn load(directories: &BootDirectories) -> Self {
        let mut problems = Vec::new();
        let shipped = read_directory(&directories.shipped, &mut problems);
        let shipped = shipped.unwrap_or_else(|| built_in(&mut problems));
        let own = read_directory(&directories.own, &mut problems).unwrap_or_default();
        let (signatures, doubled) = Signatures::assemble(shipped, own);
        problems.extend(doubled);
        Self { signatures, problems }
    }

    /// Those that were there when the program was built.
    #[must_use]
    pub fn built_in() -> Self {
        let mut problems = Vec::new();
        let (signatures, doubled) = Signatures::assemble(built_in(&mut problems), Vec::new());
        problems.extend(doubled);
        Self { signatures, problems }
    }
}

fn built_in(problems: &mut Vec<String>) -> Vec<SignatureFile> {
    let mut files = Vec::new();
    for (name, text) in shipped::FILES {
        match SignatureFile::parse(name, text) {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(format!("`{name}`:{problem}")),
        }
    }
    files
}

/// The files of `directory` in the order of their names; `None` where there is no such directory.
fn read_directory(directory: &Path, problems: &mut Vec<String>) -> Option<Vec<SignatureFile>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            let remedy = "let isomirrord read it";
            problems.push(format!("cannot read `{}`: {error}: {remedy}", directory.display()));
            return None;
        }
    };
    let paths = entries.take(MOST_FILES).filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> = paths.filter(|path| is_data(path)).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        match read_file(&path) {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(problem),
        }
    }
    Some(files)
}

fn is_data(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    !is_hidden
        && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn read_file(path: &Path) -> Result<SignatureFile, String> {
    let read = |path: &Path| {
        if fs::metadata(path)?.len() > LARGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        fs::read_to_string(path)
    };
    let shown = path.display();
    let text = read(path).map_err(|error| {
        format!("cannot read the signatures `{shown}`: {}: mend or remove the file", Chain(&error))
    })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    SignatureFile::parse(&name, &text)
        .map_err(|problem| format!("{shown}:{problem}: mend or remove the file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(data: &BootData) -> Vec<String> {
        data.signatures.iter().map(|(signature, _)| signature.id().to_owned()).collect()
    }

    fn file(id: &str) -> String {
        format!("schema: 1\nsignatures: [{{id: {id}, name: N, when: {{all: x}}}}]\n")
    }

    #[test]
    fn what_is_built_in_is_sound_and_fits_its_own_examples() {
        let data = BootData::built_in();
        assert_eq!(data.problems, [""; 0]);
        assert_eq!(data.signatures.check_examples(), [""; 0]);
    }

    #[test]
    fn every_shipped_file_is_built_in() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let files = fs::read_dir(checkout.join("config/boot.d")).unwrap();
        let mut names: Vec<_> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let built_in: Vec<_> = shipped::FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, built_in);
    }

    #[test]
    fn one_bad_file_takes_no_other_down_and_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let directories = BootDirectories {
            shipped: directory.path().join("shipped"),
            own: directory.path().join("own"),
        };
        assert_eq!(ids(&BootData::load(&directories)), ids(&BootData::built_in()));
        fs::create_dir(&directories.shipped).unwrap();
        fs::create_dir(&directories.own).unwrap();
        fs::write(directories.shipped.join("10-a.yaml"), file("a")).unwrap();
        fs::write(directories.shipped.join("20-b.yaml"), file("b")).unwrap();
        fs::write(directories.own.join("20-b.yaml"), "schema: 1\nsignatures: [{id: c}]\n").unwrap();
        fs::write(directories.own.join("notes.txt"), "no signatures").unwrap();
        fs::write(directories.own.join(".30.yaml"), "no signatures").unwrap();
        fs::write(directories.own.join("40.yaml"), [0xff]).unwrap();
        let data = BootData::load(&directories);
        assert_eq!(ids(&data), ["a", "b"], "a file that cannot be read replaces nothing");
        assert_eq!(data.problems.len(), 2, "{:?}", data.problems);
        let bad = directories.own.join("20-b.yaml");
        let expected = format!("{}:2:14: signatures[0]: missing field `name`", bad.display());
        assert!(data.problems[0].starts_with(&expected), "{:?}", data.problems);
        fs::write(&bad, file("c")).unwrap();
        assert_eq!(ids(&BootData::load(&directories)), ["a", "c"]);
    }
}
