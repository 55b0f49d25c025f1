//! What is on real images is recognised through the real reader, and told by the daemon; hostile ones cost nothing.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror::boot_data::BootData;
use isomirror_core::{
    boot::{
        BootMode, Detection, GaveUp, Signatures, detect,
        metadata::wim,
        signature::{Expected, SampleMedium},
    },
    image::{Image, TreeFormat},
};
use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    images::iso9660::{bytes, genisoimage, xorriso},
    program::isomirror,
    scratch,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// Time that the look at a hostile image may take, on a busy machine and without optimisation.
const BOUND: Duration = Duration::from_secs(20);

/// A tree to make an image of.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        let directory = scratch::directory().unwrap();
        fs::create_dir(directory.path().join("tree")).unwrap();
        Self(directory)
    }

    fn root(&self) -> std::path::PathBuf {
        self.0.path().join("tree")
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let place = self.root().join(path);
        if path.ends_with('/') {
            return fs::create_dir_all(place).unwrap();
        }
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }

    fn image(&self, options: &[&str]) -> Image {
        open(&xorriso(&self.root(), &self.0.path().join("image.iso"), options))
    }
}

fn open(path: &Path) -> Image {
    Image::open(Arc::new(fs::read(path).unwrap())).unwrap()
}

fn signatures() -> Signatures {
    BootData::built_in().signatures
}

/// What is detected, which has to be within [`BOUND`].
fn detected(image: &Image) -> (Detection, Option<GaveUp>) {
    let start = Instant::now();
    let found = detect(image, &signatures(), &|| true);
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    found
}

fn lay_out(medium: &SampleMedium) -> Tree {
    let tree = Tree::new();
    for path in &medium.files {
        tree.put(path, "");
    }
    for (path, text) in &medium.content {
        tree.put(path, text);
    }
    for (path, xml) in &medium.wim {
        tree.put(path, wim::sample(xml));
    }
    tree
}

#[test]
fn every_example_of_every_family_is_recognised_on_an_image_of_it() {
    let signatures = signatures();
    let mut failures = Vec::new();
    let mut tried = 0;
    for (signature, _) in signatures.iter() {
        for medium in &signature.examples().media {
            let mut options = vec!["-R", "-J", "-joliet-long"];
            for (option, value) in [
                ("-V", &medium.label),
                ("-sysid", &medium.system),
                ("-publisher", &medium.publisher),
                ("-A", &medium.application),
            ] {
                options.extend(value.iter().flat_map(|value| [option, value.as_str()]));
            }
            let image = lay_out(medium).image(&options);
            let (detection, gave_up) = detect(&image, &signatures, &|| true);
            assert_eq!(gave_up, None);
            let differences = medium.expect.differences(signature.id(), &detection);
            failures
                .extend(differences.into_iter().map(|what| format!("{}: {what}", signature.id())));
            tried += 1;
        }
    }
    assert_eq!(failures, [""; 0]);
    assert!(tried >= 60, "only {tried} examples");
}

#[test]
fn windows_is_recognised_by_the_description_of_its_images_on_udf() {
    let tree = Tree::new();
    for path in ["bootmgr", "bootmgr.efi", "boot/bcd", "boot/boot.sdi", "sources/boot.wim"] {
        tree.put(path, "x");
    }
    let xml = "<WIM><IMAGE INDEX=\"1\"><WINDOWS><ARCH>9</ARCH><EDITIONID>ServerStandard</EDITIONID><VERSION>\
        <MAJOR>10</MAJOR><MINOR>0</MINOR><BUILD>20348</BUILD></VERSION></WINDOWS>\
        <NAME>Windows Server 2022 SERVERSTANDARD</NAME></IMAGE></WIM>";
    tree.put("sources/install.wim", wim::sample(xml));
    let image = tree.0.path().join("windows.iso");
    let image = open(&genisoimage(&tree.root(), &image, &["-udf", "-V", "SSS_X64FREE_EN-US_DV9"]));
    assert_eq!(image.volume().tree, TreeFormat::Udf);
    let expected = Expected {
        name: Some("Windows Server 2022 SERVERSTANDARD".to_owned()),
        version: Some("10.0.20348".to_owned()),
        arch: Some("x86_64".to_owned()),
        edition: Some("ServerStandard".to_owned()),
        obstacle: Some(true),
        ..Expected::default()
    };
    assert_eq!(expected.differences("windows", &detected(&image).0), [""; 0]);
}

