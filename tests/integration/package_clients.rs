//! Package managers and installers take what they need from media, told by nothing but what the mirror serves.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    images::iso9660::xorriso,
    program::{Ended, command, run},
    scratch, tool,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// What the package of these tests installs.
const GREETING: &str = "hello from the medium\n";

const SPEC: &str = "Name: greeting\nVersion: 1.0\nRelease: 1\nSummary: A greeting\nLicense: MIT\n\
    BuildArch: noarch\n%description\nA greeting.\n%install\nmkdir -p %{buildroot}/usr/share/greeting\n\
    cp %{_topdir}/text %{buildroot}/usr/share/greeting/text\n%files\n/usr/share/greeting/text\n";

const CONTROL: &str = "Package: greeting\nVersion: 1.0\nArchitecture: all\n\
    Maintainer: Test <test@mirror.example>\nDescription: A greeting\n";

/// A directory in which a medium is made, and a client has all that it writes.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(scratch::directory().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A mirror of one medium, `MEDIUM`, made of the directory `tree`.
    fn mirror(&self) -> Daemon {
        let daemon = Daemon::start_with(DaemonOptions::default(), |images| {
            xorriso(&self.path("tree"), &images.join("a.iso"), &["-R", "-V", "MEDIUM"]);
            Ok(())
        });
        let daemon = daemon.unwrap();
        daemon.wait_for_serving(PATIENCE, &["MEDIUM"]).unwrap();
        daemon
    }

    /// Writes what `daemon` serves at `path`, once it knows what is on the medium, as the file `name`.
    fn fetched(&self, daemon: &Daemon, path: &str, name: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let response = daemon.http_get(path).unwrap();
            if response.status == 200 {
                self.file(name, &response.text());
                return response.text();
            }
            assert!(Instant::now() < deadline, "{path}: {}", response.status);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Builds a package for rpm in the medium's `Packages`.
    fn rpm(&self) -> PathBuf {
        let top = self.directory("rpmbuild");
        self.file("rpmbuild/text", GREETING);
        let spec = self.file("rpmbuild/greeting.spec", SPEC);
        let define = format!("_topdir {}", top.display());
        tool::run("rpmbuild", |it| it.args(["-bb", "--quiet", "--define", &define]).arg(spec))
            .unwrap();
        let package = self.directory("tree/Packages").join("greeting-1.0-1.noarch.rpm");
        fs::copy(top.join("RPMS/noarch/greeting-1.0-1.noarch.rpm"), &package).unwrap();
        package
    }

    /// Makes a key, puts it onto the medium, and signs `package` by it if asked to.
    fn key(&self, package: Option<&Path>) {
        let home = self.directory("gnupg");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        let gpg = |arguments: &[&str]| {
            tool::run("gpg", |it| it.env("GNUPGHOME", &home).args(["--batch"]).args(arguments))
                .unwrap()
        };
        let owner = "test@mirror.example";
        gpg(&["--passphrase", "", "--quick-generate-key", owner, "rsa2048", "sign"]);
        if let Some(package) = package {
            let (gpg, name) = ("__gpg /usr/bin/gpg", format!("_gpg_name {owner}"));
            let options = ["--define", gpg, "--define", &name, "--addsign"];
            tool::run("rpmsign", |it| it.env("GNUPGHOME", &home).args(options).arg(package))
                .unwrap();
        }
        self.file("tree/RPM-GPG-KEY-test", &gpg(&["--armor", "--export"]));
        tool::run("gpgconf", |it| it.env("GNUPGHOME", &home).args(["--kill", "all"])).unwrap();
    }

    /// Lets dnf install the package into a root of its own, from the repositories in `repos` alone.
    fn dnf(&self) -> Ended {
        let config = self.file("dnf/dnf.conf", "[main]\n");
        let mut dnf = client("dnf");
        dnf.args(["--assumeyes", "--noplugins", "--releasever=1", "--config"]).arg(config);
        dnf.arg("--installroot").arg(self.directory("root"));
        let repositories = format!("--setopt=reposdir={}", self.path("repos").display());
        dnf.arg(repositories);
        for option in ["cachedir", "logdir", "persistdir", "varsdir"] {
            let directory = self.directory(&format!("dnf/{option}"));
            dnf.arg(format!("--setopt={option}={}", directory.display()));
        }
        run(dnf.args(["install", "greeting"]))
    }
}

/// `program`, which speaks English and is asked nothing.
fn client(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
    command
}

#[test]
fn dnf_installs_what_the_mediums_own_key_signed() {
    let bench = Bench::new();
    bench.key(Some(&bench.rpm()));
    tool::run("createrepo_c", |it| it.arg("--quiet").arg(bench.path("tree"))).unwrap();
    let daemon = bench.mirror();
    let told = bench.fetched(&daemon, "/_/MEDIUM.repo", "repos/medium.repo");
    assert!(told.contains("\ngpgcheck=1\n"), "{told}");
    let ended = bench.dnf();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let installed = fs::read_to_string(bench.path("root/usr/share/greeting/text")).unwrap();
    assert_eq!(installed, GREETING);
}

