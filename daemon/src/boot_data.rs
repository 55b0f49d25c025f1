//! The signatures by which media are recognised: those that are shipped, and the user's own over them.
//!
//! Nothing here can fail as a whole: a file that is wrong is left out and told of, and where nothing is installed
//! the signatures that were there when the program was built hold.

mod shipped;

use std::path::{Path, PathBuf};

use isomirror_core::boot::{SignatureFile, Signatures};

use crate::data_directories::{DataDirectories, yaml_files};

/// Where signatures are: those of the environment's `$ISOMIRROR_BOOT_DIRECTORIES`, else the machine's.
#[must_use]
pub fn directories(named: Option<&(PathBuf, PathBuf)>) -> DataDirectories {
    DataDirectories::of(named, "boot.d")
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
    pub fn load(directories: &DataDirectories) -> Self {
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

/// The files of `directory`; `None` where there is no such directory.
fn read_directory(directory: &Path, problems: &mut Vec<String>) -> Option<Vec<SignatureFile>> {
    let mut files = Vec::new();
    yaml_files(directory, "signatures", problems, |name, shown, text, problems| {
        match SignatureFile::parse(name, text) {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(format!("{shown}:{problem}: mend or remove the file")),
        }
    })?;
    Some(files)
}

#[cfg(test)]
mod tests {
    use std::fs;

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
        let directories = DataDirectories {
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
