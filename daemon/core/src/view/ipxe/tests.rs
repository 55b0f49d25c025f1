//! What scripts are, and that no text of a medium makes one another.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{BootViews, boot_menu, medium_script};
use crate::{
    boot::{BootAction, BootEntry, BootMode, Detection, Firmware, Initrd, System},
    config::{BootConfig, Resource},
    generated::Generated,
    name::sanitise,
    state::{MediumState, StateDocument},
    view::{MirrorUrl, document::tests::medium},
};

fn mirror() -> MirrorUrl {
    MirrorUrl::of_host(&crate::http::Host::parse(b"mirror:8080").unwrap())
}

fn kernel(mode: BootMode, command_line: &str) -> BootEntry {
    BootEntry {
        mode,
        arch: Some("x86_64".into()),
        firmware: Firmware::Any,
        action: BootAction::Kernel {
            kernel: "images/pxe boot/vmlinuz".into(),
            initrds: vec![Initrd { file: "images/initrd.img".into(), name: None }],
            command_line: command_line.into(),
        },
    }
}

fn sanboot() -> BootEntry {
    BootEntry {
        mode: BootMode::Sanboot,
        arch: None,
        firmware: Firmware::Bios,
        action: BootAction::Sanboot,
    }
}

fn with(name: &str, system: Option<(&str, &str)>, boot: Vec<BootEntry>) -> MediumState {
    let system = system.map(|(name, version)| System {
        family: "rhel".into(),
        name: name.into(),
        version: Some(version.into()),
        arch: Some("x86_64".into()),
        ..System::default()
    });
    MediumState { detection: Detection { system, boot, ..Detection::default() }, ..medium(name) }
}

fn rocky() -> MediumState {
    let boot = vec![
        kernel(BootMode::HttpTree, "ip=dhcp inst.repo=${tree}"),
        kernel(BootMode::Unattended, "ip=dhcp inst.repo=${tree} inst.ks=${answers}"),
        sanboot(),
    ];
    with("Rocky 9", Some(("Rocky Linux", "9.6")), boot)
}

struct Scene {
    document: StateDocument,
    settings: BootConfig,
    mirror: Option<MirrorUrl>,
}

impl Scene {
    fn of(media: Vec<MediumState>) -> Self {
        let document = StateDocument { media, ..StateDocument::default() };
        Self { document, settings: BootConfig::default(), mirror: Some(mirror()) }
    }

