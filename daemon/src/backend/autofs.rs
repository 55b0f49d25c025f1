//! automount, which mounts media when they are asked for: its map, and the signal that makes it read that again.
//!
//! Mounting is done by mount.isomirror, which automount starts by mount(8). Nothing here decides what is in the map.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use isomirror_core::view::autofs_map::AutofsMap;
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, getpgid},
};

use crate::sys::replace_file::replace_file;

/// The map, below the runtime directory. The master entry names it.
const MAP: &str = "autofs/auto.isomirror";

/// Where the service of the distributions writes the process id of its automount.
const PID_FILE: &str = "/run/autofs.pid";

/// Name of the program, as the kernel shows it.
const PROGRAM: &str = "automount";

/// Path of the map.
#[must_use]
pub fn map_path(runtime_directory: &Path) -> PathBuf {
    runtime_directory.join(MAP)
}

/// The map that was written last; empty where there is none.
pub fn read_map(path: &Path) -> io::Result<AutofsMap> {
    match fs::read(path) {
        Ok(text) => Ok(AutofsMap::read(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(AutofsMap::default()),
        Err(error) => Err(error),
    }
}

/// Replaces the map.
pub fn write_map(path: &Path, map: &AutofsMap) -> io::Result<()> {
    replace_file(path, &map.text())
}

/// The automount whose process group serves a mount.
#[must_use]
pub fn automount_of_group(group: i32) -> Option<Pid> {
    // Its leader, unless it was started from a script; then any of the group that is one.
    let leader = Some(Pid::from_raw(group)).filter(|pid| is_automount(*pid));
    leader.or_else(|| {
        let of_group = |pid: &Pid| getpgid(Some(*pid)) == Ok(Pid::from_raw(group));
        processes().find(|pid| is_automount(*pid) && of_group(pid))
    })
}

/// The automount that runs as the service of this machine.
#[must_use]
pub fn automount_of_machine() -> Option<Pid> {
    let pid = fs::read_to_string(PID_FILE).ok()?.trim().parse().ok()?;
    Some(Pid::from_raw(pid)).filter(|pid| is_automount(*pid))
}

/// Makes automount read its master map and all maps again.
pub fn read_again(automount: Pid) -> io::Result<()> {
    Ok(kill(automount, Signal::SIGHUP)?)
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
}

fn is_automount(pid: Pid) -> bool {
    // Zero and less would be groups of processes.
    let path = format!("/proc/{pid}/comm");
    pid.as_raw() > 0 && fs::read_to_string(path).is_ok_and(|name| name.trim_end() == PROGRAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_automount_is_taken_for_automount() {
        let own = Pid::this();
        assert!(processes().any(|pid| pid == own));
        for pid in [own, Pid::from_raw(0), Pid::from_raw(-1), Pid::from_raw(i32::MAX)] {
            assert!(!is_automount(pid), "{pid}");
        }
        assert_eq!(automount_of_group(own.as_raw()), None);
    }

    #[test]
    fn a_map_that_is_not_there_is_empty() {
        let directory = tempfile::tempdir().unwrap();
        let path = map_path(directory.path());
        assert!(read_map(&path).unwrap().is_empty());
        write_map(&path, &AutofsMap::default()).unwrap();
        assert!(read_map(&path).unwrap().is_empty());
        assert!(fs::read(&path).unwrap().starts_with(b"#"));
    }
}
