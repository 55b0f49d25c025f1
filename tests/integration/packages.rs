//! The packages hold what packaging/files.list lists, as it lists it, and those who look after distributions have nothing
//! to complain of.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use isomirror_tests::{
    binaries,
    packages::{self, checkout},
    tool,
};

/// A file that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    kind: String,
    mode: String,
    from: String,
}

/// Files by their paths, as `install.sh --list` tells them.
fn listed(arguments: &[&str]) -> BTreeMap<String, Listed> {
    let script = checkout().join("packaging/install.sh");
    let text =
        tool::run(script.to_str().unwrap(), |list| list.arg("--list").args(arguments)).unwrap();
    let mut files = BTreeMap::new();
    for line in text.lines() {
        let [kind, mode, to, from] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let file = Listed { kind: kind.into(), mode: mode.into(), from: from.into() };
        assert_eq!(files.insert(to.to_owned(), file), None, "{to} is listed twice");
    }
    files
}

/// What a package has at a path: its mode in octal digits, `-` for links, and whether the administrator's changes stay.
type Contents = BTreeMap<String, (String, bool)>;

/// What a package is to have.
fn expected(files: &BTreeMap<String, Listed>) -> Contents {
    files
        .iter()
        .map(|(path, file)| (path.clone(), (file.mode.clone(), file.kind == "config")))
        .collect()
}

/// What is below `root`, without directories that others have too.
fn tree(root: &Path, files: &BTreeMap<String, Listed>) -> Contents {
    fn walk(root: &Path, directory: &Path, files: &BTreeMap<String, Listed>, found: &mut Contents) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let installed = format!("/{}", path.strip_prefix(root).unwrap().display());
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_dir() {
                walk(root, &path, files, found);
                if !files.contains_key(&installed) {
                    continue;
                }
            }
            let mode = format!("{:04o}", metadata.permissions().mode() & 0o7777);
            let mode = if metadata.is_symlink() { "-".to_owned() } else { mode };
            let is_config = files.get(&installed).is_some_and(|file| file.kind == "config");
            found.insert(installed, (mode, is_config));
        }
    }
    let mut found = Contents::new();
    walk(root, root, files, &mut found);
    found
}

#[test]
fn everything_that_is_shipped_is_listed_and_everything_that_is_listed_is_there() {
    let files = listed(&["BINARIES=/nowhere"]);
    let sources: BTreeSet<_> = files.values().map(|file| file.from.as_str()).collect();
    for source in sources.iter().filter(|source| !source.starts_with('/') && **source != "-") {
        assert!(checkout().join(source).is_file(), "{source}");
    }
    let mut forgotten = Vec::new();
    for directory in [
        "config",
        "config/boot.d",
        "config/catalog.d",
        "config/catalog.d/keys",
        "config/guides",
        "systemd",
        "udev-rules",
        "autofs",
        "packaging/man",
        "packaging/completions",
        "packaging/systemd",
    ] {
        for entry in fs::read_dir(checkout().join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let source = path.strip_prefix(checkout()).unwrap().to_str().unwrap().to_owned();
            if path.is_file() && !sources.contains(source.as_str()) {
                forgotten.push(source);
            }
        }
    }
    assert_eq!(forgotten, [""; 0], "not in packaging/files.list");
}

#[test]
fn install_sh_installs_what_is_listed_and_takes_it_away_again() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let files = listed(&[]);
    packages::install(root).unwrap();
    assert_eq!(tree(root, &files), expected(&files));
    for (path, file) in files.iter().filter(|(_, file)| !file.from.starts_with(['-', '/'])) {
        let (ours, installed) = (checkout().join(&file.from), root.join(&path[1..]));
        if file.kind != "program" {
            assert!(fs::read(ours).unwrap() == fs::read(installed).unwrap(), "{path}");
        }
    }
    let helper = root.join("usr/sbin/mount.isomirror");
    assert_eq!(fs::canonicalize(&helper).unwrap(), root.join("usr/bin/isomirror"));
    // A configuration that was edited stays, over another installation and to the end.
    let config = root.join("etc/isomirror/isomirror.yaml");
    fs::write(&config, "webroot: /srv/mine\n").unwrap();
    packages::install(root).unwrap();
    assert_eq!(fs::read_to_string(&config).unwrap(), "webroot: /srv/mine\n");
    assert!(config.with_extension("yaml.new").exists());
    let script = checkout().join("packaging/install.sh");
    let destdir = format!("DESTDIR={}", root.display());
    tool::run(script.to_str().unwrap(), |remove| remove.args(["--uninstall", &destdir])).unwrap();
    let left: Vec<_> = tree(root, &files).into_keys().collect();
    assert_eq!(left, ["/etc/isomirror", "/etc/isomirror/isomirror.yaml"]);
}

