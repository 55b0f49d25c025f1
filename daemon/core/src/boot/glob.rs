//! Patterns of paths: components with `*`, which stands for any characters within one component.

use std::fmt;

/// A pattern of paths below a root. One that ends with a slash means a directory, any other a regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathPattern {
    /// Its components, never empty.
    pub(crate) components: Vec<Component>,
    /// Whether a directory is meant.
    pub(crate) is_directory: bool,
}

/// One component of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Component {
    /// Exactly this name.
    Name(String),
    /// A name made of these pieces, in this order, with anything between them.
    Glob(Vec<String>),
}

/// Why a text is no pattern of paths.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a path below the root, like `boot/vmlinuz-*`", .0.escape_debug())]
pub(crate) struct InvalidPath(String);

impl PathPattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPath> {
        let (path, is_directory) = match text.strip_suffix('/') {
            Some(path) => (path, true),
            None => (text, false),
        };
        let is_name = |name: &str| !matches!(name, "" | "." | "..");
        if !path.split('/').all(is_name) || path.contains(char::is_control) {
            return Err(InvalidPath(text.to_owned()));
        }
        let component = |name: &str| {
            if name.contains('*') {
                Component::Glob(name.split('*').map(str::to_owned).collect())
            } else {
                Component::Name(name.to_owned())
            }
        };
        Ok(Self { components: path.split('/').map(component).collect(), is_directory })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, component) in self.components.iter().enumerate() {
            let slash = if index > 0 { "/" } else { "" };
            match component {
                Component::Name(name) => write!(formatter, "{slash}{name}")?,
                Component::Glob(pieces) => write!(formatter, "{slash}{}", pieces.join("*"))?,
            }
        }
        formatter.write_str(if self.is_directory { "/" } else { "" })
    }
}

/// What each `*` between `pieces` stands for in `name`, as little as possible each but the last; `None` where it does
/// not match. Linear in the name's length times the number of pieces.
pub(crate) fn stars<'n>(pieces: &[String], name: &'n str) -> Option<Vec<&'n str>> {
    let (first, pieces) = pieces.split_first()?;
    let (last, middle) = pieces.split_last()?;
    let mut rest = name.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
    let mut stars = Vec::new();
    for piece in middle {
        let (star, after) = rest.split_once(piece.as_str())?;
        stars.push(star);
        rest = after;
    }
    stars.push(rest);
    Some(stars)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_stand_for_what_lies_between() {
        for (pattern, name, expected) in [
            ("vmlinuz-*", "vmlinuz-6.1", Some(vec!["6.1"])),
            ("vmlinuz*", "vmlinuz", Some(vec![""])),
            ("vmlinuz-*", "vmlinuz", None),
            ("*", "anything", Some(vec!["anything"])),
            ("a*b*c", "a-b-b-c", Some(vec!["-", "-b-"])),
            ("a*a", "a", None),
            ("*.sfs", "airootfs.sfs", Some(vec!["airootfs"])),
            ("*.sfs", "airootfs.SFS", None),
        ] {
            let pieces: Vec<_> = pattern.split('*').map(str::to_owned).collect();
            assert_eq!(stars(&pieces, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn only_paths_below_the_root_are_patterns() {
        for text in ["a", "a/b", "a/", "*/x*/y", ".disk/info"] {
            assert_eq!(PathPattern::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "/", "/a", "a//b", "../a", "a/./b", "a/..", "a\nb"] {
            assert_eq!(PathPattern::parse(text), Err(InvalidPath(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn what_matches_is_put_together_again(pattern in "[ab*]{0,6}", name in "[ab]{0,8}") {
            prop_assume!(pattern.contains('*'));
            let pieces: Vec<_> = pattern.split('*').map(str::to_owned).collect();
            if let Some(stars) = stars(&pieces, &name) {
                let mut together = pieces[0].clone();
                for (star, piece) in stars.iter().zip(&pieces[1..]) {
                    together.push_str(star);
                    together.push_str(piece);
                }
                prop_assert_eq!(together, name);
            }
        }
    }
}
