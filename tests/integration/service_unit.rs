//! The unit that packages install: known to systemd, and no wall between its mounts and the machine.

use std::{collections::BTreeSet, fs, path::Path};

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

fn unit() -> String {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(checkout.join("systemd/isomirrord.service")).unwrap()
}

#[test]
fn the_unit_is_known_to_systemd() {
    let directory = scratch::directory().unwrap();
    let program = binaries::path("isomirrord").unwrap();
    let text = unit().replace("/usr/bin/isomirrord", program.to_str().unwrap());
    assert_ne!(text, unit(), "the unit starts /usr/bin/isomirrord");
    let file = directory.path().join("isomirrord.service");
    fs::write(&file, text).unwrap();
    // It also succeeds after some warnings, so none of them may be there.
    let output = std::process::Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn nothing_in_the_unit_hides_its_mounts() {
    let hiding = BTreeSet::from(HIDING);
    let found: Vec<_> = unit()
        .lines()
        .filter_map(|line| line.split_once('=').map(|(key, _)| key.trim().to_owned()))
        .filter(|key| hiding.contains(key.as_str()))
        .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_unit_is_hardened_as_far_as_mounting_allows() {
    let directory = scratch::directory().unwrap();
    let file = directory.path().join("isomirrord.service");
    fs::write(&file, unit()).unwrap();
    // It fails where the exposure is greater: 9.6 for a service without any of the options, times ten.
    tool::run("systemd-analyze", |command| {
        command.args(["security", "--offline=yes", "--threshold=48", "--no-pager"]).arg(&file)
    })
    .unwrap();
}
