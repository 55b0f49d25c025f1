//! Which processes use a mount, told by /proc alone: no file system is asked for anything, so that a hung one does
//! not hold up whoever wants to know.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

/// A mount as processes refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountReference {
    /// Number of the mount. Numbers are given again, so it has to be held while processes are asked.
    pub mount: u64,
    /// Device number of its file system, which is all that memory maps tell.
    pub device: (u32, u32),
}

/// A process that uses a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountUser {
    /// Its id.
    pub pid: u32,
    /// Name of its program, as far as the kernel keeps it.
    pub program: String,
}

/// The processes, but for this one, that have a file of the mount open or mapped, or a directory of it as their
/// working directory or root; at most `limit`, and those found by `deadline`. Processes of other users are seen with
/// `CAP_SYS_PTRACE` only.
#[must_use]
pub fn mount_users(mount: MountReference, limit: usize, deadline: Instant) -> Vec<MountUser> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id();
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.take_while(|_| Instant::now() < deadline)
        .filter(|pid| *pid != own)
        .filter_map(|pid: u32| {
            let process = PathBuf::from(format!("/proc/{pid}"));
            uses(&process, mount).then(|| MountUser { pid, program: program(&process) })
        })
        .take(limit)
        .collect()
}

fn uses(process: &Path, mount: MountReference) -> bool {
    stands_in(&process.join("cwd"), mount.mount)
        || stands_in(&process.join("root"), mount.mount)
        || has_open(&process.join("fdinfo"), mount.mount)
        || text(&process.join("maps")).is_some_and(|maps| maps_device(&maps, mount.device))
}

/// Whether the link of /proc leads into the mount.
fn stands_in(link: &Path, mount: u64) -> bool {
    let flags = AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let found = statx(CWD, link, flags, StatxFlags::MNT_ID);
    found.is_ok_and(|found| {
        found.stx_mask & StatxFlags::MNT_ID.bits() != 0 && found.stx_mnt_id == mount
    })
}

fn has_open(descriptors: &Path, mount: u64) -> bool {
    let Ok(descriptors) = fs::read_dir(descriptors) else { return false };
    descriptors.flatten().any(|entry| {
        text(&entry.path()).is_some_and(|information| mount_of(&information) == Some(mount))
    })
}

/// The mount that the descriptor with this fdinfo (proc(5)) is of.
fn mount_of(information: &str) -> Option<u64> {
    information.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().parse().ok()
}

/// Whether a file of the device is mapped: lines are `address permissions offset major:minor inode path`.
fn maps_device(maps: &str, (major, minor): (u32, u32)) -> bool {
    let device = format!("{major:02x}:{minor:02x}");
    maps.lines().any(|line| line.split_ascii_whitespace().nth(3) == Some(&device))
}

fn program(process: &Path) -> String {
    text(&process.join("comm")).unwrap_or_default().trim_end_matches('\n').to_owned()
}

/// Names in /proc may be any bytes.
fn text(path: &Path) -> Option<String> {
    Some(String::from_utf8_lossy(&fs::read(path).ok()?).into_owned())
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use rustix::fs::{major, minor};

    use super::*;

    fn mount_at(path: &str) -> MountReference {
        let flags = AtFlags::STATX_DONT_SYNC;
        let mask = StatxFlags::MNT_ID | StatxFlags::BASIC_STATS;
        let found = statx(CWD, path, flags, mask).unwrap();
        let metadata = std::os::unix::fs::MetadataExt::dev(&fs::metadata(path).unwrap());
        MountReference { mount: found.stx_mnt_id, device: (major(metadata), minor(metadata)) }
    }

    #[test]
    fn a_process_is_found_by_what_it_has_open_and_where_it_stands() {
        let soon = || Instant::now() + Duration::from_secs(10);
        let proc = mount_at("/proc");
        let mut standing =
            Command::new("sleep").arg("60").current_dir("/proc/sys").spawn().unwrap();
        let input = fs::File::open("/proc/version").unwrap();
        let mut reading = Command::new("sleep").arg("60").stdin(input).spawn().unwrap();
        let mut neither = Command::new("sleep").arg("60").current_dir("/").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let found = mount_users(proc, usize::MAX, soon());
        let has = |process: &std::process::Child| {
            found.contains(&MountUser { pid: process.id(), program: "sleep".to_owned() })
        };
        assert!(has(&standing) && has(&reading), "{found:?}");
        assert!(!has(&neither) && found.iter().all(|user| user.pid != std::process::id()));
        assert_eq!(mount_users(proc, 1, soon()).len(), 1);
        assert_eq!(mount_users(proc, 9, Instant::now()), []);
        for process in [&mut standing, &mut reading, &mut neither] {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    #[test]
    fn what_proc_says_is_read_as_documented() {
        assert_eq!(mount_of("pos:\t0\nflags:\t0100000\nmnt_id:\t31\nino:\t5\n"), Some(31));
        assert_eq!(mount_of("pos:\t0\n"), None);
        let maps = "7f00-7f01 r--p 00000000 00:2f 5    /mnt/a b\n7f02-7f03 rw-p 00000000 00:00 0\n";
        assert!(maps_device(maps, (0, 0x2f)));
        assert!(!maps_device(maps, (0, 0x30)));
    }
}
