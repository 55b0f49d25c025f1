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
    /// `/events`: tells of changes as they happen.
    Events,
    /// `/metrics`: figures for Prometheus.
    Metrics,
    /// `/CHECKSUM`: digests of images.
    Checksums,
    /// `/boot.ipxe`: the menu of all media.
    BootMenu,
    /// `/_/NAME.ipxe`: the menu of one medium.
    MediumScript(&'a [u8]),
    /// `/_/NAME.repo`: repositories for dnf and zypper.
    RpmRepositories(&'a [u8]),
    /// `/_/NAME.sources`: repositories for apt.
    AptSources(&'a [u8]),
    /// `/_/NAME/PATH`: a file that stands in for one of the tree's, or else something in the tree.
    Overlay {
        /// The medium.
        name: &'a [u8],
        /// Path within it, without slashes at its ends; empty for its root.
        path: &'a [u8],
    },
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
            (b"boot.ipxe", b"") if is_file => Self::BootMenu,
            (b"healthz", b"") if is_file => Self::Health,
            (b"events", b"") if is_file => Self::Events,
            (b"metrics", b"") if is_file => Self::Metrics,
            (b"CHECKSUM", b"") if is_file => Self::Checksums,
            (b"_", b"") => Self::Unknown,
            (b"_", rest) if is_file && !rest.contains(&b'/') => Self::of_file(rest),
            (b"_", rest) => Self::of_overlay(rest),
            (name, path) => Self::Tree { name, path },
        }
    }

    /// A file beside the directories of media, or such a directory whose slash is missing.
    fn of_file(file: &'a [u8]) -> Self {
        type View<'a> = fn(&'a [u8]) -> Route<'a>;
        let views: [(&[u8], View<'a>); 5] = [
            (b".iso", Self::Image),
            (b".json", Self::MediumDocument),
            (b".ipxe", Self::MediumScript),
            (b".repo", Self::RpmRepositories),
            (b".sources", Self::AptSources),
        ];
        let found = views.iter().find_map(|(ending, view)| Some(view(file.strip_suffix(*ending)?)));
        found.unwrap_or(Self::Overlay { name: file, path: b"" })
    }

    fn of_overlay(rest: &'a [u8]) -> Self {
        match rest.iter().position(|byte| *byte == b'/') {
            Some(slash) => Self::Overlay { name: &rest[..slash], path: &rest[slash + 1..] },
            None => Self::Overlay { name: rest, path: b"" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_the_views_of_the_web_root() {
        let tree = |name, path| Route::Tree { name, path };
        let overlay = |name, path| Route::Overlay { name, path };
        for (text, expected) in [
            ("/", Route::Index),
            ("/index.html", Route::Index),
            ("/index.json?x", Route::IndexDocument),
            ("/healthz", Route::Health),
            ("/events", Route::Events),
            ("/events/", tree(b"events", b"")),
            ("/metrics", Route::Metrics),
            ("/CHECKSUM", Route::Checksums),
            ("/_/A.iso", Route::Image(b"A")),
            ("/_/A.iso.iso", Route::Image(b"A.iso")),
            ("/_/A.json", Route::MediumDocument(b"A")),
            ("/boot.ipxe", Route::BootMenu),
            ("/boot.ipxe/", tree(b"boot.ipxe", b"")),
            ("/_/A.ipxe", Route::MediumScript(b"A")),
            ("/_/A.repo", Route::RpmRepositories(b"A")),
            ("/_/A.sources?x", Route::AptSources(b"A")),
            ("/_/A", overlay(b"A", b"")),
            ("/_/A/", overlay(b"A", b"")),
            ("/_/A.iso/", overlay(b"A.iso", b"")),
            ("/_/A/b.iso", overlay(b"A", b"b.iso")),
            ("/_/A/.treeinfo", overlay(b"A", b".treeinfo")),
            ("/_/A/b/c/", overlay(b"A", b"b/c")),
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
