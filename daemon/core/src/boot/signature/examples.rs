//! Examples in signatures: what labels and trees of a family look like, and what is to be seen in them. They are
//! what the signatures are tested with, those that are shipped and those of users alike.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Signature, Signatures};
use crate::boot::{
    detect::{Subject, explain},
    detection::{BootAction, BootMode, Detection},
    metadata::wim,
    sample::SampleTree,
};

/// Examples of a family's media.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Examples {
    /// Labels that its media have.
    pub labels: Vec<String>,
    /// Labels that they do not have.
    pub other_labels: Vec<String>,
    /// Whole media, in parts.
    pub media: Vec<SampleMedium>,
}

/// A medium, as far as it counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleMedium {
    /// Its label.
    pub label: Option<String>,
    /// System identifier.
    pub system: Option<String>,
    /// Publisher.
    pub publisher: Option<String>,
    /// Application.
    pub application: Option<String>,
    /// Files with nothing in them; with a slash at the end directories.
    pub files: Vec<String>,
    /// Files with text in them.
    pub content: BTreeMap<String, String>,
    /// Windows image files, by their description in XML.
    pub wim: BTreeMap<String, String>,
    /// What is seen in it.
    pub expect: Expected,
}

/// What is to be seen in a medium. What is not stated may be anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expected {
    /// Name of the system.
    pub name: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Architecture.
    pub arch: Option<String>,
    /// Edition.
    pub edition: Option<String>,
    /// Code name.
    pub codename: Option<String>,
    /// Kernel or program of the first way to boot.
    pub kernel: Option<String>,
    /// Files beside it.
    pub initrds: Option<Vec<String>>,
    /// Modes that there are, in order, each once.
    pub modes: Option<Vec<BootMode>>,
    /// Command line of the first way to boot.
    pub command_line: Option<String>,
    /// Whether there is an obstacle.
    pub obstacle: Option<bool>,
    /// Ids of its repositories.
    pub repositories: Option<Vec<String>>,
}

impl SampleMedium {
    /// Its tree.
    #[must_use]
    pub fn tree(&self) -> SampleTree {
        let mut tree = SampleTree::of_files(self.files.iter().map(String::as_str));
        for (path, text) in &self.content {
            tree.put(path, text.as_bytes());
        }
        for (path, xml) in &self.wim {
            tree.put(path, wim::sample(xml));
        }
        tree
    }

    /// What detection sees in it.
    #[must_use]
    pub fn detection(&self, signatures: &Signatures) -> Detection {
        let subject = Subject {
            label: self.label.clone(),
            system: self.system.clone(),
            publisher: self.publisher.clone(),
            application: self.application.clone(),
            catalog: None,
        };
        explain(&self.tree(), &subject, signatures, &|| true).detection
    }
}

impl Signatures {
    /// Tries all signatures on their examples. Returns what is not as they say; nothing where all is well.
    #[must_use]
    pub fn check_examples(&self) -> Vec<String> {
        self.iter().flat_map(|(signature, _)| self.check_examples_of(signature)).collect()
    }

    fn check_examples_of(&self, signature: &Signature) -> Vec<String> {
        let Examples { labels, other_labels, media } = &signature.examples;
        let id = signature.id();
        let mut failures = Vec::new();
        for (labels, expected) in [(labels, true), (other_labels, false)] {
            for label in labels {
                if signature.is_usual_label(label) != Some(expected) {
                    failures.push(format!("`{id}`: the label `{label}` is not what it should be"));
                }
            }
        }
        for (index, medium) in media.iter().enumerate() {
            let differences = medium.expect.differences(id, &medium.detection(self));
            let tell = |what: String| format!("`{id}`: medium {}: {what}", index + 1);
            failures.extend(differences.into_iter().map(tell));
        }
        failures
    }
}

impl Expected {
    /// How `detection` differs from what is expected of a medium of the family `family`.
    #[must_use]
    pub fn differences(&self, family: &str, detection: &Detection) -> Vec<String> {
        let Some(system) = &detection.system else {
            return vec!["nothing is seen in it".to_owned()];
        };
        let first = detection.boot.first().map(|entry| &entry.action);
        let (kernel, initrds, command_line) = first.map(parts).unwrap_or_default();
        let mut modes: Vec<_> = detection.boot.iter().map(|entry| entry.mode).collect();
        modes.dedup();
        let repositories: Vec<_> = detection.repositories.iter().map(|r| r.id.clone()).collect();
        let mut differences = Vec::new();
        let mut compare = |what: &str, expected: Option<String>, found: String| {
            if expected.as_ref().is_some_and(|expected| *expected != found) {
                differences
                    .push(format!("{what} is {found}, not {}", expected.unwrap_or_default()));
            }
        };
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
        compare("the family", Some(family.to_owned()), system.family.clone());
        compare("the name", self.name.clone(), system.name.clone());
        compare("the version", self.version.clone(), shown(&system.version));
        compare("the architecture", self.arch.clone(), shown(&system.arch));
        compare("the edition", self.edition.clone(), shown(&system.edition));
        compare("the code name", self.codename.clone(), shown(&system.codename));
        compare("the kernel", self.kernel.clone(), shown(&kernel));
        compare("what is beside it", debug(self.initrds.as_ref()), format!("{initrds:?}"));
        compare("the command line", self.command_line.clone(), shown(&command_line));
        compare("the list of modes", debug(self.modes.as_ref()), format!("{modes:?}"));
        compare(
            "whether there is an obstacle",
            debug(self.obstacle.as_ref()),
            format!("{:?}", detection.obstacle.is_some()),
        );
        compare(
            "the list of repositories",
            debug(self.repositories.as_ref()),
            format!("{repositories:?}"),
        );
        differences
    }
}

fn debug<T: std::fmt::Debug>(value: Option<&T>) -> Option<String> {
    value.map(|value| format!("{value:?}"))
}

/// Kernel, files beside it and command line of `action`.
fn parts(action: &BootAction) -> (Option<String>, Vec<String>, Option<String>) {
    let files = |initrds: &[crate::boot::Initrd]| {
        initrds.iter().map(|initrd| initrd.file.clone()).collect::<Vec<_>>()
    };
    match action {
        BootAction::Kernel { kernel, initrds, command_line } => {
            (Some(kernel.clone()), files(initrds), Some(command_line.clone()))
        }
        BootAction::Multiboot { kernel, modules, .. } => {
            let line = modules.first().map(|(_, line)| line.clone());
            let modules = modules.iter().map(|(file, _)| file.clone()).collect();
            (Some(kernel.0.clone()), modules, line)
        }
        BootAction::Wimboot { files: wim } => (None, files(wim), None),
        BootAction::Program { program, command_line } => {
            (Some(program.clone()), Vec::new(), Some(command_line.clone()))
        }
        BootAction::Sanboot => (None, Vec::new(), None),
    }
}
