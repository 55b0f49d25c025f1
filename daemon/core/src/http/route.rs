//! Which of the server's views a path means.

use super::Target;

/// A view, and what of it is asked for. Names are those of media, not yet known to exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `/` and `/index.html`: all media, for people.
    Index,
    /// `/index.json`: all media, for scripts.
    IndexDocument,
    /// `/healthz`.
    Health,
    /// `/_/NAME.iso`: a medium byte for byte.
    Image(&'a [u8]),
    /// `/_/NAME.json`: one medium, for scripts.
    MediumDocument(&'a [u8]),
    /// `/NAME/PATH`: something in a medium's tree.
    Tree {
        /// The medium.
        name: &'a [u8],
        /// Path within it, without slashes at its ends; empty for its root.
        path: &'a [u8],
    },
    /// Nothing that there is.
    Unknown,
}

impl<'a> Route<'a> {
    /// The view that `target` means.
    #[must_use]
    pub fn of(target: &'a Target) -> Self {
        let path = target.path();
        let slash = path.iter().position(|byte| *byte == b'/');
        let (first, rest) = match slash {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (path, &b""[..]),
        };
        let is_file = !target.has_trailing_slash();
        match (first, rest) {
            (b"", _) => Self::Index,
            (b"index.html", b"") if is_file => Self::Index,
            (b"index.json", b"") if is_file => Self::IndexDocument,
            (b"healthz", b"") if is_file => Self::Health,
            (b"_", rest) if is_file => Self::of_generated(rest),
            (b"_", _) => Self::Unknown,
            (name, path) => Self::Tree { name, path },
        }
    }

    fn of_generated(file: &'a [u8]) -> Self {
        let ending = |suffix: &[u8]| file.strip_suffix(suffix).filter(|name| !name.contains(&b'/'));
        if let Some(name) = ending(b".iso") {
            Self::Image(name)
        } else if let Some(name) = ending(b".json") {
            Self::MediumDocument(name)
        } else {
            Self::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_the_views_of_the_web_root() {
        let tree = |name, path| Route::Tree { name, path };
        for (text, expected) in [
            ("/", Route::Index),
            ("/index.html", Route::Index),
            ("/index.json?x", Route::IndexDocument),
            ("/healthz", Route::Health),
            ("/_/A.iso", Route::Image(b"A")),
            ("/_/A.iso.iso", Route::Image(b"A.iso")),
            ("/_/A.json", Route::MediumDocument(b"A")),
            ("/_/A.iso/", Route::Unknown),
            ("/_/A/b.iso", Route::Unknown),
            ("/_/", Route::Unknown),
            ("/_", Route::Unknown),
            ("/A", tree(b"A", b"")),
            ("/A/", tree(b"A", b"")),
            ("/A/b/c", tree(b"A", b"b/c")),
            ("/index.html/", tree(b"index.html", b"")),
            ("/healthz/a", tree(b"healthz", b"a")),
        ] {
            assert_eq!(Route::of(&Target::parse(text).unwrap()), expected, "{text}");
        }
    }
}
