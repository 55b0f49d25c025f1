//! How machines boot from a medium of a family.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Paths, Pattern, Template};
use crate::boot::{
    arch::kernel_name,
    detection::{BootMode, Firmware},
};

/// One way to boot, for each mode that has a command line.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct BootRule {
    /// Architecture that it is for; `None` for that of the medium.
    pub(crate) arch: Option<String>,
    /// Firmware that can do it.
    pub(crate) firmware: Firmware,
    /// What the version of the system has to match, where that is known.
    pub(crate) version: Option<Pattern>,
    /// What is booted.
    pub(crate) action: Action,
    /// Other paths, whose finds command lines name. All have to be there.
    pub(crate) find: BTreeMap<String, Paths>,
    /// Command lines by mode; they stand over those of the signature.
    pub(crate) modes: BTreeMap<BootMode, Template>,
    /// Whether there are no other modes than those of `modes`.
    pub(crate) modes_replace: bool,
    /// Whether the signature's obstacle is none where this is there.
    pub(crate) lifts_obstacle: bool,
}

/// What is booted.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A kernel with a first RAM disk and more files.
    Kernel { kernel: Paths, initrd: Paths, more: Vec<ExtraFile> },
    /// A multiboot kernel with modules; the command line of the mode is that of the first module.
    Multiboot { loader: Paths, kernel: Paths, command_line: Template, modules: Vec<Paths> },
    /// Files for wimboot.
    Wimboot(Vec<ExtraFile>),
    /// A program of the medium.
    Program(Paths),
}

/// A file beside the kernel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtraFile {
    /// The file, or
    #[serde(default)]
    pub(crate) file: Paths,
    /// its URL.
    pub(crate) url: Option<Template>,
    /// Name under which it is found.
    pub(crate) name: Option<String>,
    /// Whether it may be missing.
    #[serde(default)]
    pub(crate) optional: bool,
}

/// The rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    arch: Option<String>,
    #[serde(default = "any_firmware")]
    firmware: Firmware,
    version: Option<Pattern>,
    #[serde(default)]
    kernel: Paths,
    #[serde(default)]
    initrd: Paths,
    #[serde(default)]
    more: Vec<ExtraFile>,
    multiboot: Option<Multiboot>,
    #[serde(default)]
    wimboot: Vec<ExtraFile>,
    #[serde(default)]
    program: Paths,
    #[serde(default)]
    find: BTreeMap<String, Paths>,
    #[serde(default)]
    modes: BTreeMap<BootMode, Template>,
    #[serde(default)]
    modes_replace: bool,
    #[serde(default)]
    lifts_obstacle: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Multiboot {
    #[serde(default)]
    loader: Paths,
    kernel: Paths,
    command_line: Template,
    modules: Vec<Paths>,
}

fn any_firmware() -> Firmware {
    Firmware::Any
}

impl TryFrom<Written> for BootRule {
    type Error = String;

    fn try_from(rule: Written) -> Result<Self, String> {
        if let Some(arch) = &rule.arch
            && kernel_name(arch) != Some(arch)
        {
            return Err(format!(
                "`{}` is not an architecture as the kernel names it",
                arch.escape_debug()
            ));
        }
        let action = match (&rule.multiboot, rule.kernel.is_empty()) {
            (None, false) => {
                Some(Action::Kernel { kernel: rule.kernel, initrd: rule.initrd, more: rule.more })
            }
            (None, true) if !rule.initrd.is_empty() || !rule.more.is_empty() => {
                return Err("an `initrd` needs a `kernel`".to_owned());
            }
            _ => None,
        };
        let multiboot = rule.multiboot.map(|multiboot| {
            let Multiboot { loader, kernel, command_line, modules } = multiboot;
            Action::Multiboot { loader, kernel, command_line, modules }
        });
        let wimboot = (!rule.wimboot.is_empty()).then_some(Action::Wimboot(rule.wimboot));
        let program = (!rule.program.is_empty()).then_some(Action::Program(rule.program));
        let mut actions = [action, multiboot, wimboot, program].into_iter().flatten();
        let (Some(action), None) = (actions.next(), actions.next()) else {
            return Err(
                "one of `kernel`, `multiboot`, `wimboot` and `program` is needed".to_owned()
            );
        };
        Ok(Self {
            arch: rule.arch,
            firmware: rule.firmware,
            version: rule.version,
            action,
            find: rule.find,
            modes: rule.modes,
            modes_replace: rule.modes_replace,
            lifts_obstacle: rule.lifts_obstacle,
        })
    }
}

impl BootRule {
    /// What is wrong with it where its command lines are `modes`.
    pub(super) fn check(&self, modes: &BTreeMap<BootMode, &Template>) -> Result<(), String> {
        let is_bootable =
            |mode: &BootMode| !matches!(mode, BootMode::Sanboot | BootMode::EfiLoader);
        if modes.is_empty() || !modes.keys().all(is_bootable) {
            return Err("`modes` are http-tree, http-iso, text and unattended".to_owned());
        }
        for (mode, line) in modes {
            let is_unattended = *mode == BootMode::Unattended;
            // Generated files may hold the answers' URL instead.
            let has_answers = line.uses("answers") || (is_unattended && line.uses("generated"));
            if has_answers != is_unattended {
                return Err("`${answers}` belongs into the command line of `unattended`".to_owned());
            }
        }
        let known = ["version", "codename", "arch"];
        let is_known = |name: &str| {
            known.contains(&name) || self.find.contains_key(name) || name.parse::<u8>().is_ok()
        };
        match self.names(modes).find(|name| !is_known(name)) {
            Some(name) => Err(format!("`${{{name}}}` stands for nothing")),
            None => Ok(()),
        }
    }

    /// All names that its texts use.
    fn names<'r>(
        &'r self,
        modes: &'r BTreeMap<BootMode, &'r Template>,
    ) -> impl Iterator<Item = &'r str> {
        let lines = modes.values().flat_map(|line| line.names());
        let finds = self.find.values().flat_map(Paths::names);
        let in_action: Vec<&str> = match &self.action {
            Action::Kernel { initrd, more, .. } => {
                let more = more.iter().flat_map(|extra| extra.file.names());
                initrd.names().chain(more).collect()
            }
            Action::Multiboot { modules, command_line, .. } => {
                modules.iter().flat_map(Paths::names).chain(command_line.names()).collect()
            }
            Action::Wimboot(files) => files.iter().flat_map(|extra| extra.file.names()).collect(),
            Action::Program(_) => Vec::new(),
        };
        lines.chain(finds).chain(in_action)
    }
}
