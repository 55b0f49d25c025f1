//! Settings that are one of a few words.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::text::deserialize_from_text;

/// A word that is none of those that can be chosen from.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is none of {known}", .word.escape_debug())]
pub struct UnknownChoice {
    word: String,
    known: String,
}

macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
        #[serde(into = "String")]
        pub enum $name { $($(#[$meaning])* $variant,)+ }

        deserialize_from_text!($name);

        impl $name {
            /// All choices, in the order in which they are explained.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it in configuration files and on the command line.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownChoice;

            fn from_str(word: &str) -> Result<Self, UnknownChoice> {
                Self::ALL.iter().copied().find(|choice| choice.word() == word).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|c| format!("`{c}`")).collect();
                    UnknownChoice { word: word.to_owned(), known: known.join(", ") }
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.word())
            }
        }

        impl From<$name> for String {
            fn from(choice: $name) -> Self {
                choice.word().to_owned()
            }
        }

        impl TryFrom<String> for $name {
            type Error = UnknownChoice;

            fn try_from(word: String) -> Result<Self, UnknownChoice> {
                word.parse()
            }
        }
    };
}

choice! {
    /// Which drives are watched.
    DriveSelection {
        /// CD, DVD and Blu-ray drives.
        #[default]
        Optical = "optical",
        /// Those, and any disk that holds an ISO 9660 or UDF file system: virtio-blk, USB.
        Any = "any",
        /// No drive at all.
        None = "none",
    }
}

choice! {
    /// How a tree becomes a mounted directory.
    BackendChoice {
        /// The first of kernel, erofs and fuse that can do it here, else none.
        #[default]
        Auto = "auto",
        /// The kernel's own ISO 9660 and UDF.
        Kernel = "kernel",
        /// The kernel's EROFS over a description of the tree that points into the image.
        Erofs = "erofs",
        /// A FUSE file system that this daemon serves.
        Fuse = "fuse",
        /// Mounted by the autofs package when first used.
        Autofs = "autofs",
        /// Not mounted: HTTP only.
        None = "none",
    }
}

choice! {
    /// What becomes of symbolic links on a medium.
    SymlinkPolicy {
        /// Links that stay within their tree are shown, the others are hidden.
        #[default]
        Contained = "contained",
        /// All are hidden.
        Off = "off",
        /// All are shown as they are; whoever follows one out of its tree reaches the host's files.
        Follow = "follow",
    }
}

choice! {
    /// What becomes of mounts when the daemon stops.
    OnStop {
        /// Kernel and EROFS mounts stay and are taken over by the next start.
        #[default]
        Keep = "keep",
        /// Everything of ours is unmounted.
        Unmount = "unmount",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_read_back_from_its_word() {
        for choice in BackendChoice::ALL {
            assert_eq!(choice.word().parse(), Ok(*choice));
        }
        assert_eq!(BackendChoice::default(), BackendChoice::Auto);
        assert_eq!("follow".parse(), Ok(SymlinkPolicy::Follow));
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let error = "optcal".parse::<DriveSelection>().unwrap_err();
        assert_eq!(error.to_string(), "`optcal` is none of `optical`, `any`, `none`");
    }
}
