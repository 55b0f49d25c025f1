//! Which way trees are mounted, as the configuration and the command line name it. What the machine at hand can do
//! is for the daemon to find out.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What the configuration key `mount.backend` and the option `--backend` may say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum BackendChoice {
    /// The first of kernel, erofs and fuse that works here, else none.
    #[default]
    Auto,
    /// The kernel's own ISO 9660 and UDF.
    Kernel,
    /// The kernel's EROFS, over a description of the tree whose files lie in the medium.
    Erofs,
    /// Served by the daemon, over FUSE.
    Fuse,
    /// When somebody asks for it, by the autofs package, which has to be given the master entry
    /// isomirror.autofs.
    Autofs,
    /// Not mounted at all: over HTTP only.
    None,
}

impl BackendChoice {
    /// All choices, in the order in which help texts list them.
    pub const ALL: [Self; 6] =
        [Self::Auto, Self::Kernel, Self::Erofs, Self::Fuse, Self::Autofs, Self::None];

    /// The word in configuration files and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kernel => "kernel",
            Self::Erofs => "erofs",
            Self::Fuse => "fuse",
            Self::Autofs => "autofs",
            Self::None => "none",
        }
    }
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A word that names no backend.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is no backend: use auto, kernel, erofs, fuse, autofs or none", .0.escape_debug())]
pub struct UnknownBackend(String);

impl FromStr for BackendChoice {
    type Err = UnknownBackend;

    fn from_str(text: &str) -> Result<Self, UnknownBackend> {
        Self::ALL
            .into_iter()
            .find(|choice| choice.as_str() == text)
            .ok_or_else(|| UnknownBackend(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_written_and_read_by_the_same_word() {
        for choice in BackendChoice::ALL {
            assert_eq!(choice.to_string().parse::<BackendChoice>().unwrap(), choice);
            let word = format!("\"{choice}\"");
            assert_eq!(serde_json::to_string(&choice).unwrap(), word);
            assert_eq!(serde_json::from_str::<BackendChoice>(&word).unwrap(), choice);
        }
        assert!("Kernel".parse::<BackendChoice>().is_err());
    }
}
