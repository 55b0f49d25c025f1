//! HTTPS by a reverse proxy in front of the daemon's Unix socket, by the configuration that is shipped.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    images::iso9660::{bytes, xorriso},
    scratch, tool,
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A reverse proxy of the test's own, with a certificate that nobody else trusts.
struct Proxy {
    process: Child,
    port: u16,
    directory: TempDir,
}

impl Proxy {
    /// nginx, by `config/nginx-https.conf.example` but for places and ports.
    fn nginx(socket: &Path) -> Self {
        let directory = scratch::directory().unwrap();
        let at = directory.path().display().to_string();
        certificate(directory.path());
        let (port, plain) = (free_port(), free_port());
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let shipped = fs::read_to_string(checkout.join("config/nginx-https.conf.example")).unwrap();
        let mut ours = shipped;
        for (from, to) in [
            ("unix:/run/isomirror/http.sock;", format!("unix:{};", socket.display())),
            ("listen 443", format!("listen 127.0.0.1:{port}")),
            ("listen [::]:443", format!("listen [::1]:{port}")),
            ("listen 80", format!("listen 127.0.0.1:{plain}")),
            ("listen [::]:80", format!("listen [::1]:{plain}")),
            ("/etc/ssl/certs/mirror.example.pem", format!("{at}/certificate.pem")),
            ("/etc/ssl/private/mirror.example.key", format!("{at}/key.pem")),
        ] {
            assert!(ours.contains(from), "{from} is in the example");
            ours = ours.replace(from, &to);
        }
        let config = format!(
            "daemon off; user root; pid {at}/pid; error_log {at}/error.log; events {{}}\n\
             http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
             fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
             {ours} }}\n"
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let process = Command::new("nginx").arg("-c").arg(file).spawn().unwrap();
        Self { process, port, directory }.wait()
    }

    /// Caddy, by `config/Caddyfile.example` but for places, ports, and a certificate that it need not ask for.
    fn caddy(socket: &Path) -> Self {
        let directory = scratch::directory().unwrap();
        let at = directory.path().display().to_string();
        certificate(directory.path());
        let (port, plain) = (free_port(), free_port());
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut ours = fs::read_to_string(checkout.join("config/Caddyfile.example")).unwrap();
        for (from, to) in [
            ("unix//run/isomirror/http.sock", format!("unix/{}", socket.display())),
            ("\nhttp://mirror.example {", format!("\nhttp://mirror.example:{plain} {{")),
            (
                "\nmirror.example {",
                format!("\nmirror.example:{port} {{\n\ttls {at}/certificate.pem {at}/key.pem"),
            ),
        ] {
            assert!(ours.contains(from), "{from} is in the example");
            ours = ours.replace(from, &to);
        }
        let file = directory.path().join("Caddyfile");
        fs::write(&file, format!("{{\n\tadmin off\n\tauto_https off\n}}\n{ours}")).unwrap();
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let process = Command::new("caddy")
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(file)
            .env("XDG_DATA_HOME", &at)
            .env("XDG_CONFIG_HOME", &at)
            .stderr(log)
            .spawn()
            .unwrap();
        Self { process, port, directory }.wait()
    }

    fn wait(self) -> Self {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "the proxy listens");
            sleep(Duration::from_millis(20));
        }
        self
    }

    /// What curl, which trusts the certificate and nothing else, gets of `path` into a file.
    fn fetch(&self, path: &str, arguments: &[&str]) -> Vec<u8> {
        let out = self.directory.path().join("fetched");
        tool::run("curl", |command| {
            command
                .args(["--silent", "--show-error", "--fail", "--cacert"])
                .arg(self.directory.path().join("certificate.pem"))
                .args(["--resolve", &format!("mirror.example:{}:127.0.0.1", self.port)])
                .args(arguments)
                .arg("--output")
                .arg(&out)
                .arg(format!("https://mirror.example:{}{path}", self.port))
        })
        .unwrap();
        fs::read(out).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.process);
        // In order, so that its workers end with it.
        rustix::process::kill_process(id, rustix::process::Signal::TERM).ok();
        self.process.wait().ok();
    }
}

fn certificate(directory: &Path) {
    tool::run("openssl", |command| {
        command
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=mirror.example", "-addext", "subjectAltName=DNS:mirror.example"])
            .arg("-keyout")
            .arg(directory.join("key.pem"))
            .arg("-out")
            .arg(directory.join("certificate.pem"))
    })
    .unwrap();
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn nginx_gives_out_over_https_what_the_daemon_serves_by_its_socket() {
    gives_out_what_the_daemon_serves(Proxy::nginx);
}

#[test]
fn caddy_gives_out_over_https_what_the_daemon_serves_by_its_socket() {
    gives_out_what_the_daemon_serves(Proxy::caddy);
}

fn gives_out_what_the_daemon_serves(proxy: impl Fn(&Path) -> Proxy) {
    let place = tempfile::tempdir().unwrap();
    let (socket, log) = (place.path().join("http.sock"), place.path().join("access.log"));
    let options = DaemonOptions::default();
    let config = format!("{}serve:\n  access_log: {}\n", options.config, log.display());
    let arguments = vec!["--listen".into(), format!("unix:{}", socket.display()).into()];
    let daemon = Daemon::start(DaemonOptions { config, arguments, ..options }).unwrap();
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("large"), bytes(1, 20_000_001)).unwrap();
    fs::write(tree.path().join("a b#?%"), b"odd").unwrap();
    let image = daemon.images().join("a.iso");
    xorriso(tree.path(), &image, &["-R", "-V", "PROXIED"]);
    daemon.wait_for_serving(PATIENCE, &["PROXIED"]).unwrap();

    let proxy = proxy(&socket);
    assert!(proxy.fetch("/PROXIED/large", &[]) == bytes(1, 20_000_001));
    let part = proxy.fetch("/PROXIED/large", &["--range", "10000000-10099999"]);
    assert!(part == bytes(1, 20_000_001)[10_000_000..10_100_000]);
    assert_eq!(proxy.fetch("/PROXIED/a%20b%23%3F%25", &[]), b"odd");
    assert!(proxy.fetch("/_/PROXIED.iso", &[]) == fs::read(&image).unwrap());
    // Generated files name the server that the client asked.
    let menu = String::from_utf8(proxy.fetch("/boot.ipxe", &[])).unwrap();
    assert!(menu.contains(&format!("mirror.example:{}", proxy.port)), "{menu}");
    let end = Instant::now() + PATIENCE;
    while fs::read_to_string(&log).unwrap().lines().count() < 5 {
        assert!(Instant::now() < end, "{:?}", fs::read_to_string(&log));
        sleep(Duration::from_millis(20));
    }
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.lines().all(|line| line.starts_with("127.0.0.1 - - [")), "{log}");
}