/// Runs `install.sh` with these variables and arguments; its exit code, and what it complained of.
fn try_to_install(variables: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let programs = binaries::path("isomirrord").unwrap();
    let output = Command::new(checkout().join("packaging/install.sh"))
        .env("BINARIES", programs.parent().unwrap())
        .envs(variables.iter().copied())
        .args(arguments)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn install_sh_takes_variables_of_the_environment_as_make_does() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("with a space");
    let done = try_to_install(&[("DESTDIR", root.to_str().unwrap())], &[]);
    assert_eq!(done, (Some(0), String::new()));
    let files = listed(&[]);
    assert_eq!(tree(&root, &files), expected(&files));
}

#[test]
fn install_sh_says_what_it_cannot_do_and_does_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    let variables = [("DESTDIR", root.to_str().unwrap())];
    for (arguments, complaint) in [
        (&["PREFIX=/opt/iso mirror"][..], "`/opt/iso mirror/` has a character"),
        (&["PREFIX=/opt/a&b|c"], "`/opt/a&b|c/` has a character"),
        (&["PREFIX=usr"], "`usr/` does not begin with /"),
        (&["--list", "--uninstall"], "one of --list and --uninstall at a time"),
        (&["--destdir=/tmp"], "unknown argument `--destdir=/tmp`"),
    ] {
        let (status, said) = try_to_install(&variables, arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {said}");
        assert!(said.lines().last().unwrap().contains(complaint), "{arguments:?}: {said}");
    }
    let (status, said) = try_to_install(&variables, &["BINARIES=/nowhere"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("there is no /nowhere/isomirrord"), "{said}");
    assert!(!root.exists());
}

#[test]
fn install_sh_finds_the_checkout_from_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    symlink(checkout().join("packaging/install.sh"), &link).unwrap();
    let told = tool::run(link.to_str().unwrap(), |list| list.arg("--list").current_dir("/"));
    assert!(told.unwrap().contains("\nconfig 0644 /etc/isomirror/isomirror.yaml "));
}

#[test]
fn a_release_is_built_without_the_tests_and_what_they_need() {
    let said = tool::run("cargo", |cargo| {
        let options = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
        cargo.args(options).current_dir(checkout())
    });
    let told: serde_json::Value = serde_json::from_str(&said.unwrap()).unwrap();
    let built = told["workspace_default_members"].as_array().unwrap();
    assert!(built.len() == 1 && built[0].as_str().unwrap().contains("/daemon#"), "{built:?}");
}

#[test]
fn no_upgrade_closes_the_port() {
    for script in ["debian/postinst", "rpm/isomirror.spec", "arch/isomirror.install"] {
        let text = fs::read_to_string(checkout().join("packaging").join(script)).unwrap();
        // The socket is part of isomirrord.service, and restarted with it otherwise.
        let restarts: Vec<_> = text.lines().filter(|line| line.contains(" try-restart ")).collect();
        assert_eq!(restarts.len(), 1, "{script}: {restarts:?}");
        assert!(restarts[0].contains("--job-mode=ignore-dependencies"), "{script}: {restarts:?}");
    }
}

#[test]
fn another_prefix_is_where_units_and_rules_look_for_programs() {
    let directory = tempfile::tempdir().unwrap();
    let script = checkout().join("packaging/install.sh");
    let programs = binaries::path("isomirrord").unwrap();
    tool::run(script.to_str().unwrap(), |install| {
        install.arg(format!("DESTDIR={}", directory.path().display()));
        install.arg(format!("BINARIES={}", programs.parent().unwrap().display()));
        install.arg("PREFIX=/usr/local")
    })
    .unwrap();
    let read = |path: &str| fs::read_to_string(directory.path().join(path)).unwrap();
    let unit = read("usr/local/lib/systemd/system/isomirrord.service");
    assert!(unit.contains("ExecStart=/usr/local/bin/isomirrord"), "{unit}");
    let rules = read("usr/local/lib/udev/rules.d/59-isomirror.rules");
    assert!(rules.contains("/usr/local/bin/isomirror udev-release"), "{rules}");
    assert!(!rules.contains("/usr/bin/"), "{rules}");
    let helper = directory.path().join("usr/sbin/mount.isomirror");
    assert_eq!(fs::read_link(helper).unwrap(), Path::new("../local/bin/isomirror"));
}

