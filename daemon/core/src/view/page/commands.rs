//! What to type to use a medium. Whoever copies a line runs it: so a text of a medium gets into one only
//! percent-encoded, or as a word that the shell takes as it is.

use std::fmt::Write;

use crate::{
    boot::{BootAction, BootEntry, BootMode},
    digest::Algorithm,
    name::Name,
    state::MediumState,
    view::{
        BootValues, MirrorUrl, apt_sources, checksums::listed_digest, escape::segment, expand,
        repositories, rpm_repositories,
    },
};

/// A line to be copied, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) purpose: &'static str,
    pub(super) line: String,
}

/// The lines for a medium that can be fetched, the most usual first. `has_descriptions` tells whether the mirror has
/// those of repositories.
pub(super) fn commands(
    medium: &MediumState,
    mirror: &MirrorUrl,
    has_descriptions: bool,
) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut add = |purpose, line| commands.push(Command { purpose, line });
    if !medium.detection.boot.is_empty() {
        add("Boot by iPXE", format!("chain {}", mirror.script(&medium.name)));
    }
    if let Some(line) = virtual_machine(medium, mirror) {
        add("Install a virtual machine", line);
    }
    if has_descriptions {
        if rpm_repositories(medium, mirror).is_some() {
            let (purpose, line) = rpm(medium, mirror);
            add(purpose, line);
        }
        if apt_sources(medium, mirror).is_some() {
            add("Packages by apt", described(medium, mirror, "/etc/apt/sources.list.d", "sources"));
        }
    }
    add("Download the image", download(&medium.name, mirror));
    if is_listed(medium) {
        let url = mirror.as_str();
        add(
            "Check the download",
            format!("curl -fsS {url}/CHECKSUM | sha256sum -c --ignore-missing"),
        );
    }
    add("Copy the files", format!("wget -r -np -nH {}/", mirror.tree(&medium.name)));
    commands
}

/// Whether `sha256sum` finds the medium in `/CHECKSUM`.
fn is_listed(medium: &MediumState) -> bool {
    listed_digest(medium).is_some_and(|digest| digest.algorithm() == Algorithm::Sha256)
}

fn rpm(medium: &MediumState, mirror: &MirrorUrl) -> (&'static str, String) {
    let family = medium.detection.system.as_ref().map(|system| system.family.as_str());
    if family.is_some_and(|family| family.contains("suse") || family == "agama") {
        return (
            "Packages by zypper",
            format!("sudo zypper addrepo {}", mirror.description(&medium.name, "repo")),
        );
    }
    ("Packages by dnf", described(medium, mirror, "/etc/yum.repos.d", "repo"))
}

fn described(medium: &MediumState, mirror: &MirrorUrl, directory: &str, ending: &str) -> String {
    let file = repositories::id(medium.name.as_str());
    let url = mirror.description(&medium.name, ending);
    format!("sudo curl -fsSo {directory}/{file}.{ending} {url}")
}

fn download(name: &Name, mirror: &MirrorUrl) -> String {
    let url = mirror.image(name);
    let name = name.as_str();
    if segment(name.as_bytes()).to_string() == name {
        format!("curl -fLO -C - {url}")
    } else {
        format!("curl -fL -C - -o {} {url}", shell_word(&format!("{name}.iso")))
    }
}

