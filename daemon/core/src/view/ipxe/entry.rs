//! The commands of one way to boot.

use super::word::Words;
use crate::{
    boot::{BootAction, BootEntry, BootMode, Initrd},
    config::Resource,
    view::{
        MirrorUrl, file_url,
        template::{BootValues, expand},
    },
};

/// Why an entry is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unoffered {
    /// Nobody gave answers for it. Nothing is missing then.
    NoAnswers,
    /// It needs wimboot.
    NoWimboot,
    /// iPXE cannot pass on what it needs.
    Unquotable,
}

/// What commands are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) mirror: &'a MirrorUrl,
    /// URL of the medium's tree.
    pub(super) tree: &'a str,
    pub(super) values: &'a BootValues,
    pub(super) wimboot: Option<&'a Resource>,
}

/// The lines that boot by `entry`. Each leads to `failed` where it fails.
pub(super) fn commands(entry: &BootEntry, context: Context<'_>) -> Result<Vec<String>, Unoffered> {
    if entry.mode == BootMode::Unattended && context.values.answers.is_none() {
        return Err(Unoffered::NoAnswers);
    }
    if matches!(entry.action, BootAction::Wimboot { .. }) && context.wimboot.is_none() {
        return Err(Unoffered::NoWimboot);
    }
    let lines = context.lines(&entry.action).ok_or(Unoffered::Unquotable)?;
    Ok(lines.into_iter().map(|line| format!("{} || goto failed", line.trim_end())).collect())
}

impl Context<'_> {
    fn lines(&self, action: &BootAction) -> Option<Vec<String>> {
        match action {
            BootAction::Kernel { kernel, initrds, command_line } => {
                self.kernel(kernel, initrds, command_line)
            }
            BootAction::Multiboot { loader: Some(loader), kernel, modules } => {
                self.multiboot_loader(loader, kernel, modules)
            }
            BootAction::Multiboot { loader: None, kernel, modules } => {
                self.multiboot(kernel, modules)
            }
            BootAction::Wimboot { files } => self.wimboot(files),
            BootAction::Program { program, command_line } => {
                let (program, words) = (self.file(program)?, self.words(command_line)?);
                Some(vec![format!("chain {program} {words}")])
            }
            BootAction::Sanboot => {
                let image = Words::one(&self.values.iso)?;
                Some(vec![format!("sanboot --no-describe {image}")])
            }
        }
    }

    fn words(&self, template: &str) -> Option<Words> {
        Words::of_template(template, self.values)
    }

    /// URL of a file of the medium.
    fn file(&self, path: &str) -> Option<Words> {
        Words::one(&file_url(self.tree, path))
    }

    /// URL of a file that is loaded beside a kernel.
    fn initrd(&self, initrd: &Initrd) -> Option<Words> {
        if initrd.file.starts_with("${") {
            return Words::one(&expand(&initrd.file, self.values)?);
        }
        self.file(&initrd.file)
    }

    fn kernel(&self, kernel: &str, initrds: &[Initrd], command_line: &str) -> Option<Vec<String>> {
        let is_named = initrds.iter().any(|initrd| initrd.name.is_some());
        let names: Vec<String> = (1..=initrds.len()).map(image_name).collect();
        // A kernel with an EFI stub asks its loader for the files by name. The one that holds files under names of
        // their own has iPXE make up since 2021.
        let asked: Vec<&str> = if is_named {
            vec!["initrd.magic"]
        } else {
            names.iter().map(String::as_str).collect()
        };
        let parameters = asked.iter().fold(String::new(), |all, name| all + "initrd=" + name + " ");
        let (kernel, words) = (self.file(kernel)?, self.words(command_line)?);
        let mut lines = vec![format!("kernel {kernel} {parameters}{words}")];
        for (initrd, name) in initrds.iter().zip(names) {
            let url = self.initrd(initrd)?;
            let path = initrd.name.as_deref().map(Words::one);
            let path = match path {
                Some(path) => path?,
                None => Words::default(),
            };
            lines.push(format!("initrd --name {name} {url} {path}"));
        }
        lines.push("boot".to_owned());
        Some(lines)
    }

    fn multiboot(
        &self,
        kernel: &(String, String),
        modules: &[(String, String)],
    ) -> Option<Vec<String>> {
        let line = |command: &str, (path, words): &(String, String)| {
            Some(format!("{command} {} {}", self.file(path)?, self.words(words)?))
        };
        let mut lines = vec![line("kernel", kernel)?];
        for module in modules {
            lines.push(line("module", module)?);
        }
        lines.push("boot".to_owned());
        Some(lines)
    }

    /// `mboot.c32` takes everything in its command line, with `---` between the files.
    fn multiboot_loader(
        &self,
        loader: &str,
        kernel: &(String, String),
        modules: &[(String, String)],
    ) -> Option<Vec<String>> {
        let part = |(path, words): &(String, String)| {
            Some(format!("{} {}", self.file(path)?, self.words(words)?).trim_end().to_owned())
        };
        let files = [kernel].into_iter().chain(modules).map(part).collect::<Option<Vec<_>>>()?;
        let line = format!("kernel {} {}", self.file(loader)?, files.join(" --- "));
        Some(vec![line, "boot".to_owned()])
    }

    /// wimboot knows its files by their names: in an EFI by those of the images, in a BIOS by those in an archive that
    /// iPXE makes of them.
    fn wimboot(&self, files: &[Initrd]) -> Option<Vec<String>> {
        let program = Words::one(&self.wimboot?.url(self.mirror.as_str()))?;
        let mut lines = vec![format!("kernel {program}")];
        for file in files {
            let name = file.name.as_deref().or_else(|| file.file.rsplit('/').next())?;
            let name = Words::one(name).filter(|_| !name.starts_with('-'))?;
            lines.push(format!("initrd --name {name} {} {name}", self.initrd(file)?));
        }
        lines.push("boot".to_owned());
        Some(lines)
    }
}

/// The name of an initial RAM disk in iPXE.
fn image_name(number: usize) -> String {
    if number == 1 { "initrd.img".to_owned() } else { format!("initrd{number}.img") }
}
