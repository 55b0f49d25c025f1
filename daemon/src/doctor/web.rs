//! The web root: who may read it, and what room it has.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use isomirror_core::doctor::{Room, SeLinux, WebComponent, WebUser};
use rustix::fs::{StatVfsMountFlags, getxattr, statvfs};

use super::files::{entries, text};

/// Users that packages of web servers run them as.
const SERVERS: [&str; 7] = ["www-data", "nginx", "apache", "http", "wwwrun", "caddy", "lighttpd"];

/// Bytes of the longest context of SELinux that is read.
const CONTEXT: usize = 256;

/// Users of web servers that this host has.
pub(super) fn users() -> Vec<WebUser> {
    let groups = text("/etc/group");
    let passwd = text("/etc/passwd");
    let accounts = passwd.lines().filter_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        let name = fields.first().filter(|name| SERVERS.contains(name))?;
        let (uid, gid) = (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
        let mut gids = vec![gid];
        gids.extend(groups_of(name, &groups));
        Some(WebUser { name: (*name).to_owned(), uid, gids })
    });
    accounts.collect()
}

fn groups_of(name: &str, groups: &str) -> Vec<u32> {
    let has = |line: &&str| {
        line.rsplit(':').next().is_some_and(|members| members.split(',').any(|m| m == name))
    };
    groups.lines().filter(has).filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect()
}

/// The number and name of a user that this host has.
pub(super) fn user(name: &str) -> Option<(u32, String)> {
    let passwd = text("/etc/passwd");
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    Some((line.split(':').nth(2)?.parse().ok()?, name.to_owned()))
}

/// The directories from the root to the web root that are there.
pub(super) fn path(webroot: &Path) -> Vec<WebComponent> {
    let mut ancestors: Vec<_> = webroot.ancestors().collect();
    ancestors.reverse();
    let component = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some(WebComponent {
            path: path.to_owned(),
            mode: metadata.mode(),
            uid: metadata.uid(),
            gid: metadata.gid(),
            has_acl: getxattr(path, "system.posix_acl_access", &mut [0_u8; 0][..])
                .is_ok_and(|length| length > 0),
        })
    };
    ancestors.into_iter().map_while(component).collect()
}

/// Room of the file systems that are written to.
pub(super) fn rooms(webroot: &Path, store: Option<&Path>) -> Vec<Room> {
    let places = [(store, "store"), (Some(webroot), "web root")];
    places.into_iter().filter_map(|(path, what)| room(path?, what)).collect()
}

fn room(path: &Path, what: &'static str) -> Option<Room> {
    // What is not there yet is made where its parent lies.
    let there = path.ancestors().find(|path| path.exists())?;
    let found = statvfs(there).ok()?;
    Some(Room {
        path: path.to_owned(),
        what,
        free: found.f_bavail.saturating_mul(found.f_frsize),
        size: found.f_blocks.saturating_mul(found.f_frsize),
        is_read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
        free_files: (found.f_files > 0).then_some(found.f_favail),
    })
}

/// What SELinux says; `None` where the kernel has none, or it is off.
pub(super) fn selinux(webroot: &Path) -> Option<SeLinux> {
    let enforce = fs::read_to_string("/sys/fs/selinux/enforce").ok()?;
    let mut context = [0_u8; CONTEXT];
    let length = getxattr(webroot, "security.selinux", &mut context[..]).ok();
    let webroot_context = length.map(|length| {
        String::from_utf8_lossy(&context[..length]).trim_end_matches('\0').to_owned()
    });
    // A boolean reads as `CURRENT PENDING`.
    let is_on = |path: &PathBuf| text(path).starts_with('1');
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let booleans = entries("/sys/fs/selinux/booleans");
    Some(SeLinux {
        is_enforcing: enforce.trim() == "1",
        webroot_context,
        booleans: booleans.iter().filter(|path| is_on(path)).filter_map(name).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_those_that_name_the_user() {
        let groups = "root:x:0:\nisos:x:7:anna,nginx\nnginx:x:33:\nx:x:8:nginxx\n";
        assert_eq!(groups_of("nginx", groups), [7]);
    }

    #[test]
    fn the_way_to_a_directory_begins_at_the_root_and_ends_where_it_does() {
        let directory = tempfile::tempdir().unwrap();
        let components = path(&directory.path().join("missing"));
        assert_eq!(components[0].path, Path::new("/"));
        assert_eq!(components.last().unwrap().path, directory.path());
    }

    #[test]
    fn what_is_not_there_yet_has_the_room_of_its_parent() {
        let directory = tempfile::tempdir().unwrap();
        let found = room(&directory.path().join("a/b"), "store").unwrap();
        assert!(found.size > 0 && found.free <= found.size);
    }
}
