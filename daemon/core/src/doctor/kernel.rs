//! What the kernel and udev have to have.

use super::{Diagnosis, Facts, Module};
use crate::{backend_choice::BackendChoice, config::Config, drive::DriveSelection};

/// Loop devices that are left for other purposes than media.
const SPARE_LOOPS: u32 = 2;

/// The ways to mount, with what each needs of the kernel.
const WAYS: [(BackendChoice, &str, &[&str]); 3] = [
    (BackendChoice::Kernel, "the kernel's ISO 9660 and UDF", &["iso9660", "udf"]),
    (BackendChoice::Erofs, "EROFS", &["erofs"]),
    (BackendChoice::Fuse, "FUSE", &["fuse"]),
];

/// Whether there is a way to mount that the configuration allows.
pub(super) fn file_systems(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    let wanted = config.mount.backend;
    if wanted == BackendChoice::None {
        return vec![Diagnosis::ok(
            "kernel",
            "mount.backend",
            "nothing is mounted, media are served by HTTP alone",
        )];
    }
    let is_wanted = |way: BackendChoice| {
        way == wanted || matches!(wanted, BackendChoice::Auto | BackendChoice::Autofs)
    };
    let ways: Vec<_> = WAYS.iter().filter(|(way, ..)| is_wanted(*way)).collect();
    let works = |names: &[&str]| names.iter().all(|name| is_there(facts, name));
    let any_works = ways.iter().any(|(.., names)| works(names));
    let mut found = Vec::new();
    for (_, title, names) in ways {
        if works(names) {
            found.push(Diagnosis::ok(
                "kernel",
                names.join(", "),
                format!("{title} can be mounted"),
            ));
            continue;
        }
        for name in names.iter().filter(|name| !is_there(facts, name)) {
            let (text, remedy) = lacking(facts, name);
            let diagnosis = if any_works { Diagnosis::warn } else { Diagnosis::fail };
            found.push(diagnosis("kernel", (*name).to_owned(), text, remedy));
        }
    }
    found
}

fn is_there(facts: &Facts, name: &str) -> bool {
    let is_there = matches!(facts.modules.get(name), Some(Module::Loaded | Module::Loadable));
    // The device is made when the module is loaded, or by systemd-tmpfiles before.
    is_there
        && (name != "fuse"
            || facts.has_fuse_device
            || facts.modules.get(name) == Some(&Module::Loadable))
}

fn lacking(facts: &Facts, name: &str) -> (String, String) {
    let package = "install the kernel's extra modules (linux-modules-extra, kernel-modules-extra or the like), or set \
                   `mount.backend` to what there is";
    match facts.modules.get(name) {
        Some(Module::Forbidden(file)) => (
            format!("`{}` forbids the kernel to load {name}", file.display()),
            format!("remove the line about it from `{}`", file.display()),
        ),
        Some(Module::Loaded) => (
            "there is no /dev/fuse".to_owned(),
            "in a container, pass the device on (`--device /dev/fuse`); else `modprobe fuse`"
                .to_owned(),
        ),
        _ => (format!("the kernel has no {name}"), package.to_owned()),
    }
}

/// Whether loop devices can be had: images need them where the kernel's own file systems mount them.
pub(super) fn loop_devices(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    let backend = config.mount.backend;
    if matches!(backend, BackendChoice::None | BackendChoice::Fuse) {
        return Vec::new();
    }
    let module = facts.modules.get("loop");
    let needed = backend == BackendChoice::Kernel;
    let diagnosis = if needed { Diagnosis::fail } else { Diagnosis::warn };
    let control = "/dev/loop-control";
    if let Some(Module::Forbidden(file)) = module {
        let file = file.display();
        let text = format!("`{file}` forbids the kernel to load loop");
        return vec![diagnosis(
            "loop",
            control,
            text,
            format!("remove the line about it from `{file}`"),
        )];
    }
    if !facts.has_loop_control {
        return vec![if module == Some(&Module::Loadable) {
            Diagnosis::warn(
                "loop",
                control,
                "loop devices are not there yet",
                "`modprobe loop`; isomirrord.service does it",
            )
        } else {
            diagnosis(
                "loop",
                control,
                "there are no loop devices".to_owned(),
                "load the module with `modprobe loop`; in a container, pass the devices on"
                    .to_owned(),
            )
        }];
    }
    match facts.max_loop.filter(|most| *most > 0) {
        Some(most) if facts.loops_in_use + SPARE_LOOPS >= most => {
            let text = format!(
                "{} of {most} loop devices are in use, and max_loop allows no more",
                facts.loops_in_use
            );
            vec![diagnosis(
                "loop",
                "max_loop",
                text,
                "boot with `loop.max_loop=0`, which sets no bound".to_owned(),
            )]
        }
        _ => vec![Diagnosis::ok("loop", control, "loop devices are made as they are needed")],
    }
}

