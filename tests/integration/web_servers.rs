//! nginx and Apache over the web root, by the configurations that are shipped, answer as our own server does.

use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::{
    daemon::{Daemon, DaemonOptions, VIEWS},
    http::{self, Response},
    images::iso9660::{bytes, xorriso},
    scratch,
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// Files of the medium, each with the same bytes as its name.
const FILES: [&str; 36] = [
    "images/pxeboot/vmlinuz",
    "images/install.img",
    "index.html",
    "README",
    "README.html",
    "README.diskdefines",
    "README.gz",
    "docs/release.de",
    "docs/Packages",
    "docs/Packages.gz",
    "docs/Packages.en",
    "docs/Contents-amd64",
    "docs/Contents-amd64.gz",
    "docs/Release.gpg",
    "docs/RPM-GPG-KEY-example",
    "docs/SHA256SUMS",
    "docs/a.TXT",
    "docs/a.txt.bin",
    "docs/a b#?%.txt",
    "docs/a.cfg",
    "docs/a.js",
    "docs/a.css",
    "docs/a.json",
    "docs/a.xml.gz",
    "docs/a.tar.xz",
    "docs/a.deb",
    "docs/a.rpm",
    "docs/a.iso",
    "docs/a.sources",
    "docs/a.repo",
    "docs/a.svg",
    "docs/a.php",
    "docs/a.cgi",
    "docs/.htaccess",
    "docs/ü",
    "repodata/repomd.xml",
];

const TREEINFO: &str = "[general]\nvariants = A,B\n[variant-A]\nrepository = ../../A/os\n\
    [variant-B]\nrepository = .\n";

fn daemon(base_url: Option<&str>) -> Daemon {
    let options = DaemonOptions::default();
    let base_url = base_url.map(|url| format!("serve:\n  base_url: {url}\n")).unwrap_or_default();
    let config = format!("{}{base_url}", options.config);
    Daemon::start(DaemonOptions { config, ..options }).unwrap()
}

fn add_medium(daemon: &Daemon, label: &str) {
    let tree = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = tree.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    for name in FILES {
        file(name, name.as_bytes());
    }
    file(".treeinfo", TREEINFO.as_bytes());
    file("boot.cfg", b"kernel=/b.b00\nmodules=/a.b00\n");
    file("large", &bytes(1, 3_000_001));
    let image = daemon.images().join(format!("{label}.iso"));
    xorriso(tree.path(), &image, &["-R", "-V", label]);
}

/// Waits until the web root says what our own server says.
fn wait_for_files(daemon: &Daemon) {
    let end = Instant::now() + PATIENCE;
    loop {
        let agree = ["index.json", "boot.ipxe", "index.html"].iter().all(|name| {
            let file = fs::read(daemon.webroot().join(name)).unwrap_or_default();
            let answer = daemon.http_get(&format!("/{name}")).unwrap();
            // Without a configured address, these have the one that was asked.
            *name == "boot.ipxe" || file == answer.body || is_same_revision(&file, &answer.body)
        });
        if agree {
            return;
        }
        assert!(Instant::now() < end, "the web root follows");
        sleep(Duration::from_millis(20));
    }
}

/// Whether both are the page of all media at one revision.
fn is_same_revision(file: &[u8], answer: &[u8]) -> bool {
    let revision = |page: &[u8]| {
        let page = String::from_utf8_lossy(page).into_owned();
        Some(page.split_once("data-revision=\"")?.1.split_once('"')?.0.to_owned())
    };
    revision(file).is_some_and(|of_file| revision(answer) == Some(of_file))
}

/// Another web server of the test's own.
struct Server {
    name: &'static str,
    process: Child,
    port: u16,
    _directory: TempDir,
}

impl Server {
    fn all(root: &Path) -> [Self; 2] {
        open_to_all(root.parent().unwrap());
        [Self::nginx(root), Self::apache(root)]
    }

    fn nginx(root: &Path) -> Self {
        let (directory, port) = (scratch::directory().unwrap(), free_port());
        let at = directory.path().display();
        let server = shipped("nginx.conf.example")
            .replace("    listen [::]:80 default_server;\n", "")
            .replace("listen 80 default_server;", &format!("listen 127.0.0.1:{port};"))
            .replace("root /srv/isomirror;", &format!("root {};", root.display()));
        let config = format!(
            "daemon off; user www-data; pid {at}/pid; error_log {at}/error.log; events {{}}\n\
             http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
             fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
             {server} }}\n"
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-c").arg(file);
        Self::start("nginx", command, port, directory)
    }

    fn apache(root: &Path) -> Self {
        let (directory, port) = (scratch::directory().unwrap(), free_port());
        let at = directory.path().display();
        let site = shipped("apache.conf.example")
            .replace("*:80", &format!("127.0.0.1:{port}"))
            .replace("/srv/isomirror", &root.display().to_string());
        let modules = [
            "mpm_event",
            "authz_core",
            "mime",
            "dir",
            "autoindex",
            "rewrite",
            "headers",
            "alias",
            "negotiation",
        ];
        let load = |name: &&str| {
            format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
        };
        // What distributions set for all sites, and a site has to cope with.
        let config = format!(
            "ServerRoot {at}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {at}/pid\n\
             ErrorLog {at}/error.log\nUser www-data\nGroup www-data\nDefaultRuntimeDir {at}\n{}\
             TypesConfig {at}/mime.types\nAddEncoding x-gzip .gz .tgz\nAddLanguage de .de\n\
             AddLanguage en .en\nAddHandler type-map var\nAddType application/x-httpd-php .php\n\
             DirectoryIndex index.html index.cgi\n<Directory />\nRequire all denied\n</Directory>\n\
             {site}",
            modules.iter().map(load).collect::<String>(),
        );
        let types = "text/html html htm\ntext/x-component htc\napplication/json json\n";
        fs::write(directory.path().join("mime.types"), types).unwrap();
        let file = directory.path().join("apache.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new("apache2");
        command.arg("-D").arg("FOREGROUND").arg("-f").arg(file);
        Self::start("Apache", command, port, directory)
    }

    fn start(name: &'static str, mut command: Command, port: u16, directory: TempDir) -> Self {
        let process = command.spawn().unwrap();
        let server = Self { name, process, port, _directory: directory };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "{name} listens");
            sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.process);
        // In order, so that its workers end with it.
        rustix::process::kill_process(id, rustix::process::Signal::TERM).ok();
        self.process.wait().ok();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn shipped(name: &str) -> String {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(checkout.join("config").join(name)).unwrap()
}

fn open_to_all(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
}

fn encoded(path: &str) -> String {
    isomirror_core::view::file_url("", path)
}

/// What two servers have to agree about.
fn said(response: &Response) -> (u16, Option<&str>, Option<&str>, Vec<u8>) {
    let (status, body) = (response.status, response.body.clone());
    let content_type = response.header("content-type");
    let range = response.header("content-range");
    // What an error or a redirect says beside its status is each server's own.
    if status < 300 {
        (status, content_type, range, body)
    } else {
        (status, None, None, Vec::new())
    }
}

#[test]
fn the_same_urls_give_the_same_answers() {
    let daemon = daemon(Some("http://mirror.example"));
    add_medium(&daemon, "TREE");
    daemon.wait_for_serving(PATIENCE, &["TREE"]).unwrap();
    wait_for_files(&daemon);
    let servers = Server::all(&daemon.webroot());
    let mut paths: Vec<String> = [
        "/",
        "/index.html",
        "/index.json",
        "/boot.ipxe",
        "/CHECKSUM",
        "/_/TREE.json",
        "/_/TREE.ipxe",
        "/_/TREE.iso",
        "/_/TREE.repo",
        "/_/TREE.sources",
        "/_/TREE/.treeinfo",
        "/_/TREE/boot.cfg",
        "/_/TREE/boot-unattended.cfg",
        "/_/TREE/images/install.img",
        "/_/TREE/docs/a.cfg",
        "/TREE/.treeinfo",
        "/TREE/boot.cfg",
        "/TREE/large",
        "/_",
        "/_/",
        "/none",
        "/TREE/none",
        "/_/NONE.ipxe",
        "/_/NONE/.treeinfo",
        "/_/TREE/none",
        "/TREE",
        "/TREE/docs",
        "/boot.ipxe/",
    ]
    .map(str::to_owned)
    .into();
    paths.extend(FILES.iter().map(|file| format!("/TREE{}", encoded(file))));
    for path in &paths {
        let own = daemon.http_get(path).unwrap();
        assert!(own.header("content-encoding").is_none());
        for server in &servers {
            let response = http::get(server.port, path).unwrap();
            assert_eq!(said(&response), said(&own), "{} {path}", server.name);
            for header in ["content-encoding", "content-language"] {
                assert_eq!(response.header(header), None, "{} {path}", server.name);
            }
            if own.status == 200 {
                let cache = response.header("cache-control");
                assert_eq!(cache, Some("no-cache"), "{} {path}", server.name);
            }
        }
    }
    let found = |path: &str| daemon.http_get(path).unwrap().status;
    assert_eq!(found("/_/TREE.iso"), 200);
    assert_eq!(found("/_/TREE/.treeinfo"), 200);
    let text = daemon.http_get("/_/TREE/.treeinfo").unwrap().text();
    assert_eq!(text, "[general]\nvariants = B\n[variant-B]\nrepository = .\n");
}

#[test]
fn parts_of_files_are_the_same_parts() {
    let daemon = daemon(None);
    add_medium(&daemon, "TREE");
    daemon.wait_for_serving(PATIENCE, &["TREE"]).unwrap();
    wait_for_files(&daemon);
    for server in Server::all(&daemon.webroot()) {
        for path in ["/TREE/large", "/_/TREE.iso"] {
            for range in ["bytes=0-99", "bytes=100-", "bytes=-7", "bytes=99999999999-"] {
                let ask = |port| http::request(port, "GET", path, &[("Range", range)]).unwrap();
                let (own, theirs) = (ask(daemon.port()), ask(server.port));
                assert_eq!(said(&theirs), said(&own), "{} {path} {range}", server.name);
            }
        }
        let head = |port| http::request(port, "HEAD", "/_/TREE.iso", &[]).unwrap();
        let (own, theirs) = (head(daemon.port()), head(server.port));
        assert_eq!(theirs.header("content-length"), own.header("content-length"));
    }
}

#[test]
fn trees_are_listed_whatever_is_in_them() {
    let daemon = daemon(None);
    add_medium(&daemon, "TREE");
    daemon.wait_for_serving(PATIENCE, &["TREE"]).unwrap();
    for server in Server::all(&daemon.webroot()) {
        for path in ["/TREE/", "/TREE/docs/"] {
            let listing = http::get(server.port, path).unwrap();
            assert_eq!(listing.status, 200, "{} {path}", server.name);
            let is_html =
                listing.header("content-type").is_some_and(|t| t.starts_with("text/html"));
            assert!(is_html && listing.text().contains("README") != path.ends_with("docs/"));
        }
        let listing = http::get(server.port, "/TREE/docs/").unwrap().text();
        assert!(
            listing.contains("href=\"a%20b%23%3F%25.txt\"")
                || listing.contains("a%20b%23%3f%25.txt"),
            "{listing}"
        );
    }
}

#[test]
fn files_of_a_medium_leave_with_it() {
    let daemon = daemon(Some("http://mirror.example"));
    add_medium(&daemon, "ONE");
    add_medium(&daemon, "TWO");
    daemon.wait_for_serving(PATIENCE, &["ONE", "TWO"]).unwrap();
    let servers = Server::all(&daemon.webroot());
    let urls = ["/_/ONE.json", "/_/ONE.ipxe", "/_/ONE.iso", "/_/ONE/.treeinfo", "/_/ONE/boot.cfg"];
    wait_for("the files", || {
        urls.iter().all(|url| http::get(servers[0].port, url).unwrap().status == 200)
    });
    fs::remove_file(daemon.images().join("ONE.iso")).unwrap();
    wait_for("their end", || !daemon.webroot().join("ONE").exists());
    for server in &servers {
        for url in urls {
            assert_eq!(http::get(server.port, url).unwrap().status, 404, "{} {url}", server.name);
        }
        let menu = http::get(server.port, "/boot.ipxe").unwrap().text();
        assert!(menu.contains("TWO") && !menu.contains("ONE"), "{}: {menu}", server.name);
        // These tell of a medium until it is no longer mounted, without leading to it.
        for page in ["/", "/index.json"] {
            wait_for("its end in the pages", || {
                let text = http::get(server.port, page).unwrap().text();
                text.contains("TWO") && !text.contains("ONE")
            });
        }
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn without_an_address_menus_find_out_their_own_and_nothing_says_a_wrong_one() {
    let daemon = daemon(None);
    add_medium(&daemon, "TREE");
    daemon.wait_for_serving(PATIENCE, &["TREE"]).unwrap();
    let script = daemon.webroot().join("_/TREE.ipxe");
    wait_for("the script", || script.exists());
    let text = fs::read_to_string(script).unwrap();
    assert!(text.contains("set isomirror ${cwduri}.. ||"), "{text}");
    assert!(!text.contains("http://127.0.0.1"), "{text}");
    for absent in ["_/TREE.repo", "_/TREE.sources", "_/TREE/boot.cfg"] {
        assert!(!daemon.webroot().join(absent).exists(), "{absent}");
    }
    assert!(daemon.webroot().join("_/TREE/.treeinfo").exists());
}

#[test]
fn what_is_foreign_in_the_web_root_stays_and_is_told_of() {
    let mut daemon = daemon(None);
    let (page, menu) = (daemon.webroot().join("index.html"), daemon.webroot().join("boot.ipxe"));
    wait_for("the pages", || menu.exists());
    let problem = |daemon: &Daemon| {
        let state = daemon.wait_for_state(PATIENCE, |state| {
            state["problems"].as_array().is_some_and(|problems| !problems.is_empty())
        });
        state.unwrap()["problems"][0].as_str().unwrap().to_owned()
    };
    fs::write(&page, "my own page").unwrap();
    add_medium(&daemon, "ONE");
    daemon.wait_for_serving(PATIENCE, &["ONE"]).unwrap();
    let told = problem(&daemon);
    assert!(told.starts_with(&format!("`{}` is not isomirror's", page.display())), "{told}");
    assert!(told.contains("mount.views"), "{told}");
    assert_eq!(fs::read_to_string(&page).unwrap(), "my own page");
    daemon.terminate().unwrap();
    daemon.start_again().unwrap();
    problem(&daemon);
    fs::remove_file(&page).unwrap();
    daemon.terminate().unwrap();
    daemon.start_again().unwrap();
    wait_for("the page", || fs::read_to_string(&page).is_ok_and(|text| text.contains("ONE")));
    daemon.wait_for_state(PATIENCE, |state| state.get("problems").is_none()).unwrap();
}

#[test]
fn views_are_files_only_where_the_operator_wants_them_and_something_is_mounted() {
    let options = DaemonOptions::default();
    let with = |mount: &str| {
        let config = format!("{}mount: {mount}\n", options.config);
        Daemon::start(DaemonOptions { config, ..DaemonOptions::default() }).unwrap()
    };
    let views = |daemon: &Daemon| {
        VIEWS.into_iter().filter(|name| daemon.webroot().join(name).exists()).collect::<Vec<_>>()
    };
    for mount in ["{views: false}", "{backend: none}"] {
        let daemon = with(mount);
        add_medium(&daemon, "ONE");
        daemon.wait_for_serving(PATIENCE, &["ONE"]).unwrap();
        assert_eq!(views(&daemon), [""; 0], "{mount}");
    }
    let daemon = with("{on_stop: unmount}");
    add_medium(&daemon, "ONE");
    wait_for("the files", || views(&daemon).len() == VIEWS.len());
    let config = fs::read_to_string(daemon.config()).unwrap();
    fs::write(daemon.config(), config.replace("{on_stop", "{views: false, on_stop")).unwrap();
    daemon.signal(rustix::process::Signal::HUP).unwrap();
    wait_for("their end", || views(&daemon).is_empty());
    fs::write(daemon.config(), config).unwrap();
    daemon.signal(rustix::process::Signal::HUP).unwrap();
    wait_for("the files", || views(&daemon).len() == VIEWS.len());
    let mut daemon = daemon;
    daemon.terminate().unwrap();
    assert_eq!(fs::read_dir(daemon.webroot()).unwrap().count(), 0);
}
