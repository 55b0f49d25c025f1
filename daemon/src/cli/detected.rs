//! What `isomirror inspect` tells of the system on an image, and of how that was found out.

use isomirror_core::{
    boot::{
        BootAction, BootEntry, Detection, Explanation, Firmware, GaveUp, Initrd, Repository,
        RepositoryKind, System, Trial, detect, explain_image,
    },
    image::Image,
};
use serde::Serialize;

use crate::{
    boot_data::{self, BootData},
    environment::Environment,
};

/// What is on an image.
#[derive(Debug)]
pub(super) struct Detected {
    pub(super) detection: Detection,
    pub(super) gave_up: Option<GaveUp>,
    /// Only where it was asked for.
    pub(super) why: Option<Why>,
}

/// How it was found out. Its JSON is part of the documented interface.
#[derive(Debug, Serialize)]
pub(super) struct Why {
    /// Signatures in the order in which they are tried.
    pub(super) signatures: Vec<Tried>,
    /// What is wrong with files of signatures.
    pub(super) problems: Vec<String>,
}

/// One signature.
#[derive(Debug, Serialize)]
pub(super) struct Tried {
    /// Its id.
    pub(super) id: String,
    /// Name of its file.
    pub(super) file: String,
    /// Whether the image meets all its conditions.
    pub(super) matches: bool,
    /// Whether it is the first that does: the one that holds.
    pub(super) holds: bool,
    /// The first condition that the image does not meet.
    pub(super) failed_on: Option<String>,
}

impl Detected {
    /// What is on `image`; where `why`, with every signature.
    pub(super) fn of(image: &Image, why: bool) -> Self {
        let named = Environment::of_process().boot_directories;
        let BootData { signatures, problems } =
            BootData::load(&boot_data::directories(named.as_ref()));
        let has_time = || true;
        if !why {
            let (detection, gave_up) = detect(image, &signatures, &has_time);
            return Self { detection, gave_up, why: None };
        }
        let Explanation { detection, trials, gave_up } =
            explain_image(image, &signatures, &has_time);
        let signatures = trials.into_iter().map(Tried::of).collect();
        Self { detection, gave_up, why: Some(Why { signatures, problems }) }
    }
}

impl Tried {
    fn of(trial: Trial) -> Self {
        let Trial { signature, file, failed_on, holds } = trial;
        Self { id: signature, file, matches: failed_on.is_none(), holds, failed_on }
    }

    /// A line for people.
    pub(super) fn line(&self) -> String {
        let outcome = match (&self.failed_on, self.holds) {
            (Some(failed_on), _) => format!("no: {failed_on}"),
            (None, true) => "yes".to_owned(),
            (None, false) => "fits too, but comes later".to_owned(),
        };
        format!("{} ({}): {outcome}", self.id, self.file)
    }
}

/// The system in a line.
pub(super) fn system_line(system: Option<&System>) -> String {
    let Some(system) = system else { return "unknown".to_owned() };
    let System { family, name, version, arch, edition, codename } = system;
    let version = version.iter().map(|version| format!(" {version}"));
    let codename = codename.iter().map(|codename| format!(" ({codename})"));
    let rest = edition.iter().chain(arch).map(|word| format!(", {word}"));
    let words: String = version.chain(codename).chain(rest).collect();
    format!("{name}{words}, by the signature {family}")
}

/// A way to boot in a line.
pub(super) fn boot_line(entry: &BootEntry) -> String {
    let mode = serde_json::to_value(entry.mode).ok();
    let mode = mode.as_ref().and_then(|mode| mode.as_str()).unwrap_or_default().to_owned();
    let firmware = match entry.firmware {
        Firmware::Bios => "BIOS",
        Firmware::Efi => "EFI",
        Firmware::Any => "BIOS or EFI",
    };
    let arch = entry.arch.as_ref().map_or_else(String::new, |arch| format!(" on {arch}"));
    format!("{mode}{arch}, {firmware}: {}", action(&entry.action))
}

fn action(action: &BootAction) -> String {
    let files = |initrds: &[Initrd]| {
        let shown = |initrd: &Initrd| match &initrd.name {
            Some(name) => format!(" + {} as {name}", initrd.file),
            None => format!(" + {}", initrd.file),
        };
        initrds.iter().map(shown).collect::<String>()
    };
    let line = |text: &str| if text.is_empty() { String::new() } else { format!(": {text}") };
    match action {
        BootAction::Kernel { kernel, initrds, command_line } => {
            format!("{kernel}{}{}", files(initrds), line(command_line))
        }
        BootAction::Multiboot { kernel, modules, .. } => {
            let modules = modules.iter().map(|(file, text)| format!(" + {file}{}", line(text)));
            format!("{}{}{}", kernel.0, line(&kernel.1), modules.collect::<String>())
        }
        BootAction::Wimboot { files: wim } => format!("wimboot{}", files(wim)),
        BootAction::Program { program, command_line } => {
            format!("{program}{}", line(command_line))
        }
        BootAction::Sanboot => "the image as a disc".to_owned(),
    }
}

/// A repository in a line.
pub(super) fn repository_line(repository: &Repository) -> String {
    let Repository { id, kind, path, key, suite } = repository;
    let kind = match kind {
        RepositoryKind::Rpm => "rpm",
        RepositoryKind::Apt => "apt",
    };
    let key = key.as_ref().map_or_else(String::new, |key| format!(", key {key}"));
    let place = format!("/{path}");
    let words: Vec<_> = std::iter::once(&place).chain(suite).map(String::as_str).collect();
    format!("{id}: {kind} in {}{key}", words.join(" "))
}
