//! `.treeinfo` whose variants are meant to lie beside the tree, as on the mirrors that media are made from: there is
//! nothing beside the tree of a medium.
//!
//! Line by line, so that all other lines stay what they are, byte for byte.

use std::collections::BTreeSet;

use super::{GeneratedFile, Piece, key_and_value, split_end};

/// Names of the file, the usual one first.
pub(super) const NAMES: [&str; 2] = [".treeinfo", "treeinfo"];

/// Keys whose values are paths of repositories and their packages.
const PATH_KEYS: [&[u8]; 8] = [
    b"packages",
    b"repository",
    b"packagedir",
    b"source_packages",
    b"source_repository",
    b"debug_packages",
    b"debug_repository",
    b"identity",
];

/// The file with every path that leaves the tree led to where the medium has the same repository, and without the
/// variants that it does not have. `None` where no path leaves the tree. `is_there` tells whether the medium has a file.
pub(super) fn rewrite(text: &[u8], is_there: impl Fn(&str) -> bool) -> Option<GeneratedFile> {
    let rewriting = Rewriting { absent: absent_variants(text, &is_there), is_there };
    let mut out = Vec::with_capacity(text.len());
    let mut section = Section::Other;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let (content, end) = split_end(line);
        if let Some(name) = section_name(content) {
            section = Section::of(name);
        }
        if let Some(rewritten) = rewriting.line(&section, content) {
            out.extend_from_slice(&rewritten);
            out.extend_from_slice(end);
        }
    }
    (out != text).then(|| GeneratedFile(vec![Piece::Bytes(out)]))
}

/// A section, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Section {
    /// `[variant-UID]` or `[addon-UID]`.
    Variant(String),
    General,
    Tree,
    Checksums,
    Other,
}

impl Section {
    fn of(name: &str) -> Self {
        match name {
            "general" => Self::General,
            "tree" => Self::Tree,
            "checksums" => Self::Checksums,
            _ => match name.strip_prefix("variant-").or_else(|| name.strip_prefix("addon-")) {
                Some(variant) => Self::Variant(variant.to_owned()),
                None => Self::Other,
            },
        }
    }
}

fn section_name(line: &[u8]) -> Option<&str> {
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
    str::from_utf8(line.strip_prefix(b"[")?.strip_suffix(b"]")?).ok()
}

/// Variants whose repository is beside the tree, and nowhere on the medium.
fn absent_variants(text: &[u8], is_there: &impl Fn(&str) -> bool) -> BTreeSet<String> {
    let mut absent = BTreeSet::new();
    let mut section = Section::Other;
    for line in text.split(|byte| *byte == b'\n') {
        if let Some(name) = section_name(line) {
            section = Section::of(name);
        }
        if let (Section::Variant(variant), Some((b"repository", path))) =
            (&section, key_and_value(line))
            && leaves(path)
            && !is_there(&format!("{}/repodata/repomd.xml", plain(variant)))
        {
            absent.insert(variant.clone());
        }
    }
    absent
}

/// The name of the directory that media have for a variant: its id, which follows its parent's in its uid.
fn plain(variant: &str) -> &str {
    variant.rsplit('-').next().unwrap_or(variant)
}

