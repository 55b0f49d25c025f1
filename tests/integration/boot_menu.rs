//! Boot menus, descriptions of repositories, and files that stand in for a medium's own, over HTTP.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror::{open_medium::OpenMedium, serve::Exports};
use isomirror_core::{
    boot::{
        BootAction, BootEntry, BootMode, Detection, Firmware, Initrd, Repository, RepositoryKind,
        System,
    },
    config::{BaseUrl, BootConfig, Config, parse},
    view::ViewSettings,
};
use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    images::iso9660::xorriso,
};

use crate::http_fixture::{Client, Response, Workshop, exports, medium, server, settings};

const TREEINFO: &str = "[general]\nvariants = AppStream,BaseOS\n[variant-AppStream]\n\
    repository = ../../../AppStream/x86_64/os/\n[variant-BaseOS]\nrepository = .\n";

/// A medium with files of an installer, and what boot detection would say of it.
fn installer() -> (Workshop, Arc<OpenMedium>, Detection) {
    let workshop = Workshop::new();
    workshop.file("images/pxeboot/vmlinuz", b"kernel");
    workshop.file("images/pxeboot/initrd.img", b"initrd");
    workshop.file("boot.cfg", b"title=x\nkernel=/b.b00\nmodules=/a.b00 --- /c.b00\n");
    workshop.file(".treeinfo", TREEINFO.as_bytes());
    workshop.file("repodata/repomd.xml", b"<repomd/>");
    let path = workshop.directory.path().join("a.iso");
    let opened = medium(&xorriso(&workshop.tree, &path, &["-R", "-V", "LABEL"]));
    let entry = |mode, words: &str| BootEntry {
        mode,
        arch: Some("x86_64".into()),
        firmware: Firmware::Any,
        action: BootAction::Kernel {
            kernel: "images/pxeboot/vmlinuz".into(),
            initrds: vec![Initrd { file: "images/pxeboot/initrd.img".into(), name: None }],
            command_line: words.into(),
        },
    };
    let system = System {
        family: "rhel-el8plus".into(),
        name: "Rocky Linux".into(),
        version: Some("9.6".into()),
        arch: Some("x86_64".into()),
        ..System::default()
    };
    let repository = Repository {
        id: "BaseOS".into(),
        kind: RepositoryKind::Rpm,
        path: String::new(),
        key: None,
        suite: Vec::new(),
    };
    let detection = Detection {
        system: Some(system),
        boot: vec![
            entry(BootMode::HttpTree, "inst.repo=${tree}"),
            entry(BootMode::Unattended, "inst.repo=${tree} inst.ks=${answers}"),
        ],
        obstacle: None,
        repositories: vec![repository],
    };
    (workshop, opened, detection)
}

fn published(medium: Arc<OpenMedium>, detection: Detection, config: &Config) -> Exports {
    let mut exports = exports([("Rocky 9", medium)]);
    Arc::make_mut(&mut exports.state).media[0].detection = detection;
    exports.views = Arc::new(ViewSettings::of(config));
    exports
}

fn get_as(client: &mut Client, host: &str, target: &str) -> Response {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.response(false)
}

#[test]
fn urls_are_those_of_the_host_that_is_asked() {
    let (_workshop, opened, detection) = installer();
    let (server, address) = server(&settings());
    server.publish(published(opened, detection, &Config::default()));
    let mut client = Client::connect(address);
    for host in ["mirror.example", "[2001:db8::1]:8080", "192.0.2.7:80"] {
        for target in ["/boot.ipxe", "/_/Rocky_9.ipxe", "/_/Rocky_9.repo", "/_/Rocky_9/boot.cfg"] {
            let response = get_as(&mut client, host, target);
            assert_eq!(response.status, 200, "{target}");
            assert!(response.text().contains(&format!("http://{host}/")), "{}", response.text());
            assert_eq!(response.field("Vary"), Some("Host"), "{target}");
            assert_eq!(response.field("Cache-Control"), Some("no-cache"));
            assert_eq!(response.field("Content-Type"), Some("text/plain; charset=utf-8"));
            let tag = format!("If-None-Match: {}\r\n", response.field("ETag").unwrap());
            client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{tag}\r\n"));
            assert_eq!(client.response(false).status, 304);
            client.send(format!("GET {target} HTTP/1.1\r\nHost: other\r\n{tag}\r\n"));
            assert_eq!(client.response(false).status, 200, "another host is another text");
        }
    }
    let script = get_as(&mut client, "m", "/_/Rocky_9.ipxe").text();
    let lines: Vec<_> = script.lines().filter(|line| line.contains("http://")).collect();
    assert_eq!(
        lines,
        [
            "kernel http://m/Rocky_9/images/pxeboot/vmlinuz initrd=initrd.img \
             inst.repo=http://m/_/Rocky_9 || goto failed",
            "initrd --name initrd.img http://m/Rocky_9/images/pxeboot/initrd.img || goto failed",
            "chain --replace --autofree http://m/boot.ipxe ||",
        ]
    );
    let menu = get_as(&mut client, "m", "/boot.ipxe").text();
    assert!(menu.contains("\nitem --gap -- Rocky Linux\n"), "{menu}");
    assert!(menu.contains("item medium0 9.6 x86_64 (Rocky_9) ||\n"), "{menu}");
}

