//! The configuration files: which there are, and what they say together.

use std::{
    ffi::OsStr,
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use isomirror_core::config::{
    Config, Finding, Fragment, KeyPath, Layers, Origin, Place, Problem, check_whole, text_of,
};

use super::SettingsError;
use crate::environment::Environment;

/// The configuration of the machine.
const CONFIG_FILE: &str = "/etc/isomirror/isomirror.yaml";

/// What the name of a directory of drop-ins ends with, after that of the file they belong to.
const DROP_INS: &str = ".d";

/// Bytes that a configuration file may have. More is not one.
const LARGEST_FILE: u64 = 1 << 20;

/// Something wrong, written `WHERE: what is wrong`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Where.
    pub at: At,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.at, self.message)
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// A place in a file.
    File(PathBuf, Place),
    /// A file as a whole.
    Whole(PathBuf),
    /// A variable of the environment.
    Variable(&'static str),
    /// An option of the command line.
    Option(&'static str),
    /// Nobody gave it.
    Default,
}

impl fmt::Display for At {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, place) => write!(formatter, "{}:{place}", path.display()),
            Self::Whole(path) => write!(formatter, "{}", path.display()),
            Self::Variable(name) => write!(formatter, "${name}"),
            Self::Option(name) => formatter.write_str(name),
            Self::Default => formatter.write_str("default"),
        }
    }
}

/// What the configuration files say, and which of them says what.
#[derive(Clone, Debug, Default)]
pub struct ConfigFiles {
    /// All values.
    pub layers: Layers,
    files: Vec<(PathBuf, Fragment)>,
    overlooked: Vec<PathBuf>,
}

/// What lies in a directory of drop-ins, in the order of its names.
#[derive(Default)]
struct DropIns {
    /// The drop-ins.
    read: Vec<PathBuf>,
    /// What was probably meant to be one.
    overlooked: Vec<PathBuf>,
}

impl ConfigFiles {
    /// Reads the file that was asked for, else that of the environment, else the machine's if it is there, and the
    /// drop-ins beside it.
    ///
    /// # Errors
    /// Everything that is wrong with any of them. A file that cannot be read is [`SettingsError::Read`] where nothing
    /// else is wrong, so that its cause is known.
    pub fn read(asked: Option<&Path>, environment: &Environment) -> Result<Self, SettingsError> {
        let mut read = Self::default();
        let (mut wrong, mut unread) = (Vec::new(), None);
        let (main, drop_ins) = paths(asked, environment)?;
        read.overlooked = drop_ins.overlooked;
        let main = main.into_iter().map(|path| (read_file(&path), path));
        let drop_ins = drop_ins.read.into_iter().map(|path| (read_drop_in(&path), path));
        for (bytes, path) in main.chain(drop_ins) {
            match bytes {
                Ok(bytes) => match text_of(&bytes).map_err(|p| vec![p]).and_then(Fragment::read) {
                    Ok(fragment) => read.files.push((path, fragment)),
                    Err(problems) => wrong.extend(problems.into_iter().map(|p| told(&path, p))),
                },
                Err(source) => {
                    let message = format!("cannot be read: {source}");
                    wrong.push(Told { at: At::Whole(path.clone()), message });
                    unread = Some(SettingsError::Read { path, source });
                }
            }
        }
        match (wrong.len(), unread) {
            (0, _) => {}
            (1, Some(unread)) => return Err(unread),
            _ => return Err(SettingsError::Invalid(wrong)),
        }
        for (path, fragment) in &read.files {
            let invalid = |error: serde_json::Error| {
                let place = Place { line: 1, column: 1 };
                let at = At::File(path.clone(), place);
                SettingsError::Invalid(vec![Told { at, message: error.to_string() }])
            };
            read.layers.lay(fragment).map_err(invalid)?;
        }
        Ok(read)
    }

    /// The files, in the order in which they were laid over each other.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    /// Where the value of a key comes from.
    #[must_use]
    pub fn at(&self, key: &KeyPath) -> At {
        self.at_element(key, None)
    }

