//! What this machine can mount with, asked of the kernel itself.

use std::{fs::OpenOptions, path::Path};

use nix::errno::Errno;

use crate::sys::file_system::FileSystemContext;

/// What can be used here; where not, the reason for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The kernel's ISO 9660.
    pub kernel_iso9660: Result<(), String>,
    /// The kernel's UDF.
    pub kernel_udf: Result<(), String>,
    /// EROFS. Whether it takes files without loop devices only mounting tells.
    pub erofs: Result<(), String>,
    /// FUSE: mounted by ourselves as root, else through fusermount3.
    pub fuse: Result<(), String>,
    /// Whether this process may mount.
    pub root: bool,
}

impl Capabilities {
    /// Asks the kernel, which may load modules for it.
    #[must_use]
    pub fn probe() -> Self {
        // Every kernel has tmpfs, so a refusal is one of permission.
        let root = FileSystemContext::open("tmpfs").is_ok();
        Self {
            kernel_iso9660: knows("iso9660", "ISO 9660"),
            kernel_udf: knows("udf", "UDF"),
            erofs: knows("erofs", "EROFS"),
            fuse: fuse(root),
            root,
        }
    }

    /// Why nothing can be mounted here, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let found = [
            ("kernel iso9660", &self.kernel_iso9660),
            ("kernel udf", &self.kernel_udf),
            ("erofs", &self.erofs),
            ("fuse", &self.fuse),
        ];
        let reasons = found
            .into_iter()
            .filter_map(|(backend, can)| Some(format!("{backend}: {}", can.as_ref().err()?)));
        reasons.collect::<Vec<_>>().join("; ")
    }
}

fn knows(file_system: &str, name: &str) -> Result<(), String> {
    let Err(error) = FileSystemContext::open(file_system) else { return Ok(()) };
    Err(match error.error_number().map(Errno::from_raw) {
        Some(Errno::ENODEV) => format!("the kernel does not know {name}"),
        Some(Errno::EPERM | Errno::EACCES) => "mounting needs root".to_owned(),
        Some(Errno::ENOSYS) => "the kernel is older than 5.2".to_owned(),
        _ => format!("the kernel refuses {name}"),
    })
}

fn fuse(root: bool) -> Result<(), String> {
    if let Err(error) = OpenOptions::new().read(true).write(true).open("/dev/fuse") {
        return Err(format!("`/dev/fuse` cannot be opened: {error}"));
    }
    if root {
        return knows("fuse", "FUSE");
    }
    let installed = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|path| is_fusermount_in(&path)));
    if installed { Ok(()) } else { Err("`fusermount3` is not installed".to_owned()) }
}

fn is_fusermount_in(directory: &Path) -> bool {
    directory.join("fusermount3").is_file()
}
