//! A mirror as there may be one: known systems, a medium that leaves, one that cannot be read, downloads, and labels
//! that want to be more than text. All media are one small image.

use std::{fs, net::SocketAddr, os::unix::fs::MetadataExt, sync::Arc};

use isomirror::{
    open_medium::OpenMedium,
    serve::{Exports, ServeSettings, Server},
    sys::medium_file::MediumFile,
};
use isomirror_core::{
    boot::{
        BootAction, BootEntry, BootMode, Detection, Firmware, Initrd, Repository, RepositoryKind,
        System,
    },
    config::ListenAddress,
    digest::{Algorithm, Digest},
    medium::{Identity, Source},
    name::sanitise,
    state::{
        DownloadPhase, DownloadState, MediumState, Phase, SourceKind, SourceState, StateDocument,
        url_of,
    },
    trust::Trust,
    verified::Verified,
};
use isomirror_tests::images::iso9660::xorriso;
use tempfile::TempDir;

/// Labels that do something where they are not taken for text.
pub(crate) const HOSTILE: [&str; 3] = [
    "<img src=x onerror=hacked=1>",
    "\"><script>hacked=1</script>",
    "';hacked=1;'$(reboot)`reboot`${tree}&amp;",
];

/// A server of a test's own, and what it publishes.
pub(crate) struct Mirror {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) state: StateDocument,
    opened: Arc<OpenMedium>,
    _directory: TempDir,
}

impl Mirror {
    /// A mirror of the usual media, which is running.
    pub(crate) fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let tree = directory.path().join("tree");
        fs::create_dir_all(tree.join("images/pxeboot")).unwrap();
        for name in [
            "EULA",
            "RPM-GPG-KEY-redhat-release",
            ".treeinfo",
            "a long name of a file which goes on and on, and on.txt",
            "<b>bold<b>",
        ] {
            fs::write(tree.join(name), name.repeat(200)).unwrap();
        }
        let path = xorriso(&tree, &directory.path().join("a.iso"), &["-R", "-V", "A"]);
        let file = fs::File::open(&path).unwrap();
        let metadata = file.metadata().unwrap();
        let (device, inode, size) = (metadata.dev(), metadata.ino(), metadata.len());
        let identity = Identity::File { device, inode, size, modified: 0 };
        let file = MediumFile::new(file, Source::File(path), identity, size);
        let opened = Arc::new(OpenMedium::open(Arc::new(file)).unwrap());
        let listen = vec![ListenAddress::Tcp(([127, 0, 0, 1], 0).into())];
        let settings = ServeSettings { listen, ..ServeSettings::default() };
        let server = Server::start(Server::bind(&settings).unwrap()).unwrap();
        let address = server.local_addresses()[0];
        let state = StateDocument {
            schema: 1,
            revision: 1,
            media: media(),
            fetch: downloads(),
            ..StateDocument::default()
        };
        let mirror = Self { server, address, state, opened, _directory: directory };
        mirror.publish();
        mirror
    }

    /// Publishes `state` as it is now.
    pub(crate) fn publish(&self) {
        let served = self.state.media.iter().filter(|medium| medium.state == Phase::Serving);
        let media = served.map(|medium| (medium.name.clone(), Arc::clone(&self.opened))).collect();
        let state = Arc::new(self.state.clone());
        self.server.publish(Exports { media, state, ..Exports::default() });
    }

    /// Another document, with `change` made to it.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut StateDocument)) {
        change(&mut self.state);
        self.state.revision += 1;
        self.publish();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A medium that is served, with this label.
pub(crate) fn medium(label: &str, gibibytes: f64, trust: Option<Trust>) -> MediumState {
    let name = sanitise(label).unwrap();
    let digest = Digest::from_bytes(Algorithm::Sha256, &[0x5e; 32]).unwrap();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small size")]
    let size = (gibibytes * f64::from(1 << 30)) as u64;
    MediumState {
        id: "00112233445566778899aabbccddeeff".parse().unwrap(),
        url: url_of(&name),
        source: SourceState {
            kind: SourceKind::File,
            path: format!("/var/lib/isomirror/images/{}.iso", label.replace('/', "_")).into(),
            diskseq: None,
        },
        name,
        label: Some(label.into()),
        uuid: Some("2026-05-13-09-21-44-00".into()),
        format: Some("iso9660".into()),
        size,
        also_at: Vec::new(),
        backend: Some("erofs".into()),
        backend_reason: None,
        state: Phase::Serving,
        since: "2026-08-01T12:34:00Z".into(),
        mountpoint: Some("/srv/isomirror/a".into()),
        verified: trust.map(|trust| Verified {
            trust,
            digests: vec![digest],
            signer: Some("A1BD8E9D78F7FE5C3E65D8AF8B48AD6246925553".into()),
            verified_at: "2026-08-01T12:30:00Z".into(),
        }),
        detection: Detection::default(),
        problem: None,
    }
}