#[test]
fn a_host_that_could_say_something_else_gets_no_script() {
    let (_workshop, opened, detection) = installer();
    let (server, address) = server(&settings());
    server.publish(published(opened, detection, &Config::default()));
    for host in ["", "a:b", "a;b", "a$b", "a'b", "a%0ashell", "a(b)", "[::1", "a..b", "a:99999"] {
        for target in ["/boot.ipxe", "/_/Rocky_9.ipxe", "/_/Rocky_9.repo", "/_/Rocky_9/boot.cfg"] {
            let mut client = Client::connect(address);
            let response = get_as(&mut client, host, target);
            assert_eq!(response.status, 400, "{host} {target}");
        }
        let mut client = Client::connect(address);
        let absolute = format!("GET http://{host}x;/boot.ipxe HTTP/1.1\r\nHost: sound\r\n\r\n");
        client.send(absolute);
        assert_eq!(client.response(false).status, 400, "{host}");
    }
    let mut client = Client::connect(address);
    client.send("GET http://asked:81/boot.ipxe HTTP/1.1\r\nHost: other\r\n\r\n");
    assert!(client.response(false).text().contains(" http://asked:81/_/Rocky_9.ipxe "));
    client.send("GET /boot.ipxe HTTP/1.0\r\n\r\n");
    assert_eq!(client.response(false).status, 400);
}

#[test]
fn with_a_base_url_no_host_matters() {
    let (_workshop, opened, detection) = installer();
    let (server, address) = server(&settings());
    let mut config = Config::default();
    config.serve.base_url = BaseUrl::try_from("https://m.example/iso/".to_owned()).ok();
    server.publish(published(opened, detection, &config));
    let mut client = Client::connect(address);
    let targets = ["/boot.ipxe", "/_/Rocky_9.ipxe", "/_/Rocky_9.repo", "/_/Rocky_9/boot.cfg"];
    for target in targets {
        let one = get_as(&mut client, "one", target);
        assert_eq!((one.status, one.field("Vary")), (200, None), "{target}");
        assert!(one.text().contains("https://m.example/iso/"), "{}", one.text());
        let other = get_as(&mut client, "a;b", target);
        assert_eq!((other.status, other.body), (200, one.body), "{target}");
    }
}

#[test]
fn answers_stand_in_scripts_and_in_no_document() {
    let (_workshop, opened, detection) = installer();
    let (server, address) = server(&settings());
    let secret = "https://user:secret@ks.example/web.ks?token=secret";
    let config = format!("boot: {{answers: {{Rocky_9: '{secret}', rhel-el8plus: /other.ks}}}}\n");
    server.publish(published(opened, detection, &parse(&config).unwrap()));
    let mut client = Client::connect(address);
    let script = client.get("/_/Rocky_9.ipxe").text();
    assert!(script.contains(&format!(" inst.ks={secret} || goto failed\n")), "{script}");
    assert!(!script.contains("other.ks"), "the name comes before the family");
    let unattended = client.get("/_/Rocky_9/boot-unattended.cfg").text();
    assert!(unattended.ends_with(&format!("kernelopt=runweasel ks={secret}\n")), "{unattended}");
    for public in ["/", "/index.json", "/_/Rocky_9.json", "/boot.ipxe", "/_/Rocky_9.repo"] {
        let response = client.get(public);
        assert_eq!(response.status, 200, "{public}");
        assert!(!response.text().contains("ks.example"), "{public}");
    }
    assert_eq!(BootConfig::default().answers.len(), 0);
}

