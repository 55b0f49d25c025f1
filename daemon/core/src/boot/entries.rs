//! Ways to boot that a signature knows, as far as their files are there.

use std::collections::HashSet;

use super::{
    arch,
    detection::{BootAction, BootEntry, BootMode, Firmware, Initrd, System},
    look::{GaveUp, Look},
    signature::{Action, BootRule, ExtraFile, Paths, Signature, Values},
};

/// Bytes of a kernel that tell what it is for.
const KERNEL_HEAD: usize = 4096;

/// Entries, and what they mean for the obstacle.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Ways to boot, the usual one first.
    pub(super) boot: Vec<BootEntry>,
    /// Whether there is a way that makes the signature's obstacle none.
    pub(super) obstacle_lifted: bool,
}

/// What makes an entry superfluous where it is there already.
type Purpose = (BootMode, Option<String>, Firmware);

/// The entries of `signature` for `system`.
pub(super) fn entries(
    signature: &Signature,
    system: &System,
    look: &Look<'_>,
) -> Result<Entries, GaveUp> {
    let mut entries = Entries::default();
    let mut purposes: HashSet<Purpose> = HashSet::new();
    let mut kernels: HashSet<String> = HashSet::new();
    for rule in signature.boot.iter().filter(|rule| is_for(rule, system)) {
        let builder = Builder { signature, rule, system, look };
        let (made, kernel) = builder.build()?;
        // One kernel is for one architecture: of several rules that find it the first holds.
        let arch_known = made.first().is_some_and(|entry| entry.arch == system.arch);
        if kernel.is_some_and(|kernel| !kernels.insert(kernel)) && !arch_known {
            continue;
        }
        entries.obstacle_lifted |= rule.lifts_obstacle && !made.is_empty();
        for entry in made {
            if purposes.insert((entry.mode, entry.arch.clone(), entry.firmware)) {
                entries.boot.push(entry);
            }
        }
    }
    entries.boot.sort_by_key(|entry| entry.mode);
    Ok(entries)
}

/// The architecture of all entries that have one, if it is one.
pub(super) fn common_arch(entries: &[BootEntry]) -> Option<String> {
    let mut archs = entries.iter().filter_map(|entry| entry.arch.as_ref());
    let first = archs.next()?;
    archs.all(|arch| arch == first).then(|| first.clone())
}

fn is_for(rule: &BootRule, system: &System) -> bool {
    let has_arch = match (&rule.arch, &system.arch) {
        (Some(rule), Some(system)) => rule == system,
        _ => true,
    };
    let has_version = match (&rule.version, &system.version) {
        (Some(pattern), version) => version.as_deref().is_some_and(|text| pattern.is_match(text)),
        (None, _) => true,
    };
    has_arch && has_version
}

/// The kernel or program of a rule.
enum MainFile {
    /// It is not there.
    Missing,
    /// There is none to look for.
    NotNeeded,
    /// This one.
    At(String),
}

/// Makes the entries of one rule.
struct Builder<'b, 't> {
    signature: &'b Signature,
    rule: &'b BootRule,
    system: &'b System,
    look: &'b Look<'t>,
}

impl Builder<'_, '_> {
    /// One entry for each mode, and the kernel that they share; none where a file is missing.
    fn build(&self) -> Result<(Vec<BootEntry>, Option<String>), GaveUp> {
        let mut values = self.known();
        let kernel = match self.main_file(&mut values)? {
            MainFile::Missing => return Ok((Vec::new(), None)),
            MainFile::NotNeeded => None,
            MainFile::At(path) => Some(path),
        };
        for (name, paths) in &self.rule.find {
            let Some(found) = self.first(paths, &values)? else { return Ok((Vec::new(), None)) };
            values.set(name, &found);
        }
        let arch = self.arch(kernel.as_deref())?;
        let mut made = Vec::new();
        for (mode, line) in self.signature.modes_of(self.rule) {
            let Some(line) = line.filled_in(&values) else { continue };
            if let Some(action) = self.action(kernel.as_deref(), line, &values)? {
                let (arch, firmware) = (arch.clone(), self.rule.firmware);
                made.push(BootEntry { mode, arch, firmware, action });
            }
        }
        Ok((made, kernel))
    }