    /// Where the value of a key, or an element of its list, comes from.
    #[must_use]
    pub fn at_element(&self, key: &KeyPath, index: Option<usize>) -> At {
        let (key, origin) = self.layers.origin_within(key);
        match origin {
            Some(Origin::File(number)) => {
                let Some((path, fragment)) = self.files.get(*number) else { return At::Default };
                let element = index.and_then(|index| fragment.place_of_element(&key, index));
                let place = element.or_else(|| fragment.place(&key));
                At::File(path.clone(), place.unwrap_or(Place { line: 1, column: 1 }))
            }
            Some(Origin::Variable(name)) => At::Variable(name),
            Some(Origin::Option(name)) => At::Option(name),
            None => At::Default,
        }
    }

    /// What is wrong or surprises in the whole, in this order, with the places of all that takes part in it.
    #[must_use]
    pub fn check_whole(&self) -> (Vec<Told>, Vec<Told>) {
        let findings = check_whole(self.layers.config());
        let (errors, surprises): (Vec<_>, Vec<_>) = findings.iter().partition(|f| f.is_error);
        let tell = |findings: Vec<&Finding>| {
            findings.into_iter().map(|f| self.tell(f)).collect::<Vec<_>>()
        };
        let overlooked = self.overlooked.iter().map(|path| Told {
            at: At::Whole(path.clone()),
            message: "is not read: the name of a drop-in ends with `.yaml`".to_owned(),
        });
        (tell(errors), tell(surprises).into_iter().chain(overlooked).collect())
    }

    fn tell(&self, finding: &Finding) -> Told {
        let others = finding.keys.iter().skip(1).map(|key| format!("`{key}`: {}", self.at(key)));
        let others: Vec<_> = others.collect();
        let others =
            if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
        let first = finding.keys.first();
        let key = first.map(ToString::to_string).unwrap_or_default();
        let message = format!("{key}: {}{others}", finding.message);
        Told { at: first.map_or(At::Default, |key| self.at(key)), message }
    }

    /// What the files say.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.layers.config()
    }
}

fn told(path: &Path, problem: Problem) -> Told {
    let place = Place { line: problem.line, column: problem.column };
    Told { at: At::File(path.to_owned(), place), message: problem.message }
}

/// The file and the drop-ins over it. The machine's file need not be there; one that was named must.
fn paths(
    asked: Option<&Path>,
    environment: &Environment,
) -> Result<(Option<PathBuf>, DropIns), SettingsError> {
    let named = asked.map(Path::to_owned).or_else(|| environment.config.clone());
    let is_named = named.is_some();
    let main = named.unwrap_or_else(|| PathBuf::from(CONFIG_FILE));
    let drop_ins = drop_ins(&main)?;
    // A configuration that we may not read must not be taken for none.
    let is_there = is_named || main.try_exists().unwrap_or(true);
    Ok((is_there.then_some(main), drop_ins))
}

/// The drop-ins beside a file.
fn drop_ins(main: &Path) -> Result<DropIns, SettingsError> {
    let mut directory = main.as_os_str().to_owned();
    directory.push(DROP_INS);
    let directory = PathBuf::from(directory);
    let failed = |source| SettingsError::Read { path: directory.clone(), source };
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(DropIns::default());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut found = DropIns::default();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        match path.extension().and_then(OsStr::to_str) {
            Some("yaml") => found.read.push(path),
            Some(end) if ["yaml", "yml"].contains(&end.to_ascii_lowercase().as_str()) => {
                found.overlooked.push(path);
            }
            _ => {}
        }
    }
    found.read.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    found.overlooked.sort();
    Ok(found)
}

/// The bytes of a drop-in, which is a file: nobody is kept waiting by a pipe that lies there.
fn read_drop_in(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::other("not a file"));
    }
    read_file(path)
}

/// The bytes of a file, or of whatever was named, like a pipe; a device may never end.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    let is_too_large = bytes.len() as u64 > LARGEST_FILE;
    if is_too_large { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}