#[test]
fn dnf_refuses_what_the_mediums_own_key_did_not_sign() {
    let bench = Bench::new();
    bench.rpm();
    bench.key(None);
    tool::run("createrepo_c", |it| it.arg("--quiet").arg(bench.path("tree"))).unwrap();
    let daemon = bench.mirror();
    bench.fetched(&daemon, "/_/MEDIUM.repo", "repos/medium.repo");
    let ended = bench.dnf();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.errors.contains("GPG check FAILED"), "{ended:?}");
    assert!(!bench.path("root/usr/share/greeting").exists());
}

#[test]
fn apt_takes_packages_from_the_pool() {
    let bench = Bench::new();
    bench.file("package/DEBIAN/control", CONTROL);
    bench.file("package/usr/share/greeting/text", GREETING);
    let package = bench.directory("tree/pool/main/g").join("greeting_1.0_all.deb");
    let source = bench.path("package");
    tool::run("dpkg-deb", |it| {
        it.args(["--root-owner-group", "--build"]).arg(source).arg(&package)
    })
    .unwrap();
    let tree = bench.path("tree");
    let archive = |arguments: &[&str]| {
        tool::run("apt-ftparchive", |it| it.current_dir(&tree).args(arguments)).unwrap()
    };
    bench.file("tree/dists/stable/main/binary-all/Packages", &archive(&["packages", "pool"]));
    let release: Vec<String> = ["Codename=stable", "Components=main", "Architectures=all"]
        .map(|field| format!("--option=APT::FTPArchive::Release::{field}"))
        .into();
    let mut arguments: Vec<&str> = release.iter().map(String::as_str).collect();
    arguments.extend(["release", "dists/stable"]);
    bench.file("tree/dists/stable/Release", &archive(&arguments));
    let daemon = bench.mirror();
    bench.fetched(&daemon, "/_/MEDIUM.sources", "sources/medium.sources");

    bench.directory("apt/lists/partial");
    bench.directory("apt/cache/archives/partial");
    bench.file("apt/status", "");
    let place = |name: &str| bench.path(name).display().to_string();
    let config = format!(
        "Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"{}\";\n\
         Dir::State::lists \"{}\";\nDir::State::status \"{}\";\nDir::Cache \"{}\";\n\
         APT::Sandbox::User \"root\";\n",
        place("sources"),
        place("apt/lists"),
        place("apt/status"),
        place("apt/cache"),
    );
    let config = bench.file("apt/apt.conf", &config);
    let taken = bench.directory("taken");
    for arguments in [&["--error-on=any", "update"][..], &["download", "greeting"]] {
        let ended = run(client("apt-get")
            .env("APT_CONFIG", &config)
            .current_dir(&taken)
            .arg("--quiet")
            .args(arguments));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let downloaded = fs::read(taken.join("greeting_1.0_all.deb")).unwrap();
    assert!(downloaded == fs::read(package).unwrap());
}

#[test]
fn virt_install_knows_an_installers_tree_by_its_url() {
    // osinfo-detect asks the library that virt-install asks.
    let bench = Bench::new();
    let treeinfo = "[general]\nfamily = Fedora\nversion = 37\narch = x86_64\nvariant = Server\n\
        [images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\n";
    bench.file("tree/.treeinfo", treeinfo);
    bench.file("tree/images/pxeboot/vmlinuz", "kernel");
    bench.file("tree/images/pxeboot/initrd.img", "initrd");
    let daemon = bench.mirror();
    for path in ["MEDIUM/", "_/MEDIUM/"] {
        let url = format!("http://127.0.0.1:{}/{path}", daemon.port());
        let ended = run(client("osinfo-detect").args(["--type=tree", &url]));
        let expected = "Tree is an installer for OS 'Fedora Server 37 (x86_64)'\n";
        assert_eq!((ended.code, ended.output.as_str()), (Some(0), expected), "{ended:?}");
    }
}

#[test]
fn a_disc_that_grub_made_boots_as_a_disc_and_by_its_efi_program() {
    let bench = Bench::new();
    bench.file("tree/boot/grub/grub.cfg", "set timeout=1\n");
    let program = bench.directory("tree/EFI/BOOT").join("BOOTX64.EFI");
    let image = ["-O", "x86_64-efi", "-p", "/boot/grub", "-o"];
    tool::run("grub-mkimage", |it| it.args(image).arg(program).args(["iso9660", "normal"]))
        .unwrap();
    let disc = bench.path("grub.iso");
    let label = ["--", "-volid", "GRUB"];
    tool::run("grub-mkrescue", |it| it.arg("-o").arg(&disc).arg(bench.path("tree")).args(label))
        .unwrap();
    let ended = run(command("isomirror", ["inspect", "--json"]).arg(disc));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told: Value = serde_json::from_str(&ended.output).unwrap();
    let expected = json!([
        {"mode": "sanboot", "firmware": "any", "kind": "sanboot"},
        {
            "mode": "efi-loader",
            "arch": "x86_64",
            "firmware": "efi",
            "kind": "program",
            "program": "EFI/BOOT/BOOTX64.EFI",
            "command_line": "",
        },
    ]);
    assert_eq!(told["detection"]["boot"], expected);
    assert_eq!(told["detection"]["system"], Value::Null);
}
