//! The sections of the configuration, with their defaults.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    BootConfig, EjectPolicy, FetchConfig, ImageDirectory, MountOptions, NameTemplate, OnStop,
    Period, ServeConfig, WebRoot, text::Text,
};
use crate::{
    backend_choice::BackendChoice, containment::SymlinkPolicy, drive::DriveSelection, name::Name,
    naming::NameRules,
};

/// The whole configuration. Its default is what holds without a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct Config {
    /// Directory below which media are published, each in a directory named after its label. An absolute
    /// path.
    pub webroot: WebRoot,
    /// Where media come from.
    pub media: MediaConfig,
    /// How trees become mounted directories.
    pub mount: MountConfig,
    /// What media are called.
    pub names: NamesConfig,
    /// The HTTP server.
    pub serve: ServeConfig,
    /// The boot menu, and what it offers beside what media say of themselves.
    pub boot: BootConfig,
    /// Images of the catalog that are kept downloaded, verified and current.
    pub fetch: FetchConfig,
}

/// The section `media`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct MediaConfig {
    /// Which drives are watched.
    pub drives: DriveSelection,
    /// Where images are looked for: absolute paths, each alone or with `recursive`, which tells whether
    /// subdirectories count too and is true where it is not given.
    pub directories: Vec<ImageDirectory>,
    /// How long an image that nobody is known to be writing must have stayed unchanged before it is
    /// published. An image that is moved into its directory as a whole is published at once.
    pub settle: Period,
}

impl Default for MediaConfig {
    fn default() -> Self {
        let store = ImageDirectory::new(PathBuf::from("/var/lib/isomirror/images"), true);
        Self {
            drives: DriveSelection::default(),
            directories: vec![store.expect("the path is absolute")],
            settle: Period::from_milliseconds(10_000),
        }
    }
}

/// The section `mount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct MountConfig {
    /// How a tree becomes a mounted directory.
    pub backend: BackendChoice,
    /// How long readers are given to finish when a medium must go.
    pub drain: Period,
    /// What becomes of a request to eject a published disc, by the hypervisor or the drive's button.
    pub eject: EjectPolicy,
    /// How long such a request is held at most, with `eject: defer`.
    pub eject_deadline: Period,
    /// What becomes of symbolic links on media.
    pub symlinks: SymlinkPolicy,
    /// Further mount options by file system type (`iso9660`, `udf`). Media are always mounted read-only,
    /// nosuid, nodev and noexec.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"udf": "uid=33,gid=33"}])))]
    pub options: BTreeMap<String, MountOptions>,
    /// What becomes of mounts when the daemon stops.
    pub on_stop: OnStop,
    /// Whether index.html, boot.ipxe and the files below `_` are written into the web root, so that nginx or
    /// Apache answer as the daemon does. Files that are not isomirror's are never touched. autofs owns its
    /// directory, and has none.
    pub views: bool,
}

impl Default for MountConfig {
    fn default() -> Self {
        Self {
            backend: BackendChoice::default(),
            drain: Period::from_milliseconds(2500),
            eject: EjectPolicy::default(),
            eject_deadline: Period::from_milliseconds(30_000),
            symlinks: SymlinkPolicy::default(),
            options: BTreeMap::new(),
            on_stop: OnStop::default(),
            views: true,
        }
    }
}

/// The section `names`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct NamesConfig {
    /// How a medium's name is put together: text with `{label}`, `{label_lower}`, `{uuid}`, `{file_stem}` or
    /// `{drive}` filled in.
    pub template: NameTemplate,
    /// Names by label, instead of what the template gives.
    #[serde(deserialize_with = "aliases")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"CCCOMA_X64FRE_EN-US_DV9": "windows-11"}])))]
    pub aliases: BTreeMap<String, Name>,
}

impl NamesConfig {
    /// The rules by which media get their names.
    #[must_use]
    pub fn rules(&self) -> NameRules {
        let alias = |(label, name): (&String, &Name)| (label.clone(), name.to_string());
        NameRules {
            template: self.template.as_str().to_owned(),
            aliases: self.aliases.iter().map(alias).collect(),
            without_asterisks: false,
        }
    }
}

fn aliases<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Name>, D::Error> {
    let read = BTreeMap::<String, Text<Name>>::deserialize(deserializer)?;
    Ok(read.into_iter().map(|(label, Text(name))| (label, name)).collect())
}

/// The configuration as YAML that [`super::parse`] reads back.
///
/// # Errors
/// Paths that are not UTF-8 cannot be written.
pub fn render(config: &Config) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(config)
}
