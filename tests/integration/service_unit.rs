//! The units that packages install: known to systemd, hardened, and no wall between mounts and the machine.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use isomirror_tests::{binaries, scratch, tool};

/// Options that give a service a mount namespace of its own, as systemd.exec(5) tells and as was measured with
/// systemd 252 and 257: what it mounts then is seen by nobody else.
const HIDING: [&str; 36] = [
    "BindPaths",
    "BindReadOnlyPaths",
    "DynamicUser",
    "ExecPaths",
    "ExtensionDirectories",
    "ExtensionImages",
    "InaccessiblePaths",
    "LogNamespace",
    "MountAPIVFS",
    "MountFlags",
    "MountImages",
    "NoExecPaths",
    "PrivateBPF",
    "PrivateDevices",
    "PrivateIPC",
    "PrivateMounts",
    "PrivateNetwork",
    "PrivatePIDs",
    "PrivateTmp",
    "PrivateUsers",
    "ProcSubset",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectProc",
    "ProtectSystem",
    "ReadOnlyPaths",
    "ReadWritePaths",
    "RootDirectory",
    "RootEphemeral",
    "RootHash",
    "RootImage",
    "RootVerity",
    "TemporaryFileSystem",
];

/// What is started by each unit, and how exposed it may be at most, as `systemd-analyze security` counts it, times ten.
const SERVICES: [(&str, u32); 3] =
    [("isomirrord.service", 40), ("isomirror-fetch.service", 12), ("isomirror-serve.service", 8)];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("systemd")
}

fn unit(name: &str) -> String {
    fs::read_to_string(directory().join(name)).unwrap()
}

#[test]
fn all_units_are_known_to_systemd() {
    let scratch = scratch::directory().unwrap();
    let program = binaries::path("isomirrord").unwrap();
    let mut command = std::process::Command::new("systemd-analyze");
    command.args(["verify", "--man=no", "--recursive-errors=no"]);
    for entry in fs::read_dir(directory()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".service") && !name.ends_with(".socket") {
            continue;
        }
        let text = unit(&name).replace("/usr/bin/isomirrord", program.to_str().unwrap());
        let is_ours = text.lines().any(|line| line.starts_with("ExecStart=/usr/bin/isomirrord"));
        assert!(!is_ours, "{name} starts the program that is tested");
        fs::write(scratch.path().join(&name), text).unwrap();
        command.arg(scratch.path().join(&name));
    }
    // It also succeeds after some warnings, so none of them may be there.
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn nothing_hides_the_mounts_of_the_unit_that_mounts() {
    let hiding = BTreeSet::from(HIDING);
    let found: Vec<_> = unit("isomirrord.service")
        .lines()
        .filter_map(|line| line.split_once('=').map(|(key, _)| key.trim().to_owned()))
        .filter(|key| hiding.contains(key.as_str()))
        .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn every_unit_is_as_hardened_as_its_role_allows() {
    for (name, threshold) in SERVICES {
        // It fails where the exposure is greater: 9.6 for a service without any of the options.
        tool::run("systemd-analyze", |command| {
            command.args(["security", "--offline=yes", "--no-pager"]);
            command.arg(format!("--threshold={threshold}")).arg(directory().join(name))
        })
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn no_unit_is_given_up_after_some_crashes() {
    // systemd's own limit, unless somebody changed it: five starts within ten seconds.
    const LONG_ENOUGH: f64 = 10.0 / 5.0;
    let waits = |name: &str, key: &str| {
        let text = unit(name);
        let value = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        let seconds = match value.strip_suffix("ms") {
            Some(thousandths) => thousandths.parse::<f64>().unwrap() / 1000.0,
            None => value.parse().unwrap(),
        };
        assert!(seconds > LONG_ENOUGH, "{name}: {seconds} s");
    };
    waits("isomirror-fetch.service", "RestartSec=");
    waits("isomirror-serve.service", "RestartSec=");
    waits("isomirror-recover.service", "ExecStartPre=/bin/sleep ");
    assert!(!unit("isomirrord.service").contains("\nRestart="), "that is for isomirror-recover");
    // Nor does it start what somebody stops in the meantime.
    assert!(unit("isomirror-recover.service").contains("\nPartOf=isomirrord.service\n"));
}

#[test]
fn the_unit_that_mounts_governs_the_others_and_each_can_be_disabled_alone() {
    for name in ["isomirror-fetch.service", "isomirror-serve.service", "isomirror-serve.socket"] {
        let text = unit(name);
        let has = |line: &str| text.lines().any(|own| own == line);
        // Not StopPropagatedFrom=: systemd would stop it after a crash too.
        assert!(has("PartOf=isomirrord.service"), "{name} is stopped and restarted with it");
        assert!(has("WantedBy=isomirrord.service"), "{name} is started with it, if enabled");
        let is_reloaded = has("ReloadPropagatedFrom=isomirrord.service");
        assert!(is_reloaded || name.ends_with(".socket"), "{name} is reloaded with it");
    }
    let main = unit("isomirrord.service");
    for key in ["Requires=", "BindsTo=", "Wants=isomirror"] {
        assert!(!main.lines().any(|line| line.starts_with(key)), "{key}");
    }
}