#[test]
fn names_in_capitals_without_rock_ridge_are_found() {
    let tree = Tree::new();
    for path in ["B.B00", "MBOOT.C32", "EFI/BOOT/BOOTX64.EFI"] {
        tree.put(path, "x");
    }
    tree.put("BOOT.CFG", "title=Loading ESXi 7.0.3 installer\nkernel=/b.b00\n");
    let image = tree.0.path().join("esxi.iso");
    let image = open(&genisoimage(&tree.root(), &image, &["-V", "ESXI-7"]));
    let (detection, _) = detected(&image);
    let system = detection.system.unwrap();
    assert_eq!((system.family.as_str(), system.version.as_deref()), ("esxi", Some("7.0.3")));
}

#[test]
fn unknown_media_say_so_and_boot_as_their_catalogue_tells() {
    let tree = Tree::new();
    tree.put("boot.img", bytes(1, 2048));
    tree.put("data/a.txt", "a");
    tree.put("EFI/BOOT/BOOTAA64.EFI", "x");
    let options = ["-R", "-V", "DATA", "-b", "boot.img", "-no-emul-boot", "-boot-load-size", "4"];
    let (detection, gave_up) = detected(&tree.image(&options));
    assert_eq!((detection.system, gave_up), (None, None));
    let modes: Vec<_> = detection.boot.iter().map(|entry| entry.mode).collect();
    assert_eq!(modes, [BootMode::Sanboot, BootMode::EfiLoader]);
    assert_eq!(detection.boot[1].arch.as_deref(), Some("aarch64"));
    let other = Tree::new();
    other.put("a", "a");
    assert_eq!(detected(&other.image(&["-R"])).0, Detection::default());
}

#[test]
fn links_are_followed_within_the_tree_only_and_named_by_what_they_lead_to() {
    let tree = Tree::new();
    for path in [".disk/info", "install.amd/vmlinuz", "dists/bookworm/Release"] {
        tree.put(
            path,
            "Debian GNU/Linux 12 \"Bookworm\" - Official amd64 NETINST\nCodename: bookworm\n",
        );
    }
    symlink("bookworm", tree.root().join("dists/stable")).unwrap();
    symlink(".", tree.root().join("debian")).unwrap();
    let (detection, _) = detected(&tree.image(&["-R"]));
    let suites: Vec<_> = detection.repositories.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(suites, ["bookworm"], "a link is no second suite");
    assert_eq!(detection.system.unwrap().codename.as_deref(), Some("bookworm"));

    let outside = Tree::new();
    outside.put("boot/linux26", "x");
    outside.put("boot/initrd.img", "x");
    symlink("/etc/hostname", outside.root().join(".cd-info")).unwrap();
    let family = detected(&outside.image(&["-R"])).0.system.unwrap().family;
    assert_eq!(family, "linux", "and not Proxmox, whose file lies elsewhere");
}

#[test]
fn loops_of_links_are_nothing() {
    let tree = Tree::new();
    for (link, target) in [
        (".discinfo", ".discinfo"),
        (".treeinfo", "a"),
        ("a", "b"),
        ("b", ".treeinfo"),
        ("BaseOS", "."),
        ("live", "live/live"),
        ("EFI", "./EFI/BOOT"),
    ] {
        symlink(target, tree.root().join(link)).unwrap();
    }
    tree.put("repodata/repomd.xml", "x");
    let (detection, gave_up) = detected(&tree.image(&["-R"]));
    assert_eq!(gave_up, None);
    assert_eq!(detection.system.unwrap().family, "rpm-repository");
    let paths: Vec<_> = detection.repositories.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, [""], "`BaseOS` is the root itself");
}