#[test]
fn the_debian_package_has_what_is_listed_and_lintian_finds_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let package = packages::deb(directory.path(), 1).unwrap();
    let again = packages::deb(&directory.path().join("again"), 1).unwrap();
    assert!(fs::read(again).unwrap() == fs::read(&package).unwrap(), "the same, byte for byte");
    let files = listed(&["ZSHDIR=/usr/share/zsh/vendor-completions"]);
    let root = directory.path().join("root");
    let control = directory.path().join("control");
    tool::run("dpkg-deb", |deb| deb.arg("--extract").arg(&package).arg(&root)).unwrap();
    tool::run("dpkg-deb", |deb| deb.arg("--control").arg(&package).arg(&control)).unwrap();
    let conffiles = fs::read_to_string(control.join("conffiles")).unwrap();
    assert_eq!(conffiles, "/etc/isomirror/isomirror.yaml\n");
    let mut wanted = expected(&files);
    wanted.retain(|path, _| !path.starts_with("/usr/share/licenses"));
    let doc = "/usr/share/doc/isomirror";
    wanted.remove(&format!("{doc}/CHANGELOG.md"));
    for file in [
        "/usr/share/doc/isomirror/changelog.gz",
        "/usr/share/doc/isomirror/changelog.Debian.gz",
        "/usr/share/doc/isomirror/copyright",
        "/usr/share/lintian/overrides/isomirror",
    ] {
        wanted.insert(file.to_owned(), ("0644".to_owned(), false));
    }
    assert_eq!(tree(&root, &files), compressed_manuals(&wanted, &files));
    for owner in [&root, &root.join("usr/bin/isomirror")] {
        let metadata = fs::metadata(owner).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (0, 0), "{}", owner.display());
    }
    // Debian 12 has libc6 2.36, Ubuntu 24.04 2.39.
    let needs = tool::run("dpkg-deb", |deb| deb.arg("--field").arg(&package).arg("Depends"));
    let needs = needs.unwrap();
    assert!(needs.contains("libudev1 (>= 183)") && needs.contains("libgcc-s1"), "{needs}");
    // Units are reloaded by /bin/kill, which a small Debian does not have.
    assert!(needs.contains("procps"), "{needs}");
    let libc = needs.split("libc6 (>= 2.").nth(1).unwrap().split(')').next().unwrap();
    assert!(libc.parse::<u32>().unwrap() <= 36, "{needs}");
    let said = Command::new("lintian")
        .args(["--allow-root", "--fail-on", "error,warning"])
        .arg(&package)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{told}{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(told, "");
}

/// Manuals have `.gz` in packages.
fn compressed_manuals(wanted: &Contents, files: &BTreeMap<String, Listed>) -> Contents {
    let name = |path: &String| {
        let is_manual = files.get(path).is_some_and(|file| file.kind == "man");
        if is_manual { format!("{path}.gz") } else { path.clone() }
    };
    wanted.iter().map(|(path, what)| (name(path), what.clone())).collect()
}

#[test]
fn the_rpm_has_what_is_listed_and_rpmlint_finds_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let built = packages::rpms_with_selinux(directory.path()).unwrap();
    let [package, selinux] = &built[..] else { panic!("{built:?}") };
    let again = packages::rpms_with_selinux(&directory.path().join("again")).unwrap();
    for (first, second) in built.iter().zip(&again) {
        let is_same = fs::read(first).unwrap() == fs::read(second).unwrap();
        assert!(is_same, "{} is the same, byte for byte", first.display());
    }
    let query = |package: &Path, arguments: &[&str]| {
        tool::run("rpm", |rpm| rpm.args(["--query", "--package"]).args(arguments).arg(package))
            .unwrap()
    };
    let format =
        "[%{FILENAMES} %{FILEMODES:octal} %{FILEFLAGS:fflags}- %{FILEUSERNAME}:%{FILEGROUPNAME}\n]";
    let mut found = Contents::new();
    for line in query(package, &["--queryformat", format]).lines() {
        let [path, mode, flags, "root:root"] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let mode = u32::from_str_radix(mode, 8).unwrap();
        let is_link = mode & 0o170_000 == 0o120_000;
        let mode = if is_link { "-".to_owned() } else { format!("{:04o}", mode & 0o7777) };
        // c: configuration, n: noreplace.
        found.insert(path.to_owned(), (mode, flags.contains('c') && flags.contains('n')));
    }
    let files = listed(&[]);
    assert_eq!(found, compressed_manuals(&expected(&files), &files));
    // Rocky Linux 9 has glibc 2.34.
    let needs = query(package, &["--requires"]);
    assert!(needs.contains("systemd >= 252") && needs.contains("libudev.so.1"), "{needs}");
    let libc = needs
        .lines()
        .filter_map(|line| line.strip_prefix("libc.so.6(GLIBC_2.")?.split(['.', ')']).next());
    assert!(libc.map(|minor| minor.parse::<u32>().unwrap()).max().unwrap() <= 34, "{needs}");
    let modules = query(selinux, &["--list"]);
    assert!(modules.contains("/usr/share/selinux/packages/targeted/isomirror.pp\n"), "{modules}");
    let spec = checkout().join("packaging/rpm/isomirror.spec");
    let said = Command::new("rpmlint")
        .arg("--config")
        .arg(checkout().join("packaging/rpm/rpmlint.toml"))
        .args([package.as_path(), selinux, &spec])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success() && told.contains(" 0 errors"), "{told}");
}