/// Whether udev tells of discs, and lets isomirror answer before a tray opens.
pub(super) fn udev(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    if config.media.drives == DriveSelection::None {
        return Vec::new();
    }
    if !facts.runs_udev {
        let text = "udev does not run: discs are found at the next look (60 s), and nobody asks before a tray opens";
        return vec![Diagnosis::warn(
            "udev",
            "systemd-udevd",
            text,
            "start systemd-udevd; in a container, set `media.drives: none`",
        )];
    }
    if let Some(rule) = &facts.udev_rule {
        return vec![Diagnosis::ok("udev", rule.display().to_string(), "the rule is installed")];
    }
    let text = "the rule is not installed: a tray opens without isomirror letting go of the disc, and desktops mount it a second time";
    let remedy = "install udev-rules/59-isomirror.rules into /etc/udev/rules.d, then `udevadm control --reload`";
    vec![Diagnosis::fail("udev", "59-isomirror.rules", text, remedy)]
}

/// Whether drives can be opened, and the kernel notices when discs change.
pub(super) fn drives(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    if config.media.drives == DriveSelection::None {
        return Vec::new();
    }
    if facts.drives.is_empty() {
        return vec![Diagnosis::ok(
            "drives",
            "media.drives",
            "there is no optical drive now; one that comes is noticed",
        )];
    }
    let mut found = Vec::new();
    for drive in &facts.drives {
        let node = drive.node.display().to_string();
        if let Some(refused) = &drive.refused {
            let remedy = "run isomirrord as root or in the group `cdrom`; in a container, pass the device on";
            found.push(Diagnosis::fail(
                "drives",
                node,
                format!("cannot be opened: {refused}"),
                remedy,
            ));
            continue;
        }
        let poll = drive.events_poll.filter(|poll| *poll >= 0).or(facts.events_poll);
        if poll == Some(0) {
            let text = "the kernel does not look for changed discs: they are noticed at the next look (60 s)";
            let remedy = "`echo 2000 > /sys/module/block/parameters/events_dfl_poll_msecs`, or boot with `block.events_dfl_poll_msecs=2000`";
            found.push(Diagnosis::warn("drives", node, text, remedy));
        } else if facts.udev_rule.is_some() && drive.has_rule == Some(false) {
            let text = "udev has not applied the rule to it yet";
            found.push(Diagnosis::warn(
                "drives",
                node.clone(),
                text,
                format!("`udevadm trigger --name-match={node}`"),
            ));
        } else {
            found.push(Diagnosis::ok(
                "drives",
                node,
                "can be opened, and is looked at for changes",
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        config::parse,
        doctor::{Drive, Level},
    };

    fn kernel(entries: &[(&'static str, Module)]) -> Facts {
        let mut modules: BTreeMap<_, _> =
            ["iso9660", "udf", "erofs", "fuse", "loop"].map(|name| (name, Module::Loadable)).into();
        modules.extend(entries.iter().cloned());
        Facts {
            modules,
            has_loop_control: true,
            has_fuse_device: true,
            runs_udev: true,
            ..Facts::default()
        }
    }

    fn levels(found: &[Diagnosis]) -> Vec<(Level, &str)> {
        found.iter().map(|found| (found.level, found.object.as_str())).collect()
    }

    fn config(text: &str) -> Config {
        parse(text).unwrap()
    }

    #[test]
    fn one_way_to_mount_is_enough_unless_another_is_asked_for() {
        let forbidden = kernel(&[("iso9660", Module::Forbidden("/etc/modprobe.d/a.conf".into()))]);
        let found = file_systems(&forbidden, &Config::default());
        assert_eq!(
            levels(&found),
            [(Level::Warn, "iso9660"), (Level::Ok, "erofs"), (Level::Ok, "fuse")]
        );
        assert!(found[0].remedy.as_deref().unwrap().contains("/etc/modprobe.d/a.conf"));
        let found = file_systems(&forbidden, &config("mount: {backend: kernel}"));
        assert_eq!(levels(&found), [(Level::Fail, "iso9660")]);
        let nothing =
            kernel(&["iso9660", "udf", "erofs", "fuse"].map(|name| (name, Module::Absent)));
        let found = file_systems(&nothing, &Config::default());
        assert!(found.len() == 4 && found.iter().all(|found| found.level == Level::Fail));
        let found = file_systems(&nothing, &config("mount: {backend: none}"));
        assert_eq!(levels(&found), [(Level::Ok, "mount.backend")]);
    }

    #[test]
    fn fuse_without_its_device_is_no_way() {
        let facts = Facts { has_fuse_device: false, ..kernel(&[("fuse", Module::Loaded)]) };
        let found = file_systems(&facts, &config("mount: {backend: fuse}"));
        assert_eq!(levels(&found), [(Level::Fail, "fuse")]);
        assert_eq!(found[0].text, "there is no /dev/fuse");
    }

    #[test]
    fn loop_devices_are_missed_where_images_need_them() {
        let without = Facts { has_loop_control: false, ..kernel(&[("loop", Module::Absent)]) };
        let kernel_only = config("mount: {backend: kernel}");
        assert_eq!(loop_devices(&without, &kernel_only)[0].level, Level::Fail);
        assert_eq!(loop_devices(&without, &Config::default())[0].level, Level::Warn);
        assert_eq!(loop_devices(&without, &config("mount: {backend: fuse}")), []);
        let full = Facts { max_loop: Some(8), loops_in_use: 6, ..kernel(&[]) };
        assert_eq!(levels(&loop_devices(&full, &kernel_only)), [(Level::Fail, "max_loop")]);
        let unbounded = Facts { max_loop: Some(0), loops_in_use: 60, ..kernel(&[]) };
        assert_eq!(loop_devices(&unbounded, &kernel_only)[0].level, Level::Ok);
    }

    #[test]
    fn udev_and_its_rule_are_missed_where_there_are_drives_to_watch() {
        assert_eq!(udev(&kernel(&[]), &Config::default())[0].level, Level::Fail);
        let rule = Some("/usr/lib/udev/rules.d/59-isomirror.rules".into());
        let installed = Facts { udev_rule: rule, ..kernel(&[]) };
        assert_eq!(udev(&installed, &Config::default())[0].level, Level::Ok);
        let without_udev = Facts { runs_udev: false, ..installed };
        assert_eq!(udev(&without_udev, &Config::default())[0].level, Level::Warn);
        assert_eq!(udev(&kernel(&[]), &config("media: {drives: none}")), []);
    }

    #[test]
    fn a_drive_has_to_be_open_to_us_and_looked_at_by_the_kernel() {
        let drive = Drive {
            node: "/dev/sr0".into(),
            refused: None,
            events_poll: Some(-1),
            has_rule: Some(true),
        };
        let level = |drive: &Drive, events_poll| {
            let udev_rule = Some("/a".into());
            let facts =
                Facts { drives: vec![drive.clone()], events_poll, udev_rule, ..kernel(&[]) };
            drives(&facts, &Config::default())[0].level
        };
        assert_eq!(level(&drive, Some(2000)), Level::Ok);
        assert_eq!(level(&drive, Some(0)), Level::Warn);
        assert_eq!(level(&Drive { events_poll: Some(1000), ..drive.clone() }, Some(0)), Level::Ok);
        assert_eq!(
            level(&Drive { has_rule: Some(false), ..drive.clone() }, Some(2000)),
            Level::Warn
        );
        let refused = Drive { refused: Some("Permission denied".into()), ..drive };
        assert_eq!(level(&refused, Some(2000)), Level::Fail);
    }
}
