//! What the kernel and udev have.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use isomirror_core::doctor::{Drive, Module};
use nix::libc;

use super::files::{entries, number, text};

/// Things that the kernel may have, with the modules that bring them.
const MODULES: [(&str, &[&str]); 6] = [
    ("iso9660", &["isofs"]),
    ("udf", &["udf"]),
    ("erofs", &["erofs"]),
    ("fuse", &["fuse"]),
    ("loop", &["loop"]),
    ("autofs", &["autofs4", "autofs"]),
];

/// Where modprobe.d(5) has its files.
const MODPROBE: [&str; 5] = [
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
];

/// Where udev(7) has its rules, the first before the others.
const RULES: [&str; 5] = [
    "/etc/udev/rules.d",
    "/run/udev/rules.d",
    "/usr/local/lib/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
];

/// Our rule.
const RULE: &str = "59-isomirror.rules";

/// What the rule says of a drive in udev's database.
const MARK: &str = "E:UDISKS_IGNORE=1";

/// What the kernel has, or can load.
pub(super) fn modules() -> BTreeMap<&'static str, Module> {
    let release = text("/proc/sys/kernel/osrelease");
    let release = release.trim();
    let directory = ["/lib/modules", "/usr/lib/modules"].map(|base| Path::new(base).join(release));
    let known: String = directory
        .iter()
        .flat_map(|directory| {
            ["modules.dep", "modules.builtin"].map(|name| text(directory.join(name)))
        })
        .collect();
    let file_systems = text("/proc/filesystems");
    let forbidding = forbidding();
    let state = |name: &str, modules: &[&str]| {
        if file_systems.split_whitespace().any(|word| word == name) || is_loaded(name, modules) {
            return Module::Loaded;
        }
        let is_known = |module: &&&str| {
            // modules.dep has `kernel/fs/isofs/isofs.ko.xz: kernel/...`.
            known.contains(&format!("/{module}.ko"))
        };
        match modules.iter().find(is_known) {
            None => Module::Absent,
            Some(module) => forbidding
                .get(*module)
                .map_or(Module::Loadable, |file| Module::Forbidden(file.clone())),
        }
    };
    MODULES.iter().map(|(name, modules)| (*name, state(name, modules))).collect()
}

fn is_loaded(name: &str, modules: &[&str]) -> bool {
    modules.iter().any(|module| Path::new("/sys/module").join(module).is_dir())
        || (name == "loop" && has_loop_control() && !loop_is_a_module())
}

/// Whether the loop driver is a module that is not loaded yet: its control device can be there before it is.
fn loop_is_a_module() -> bool {
    !Path::new("/sys/class/misc/loop-control").exists()
}

/// Modules that must not be loaded, with the file that says so.
fn forbidding() -> BTreeMap<String, PathBuf> {
    let files = MODPROBE.iter().flat_map(entries);
    let mut found = BTreeMap::new();
    for file in files.filter(|file| file.extension().is_some_and(|end| end == "conf")) {
        for line in text(&file).lines() {
            let mut words = line.split_whitespace();
            let (verb, module, command) = (words.next(), words.next(), words.next());
            let forbids = match verb {
                Some("blacklist") => true,
                Some("install") => command.is_some_and(|command| {
                    command.ends_with("/false") || command.ends_with("/true")
                }),
                _ => false,
            };
            if let Some(module) = module.filter(|_| forbids) {
                found.entry(module.to_owned()).or_insert_with(|| file.clone());
            }
        }
    }
    found
}

pub(super) fn has_loop_control() -> bool {
    Path::new("/dev/loop-control").exists()
}

pub(super) fn max_loop() -> Option<u32> {
    u32::try_from(number("/sys/module/loop/parameters/max_loop")?).ok()
}

pub(super) fn loops_in_use() -> u32 {
    let is_bound = |path: &PathBuf| path.join("loop/backing_file").exists();
    u32::try_from(entries("/sys/block").iter().filter(|path| is_bound(path)).count())
        .unwrap_or(u32::MAX)
}

pub(super) fn has_fuse_device() -> bool {
    Path::new("/dev/fuse").exists()
}

pub(super) fn runs_udev() -> bool {
    Path::new("/run/udev/control").exists()
}

/// The rule that holds; one that is masked by a link to `/dev/null` does not.
pub(super) fn udev_rule() -> Option<PathBuf> {
    let paths = RULES.iter().map(|directory| Path::new(directory).join(RULE));
    let first = paths.into_iter().find(|path| path.symlink_metadata().is_ok())?;
    first.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(first)
}

pub(super) fn events_poll() -> Option<i64> {
    number("/sys/module/block/parameters/events_dfl_poll_msecs")
}

/// The optical drives. Whether an ordinary user may open them says nothing of a daemon that runs as root.
pub(super) fn drives(is_root: bool) -> Vec<Drive> {
    let is_optical = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"sr"))
    };
    let devices = entries("/sys/class/block").into_iter().filter(is_optical);
    devices
        .map(|device| {
            let node = Path::new("/dev").join(device.file_name().unwrap_or_default());
            let database = format!("/run/udev/data/b{}", text(device.join("dev")).trim());
            let refused = match open(&node) {
                Err(error) if is_root || error.kind() != ErrorKind::PermissionDenied => {
                    Some(error.to_string())
                }
                _ => None,
            };
            Drive {
                node,
                refused,
                events_poll: number(device.join("events_poll_msecs")),
                has_rule: Path::new(&database)
                    .exists()
                    .then(|| text(&database).lines().any(|line| line == MARK)),
            }
        })
        .collect()
}

/// Opens a drive without asking it for a disc.
fn open(node: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(node)
}