#[test]
fn generated_files_stand_in_for_those_of_the_tree_and_the_rest_is_the_tree() {
    let (workshop, opened, detection) = installer();
    let (server, address) = server(&settings());
    server.publish(published(opened, detection, &Config::default()));
    let mut client = Client::connect(address);
    let treeinfo = client.get("/_/Rocky_9/.treeinfo");
    let expected = "[general]\nvariants = BaseOS\n[variant-BaseOS]\nrepository = .\n";
    assert_eq!((treeinfo.status, treeinfo.text().as_str()), (200, expected));
    assert_eq!(client.get("/Rocky_9/.treeinfo").text(), TREEINFO);
    assert_eq!(
        client.get("/_/Rocky_9/boot.cfg").text(),
        "title=x\nkernel=b.b00\nmodules=a.b00 --- c.b00\nprefix=http://test/Rocky_9\n"
    );
    for path in ["images/pxeboot/vmlinuz", "repodata/repomd.xml"] {
        let (tree, overlay) =
            (client.get(&format!("/Rocky_9/{path}")), client.get(&format!("/_/Rocky_9/{path}")));
        assert_eq!((overlay.status, overlay.body), (200, tree.body), "{path}");
        assert_eq!(overlay.head.lines().count(), tree.head.lines().count());
    }
    let redirected = client.get("/_/Rocky_9/images");
    assert_eq!(
        (redirected.status, redirected.field("Location")),
        (301, Some("/_/Rocky_9/images/"))
    );
    for missing in [
        "/_/Rocky_9/none",
        "/_/Rocky_9/boot.cfg/",
        // Nobody gave answers for it.
        "/_/Rocky_9/boot-unattended.cfg",
        "/_/Rocky_9.sources",
        "/_/other/.treeinfo",
        "/_/other.ipxe",
        "/_/other.repo",
        "/_/%ff.ipxe",
    ] {
        assert_eq!(client.get(missing).status, 404, "{missing}");
    }
    server.publish(exports([]));
    for gone in
        ["/_/Rocky_9.ipxe", "/_/Rocky_9.repo", "/_/Rocky_9/boot.cfg", "/_/Rocky_9/.treeinfo"]
    {
        assert_eq!(client.get(gone).status, 404, "{gone}");
    }
    assert!(client.get("/boot.ipxe").text().contains("There are no media yet"));
    drop(workshop);
}

#[test]
fn what_the_operator_adds_holds_after_a_reload_and_is_told_nobody_else() {
    const PATIENCE: Duration = Duration::from_secs(20);
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    let (workshop, ..) = installer();
    fs::copy(workshop.directory.path().join("a.iso"), daemon.images().join("a.iso")).unwrap();
    daemon.wait_for_serving(PATIENCE, &["LABEL"]).unwrap();
    let get = |path: &str| daemon.http_get(path).unwrap();
    assert_eq!(get("/_/LABEL/boot-unattended.cfg").status, 404);
    let menu = get("/boot.ipxe").text();
    assert!(menu.contains("choose --default ${isodefault} --timeout 30000 chosen"), "{menu}");
    let own = format!("prefix=http://127.0.0.1:{}/LABEL\n", daemon.port());
    assert!(get("/_/LABEL/boot.cfg").text().ends_with(&own));
    let config = fs::read_to_string(daemon.config()).unwrap();
    let added = "serve: {base_url: 'https://m.example/'}\n\
                 boot: {timeout: 5s, answers: {LABEL: 'https://u:secret@ks.example/a?secret'}}\n";
    fs::write(daemon.config(), format!("{config}{added}")).unwrap();
    daemon.signal(rustix::process::Signal::HUP).unwrap();
    let end = Instant::now() + PATIENCE;
    while get("/_/LABEL/boot-unattended.cfg").status != 200 {
        assert!(Instant::now() < end, "the answers hold");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(get("/boot.ipxe").text().contains(" --timeout 5000 chosen"));
    assert!(get("/_/LABEL/boot.cfg").text().ends_with("prefix=https://m.example/LABEL\n"));
    let unattended = daemon.webroot().join("_/LABEL/boot-unattended.cfg");
    while !unattended.exists() {
        assert!(Instant::now() < end, "other servers have it too");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(fs::read(&unattended).unwrap(), get("/_/LABEL/boot-unattended.cfg").body);
    assert!(!daemon.log().contains("secret") && !daemon.log().contains("next restart"));
    assert!(!daemon.state().unwrap().to_string().contains("secret"));
}
