//! Whether what is mounted can be seen and read by others.

use super::{DaemonMounts, Diagnosis, Facts, Module};
use crate::{backend_choice::BackendChoice, config::Config, mountinfo::holder_of};

/// SELinux types that web servers may read by their policy.
const READABLE_TYPES: [&str; 4] =
    ["httpd_sys_content_t", "public_content_t", "public_content_rw_t", "isomirror_web_t"];

/// Whether mounts of the running daemon reach the rest of the host.
pub(super) fn propagation(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    let Some(mounts) = &facts.daemon_mounts else { return Vec::new() };
    if config.mount.backend == BackendChoice::None {
        return Vec::new();
    }
    let object = format!("isomirrord ({})", mounts.pid);
    if is_visible(mounts, config) {
        return vec![Diagnosis::ok("mounts", object, "what it mounts is seen by the whole host")];
    }
    let text =
        "what it mounts stays in a mount namespace of its own: web servers see empty directories";
    let remedy = "remove PrivateMounts=, PrivateTmp=, ProtectSystem=, ProtectHome= and the like from the unit \
                  (`systemctl cat isomirrord`), or start it without `unshare -m`";
    vec![Diagnosis::fail("mounts", object, text, remedy)]
}

fn is_visible(mounts: &DaemonMounts, config: &Config) -> bool {
    if !mounts.has_own_namespace {
        return true;
    }
    let webroot = config.webroot.path();
    let group = |entries| holder_of(entries, webroot).and_then(|entry| entry.shared);
    // Mounts go from one namespace to the other where both mounts are of one peer group (mount_namespaces(7)).
    group(&mounts.entries).is_some_and(|group_there| group(&mounts.host) == Some(group_there))
}

/// What mounting on demand needs.
pub(super) fn automount(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    if config.mount.backend != BackendChoice::Autofs {
        return Vec::new();
    }
    let mut found = Vec::new();
    if matches!(facts.modules.get("autofs"), Some(Module::Absent | Module::Forbidden(_))) {
        let remedy = "install the kernel's extra modules, or set another `mount.backend`";
        found.push(Diagnosis::fail(
            "autofs",
            "autofs",
            "the kernel cannot mount on demand",
            remedy,
        ));
    }
    found.push(if let Some(path) = &facts.automount.master_entry {
        Diagnosis::ok("autofs", path.display().to_string(), "the master entry is installed")
    } else {
        let remedy = "install autofs/isomirror.autofs into /etc/auto.master.d, then `systemctl restart autofs`";
        let text = "automount does not know of the web root";
        Diagnosis::fail("autofs", "isomirror.autofs", text, remedy)
    });
    if !facts.automount.runs {
        let remedy = "install the package autofs, and `systemctl enable --now autofs`";
        found.push(Diagnosis::fail("autofs", "automount", "it does not run", remedy));
    }
    found
}

/// Whether SELinux lets web servers read what is published.
pub(super) fn selinux(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    let Some(selinux) = &facts.selinux else { return Vec::new() };
    if !selinux.is_enforcing {
        return vec![Diagnosis::ok("selinux", "SELinux", "it does not forbid anything now")];
    }
    let webroot = config.webroot.path().display().to_string();
    let kind = selinux.webroot_context.as_deref().and_then(|context| context.split(':').nth(2));
    let mut found = vec![match kind {
        None => Diagnosis::ok(
            "selinux",
            webroot,
            "SELinux is enforcing; the web root has no context that can be read",
        ),
        Some(kind) if READABLE_TYPES.contains(&kind) => {
            Diagnosis::ok("selinux", webroot, format!("web servers may read {kind}"))
        }
        Some(kind) => {
            let remedy = format!(
                "`semanage fcontext -a -t httpd_sys_content_t '{webroot}(/.*)?' && restorecon -R {webroot}`"
            );
            Diagnosis::warn(
                "selinux",
                webroot.clone(),
                format!("SELinux may keep web servers from reading {kind}"),
                remedy,
            )
        }
    }];
    let by_fuse = matches!(config.mount.backend, BackendChoice::Fuse);
    if by_fuse && !selinux.booleans.iter().any(|on| on == "httpd_use_fusefs") {
        let text = "SELinux keeps web servers from reading what is mounted by FUSE";
        found.push(Diagnosis::warn(
            "selinux",
            "httpd_use_fusefs",
            text,
            "`setsebool -P httpd_use_fusefs on`",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::parse,
        doctor::{Automount, Level, SeLinux},
        mountinfo,
    };

    fn entries(propagation: &str) -> Vec<mountinfo::MountEntry> {
        mountinfo::parse(format!("25 1 8:1 / / rw {propagation} - ext4 /dev/sda1 rw\n").as_bytes())
    }

    fn daemon(own: bool, there: &str, host: &str) -> Facts {
        let daemon_mounts = DaemonMounts {
            pid: 7,
            has_own_namespace: own,
            entries: entries(there),
            host: entries(host),
        };
        Facts { daemon_mounts: Some(daemon_mounts), ..Facts::default() }
    }

    #[test]
    fn mounts_in_a_namespace_that_shares_nothing_are_told() {
        for (own, there, host, level) in [
            (false, "shared:1", "shared:1", Level::Ok),
            (false, "", "", Level::Ok),
            (true, "shared:1", "shared:1", Level::Ok),
            (true, "master:1", "shared:1", Level::Fail),
            (true, "shared:9 master:1", "shared:1", Level::Fail),
            (true, "", "shared:1", Level::Fail),
        ] {
            let found = propagation(&daemon(own, there, host), &Config::default());
            assert_eq!(found[0].level, level, "{own} {there} {host}");
        }
        let unmounted = parse("mount: {backend: none}").unwrap();
        assert_eq!(propagation(&daemon(true, "", ""), &unmounted), []);
        assert_eq!(propagation(&Facts::default(), &Config::default()), []);
    }

    #[test]
    fn autofs_needs_its_daemon_its_entry_and_the_kernel() {
        let config = parse("mount: {backend: autofs}").unwrap();
        let found = automount(&Facts::default(), &config);
        assert_eq!(found.iter().filter(|found| found.level == Level::Fail).count(), 2);
        let automount_there = Automount { runs: true, master_entry: Some("/a".into()) };
        let complete = Facts { automount: automount_there, ..Facts::default() };
        assert!(automount(&complete, &config).iter().all(|found| found.level == Level::Ok));
        let modules = [("autofs", Module::Absent)].into();
        let found = automount(&Facts { modules, ..complete }, &config);
        assert_eq!(found[0].level, Level::Fail);
        assert_eq!(automount(&Facts::default(), &Config::default()), []);
    }

    #[test]
    fn selinux_is_told_of_where_it_would_forbid_reading() {
        let level = |is_enforcing, context: &str, backend: &str| {
            let webroot_context = Some(context.to_owned());
            let selinux_state = SeLinux { is_enforcing, webroot_context, booleans: Vec::new() };
            let facts = Facts { selinux: Some(selinux_state), ..Facts::default() };
            let config = parse(&format!("mount: {{backend: {backend}}}")).unwrap();
            selinux(&facts, &config).iter().map(|found| found.level).collect::<Vec<_>>()
        };
        let content = "system_u:object_r:httpd_sys_content_t:s0";
        assert_eq!(level(true, content, "auto"), [Level::Ok]);
        assert_eq!(level(true, "system_u:object_r:var_t:s0", "auto"), [Level::Warn]);
        assert_eq!(level(false, "system_u:object_r:var_t:s0", "auto"), [Level::Ok]);
        assert_eq!(level(true, content, "fuse"), [Level::Ok, Level::Warn]);
    }
}