fn linux(
    medium: MediumState,
    system: [&str; 5],
    repository: Option<RepositoryKind>,
) -> MediumState {
    let [family, name, version, arch, edition] = system.map(str::to_owned);
    let some = |text: String| (!text.is_empty()).then_some(text);
    let boot = BootEntry {
        mode: BootMode::HttpTree,
        arch: Some(arch.clone()),
        firmware: Firmware::Any,
        action: BootAction::Kernel {
            kernel: "images/pxeboot/vmlinuz".into(),
            initrds: vec![Initrd { file: "images/pxeboot/initrd.img".into(), name: None }],
            command_line: "inst.repo=${tree}".into(),
        },
    };
    let repositories = repository.map(|kind| Repository {
        id: "BaseOS".into(),
        kind,
        path: String::new(),
        key: None,
        suite: vec!["stable".into(), "main".into()],
    });
    let system = System {
        family,
        name,
        version: some(version),
        arch: some(arch),
        edition: some(edition),
        codename: None,
    };
    let detection = Detection {
        system: Some(system),
        boot: vec![boot],
        obstacle: None,
        repositories: repositories.into_iter().collect(),
    };
    MediumState { detection, ..medium }
}

#[expect(clippy::too_many_lines, reason = "a list of media")]
fn media() -> Vec<MediumState> {
    use RepositoryKind::{Apt, Rpm};
    let signed = Some(Trust::SignedList);
    let mut media = vec![
        linux(
            medium("AlmaLinux-9-6-x86_64-dvd", 11.1, signed),
            ["anaconda", "AlmaLinux", "9.6", "x86_64", ""],
            Some(Rpm),
        ),
        linux(
            medium("Debian 12.11.0 amd64 1", 3.7, signed),
            ["debian", "Debian", "12.11", "x86_64", "DVD 1"],
            Some(Apt),
        ),
        linux(
            medium("Fedora-S-dvd-x86_64-42", 2.7, signed),
            ["anaconda", "Fedora", "42", "x86_64", "Server"],
            Some(Rpm),
        ),
        linux(
            medium("Fedora-WS-Live-42", 2.2, Some(Trust::SignedImage)),
            ["live", "Fedora", "42", "x86_64", "Workstation Live"],
            None,
        ),
        linux(
            medium("Rocky-9-6-aarch64-dvd", 10.4, Some(Trust::OneSource)),
            ["anaconda", "Rocky Linux", "9.6", "aarch64", ""],
            Some(Rpm),
        ),
        linux(
            medium("Ubuntu-Server 24.04.2 LTS amd64", 3.0, Some(Trust::TwoSources)),
            ["casper", "Ubuntu Server", "24.04.2", "x86_64", ""],
            Some(Apt),
        ),
        linux(
            medium("openSUSE-Leap-15.6-DVD-x86_64", 4.4, Some(Trust::Pinned)),
            ["suse", "openSUSE Leap", "15.6", "x86_64", ""],
            Some(Rpm),
        ),
        linux(
            medium("archiso_202508", 1.3, None),
            ["arch", "Arch Linux", "2025.08.01", "x86_64", ""],
            None,
        ),
        linux(
            medium("alpine-std 3.22.1 x86_64", 0.3, None),
            ["alpine", "Alpine Linux", "3.22.1", "x86_64", "standard"],
            None,
        ),
    ];
    let mut windows = linux(
        medium("CCCOMA_X64FRE_EN-US_DV9", 5.4, None),
        ["windows", "Windows", "11", "x86_64", "Pro"],
        None,
    );
    windows.detection.obstacle = Some(
        "It boots over the network by wimboot, which is not on the medium: see boot.wimboot".into(),
    );
    windows.format = Some("udf".into());
    let mut draining = linux(
        medium("RHEL-10-0-BaseOS-x86_64", 7.9, None),
        ["anaconda", "Red Hat Enterprise Linux", "10.0", "x86_64", ""],
        Some(Rpm),
    );
    (draining.state, draining.source.kind) = (Phase::Draining, SourceKind::Drive);
    let mut broken = medium("half-an-image", 0.6, None);
    (broken.state, broken.format, broken.backend) = (Phase::Broken, None, None);
    broken.problem =
        Some("`/var/lib/isomirror/images/half-an-image.iso` is truncated: copy it again".into());
    let mut waiting = medium("proxmox-ve_9.0-1", 1.6, None);
    (waiting.state, waiting.problem) = (Phase::Waiting, Some("still being copied".into()));
    media.extend([windows, draining, broken, waiting]);
    media.extend(HOSTILE.map(|label| {
        let system = ["other", label, label, "x86_64", label];
        linux(medium(label, 0.1, Some(Trust::Unverified)), system, Some(Rpm))
    }));
    media.sort_by(|a, b| a.name.cmp(&b.name));
    media
}

fn downloads() -> Vec<DownloadState> {
    let download = DownloadState {
        id: "debian-13-netinst-amd64".into(),
        state: DownloadPhase::Downloading,
        since: "2026-08-01T12:34:00Z".into(),
        version: Some("13.0.0".into()),
        file: Some("debian-13.0.0-amd64-netinst.iso".into()),
        bytes: 471 << 20,
        size: Some(783 << 20),
        speed: 24 << 20,
        source: Some("cdimage.debian.org".into()),
        trust: None,
        next_check: None,
        look: 0,
        refused: false,
        problem: None,
    };
    let held = DownloadState {
        id: "kali-2025-installer-amd64".into(),
        state: DownloadPhase::Held,
        version: Some("2025.2".into()),
        problem: Some(
            "the signature of `/var/lib/isomirror/images/.staging/SHA256SUMS` is of another key"
                .into(),
        ),
        ..download.clone()
    };
    vec![download, held]
}
