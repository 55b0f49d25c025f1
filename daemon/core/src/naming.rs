//! The plain name of a medium: what it would be called if it were alone.

use std::collections::BTreeMap;

use crate::{
    medium::{IdentityKey, Medium, Source},
    name::{Name, sanitise},
};

/// Fields that a template may hold, each in braces.
pub const TEMPLATE_FIELDS: [&str; 5] = ["label", "label_lower", "uuid", "file_stem", "drive"];

/// Names of the views at the top of the web root and of the server.
const VIEWS: [&str; 7] =
    ["index.html", "index.json", "boot.ipxe", "CHECKSUM", "healthz", "metrics", "events"];

/// How names are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRules {
    /// Text with fields of [`TEMPLATE_FIELDS`]; a field that a medium does not have is left empty.
    pub template: String,
    /// Names for labels, or for names that the template gives; they are made safe like any other.
    pub aliases: BTreeMap<String, String>,
    /// Whether `*` becomes `_` like other unsafe characters: to autofs it is a pattern, however it is written.
    pub without_asterisks: bool,
}

impl Default for NameRules {
    fn default() -> Self {
        Self { template: "{label}".to_owned(), aliases: BTreeMap::new(), without_asterisks: false }
    }
}

impl NameRules {
    /// What stands for the label of a medium: an alias of its own, unless the user has one for its label.
    #[must_use]
    pub fn label_of<'m>(&self, medium: &'m Medium) -> Option<&'m str> {
        let label = medium.label.as_deref();
        let has_alias = label.is_some_and(|label| self.aliases.contains_key(label));
        medium.alias.as_deref().filter(|_| !has_alias).or(label)
    }

    /// The name of a medium by its label, or where that leaves nothing, by where it is.
    #[must_use]
    pub fn plain_name(
        &self,
        label: Option<&str>,
        uuid: Option<&str>,
        source: &Source,
        key: IdentityKey,
    ) -> Name {
        let alias =
            label.and_then(|label| self.aliases.get(label)).and_then(|alias| sanitise(alias));
        alias
            .and_then(|name| self.spelled(name))
            .or_else(|| self.spelled(self.by_template(label, uuid, source)?))
            .or_else(|| self.spelled(source_name(source, key)))
            .unwrap_or_else(|| Name::from(key))
    }

    /// `name` as it can be a directory beside the views, and without the characters that this machine's way of mounting
    /// cannot have; `None` where nothing is left.
    fn spelled(&self, name: Name) -> Option<Name> {
        if VIEWS.contains(&name.as_str()) {
            return sanitise(&format!("{name}_"));
        }
        if self.without_asterisks { sanitise(&name.as_str().replace('*', "_")) } else { Some(name) }
    }

    fn by_template(
        &self,
        label: Option<&str>,
        uuid: Option<&str>,
        source: &Source,
    ) -> Option<Name> {
        let name = sanitise(&expanded(&self.template, label, uuid, source))?;
        match self.aliases.get(name.as_str()) {
            Some(alias) => sanitise(alias).or(Some(name)),
            None => Some(name),
        }
    }
}

/// The name of a medium without a usable label: its file's stem, or its drive's name.
#[must_use]
pub fn source_name(source: &Source, key: IdentityKey) -> Name {
    let text = match source {
        Source::File(path) => path.file_stem(),
        Source::Drive(path) => path.file_name(),
    };
    text.and_then(|text| sanitise(&text.to_string_lossy())).unwrap_or_else(|| Name::from(key))
}

/// Fills in the fields in one pass: what a label contains is never looked at again.
fn expanded(template: &str, label: Option<&str>, uuid: Option<&str>, source: &Source) -> String {
    let label = label.unwrap_or_default();
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((field, tail)) = after.split_once('}') else {
            rest = after;
            break;
        };
        match (field, source) {
            ("label", _) => text.push_str(label),
            ("label_lower", _) => text.push_str(&label.to_lowercase()),
            ("uuid", _) => text.push_str(uuid.unwrap_or_default()),
            ("file_stem", Source::File(path)) => {
                text.push_str(&path.file_stem().unwrap_or_default().to_string_lossy());
            }
            ("drive", Source::Drive(path)) => {
                text.push_str(&path.file_name().unwrap_or_default().to_string_lossy());
            }
            _ => {}
        }
        rest = tail;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::medium::Identity;

    fn named(rules: &NameRules, label: Option<&str>, source: &Source) -> String {
        let key = Identity::Disc { device: 1, sequence: 1, size: 1 }.key();
        rules.plain_name(label, Some("2026-01-01"), source, key).to_string()
    }

    #[test]
    fn a_label_takes_no_views_place() {
        let source = Source::Drive("/dev/sr0".into());
        let key = IdentityKey::of_place(&source);
        for view in VIEWS {
            let name = NameRules::default().plain_name(Some(view), None, &source, key);
            assert_eq!(name.as_str(), format!("{view}_"));
        }
    }

    #[test]
    fn a_medium_is_named_by_its_label_or_by_where_it_is() {
        let file = Source::File(PathBuf::from("/isos/my image.iso"));
        let drive = Source::Drive(PathBuf::from("/dev/sr0"));
        let odd = Source::File(PathBuf::from("/isos/.._"));
        let rules = NameRules::default();
        for (label, source, name) in [
            (Some("FOO"), &file, "FOO"),
            (Some("../"), &file, "my_image"),
            (None, &file, "my_image"),
            (None, &drive, "sr0"),
            (Some("."), &drive, "sr0"),
        ] {
            assert_eq!(named(&rules, label, source), name, "{label:?} {source:?}");
        }
        assert_eq!(named(&rules, None, &odd).len(), 32);
    }

    #[test]
    fn templates_and_aliases_make_names() {
        let file = Source::File(PathBuf::from("/isos/image.iso"));
        let rules = |template: &str, alias: &[(&str, &str)]| NameRules {
            without_asterisks: false,
            template: template.to_owned(),
            aliases: alias.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        };
        for (rules, label, name) in [
            (rules("{label_lower}", &[]), "FOO", "foo"),
            (rules("iso-{label}-{uuid}", &[]), "FOO", "iso-FOO-2026-01-01"),
            (rules("{file_stem}", &[]), "FOO", "image"),
            (rules("{label}", &[("FOO", "rocky 9")]), "FOO", "rocky_9"),
            (rules("{label_lower}", &[("foo", "bar")]), "FOO", "bar"),
            (rules("{label}", &[]), "{uuid}", "{uuid}"),
            (rules("{drive}", &[]), "FOO", "image"),
            (rules("a{label", &[]), "FOO", "alabel"),
        ] {
            assert_eq!(named(&rules, Some(label), &file), name);
        }
    }

    #[test]
    fn asterisks_are_replaced_only_where_they_are_patterns() {
        let source = Source::File("/images/file*1.iso".into());
        let key = IdentityKey::of_place(&source);
        let name = |label, without_asterisks| {
            let rules = NameRules { without_asterisks, ..NameRules::default() };
            rules.plain_name(label, None, &source, key).to_string()
        };
        for (label, plain, replaced) in
            [(Some("a*b"), "a*b", "a_b"), (Some("*"), "*", "file_1"), (None, "file*1", "file_1")]
        {
            assert_eq!(
                (name(label, false).as_str(), name(label, true).as_str()),
                (plain, replaced)
            );
        }
    }
}
