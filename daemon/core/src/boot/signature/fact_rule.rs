//! Where a medium names itself.

use serde::Deserialize;

use super::{Paths, Pattern};
use crate::boot::facts::Facts;

/// Names of groups that patterns may have. `major`, `minor` and `patch` together are a version.
const GROUPS: [&str; 8] =
    ["name", "version", "arch", "edition", "codename", "major", "minor", "patch"];

/// One place, and what it tells.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct FactRule {
    /// The place; `None` for values that hold anyway.
    pub(crate) from: Option<Origin>,
    /// Files instead of those that the place has usually.
    pub(crate) file: Paths,
    /// What has to match; its groups are what it tells.
    pub(crate) pattern: Option<Pattern>,
    /// What else is told where it matches.
    pub(crate) values: Constants,
}

/// The rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    from: Option<Origin>,
    #[serde(default)]
    file: Paths,
    pattern: Option<Pattern>,
    #[serde(default)]
    values: Constants,
}

/// Values that are told whatever the medium says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Constants {
    name: Option<String>,
    version: Option<String>,
    arch: Option<String>,
    edition: Option<String>,
    codename: Option<String>,
}

/// A place where a medium names itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Origin {
    /// The label of the volume.
    Label,
    /// The application that made it.
    Application,
    /// The text of a file, as UTF-8.
    Content,
    /// The path of a file or directory.
    Path,
    /// `.treeinfo` or `treeinfo`.
    Treeinfo,
    /// `.discinfo`.
    Discinfo,
    /// `media.repo`.
    MediaRepo,
    /// `.disk/info`.
    DiskInfo,
    /// `media.1/products`.
    SuseProducts,
    /// `content`.
    SuseContent,
    /// `arch/version`.
    ArchVersion,
    /// `.alpine-release`.
    AlpineRelease,
    /// `bin/freebsd-version`.
    FreebsdVersion,
    /// `boot.cfg`.
    EsxiBootConfiguration,
    /// `vmware-esx-base-osl.txt`.
    EsxiLicence,
    /// The description in a Windows image file.
    Wim,
}

impl Origin {
    /// Files that are looked for unless others are named.
    pub(crate) fn usual_files(self) -> &'static [&'static str] {
        match self {
            Self::Treeinfo => &[".treeinfo", "treeinfo"],
            Self::Discinfo => &[".discinfo"],
            Self::MediaRepo => &["media.repo"],
            Self::DiskInfo => &[".disk/info"],
            Self::SuseProducts => &["media.1/products"],
            Self::SuseContent => &["content"],
            Self::ArchVersion => &["arch/version"],
            Self::AlpineRelease => &[".alpine-release"],
            Self::FreebsdVersion => &["bin/freebsd-version"],
            Self::EsxiBootConfiguration => &["boot.cfg"],
            Self::EsxiLicence => &["vmware-esx-base-osl.txt"],
            Self::Wim => &[
                "sources/install.wim",
                "sources/install.esd",
                "sources/install.swm",
                "sources/boot.wim",
            ],
            Self::Label | Self::Application | Self::Content | Self::Path => &[],
        }
    }

    fn needs_pattern(self) -> bool {
        matches!(self, Self::Label | Self::Application | Self::Content)
    }
}

impl TryFrom<Written> for FactRule {
    type Error = String;

    fn try_from(rule: Written) -> Result<Self, String> {
        let Written { from, file, pattern, values } = rule;
        match from {
            Some(Origin::Content | Origin::Path) if file.is_empty() => {
                return Err("a fact from a content or a path needs a `file`".to_owned());
            }
            Some(origin) if origin.needs_pattern() && pattern.is_none() => {
                return Err("a fact from a text needs a `pattern`".to_owned());
            }
            None if pattern.is_some() || !file.is_empty() => {
                return Err("a fact with a `pattern` or a `file` needs a `from`".to_owned());
            }
            _ => {}
        }
        let strange = pattern.iter().flat_map(Pattern::groups).find(|name| !GROUPS.contains(name));
        if let Some(name) = strange {
            return Err(format!("`{name}` is no group of facts: use {}", GROUPS.join(", ")));
        }
        Ok(Self { from, file, pattern, values })
    }
}

impl FactRule {
    /// What `text` tells; `None` where it does not match.
    pub(crate) fn of_text(&self, text: &str) -> Option<Facts> {
        let Some(pattern) = &self.pattern else { return Some(Facts::default()) };
        let groups = pattern.captures(text)?;
        let group = |name| groups.name(name).map(|group| group.as_str().to_owned());
        let parts: Vec<_> = ["major", "minor", "patch"].into_iter().filter_map(group).collect();
        let joined = (!parts.is_empty()).then(|| parts.join("."));
        Some(Facts {
            name: group("name"),
            version: group("version").or(joined),
            arch: group("arch"),
            edition: group("edition"),
            codename: group("codename"),
        })
    }
}

impl Constants {
    pub(crate) fn facts(&self) -> Facts {
        let Self { name, version, arch, edition, codename } = self.clone();
        Facts { name, version, arch, edition, codename }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(yaml: &str) -> Result<FactRule, String> {
        serde_yaml::from_str(yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn groups_become_facts() {
        let bsd = rule(r"{from: label, pattern: '^(?P<major>\d+)_(?P<minor>\d+)_(?P<arch>\w+)$'}");
        let facts = bsd.unwrap().of_text("14_3_AMD64").unwrap();
        assert_eq!(facts.version.as_deref(), Some("14.3"));
        assert_eq!(facts.arch.as_deref(), Some("AMD64"));
    }

    #[test]
    fn rules_that_can_tell_nothing_are_refused() {
        for (yaml, expected) in [
            ("{from: label}", "needs a `pattern`"),
            ("{from: path}", "needs a `file`"),
            ("{pattern: x}", "needs a `from`"),
            ("{from: label, pattern: '(?P<ver>x)'}", "`ver` is no group of facts"),
            ("{from: lable, pattern: x}", "unknown variant `lable`"),
            ("{form: label}", "unknown field `form`"),
        ] {
            let error = rule(yaml).unwrap_err();
            assert!(error.contains(expected), "{yaml}: {error}");
        }
    }
}