#[test]
fn the_pkgbuild_packs_what_is_listed() {
    const SCRIPT: &str = "set -eu; source packaging/arch/PKGBUILD; cd \"$WORK\"; pkgdir=$WORK/package; package; \
                          printf '%s\\n' \"${backup[@]}\"";
    let directory = tempfile::tempdir().unwrap();
    let work = directory.path();
    symlink(checkout(), work.join(format!("isomirror-{}", env!("CARGO_PKG_VERSION")))).unwrap();
    fs::create_dir(work.join("target")).unwrap();
    let programs = binaries::path("isomirrord").unwrap();
    symlink(programs.parent().unwrap(), work.join("target/release")).unwrap();
    let backup = tool::run("bash", |bash| {
        bash.args(["-c", SCRIPT]).current_dir(checkout()).env("WORK", work);
        bash.env("CARGO_TARGET_DIR", work.join("target"))
    })
    .unwrap();
    let files = listed(&["SBINDIR=/usr/bin"]);
    assert_eq!(tree(&work.join("package"), &files), expected(&files));
    let kept = files.iter().filter(|(_, file)| file.kind == "config").map(|(path, _)| &path[1..]);
    assert_eq!(backup.lines().collect::<Vec<_>>(), kept.collect::<Vec<_>>());
}

#[test]
fn all_packages_are_of_the_version_that_the_programs_have() {
    let read = |path: &str| fs::read_to_string(checkout().join(path)).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let changelog = read("packaging/debian/changelog");
    assert!(changelog.starts_with(&format!("isomirror ({version}-")), "{changelog}");
    let has_line = |path: &str, line: &str| {
        let text = read(path);
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.lines().any(|it| words(it) == line), "`{line}` in {path}");
    };
    has_line("packaging/rpm/isomirror.spec", &format!("Version: {version}"));
    has_line("packaging/arch/PKGBUILD", &format!("pkgver={version}"));
    let spec = read("packaging/rpm/isomirror.spec");
    let entry = spec.split("%changelog\n* ").nth(1).unwrap().lines().next().unwrap();
    assert!(entry.ends_with(&format!(" - {version}-1")), "{entry}");
    // What is released has a heading; before the first release there is only what is unreleased.
    let headings = read("CHANGELOG.md");
    let mut headings = headings.lines().filter_map(|line| line.strip_prefix("## ["));
    let released = headings.find(|heading| !heading.starts_with("Unreleased]"));
    if let Some(released) = released {
        assert!(released.starts_with(&format!("{version}]")), "{released}");
    }
}

#[test]
fn the_scripts_of_packages_are_sound() {
    let packaging = checkout().join("packaging");
    tool::run("shellcheck", |check| {
        check.args(["debian/postinst", "debian/prerm", "debian/postrm"]).current_dir(&packaging)
    })
    .unwrap();
    // Variables that makepkg sets or reads, and `cd` without a way out, which makepkg has.
    let known = ["--shell=bash", "--exclude=SC2034,SC2154,SC2164"];
    tool::run("shellcheck", |check| {
        check.args(known).args(["arch/PKGBUILD", "arch/isomirror.install"]).current_dir(&packaging)
    })
    .unwrap();
}

#[test]
fn users_and_directories_are_understood_by_systemd() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    packages::install(root).unwrap();
    let option = format!("--root={}", root.display());
    tool::run("systemd-sysusers", |users| users.arg(&option)).unwrap();
    let passwd = fs::read_to_string(root.join("etc/passwd")).unwrap();
    let group = fs::read_to_string(root.join("etc/group")).unwrap();
    for user in ["isomirror", "isomirror-serve"] {
        assert!(passwd.lines().any(|line| line.starts_with(&format!("{user}:"))), "{passwd}");
        assert!(group.lines().any(|line| line.starts_with(&format!("{user}:"))), "{group}");
    }
    tool::run("systemd-tmpfiles", |files| files.args(["--create", &option])).unwrap();
    for place in ["srv/isomirror", "var/lib/isomirror/images"] {
        assert_eq!(fs::metadata(root.join(place)).unwrap().permissions().mode() & 0o7777, 0o755);
    }
    assert_ne!(fs::metadata(root.join("var/lib/isomirror/images")).unwrap().uid(), 0);
    let preset = fs::read_to_string(checkout().join("packaging/systemd/isomirror.preset")).unwrap();
    for unit in fs::read_dir(checkout().join("systemd")).unwrap().map(Result::unwrap) {
        let is_enabled = fs::read_to_string(unit.path()).unwrap().contains("\n[Install]\n");
        let line = format!("enable {}", unit.file_name().display());
        assert_eq!(preset.lines().any(|it| it == line), is_enabled, "{line}: {preset}");
    }
}