#[test]
fn a_huge_treeinfo_is_read_at_its_beginning_only() {
    let tree = Tree::new();
    let mut text = b"[release]\nname = Huge\nversion = 1\n[tree]\narch = x86_64\n".to_vec();
    for index in 0..1_000_000 {
        text.extend(format!("[variant-{index}]\nrepository = r{index}\n").into_bytes());
    }
    tree.put(".treeinfo", text);
    tree.put(".discinfo", "1\nHuge 1\nx86_64\n");
    for path in
        ["BaseOS/repodata/repomd.xml", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"]
    {
        tree.put(path, "x");
    }
    let (detection, gave_up) = detected(&tree.image(&["-R"]));
    assert_eq!(gave_up, None);
    let system = detection.system.unwrap();
    assert_eq!((system.name.as_str(), system.version.as_deref()), ("Huge", Some("1")));
    assert_eq!(detection.repositories.len(), 1);
}

#[test]
fn ten_thousand_files_and_directories_are_looked_over_in_time() {
    let tree = Tree::new();
    for index in 0..5000 {
        tree.put(&format!("file{index:05}"), "");
        tree.put(&format!("dir{index:05}/boot/"), "");
    }
    tree.put("zz/boot/x86_64/vmlinuz-linux", "");
    let (detection, gave_up) = detected(&tree.image(&["-R"]));
    assert_eq!((detection.system, gave_up), (None, None));
}

#[test]
fn garbage_in_every_file_makes_no_trouble_and_no_control_characters() {
    let tree = Tree::new();
    let noise = |seed| {
        let mut noise = bytes(seed, 70_000);
        noise.extend(b"\n\x1b]0;owned\x07\n");
        noise
    };
    let files = [
        ".discinfo",
        ".treeinfo",
        "media.repo",
        ".disk/info",
        "media.1/products",
        "content",
        "arch/version",
        ".alpine-release",
        "bin/freebsd-version",
        "boot.cfg",
        "b.b00",
        "mboot.c32",
        "vmware-esx-base-osl.txt",
        "sources/install.wim",
        "sources/boot.wim",
        "bootmgr",
        "dists/x/Release",
        "BaseOS/repodata/repomd.xml",
        "images/pxeboot/vmlinuz",
        ".cd-info",
    ];
    for (seed, file) in files.into_iter().enumerate() {
        tree.put(file, noise(seed as u64));
    }
    let (detection, gave_up) = detected(&tree.image(&["-R"]));
    assert_eq!(gave_up, None);
    assert_eq!(detection.system.as_ref().unwrap().family, "esxi");
    let told = serde_json::to_value(&detection).unwrap();
    assert!(!holds_control_characters(&told), "{told:#}");
}

fn holds_control_characters(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(char::is_control),
        Value::Array(values) => values.iter().any(holds_control_characters),
        Value::Object(values) => values.values().any(holds_control_characters),
        _ => false,
    }
}