/// Whether a relative path leads above where it begins, or the path is absolute. URLs are let be.
fn leaves(path: &[u8]) -> bool {
    if path.starts_with(b"/") {
        return true;
    }
    let mut depth = 0_usize;
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." if depth == 0 => return true,
            b".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

struct Rewriting<F> {
    absent: BTreeSet<String>,
    is_there: F,
}

impl<F: Fn(&str) -> bool> Rewriting<F> {
    /// What a line becomes; `None` if it goes.
    fn line(&self, section: &Section, line: &[u8]) -> Option<Vec<u8>> {
        let kept = || Some(line.to_vec());
        match section {
            Section::Variant(variant) if self.absent.contains(variant) => None,
            Section::Variant(variant) => match key_and_value(line) {
                Some((key, value)) if PATH_KEYS.contains(&key) && leaves(value) => {
                    Some(with_value(line, self.found(key, variant)?.as_bytes()))
                }
                Some((b"variants" | b"addons", value)) => Some(self.without_absent(line, value)),
                _ => kept(),
            },
            Section::Tree | Section::General => match key_and_value(line) {
                Some((b"variants" | b"addons", value)) => Some(self.without_absent(line, value)),
                Some((key, value)) if PATH_KEYS.contains(&key) && leaves(value) => None,
                _ => kept(),
            },
            Section::Checksums => {
                kept().filter(|_| key_and_value(line).is_none_or(|(path, _)| !leaves(path)))
            }
            Section::Other => kept(),
        }
    }

    /// Where the medium has what `key` of a variant leads to.
    fn found(&self, key: &[u8], variant: &str) -> Option<String> {
        let directory = plain(variant);
        match key {
            b"repository" => Some(directory.to_owned()),
            b"packages" if (self.is_there)(&format!("{directory}/repodata/repomd.xml")) => {
                Some(format!("{directory}/Packages"))
            }
            // No medium of binary packages holds these.
            _ => None,
        }
    }

    fn without_absent(&self, line: &[u8], value: &[u8]) -> Vec<u8> {
        let is_absent = |name: &[u8]| {
            str::from_utf8(name.trim_ascii()).is_ok_and(|name| self.absent.contains(name))
        };
        if !value.split(|byte| *byte == b',').any(is_absent) {
            return line.to_vec();
        }
        let left: Vec<&[u8]> =
            value.split(|byte| *byte == b',').filter(|name| !is_absent(name)).collect();
        with_value(line, left.join(&b',').trim_ascii())
    }
}

/// The line with another value behind its `=` and the blanks there.
fn with_value(line: &[u8], value: &[u8]) -> Vec<u8> {
    let equals = line.iter().position(|byte| *byte == b'=').map_or(line.len(), |at| at + 1);
    let blanks = line[equals..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    [&line[..equals + blanks], value].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generated::Filling;

    fn rewritten(text: &str, files: &[&str]) -> Option<String> {
        let file = rewrite(text.as_bytes(), |path| files.contains(&path))?;
        Some(String::from_utf8(file.render(Filling::default()).unwrap()).unwrap())
    }

    const MIRROR: &str = "[header]\nversion = 1.2\n\n[general]\nvariant = BaseOS\nvariants = AppStream,BaseOS\n\
        repository = .\n\n[tree]\r\nvariants = AppStream, BaseOS\r\n\n\
        [checksums]\n../../AppStream/repodata/repomd.xml = sha256:00\nimages/install.img = sha256:11\n\n\
        [variant-AppStream]\nid = AppStream\npackages = ../../../AppStream/x86_64/os/Packages\n\
        repository=../../../AppStream/x86_64/os/\n\n\
        [variant-BaseOS]\nid = BaseOS\npackages = Packages\nrepository = .\n";

    #[test]
    fn a_variant_that_the_medium_has_is_found_there() {
        let text = rewritten(MIRROR, &["AppStream/repodata/repomd.xml"]).unwrap();
        let expected = MIRROR
            .replace("../../../AppStream/x86_64/os/Packages", "AppStream/Packages")
            .replace("../../../AppStream/x86_64/os/", "AppStream")
            .replace("../../AppStream/repodata/repomd.xml = sha256:00\n", "");
        assert_eq!(text, expected);
    }

    #[test]
    fn a_variant_that_the_medium_has_not_is_nowhere_in_the_file() {
        let text = rewritten(MIRROR, &[]).unwrap();
        assert_eq!(
            text,
            "[header]\nversion = 1.2\n\n[general]\nvariant = BaseOS\nvariants = BaseOS\nrepository = .\n\n\
             [tree]\r\nvariants = BaseOS\r\n\n[checksums]\nimages/install.img = sha256:11\n\n\
             [variant-BaseOS]\nid = BaseOS\npackages = Packages\nrepository = .\n"
        );
    }

    #[test]
    fn a_file_that_stays_in_its_tree_is_left_alone() {
        for text in [
            "",
            "[general]\nfamily = Fedora\n",
            "[variant-AppStream]\nrepository = AppStream\npackages = AppStream/Packages\n",
            "[variant-A]\nrepository = a/../b\n[stage2]\nmainimage = ../x\n",
            "[variant-A]\nrepository = http://elsewhere.example/a/\n",
        ] {
            assert_eq!(rewritten(text, &[]), None, "{text}");
        }
        assert_eq!(rewrite(b"[variant-\xff]\nrepository = ../a\n", |_| false), None);
    }

    proptest! {
        #[test]
        fn no_path_of_a_variant_leaves_the_tree_and_foreign_lines_stay(
            lines in proptest::collection::vec(
                "(\\[variant-[AB]\\]|\\[tree\\]|\\[x\\]|repository ?= ?[./a]{0,7}|packages=[./]{0,5}|variants = A,B|;é.*)",
                0..16,
            ),
        ) {
            let text = lines.join("\n");
            let out = rewritten(&text, &["A/repodata/repomd.xml"]).unwrap_or_else(|| text.clone());
            prop_assert_eq!(rewritten(&out, &["A/repodata/repomd.xml"]), None);
            let foreign = |text: &str| -> Vec<String> {
                text.lines().filter(|line| line.starts_with("[x]")).map(str::to_owned).collect()
            };
            prop_assert_eq!(foreign(&out), foreign(&text));
        }
    }
}