/// A line for `virt-install`, where it can take kernel and initial RAM disk from the tree.
fn virtual_machine(medium: &MediumState, mirror: &MirrorUrl) -> Option<String> {
    let tree = mirror.tree(&medium.name);
    let values = BootValues {
        tree: tree.clone(),
        iso: mirror.image(&medium.name),
        generated: mirror.overlay(&medium.name),
        answers: None,
    };
    let is_usual =
        |entry: &&BootEntry| matches!(entry.mode, BootMode::HttpTree | BootMode::HttpIso);
    let usual = medium.detection.boot.iter().find(is_usual)?;
    let BootAction::Kernel { kernel, initrds, command_line } = &usual.action else { return None };
    let [initrd] = initrds.as_slice() else { return None };
    if initrd.name.is_some() || !is_plain_path(kernel) || !is_plain_path(&initrd.file) {
        return None;
    }
    let arguments = expand(command_line, &values)?;
    let mut line = format!("virt-install --name {}", machine_name(&medium.name));
    if let Some(arch) = usual.arch.as_deref().filter(|arch| is_plain_path(arch)) {
        let _ = write!(line, " --arch {arch}");
    }
    let _ = write!(
        line,
        " --memory 4096 --disk size=20 --osinfo detect=on,require=off --location {tree}/,kernel={kernel},initrd={}",
        initrd.file
    );
    if !arguments.trim().is_empty() {
        let _ = write!(line, " --extra-args {}", shell_word(arguments.trim()));
    }
    Some(line)
}

/// A name for a machine, which nobody takes for an option.
fn machine_name(name: &Name) -> String {
    let id = repositories::id(name.as_str());
    if id.starts_with('-') { format!("m{id}") } else { id }
}

/// Whether neither a shell nor `virt-install` sees anything but a path in it.
fn is_plain_path(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('-')
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/+-".contains(&b))
}

/// A text as one word of a shell (POSIX.1-2024, Shell Command Language, 2.2.2).
fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        boot::{Firmware, Initrd},
        config::BaseUrl,
        view::document::tests::medium,
    };

    fn mirror() -> MirrorUrl {
        MirrorUrl::of_base(&BaseUrl::try_from("http://m".to_owned()).unwrap())
    }

    fn bootable(name: &str, kernel: &str, words: &str) -> MediumState {
        let mut medium = medium(name);
        medium.detection.boot = vec![BootEntry {
            mode: BootMode::HttpTree,
            arch: Some("x86_64".into()),
            firmware: Firmware::Any,
            action: BootAction::Kernel {
                kernel: kernel.into(),
                initrds: vec![Initrd { file: "images/initrd.img".into(), name: None }],
                command_line: words.into(),
            },
        }];
        medium
    }

    #[test]
    fn a_medium_that_boots_has_lines_for_machines_real_and_virtual() {
        let medium = bootable("Rocky 9", "images/vmlinuz", "inst.repo=${tree}");
        let lines: Vec<_> =
            commands(&medium, &mirror(), true).into_iter().map(|command| command.line).collect();
        assert_eq!(
            lines,
            [
                "chain http://m/_/Rocky_9.ipxe",
                "virt-install --name Rocky_9 --arch x86_64 --memory 4096 --disk size=20 --osinfo \
                 detect=on,require=off --location http://m/Rocky_9/,kernel=images/vmlinuz,\
                 initrd=images/initrd.img --extra-args 'inst.repo=http://m/Rocky_9'",
                "curl -fLO -C - http://m/_/Rocky_9.iso",
                "wget -r -np -nH http://m/Rocky_9/",
            ]
        );
    }

    proptest! {
        #[test]
        fn no_text_of_a_medium_is_more_than_one_word(name in "[ -~é]{1,40}", kernel in "[ -~]{1,20}", words in "[ -~]{0,30}") {
            let Some(_) = crate::name::sanitise(&name) else { return Ok(()) };
            for command in commands(&bootable(&name, &kernel, &words), &mirror(), true) {
                // Outside of quotes there is nothing that a shell acts on.
                let mut is_quoted = false;
                let line = command.line.replace(" | sha256sum", "").replace("'\\''", "");
                for character in line.chars() {
                    is_quoted ^= character == '\'';
                    let is_plain = character.is_ascii_alphanumeric() || " '-_.~/:%,=+".contains(character);
                    prop_assert!(is_quoted || is_plain, "{character:?} in {line}");
                }
                prop_assert!(!is_quoted, "{line}");
            }
        }
    }
}
