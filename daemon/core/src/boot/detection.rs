//! The result: plain values, which stand in the state document as they are.
//!
//! Command lines are templates. `${tree}` stands for the URL of the medium's tree without a slash at its end, `${iso}`
//! for that of the image, `${generated}` for that of the directory of generated files, `${answers}` for that of the
//! operator's answer file, `${host}` and `${path}` for the parts of `${tree}`. Every other `$` is itself.

use serde::{Deserialize, Serialize};

/// What a medium is and what can be done with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detection {
    /// What is on it; `None` where nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
    /// Ways to boot, the usual one first. Media that nobody knows have those of their boot catalogue.
    #[serde(default)]
    pub boot: Vec<BootEntry>,
    /// Why it cannot be installed over the network from itself, and what it would need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
    /// Package repositories in its tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<Repository>,
}

/// An operating system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Id of the signature that matched, like `debian-installer`.
    pub family: String,
    /// Name for people, like `Rocky Linux`.
    pub name: String,
    /// Version as it is written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Architecture as the kernel names it: `x86_64`, `aarch64`, `i686`, `ppc64le`, `s390x`, `riscv64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// Edition or variant, like `Server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// Code name, like `bookworm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
}

/// One way to boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootEntry {
    /// What it leads to.
    pub mode: BootMode,
    /// Architecture, as in [`System::arch`]; `None` where any will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// Firmware that can do it.
    pub firmware: Firmware,
    /// How it is done.
    #[serde(flatten)]
    pub action: BootAction,
}

/// What a way to boot leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootMode {
    /// The installer or live system takes the tree over HTTP.
    HttpTree,
    /// It takes the whole image over HTTP.
    HttpIso,
    /// As the first of the two that there is, in text mode or over a serial line.
    Text,
    /// It installs by itself, as `${answers}` says.
    Unattended,
    /// The medium's own boot loader, with the image as a disc.
    Sanboot,
    /// The medium's own EFI boot loader, fetched as a file.
    EfiLoader,
}

/// Firmware of the machine that boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// PC BIOS.
    Bios,
    /// UEFI.
    Efi,
    /// Either.
    Any,
}

/// How a machine boots. Paths are below the tree, as it is published, without a slash before them; not encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum BootAction {
    /// A Linux kernel, or whatever boots like one.
    Kernel {
        /// Path of the kernel.
        kernel: String,
        /// What is loaded beside it, in this order.
        initrds: Vec<Initrd>,
        /// Template of the command line.
        command_line: String,
    },
    /// A multiboot kernel with modules, each with its own command line (a template).
    Multiboot {
        /// Path of the program that loads it, where there has to be one (`mboot.c32`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        loader: Option<String>,
        /// Path of the kernel, and its command line.
        kernel: (String, String),
        /// Paths of the modules, and their command lines.
        modules: Vec<(String, String)>,
    },
    /// Windows, by wimboot, which is not on the medium.
    Wimboot {
        /// Files for wimboot.
        files: Vec<Initrd>,
    },
    /// A program of the medium: an EFI program or a network boot program.
    Program {
        /// Path of the program.
        program: String,
        /// Template of its command line.
        command_line: String,
    },
    /// The image as a disc.
    Sanboot,
}

/// A file that is loaded beside a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initrd {
    /// Path below the tree, or a template with a URL (`${iso}`).
    pub file: String,
    /// Name under which the kernel finds it, where it is not the initial RAM disk itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A package repository in a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Id, unique on its medium, like `AppStream`.
    pub id: String,
    /// What reads it.
    pub kind: RepositoryKind,
    /// Path below the tree, empty for the tree itself.
    pub path: String,
    /// Path of the public key that signs it, if that is on the medium.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Suite and components of an apt repository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suite: Vec<String>,
}

/// What reads a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepositoryKind {
    /// dnf and zypper: `repodata/repomd.xml`.
    Rpm,
    /// apt: `dists/SUITE/Release`.
    Apt,
}