#[test]
fn cut_and_damaged_images_give_what_can_be_known_or_nothing() {
    let tree = Tree::new();
    for path in
        ["BaseOS/repodata/repomd.xml", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"]
    {
        tree.put(path, bytes(3, 10_000));
    }
    tree.put(".discinfo", "1\nRocky Linux 9.6\nx86_64\n");
    let whole = fs::read(xorriso(&tree.root(), &tree.0.path().join("whole.iso"), &["-R"])).unwrap();
    for seed in 0..60_u64 {
        let mut damaged = whole.clone();
        for (index, noise) in bytes(seed, 64).chunks(2).enumerate() {
            // Behind the descriptors, where directories and files lie.
            let at = 18 * 2048 + (usize::from(noise[0]) * 256 + usize::from(noise[1])) % 20_000;
            damaged[at] = damaged[at].wrapping_add(u8::try_from(index).unwrap() | 1);
        }
        if seed % 3 == 0 {
            damaged.truncate(whole.len() / 2);
        }
        if let Ok(image) = Image::open(Arc::new(damaged)) {
            let (detection, _) = detected(&image);
            let told = serde_json::to_value(&detection).unwrap();
            assert!(!holds_control_characters(&told), "{seed}: {told:#}");
        }
    }
}

#[test]
fn nothing_is_detected_once_there_is_no_time() {
    let tree = Tree::new();
    tree.put(".discinfo", "1\nRocky Linux 9.6\nx86_64\n");
    tree.put("BaseOS/repodata/repomd.xml", "x");
    tree.put("boot.img", bytes(1, 2048));
    let image = tree.image(&["-R", "-b", "boot.img", "-no-emul-boot", "-boot-load-size", "4"]);
    let left = std::cell::Cell::new(20);
    let has_time = || left.replace(left.get() - 1) > 0;
    let (detection, gave_up) = detect(&image, &signatures(), &has_time);
    assert_eq!((detection.system, gave_up), (None, Some(GaveUp::Time)));
    assert_eq!(detection.boot.len(), 1, "the boot catalogue is known");
}

/// An image in the images of a daemon.
fn rocky(images: &Path) -> std::io::Result<()> {
    let tree = Tree::new();
    for path in
        ["BaseOS/repodata/repomd.xml", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"]
    {
        tree.put(path, "x");
    }
    tree.put(".discinfo", "1\nRocky Linux 9.6\nx86_64\n");
    let beside = images.parent().unwrap().join("beside.iso");
    xorriso(&tree.root(), &beside, &["-R", "-V", "ROCKY"]);
    fs::rename(beside, images.join("some-debian.iso"))
}

#[test]
fn the_daemon_tells_what_is_on_its_media_to_the_host_and_to_everyone() {
    let daemon = Daemon::start_with(DaemonOptions::default(), rocky).unwrap();
    let state = daemon
        .wait_for_state(PATIENCE, |state| state["media"][0]["system"]["name"] == "Rocky Linux")
        .unwrap();
    let medium = &state["media"][0];
    assert_eq!(medium["system"]["family"], "enterprise-linux", "the file's name tells nothing");
    assert_eq!(medium["boot"][0]["mode"], "http-tree");
    assert_eq!(medium["boot"][0]["kernel"], "images/pxeboot/vmlinuz");
    assert_eq!(medium["repositories"][0]["path"], "BaseOS");
    let public = daemon.http_get("/index.json").unwrap();
    let public: Value = serde_json::from_slice(&public.body).unwrap();
    for field in ["system", "boot", "repositories"] {
        assert_eq!(public["media"][0][field], medium[field], "{field}");
    }
}

#[test]
fn signatures_of_the_user_hold_at_a_reload_and_a_bad_file_is_a_problem_of_the_host() {
    let directory = scratch::directory().unwrap();
    let own = directory.path().join("boot.d");
    fs::create_dir(&own).unwrap();
    let directories = format!("/nonexistent:{}", own.display());
    let environment = vec![("ISOMIRROR_BOOT_DIRECTORIES".into(), directories.into())];
    let options = DaemonOptions { environment, ..DaemonOptions::default() };
    let daemon = Daemon::start_with(options, rocky).unwrap();
    let family = |state: &Value| state["media"][0]["system"]["family"].clone();
    daemon.wait_for_state(PATIENCE, |state| family(state) == "enterprise-linux").unwrap();
    fs::write(
        own.join("05-mine.yaml"),
        "schema: 1\nsignatures:\n  - id: mine\n    name: Mine\n    when: {all: .discinfo}\n",
    )
    .unwrap();
    fs::write(own.join("06-bad.yaml"), "schema: 1\nsignatures:\n  - id: bad\n").unwrap();
    daemon.signal(rustix::process::Signal::HUP).unwrap();
    let state = daemon.wait_for_state(PATIENCE, |state| family(state) == "mine").unwrap();
    let problem = state["problems"][0].as_str().unwrap();
    let expected =
        format!("{}:3:5: signatures[0]: missing field `name`", own.join("06-bad.yaml").display());
    assert!(problem.starts_with(&expected), "{problem}");
    let public = daemon.http_get("/index.json").unwrap();
    let public: Value = serde_json::from_slice(&public.body).unwrap();
    assert_eq!(public.get("problems"), None);
    fs::remove_file(own.join("06-bad.yaml")).unwrap();
    fs::remove_file(own.join("05-mine.yaml")).unwrap();
    daemon.signal(rustix::process::Signal::HUP).unwrap();
    daemon
        .wait_for_state(PATIENCE, |state| {
            family(state) == "enterprise-linux" && state.get("problems").is_none()
        })
        .unwrap();
}

#[test]
fn inspect_tells_the_system_and_why() {
    let directory = scratch::directory().unwrap();
    let images = directory.path().join("images");
    fs::create_dir(&images).unwrap();
    rocky(&images).unwrap();
    let image = images.join("some-debian.iso");
    let told = isomirror(["inspect", "--json", image.to_str().unwrap()]);
    assert_eq!((told.code, told.errors.as_str()), (Some(0), ""));
    let told: Value = serde_json::from_str(&told.output).unwrap();
    let system = json!({"family": "enterprise-linux", "name": "Rocky Linux", "version": "9.6", "arch": "x86_64"});
    assert_eq!(told["detection"]["system"], system);
    assert_eq!(told.get("why"), None);
    let told = isomirror(["inspect", "--json", "--why", image.to_str().unwrap()]);
    let told: Value = serde_json::from_str(&told.output).unwrap();
    let tried = told["why"]["signatures"].as_array().unwrap();
    assert_eq!(tried.len(), signatures().iter().len());
    let of = |id: &str| tried.iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(
        of("proxmox"),
        &json!({"id": "proxmox", "file": "10-hypervisors.yaml", "matches": false, "holds": false,
            "failed_on": "there is no `.cd-info`"})
    );
    assert_eq!(of("enterprise-linux")["holds"], true);
    assert_eq!((&of("linux")["matches"], &of("linux")["holds"]), (&json!(true), &json!(false)));
    let text = isomirror(["inspect", "--why", image.to_str().unwrap()]).output;
    for line in [
        "Detected      Rocky Linux 9.6, x86_64, by the signature enterprise-linux\n",
        "Boots by      text on x86_64, BIOS or EFI: images/pxeboot/vmlinuz + images/pxeboot/initrd.img: ip=dhcp inst.repo=${tree} inst.text\n",
        "Repository    BaseOS: rpm in /BaseOS\n",
        "Why           enterprise-linux (50-red-hat.yaml): yes\n",
        "Why           fedora (50-red-hat.yaml): no: the label `ROCKY` does not match `^Fedora-`\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let unknown = Tree::new();
    unknown.put("a", "a");
    xorriso(&unknown.root(), &image, &["-R"]);
    let text = isomirror(["inspect", image.to_str().unwrap()]).output;
    assert!(text.contains("Detected      unknown\n"), "{text}");
}