    fn with_views<T>(&self, render: impl FnOnce(&BootViews<'_>) -> T) -> T {
        let generated = Generated::default();
        render(&BootViews {
            document: &self.document,
            settings: &self.settings,
            mirror: self.mirror.as_ref(),
            fetchable: &self.document.media.iter().map(|m| (&m.name, &generated)).collect(),
        })
    }

    fn menu(&self) -> String {
        self.with_views(boot_menu)
    }

    fn script(&self, name: &str) -> String {
        self.with_views(|views| medium_script(views, name)).unwrap()
    }
}

fn resource(text: &str) -> Resource {
    Resource::try_from(text.to_owned()).unwrap()
}

#[test]
fn the_menu_groups_media_and_begins_with_the_newest() {
    let media = vec![
        with("Data", None, Vec::new()),
        with("Old", Some(("Rocky Linux", "9.6")), vec![sanboot()]),
        with("New", Some(("Rocky Linux", "9.10")), vec![kernel(BootMode::HttpTree, "a")]),
        with("Deb", Some(("Debian GNU/Linux", "12.5.0")), vec![kernel(BootMode::HttpTree, "a")]),
    ];
    let mut scene = Scene::of(media);
    scene.settings.default = sanitise("New");
    insta::assert_snapshot!(scene.menu());
}

#[test]
fn a_medium_offers_what_its_machine_can_use() {
    let mut scene = Scene::of(vec![rocky()]);
    scene.settings.answers = [("rhel".to_owned(), resource("/answers/a.ks?x=1"))].into();
    scene.settings.timeout = None;
    insta::assert_snapshot!(scene.script("Rocky_9"));
}

#[test]
fn without_an_address_a_script_finds_out_its_own() {
    let mut scene = Scene::of(vec![rocky()]);
    scene.mirror = None;
    insta::assert_snapshot!(scene.script("Rocky_9"));
    assert!(scene.menu().contains("set isomirror ${cwduri}. ||\n"));
    // What needs the address in parts cannot be offered then.
    let scene = Scene { document: Scene::of(vec![by_host()]).document, ..scene };
    assert!(
        scene.script("Mageia").contains("item --gap -- iPXE cannot pass on its command line\n")
    );
    assert!(
        Scene::of(vec![by_host()]).script("Mageia").contains(" server:mirror:8080,dir:/Mageia")
    );
}

fn by_host() -> MediumState {
    with("Mageia", None, vec![kernel(BootMode::HttpTree, "server:${host},dir:/${path}")])
}

fn lines_of(action: BootAction, settings: BootConfig) -> Vec<String> {
    let entry = BootEntry { action, arch: None, ..sanboot() };
    let scene = Scene { settings, ..Scene::of(vec![with("A", None, vec![entry])]) };
    let script = scene.script("A");
    let from = script.lines().skip_while(|line| *line != ":entry0").skip(2);
    from.take_while(|line| *line != ":failed").map(str::to_owned).collect()
}

fn pair(path: &str, words: &str) -> (String, String) {
    (path.to_owned(), words.to_owned())
}

fn initrd(file: &str, name: Option<&str>) -> Initrd {
    Initrd { file: file.to_owned(), name: name.map(str::to_owned) }
}

fn linux(initrds: Vec<Initrd>, command_line: &str) -> BootAction {
    BootAction::Kernel { kernel: "k".into(), initrds, command_line: command_line.into() }
}

#[test]
fn kernels_get_their_files_in_order_and_under_their_names() {
    let proxmox = vec![initrd("initrd.img", None), initrd("${iso}", Some("/proxmox.iso"))];
    for (action, expected) in [
        (
            linux(proxmox, "quiet"),
            &[
                "kernel http://mirror:8080/A/k initrd=initrd.magic quiet || goto failed",
                "initrd --name initrd.img http://mirror:8080/A/initrd.img || goto failed",
                "initrd --name initrd2.img http://mirror:8080/_/A.iso /proxmox.iso || goto failed",
                "boot || goto failed",
            ],
        ),
        (
            linux(vec![initrd("a", None), initrd("b", None)], ""),
            &[
                "kernel http://mirror:8080/A/k initrd=initrd.img initrd=initrd2.img || goto failed",
                "initrd --name initrd.img http://mirror:8080/A/a || goto failed",
                "initrd --name initrd2.img http://mirror:8080/A/b || goto failed",
                "boot || goto failed",
            ],
        ),
    ] {
        assert_eq!(lines_of(action, BootConfig::default()), expected);
    }
}

#[test]
fn multiboot_takes_modules_by_itself_or_by_a_loader() {
    let multiboot = |loader: Option<&str>| BootAction::Multiboot {
        loader: loader.map(str::to_owned),
        kernel: pair("xen.gz", "dom0_mem=1G"),
        modules: vec![pair("boot/vmlinuz", "console=hvc0"), pair("install.img", "")],
    };
    assert_eq!(
        lines_of(multiboot(None), BootConfig::default()),
        [
            "kernel http://mirror:8080/A/xen.gz dom0_mem=1G || goto failed",
            "module http://mirror:8080/A/boot/vmlinuz console=hvc0 || goto failed",
            "module http://mirror:8080/A/install.img || goto failed",
            "boot || goto failed",
        ]
    );
    assert_eq!(
        lines_of(multiboot(Some("mboot.c32")), BootConfig::default()),
        [
            "kernel http://mirror:8080/A/mboot.c32 http://mirror:8080/A/xen.gz dom0_mem=1G --- \
             http://mirror:8080/A/boot/vmlinuz console=hvc0 --- http://mirror:8080/A/install.img \
             || goto failed",
            "boot || goto failed",
        ]
    );
}

#[test]
fn windows_needs_wimboot_and_other_programs_nothing() {
    let files = vec![initrd("boot/bcd", Some("BCD")), initrd("sources/boot.wim", None)];
    let windows = BootAction::Wimboot { files };
    let wimboot = BootConfig { wimboot: Some(resource("/wimboot")), ..BootConfig::default() };
    assert_eq!(
        lines_of(windows.clone(), wimboot),
        [
            "kernel http://mirror:8080/wimboot || goto failed",
            "initrd --name BCD http://mirror:8080/A/boot/bcd BCD || goto failed",
            "initrd --name boot.wim http://mirror:8080/A/sources/boot.wim boot.wim || goto failed",
            "boot || goto failed",
        ]
    );
    let scene = Scene::of(vec![with("A", None, vec![BootEntry { action: windows, ..sanboot() }])]);
    let missing = "item --gap -- Windows needs wimboot: set boot.wimboot\n";
    assert!(scene.script("A").contains(missing));
    assert!(scene.menu().contains("item --gap -- A: Windows needs wimboot: set boot.wimboot\n"));
    let program = BootAction::Program {
        program: "efi/boot/bootx64.efi".into(),
        command_line: "-c ${generated}/boot.cfg".into(),
    };
    let expected = "chain http://mirror:8080/A/efi/boot/bootx64.efi -c http://mirror:8080/_/A/boot.cfg \
                    || goto failed";
    assert_eq!(lines_of(program, BootConfig::default()), [expected]);
    let expected = "sanboot --no-describe http://mirror:8080/_/A.iso || goto failed";
    assert_eq!(lines_of(BootAction::Sanboot, BootConfig::default()), [expected]);
}

/// What iPXE makes of a line: its label, and its commands word by word.
fn parsed(line: &str) -> (Option<&str>, Vec<Vec<&str>>) {
    assert!(!line.ends_with('\\') && line.is_ascii(), "{line}");
    let (label, rest) = match line.trim_start().strip_prefix(':') {
        Some(rest) => {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
        None => (None, line),
    };
    let words: Vec<&str> =
        rest.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
    let commands = words.split(|word| ["||", "&&", ";"].contains(word));
    (label, commands.filter(|command| !command.is_empty()).map(<[&str]>::to_vec).collect())
}

const COMMANDS: [&str; 24] = [
    "boot", "chain", "choose", "cpuid", "echo", "exit", "goto", "imgfree", "initrd", "iseq",
    "isset", "item", "kernel", "menu", "module", "prompt", "read", "sanboot", "set", "shell", "",
    "", "", "",
];

const SETTINGS: [&str; 7] =
    ["isomirror", "cwduri", "buildarch", "platform", "isomachine", "isodefault", "chosen"];

/// A label, and the commands with the number of their words.
type LineShape<'a> = (Option<&'a str>, Vec<(&'a str, usize)>);

/// What of a script must not depend on foreign text: per command its name, and how many words it has where these are
/// not a text for people.
fn shape(script: &str) -> Vec<LineShape<'_>> {
    assert!(script.starts_with("#!ipxe\n") && script.ends_with('\n'));
    let line = |line| {
        let (label, commands) = parsed(line);
        (label, commands.iter().map(|command| command_shape(command)).collect())
    };
    script.lines().skip(1).map(line).collect()
}

fn command_shape<'a>(command: &[&'a str]) -> (&'a str, usize) {
    assert!(COMMANDS.contains(&command[0]), "{command:?}");
    for expansion in command.iter().flat_map(|word| word.split("${").skip(1)) {
        let setting = expansion.split('}').next().unwrap();
        assert!(SETTINGS.contains(&setting), "{command:?}");
    }
    let is_text = matches!(command[0], "item" | "menu");
    (command[0], if is_text { 0 } else { command.len() })
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[a-z]{1,4}",
        "(\n|\r|\\\\|#|:|;|&&|\\|\\||\\$\\{|\\}|\\$|\\{| |\t|'|\"|--|/\\.\\./)",
        Just("\nshell\n".to_owned()),
        Just(" || shell ".to_owned()),
        Just("${isomirror}".to_owned()),
        Just("${net0/mac}".to_owned()),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn attacked(text: &str) -> MediumState {
    let optional = || Some(text.to_owned());
    let mut medium = rocky();
    medium.name = sanitise(&format!("x{text}")).unwrap();
    medium.label = optional();
    medium.detection.obstacle = optional();
    medium.detection.system = Some(System {
        family: text.to_owned(),
        name: format!("x{text}"),
        version: optional(),
        arch: optional(),
        edition: optional(),
        codename: optional(),
    });
    for entry in &mut medium.detection.boot {
        if let BootAction::Kernel { kernel, initrds, .. } = &mut entry.action {
            *kernel = format!("x/{text}");
            initrds[0].file = format!("x/{text}");
        }
    }
    medium
}

proptest! {
    #[test]
    fn no_text_of_a_medium_makes_another_script_of_it(text in hostile(), known in any::<bool>()) {
        let mut benign = Scene::of(vec![attacked("y")]);
        let mut scene = Scene::of(vec![attacked(&text)]);
        for scene in [&mut benign, &mut scene] {
            scene.mirror = known.then(mirror);
        }
        let (menu, expected) = (scene.menu(), benign.menu());
        prop_assert_eq!(shape(&menu), shape(&expected), "{}", menu);
        let name = scene.document.media[0].name.to_string();
        let (script, expected) = (scene.script(&name), benign.script("xy"));
        prop_assert_eq!(shape(&script), shape(&expected), "{}", script);
    }

    #[test]
    fn a_command_line_and_an_architecture_are_passed_on_whole_or_not_offered(text in hostile()) {
        let mut entry = kernel(BootMode::HttpTree, &format!("a {text} b"));
        entry.arch = Some(text.clone());
        let named = Initrd { file: text.clone(), name: Some(text.clone()) };
        if let BootAction::Kernel { initrds, .. } = &mut entry.action {
            initrds.push(named.clone());
        }
        let wimboot = BootAction::Wimboot { files: vec![named] };
        let entries = vec![entry.clone(), BootEntry { action: wimboot, ..sanboot() }, BootEntry { arch: None, ..entry }];
        let mut scene = Scene::of(vec![with("A", None, entries)]);
        scene.settings.wimboot = Some(resource("/wimboot"));
        let script = scene.script("A");
        shape(&script);
        let labels: BTreeSet<_> = script.lines().filter_map(|line| parsed(line).0).collect();
        prop_assert!(labels.iter().all(|label| label.starts_with("entry") || ["menu", "failed", "back"].contains(label)));
        for line in script.lines().filter(|line| line.starts_with("kernel http://mirror:8080/A/")) {
            let passed: Vec<_> = line.split_whitespace().skip(3).collect();
            let whole: Vec<_> = text.split_whitespace().collect();
            prop_assert_eq!(passed, [&["a"], &whole[..], &["b", "||", "goto", "failed"]].concat());
        }
    }
}
