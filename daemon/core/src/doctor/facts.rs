//! What can be known of a host.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{config::ListenAddress, mountinfo::MountEntry};

/// Everything that is looked at. Whoever gathers fills in what applies, and leaves the rest as it is by default.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are facts of things that have nothing to do with each other"
)]
pub struct Facts {
    /// Whether root looked: some things nobody else sees.
    pub is_root: bool,
    /// What is wrong with the configuration, and whether it is refused for that.
    pub configuration: Vec<(bool, String)>,
    /// Kernel file systems and drivers by name (`iso9660`, `udf`, `erofs`, `fuse`, `loop`, `autofs`).
    pub modules: BTreeMap<&'static str, Module>,
    /// Whether there is `/dev/loop-control`.
    pub has_loop_control: bool,
    /// The module's `max_loop`; `None` where it says nothing.
    pub max_loop: Option<u32>,
    /// Loop devices that are bound.
    pub loops_in_use: u32,
    /// Whether there is `/dev/fuse`.
    pub has_fuse_device: bool,
    /// Whether udev runs.
    pub runs_udev: bool,
    /// Where the udev rule is installed.
    pub udev_rule: Option<PathBuf>,
    /// `block.events_dfl_poll_msecs`: how often the kernel looks for changed discs; 0 for never.
    pub events_poll: Option<i64>,
    /// Optical drives.
    pub drives: Vec<Drive>,
    /// Mounts of the running daemon.
    pub daemon_mounts: Option<DaemonMounts>,
    /// The autofs service.
    pub automount: Automount,
    /// SELinux; `None` where the kernel has none.
    pub selinux: Option<SeLinux>,
    /// Users that web servers run as here.
    pub web_users: Vec<WebUser>,
    /// The directories from `/` to the web root; without those that are missing.
    pub web_path: Vec<WebComponent>,
    /// File systems that are written to.
    pub rooms: Vec<Room>,
    /// Directories of images in which none can be looked for, and why.
    pub wrong_directories: Vec<(PathBuf, String)>,
    /// What the kernel allows to be watched.
    pub watches: Option<Watches>,
    /// The store; `None` where it is not there.
    pub store: Option<Owner>,
    /// The clock.
    pub clock: Option<Clock>,
    /// Variables that name proxies, and what is wrong with them.
    pub proxies: Vec<(String, Option<String>)>,
    /// Addresses of the server.
    pub listening: Vec<Listening>,
    /// Units of systemd; `None` where it does not run.
    pub units: Option<Vec<Unit>>,
    /// Roles that run, of `mount`, `fetch` and `serve`; `None` where that cannot be seen.
    pub roles: Option<Vec<String>>,
    /// Wanted entries of the catalog that cannot be verified, each with what to do.
    pub unverifiable: Vec<(String, String)>,
    /// Wanted entries that are not in the catalog, and what was probably meant.
    pub unknown_wants: Vec<(String, Option<String>)>,
}

/// Whether the kernel has something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Module {
    /// It is there.
    Loaded,
    /// It is loaded when it is needed.
    Loadable,
    /// It could be loaded, but a file forbids it.
    Forbidden(PathBuf),
    /// There is none.
    Absent,
}

/// An optical drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    /// Device node.
    pub node: PathBuf,
    /// Why it cannot be opened; `None` where it can.
    pub refused: Option<String>,
    /// `events_poll_msecs` of the drive; negative for the kernel's default.
    pub events_poll: Option<i64>,
    /// Whether udev applied our rule to it.
    pub has_rule: Option<bool>,
}

/// Mounts as the running daemon sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonMounts {
    /// Its process.
    pub pid: u32,
    /// Whether it has a mount namespace of its own.
    pub has_own_namespace: bool,
    /// Its `/proc/PID/mountinfo`.
    pub entries: Vec<MountEntry>,
    /// That of the host.
    pub host: Vec<MountEntry>,
}

/// The autofs service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Automount {
    /// Whether automount runs.
    pub runs: bool,
    /// Where our master entry is installed.
    pub master_entry: Option<PathBuf>,
}

/// SELinux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeLinux {
    /// Whether it forbids, and does not only complain.
    pub is_enforcing: bool,
    /// Context of the web root.
    pub webroot_context: Option<String>,
    /// Booleans that are on.
    pub booleans: Vec<String>,
}

/// A user that a web server runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUser {
    /// Name.
    pub name: String,
    /// Number.
    pub uid: u32,
    /// Groups.
    pub gids: Vec<u32>,
}

/// A directory on the way to the web root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebComponent {
    /// Path.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Whether an access control list may allow more.
    pub has_acl: bool,
}

/// Room of a file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Directory in it.
    pub path: PathBuf,
    /// What it is for: `store`, `web root`.
    pub what: &'static str,
    /// Bytes that ordinary users may still write.
    pub free: u64,
    /// Bytes in all.
    pub size: u64,
    /// Whether it is mounted read-only.
    pub is_read_only: bool,
    /// Files that can still be made; `None` where there is no limit.
    pub free_files: Option<u64>,
}

/// Limits of inotify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watches {
    /// Watches that one user may have.
    pub most: u64,
    /// Directories that are to be watched; counted up to a bound.
    pub needed: u64,
}

/// Whose something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Path.
    pub path: PathBuf,
    /// Owner.
    pub uid: u32,
    /// Whom it has to belong to: the number and name of the user that the downloading service runs as.
    pub expected: Option<(u32, String)>,
}

/// The clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Whether the kernel knows it to be right.
    pub is_synchronised: Option<bool>,
    /// The year that it says.
    pub year: i16,
}

/// An address of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The address.
    pub address: ListenAddress,
    /// Who has it.
    pub server: Server,
}

/// Who listens on an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// Nobody.
    Nobody,
    /// isomirrord, or systemd for it.
    Ours,
    /// A program; its name, where that can be seen.
    Another(Option<String>),
    /// It cannot be had.
    Refused(String),
}

/// A unit of systemd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Name.
    pub name: String,
    /// `loaded`, `not-found`, ...
    pub load: String,
    /// `active`, `failed`, ...
    pub active: String,
    /// `enabled`, `disabled`, ...
    pub file: String,
}