    fn known(&self) -> Values {
        let mut values = Values::default();
        for (name, value) in [
            ("version", &self.system.version),
            ("codename", &self.system.codename),
            ("arch", &self.system.arch),
        ] {
            if let Some(value) = value {
                values.set(name, value);
            }
        }
        values
    }

    /// The kernel or program; what its `*`s stand for goes into `values`.
    fn main_file(&self, values: &mut Values) -> Result<MainFile, GaveUp> {
        let paths = match &self.rule.action {
            Action::Kernel { kernel, .. } | Action::Multiboot { kernel, .. } => kernel,
            Action::Program(program) => program,
            Action::Wimboot(_) => return Ok(MainFile::NotNeeded),
        };
        let hit = self.look.first_of(&paths.patterns(values), self.signature.any_case)?;
        let Some(hit) = hit else { return Ok(MainFile::Missing) };
        for (index, star) in hit.stars.iter().enumerate() {
            values.set(&(index + 1).to_string(), star);
        }
        Ok(MainFile::At(hit.path))
    }

    /// The architecture of the rule, of the medium, or of the kernel itself.
    fn arch(&self, kernel: Option<&str>) -> Result<Option<String>, GaveUp> {
        let stated = self.system.arch.clone();
        if let (None, Some(kernel)) = (&stated, kernel) {
            let head = self.look.bytes(kernel, 0, KERNEL_HEAD)?;
            let told = head.as_deref().and_then(arch::of_kernel).map(str::to_owned);
            return Ok(told.or_else(|| self.rule.arch.clone()));
        }
        Ok(self.rule.arch.clone().or(stated))
    }

    fn action(
        &self,
        kernel: Option<&str>,
        command_line: String,
        values: &Values,
    ) -> Result<Option<BootAction>, GaveUp> {
        let kernel = kernel.unwrap_or_default().to_owned();
        Ok(match &self.rule.action {
            Action::Kernel { initrd, more, .. } => {
                let mut initrds = Vec::new();
                if !initrd.is_empty() {
                    let Some(file) = self.first(initrd, values)? else { return Ok(None) };
                    initrds.push(Initrd { file, name: None });
                }
                let Some(more) = self.files(more, values)? else { return Ok(None) };
                initrds.extend(more);
                Some(BootAction::Kernel { kernel, initrds, command_line })
            }
            Action::Wimboot(files) => {
                self.files(files, values)?.map(|files| BootAction::Wimboot { files })
            }
            Action::Program(_) => Some(BootAction::Program { program: kernel, command_line }),
            Action::Multiboot { .. } => self.multiboot(kernel, &command_line, values)?,
        })
    }

    fn multiboot(
        &self,
        kernel: String,
        command_line: &str,
        values: &Values,
    ) -> Result<Option<BootAction>, GaveUp> {
        let Action::Multiboot { loader, command_line: kernel_line, modules, .. } =
            &self.rule.action
        else {
            return Ok(None);
        };
        let found_loader = self.first(loader, values)?;
        let Some(kernel_line) = kernel_line.filled_in(values) else { return Ok(None) };
        if found_loader.is_none() && !loader.is_empty() {
            return Ok(None);
        }
        let mut found = Vec::new();
        for module in modules {
            let Some(file) = self.first(module, values)? else { return Ok(None) };
            let line = if found.is_empty() { command_line } else { "" };
            found.push((file, line.to_owned()));
        }
        let kernel = (kernel, kernel_line);
        Ok(Some(BootAction::Multiboot { loader: found_loader, kernel, modules: found }))
    }

    /// All of `files`; `None` where one that is needed is missing.
    fn files(&self, files: &[ExtraFile], values: &Values) -> Result<Option<Vec<Initrd>>, GaveUp> {
        let mut found = Vec::new();
        for extra in files {
            let file = match &extra.url {
                Some(url) => url.filled_in(values),
                None => self.first(&extra.file, values)?,
            };
            match file {
                Some(file) => found.push(Initrd { file, name: extra.name.clone() }),
                None if extra.optional => {}
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    fn first(&self, paths: &Paths, values: &Values) -> Result<Option<String>, GaveUp> {
        let hit = self.look.first_of(&paths.patterns(values), self.signature.any_case)?;
        Ok(hit.map(|hit| hit.path))
    }
}
