//! A file that is written to for as long as the daemon runs.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::text::deserialize_from_text;

/// The absolute path of a log file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct LogFile(PathBuf);

deserialize_from_text!(LogFile);

/// A text that is no path of a file, or that depends on the working directory.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the absolute path of a file", .0.escape_debug())]
pub struct InvalidLogFile(String);

impl LogFile {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<String> for LogFile {
    type Error = InvalidLogFile;

    fn try_from(text: String) -> Result<Self, InvalidLogFile> {
        let is_sound = text.starts_with('/') && !text.ends_with('/') && !text.contains('\0');
        if is_sound { Ok(Self(text.into())) } else { Err(InvalidLogFile(text)) }
    }
}

impl From<LogFile> for String {
    fn from(file: LogFile) -> Self {
        file.0.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_paths_of_files_are_taken() {
        for (text, is_sound) in [
            ("/var/log/isomirror/access.log", true),
            ("access.log", false),
            ("/var/log/", false),
            ("/a\0", false),
            ("", false),
        ] {
            assert_eq!(LogFile::try_from(text.to_owned()).is_ok(), is_sound, "{text}");
        }
    }
}
