//! The udev rule that packages install: udev understands it, and it comes before the rule that opens trays.

use std::{fs, path::Path};

use isomirror_tests::{scratch, tool};

const NAME: &str = "59-isomirror.rules";

fn rule() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("udev-rules").join(NAME)
}

/// What udev says when it reads the rules of the directory `rules` alone, in a mount namespace where that stands for
/// this machine's own.
fn read_by_udev(rules: &Path) -> String {
    const SCRIPT: &str = "mount --bind \"$0\" /etc/udev/rules.d && mount -t tmpfs none /lib/udev/rules.d && \
                          mkdir -p /run/udev/rules.d && mount -t tmpfs none /run/udev/rules.d && \
                          udevadm --debug test /sys/devices/virtual/block/loop0 2>&1";
    tool::run("unshare", |command| command.args(["--mount", "sh", "-c", SCRIPT]).arg(rules))
        .unwrap()
}

#[test]
fn udev_understands_every_line() {
    let directory = scratch::directory().unwrap();
    fs::copy(rule(), directory.path().join(NAME)).unwrap();
    let said = read_by_udev(directory.path());
    let about: Vec<_> = said.lines().filter(|line| line.contains(NAME)).collect();
    assert!(about.iter().any(|line| line.contains("Reading rules file")), "{said}");
    let complaints: Vec<_> = about.iter().filter(|line| !line.contains("Reading rules")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    // A rule with a mistake is complained of, so the silence means something.
    let text = fs::read_to_string(rule()).unwrap().replace("PROGRAM==", "PROGRAMME==");
    fs::write(directory.path().join(NAME), text).unwrap();
    assert!(read_by_udev(directory.path()).contains("PROGRAMME"), "nothing is ever complained of");
}

#[test]
fn it_comes_before_the_rule_that_opens_trays_and_names_programs_that_there_are() {
    assert!(NAME < "60-cdrom_id.rules");
    let text = fs::read_to_string(rule()).unwrap();
    for command in ["udev-release", "udev-defer", "udev-changed"] {
        assert!(text.contains(&format!("\"/usr/bin/isomirror {command} $devnode\"")), "{command}");
        let help = isomirror_tests::program::isomirror([command, "--help"]);
        assert_eq!(help.code, Some(0), "{help:?}");
    }
}
