//! HTTPS: certificates that are right, and those that are not, of a server that everybody knows.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::{
    fault_server::{Fault, FaultServer, image},
    program::run,
    scratch, tool,
};
use tempfile::TempDir;

use crate::{
    keeper_fixture::{Fixture, SIGNED},
    transfer_fixture::{Fetched, MIB, fetch_process},
};

/// An authority of our own, and an nginx that speaks HTTPS for a server behind it.
pub(crate) struct Https {
    directory: TempDir,
    port: u16,
    process: Child,
}

impl Https {
    /// With a certificate for `name` that is valid for two days from `signed` on, as date(1) reads it.
    pub(crate) fn start(name: &str, signed: &str, location: &str) -> Self {
        let directory = scratch::directory().unwrap();
        certify(directory.path(), name, signed);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = directory.path().display();
        let config = format!(
            "user root; daemon off; worker_processes 1; pid {path}/pid; error_log {path}/log;\n\
             events {{ }}\n\
             http {{ access_log off; client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;\n\
             server {{ listen 127.0.0.1:{port} ssl; listen [::1]:{port} ssl;\n\
             ssl_certificate {path}/leaf.pem; ssl_certificate_key {path}/leaf.key;\n\
             location / {{ {location} }} }} }}\n"
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "nginx", "-c"]).arg(file);
        let process = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let https = Self { directory, port, process };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(https.directory.path().join("log"));
            assert!(Instant::now() < end, "{log:?}");
            sleep(Duration::from_millis(20));
        }
        https
    }

    /// In front of `server`, with all its faults.
    pub(crate) fn before(name: &str, signed: &str, server: &FaultServer) -> Self {
        let url = server.url();
        let host = url.trim_end_matches("/image.iso");
        Self::start(
            name,
            signed,
            &format!("proxy_pass {host}; proxy_buffering off; proxy_http_version 1.1;"),
        )
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/image.iso", self.port)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.process);
        // In order, so that its workers end with it.
        rustix::process::kill_process(id, rustix::process::Signal::TERM).ok();
        self.process.wait().ok();
    }
}

/// Makes `authority.pem`, and `leaf.pem` with `leaf.key` that it signed.
fn certify(directory: &Path, name: &str, signed: &str) {
    let openssl = |arguments: &[&str]| {
        tool::run("openssl", |command| command.args(arguments).current_dir(directory)).unwrap();
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority = ["req", "-x509", "-subj", "/CN=A test", "-days", "2"];
    openssl(
        &[&authority[..], &key, &["-keyout", "authority.key", "-out", "authority.pem"]].concat(),
    );
    let request = ["req", "-subj", "/CN=leaf", "-keyout", "leaf.key", "-out", "leaf.csr"];
    openssl(&[&request[..], &key].concat());
    fs::write(directory.join("names"), format!("subjectAltName=DNS:{name}")).unwrap();
    let sign = ["openssl", "x509", "-req", "-in", "leaf.csr", "-out", "leaf.pem", "-days", "2"];
    let by = ["-extfile", "names", "-CA", "authority.pem", "-CAkey", "authority.key"];
    tool::run("faketime", |command| {
        command.arg(signed).args(sign).args(by).arg("-CAcreateserial").current_dir(directory)
    })
    .unwrap();
}

/// Fetches with this authority alone.
fn fetch(content: &[u8], authority: Option<&Path>, urls: &[String]) -> Fetched {
    fetch_process(content, urls, |command| match authority {
        Some(authority) => command.env("SSL_CERT_FILE", authority),
        None => command.env("SSL_CERT_FILE", "/dev/null"),
    })
}

#[test]
pub(crate) fn an_image_is_fetched_over_https_through_failures() {
    let content = image(3 * MIB, 1);
    let script = [Fault::ClosedAt(MIB), Fault::ResetAt(MIB), Fault::SilentAt(100_000)];
    let server = FaultServer::with(content.clone(), script, Fault::None).unwrap();
    let https = Https::before("localhost", "1 minute ago", &server);
    fetch(&content, Some(&https.authority()), &[https.url()]).assert_published(&content);
    assert!(server.seen().len() >= 4 && server.seen()[1].range.is_some(), "{:?}", server.seen());
}

#[test]
pub(crate) fn a_certificate_that_is_not_right_is_refused_and_told() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    for (name, signed, is_known, told) in [
        ("localhost", "1 minute ago", false, "UnknownIssuer"),
        ("elsewhere.example", "1 minute ago", true, "not valid for name \"localhost\""),
        ("localhost", "2020-01-01", true, "expired"),
    ] {
        let https = Https::before(name, signed, &server);
        let authority = is_known.then(|| https.authority());
        let held = fetch(&content, authority.as_deref(), &[https.url()]);
        held.assert_held(told);
        held.assert_held(&format!("localhost:{}", https.port));
        assert!(server.seen().is_empty(), "nothing is asked of a server that may be anybody");
        // Another mirror is not the worse for it.
        let urls = [https.url(), server.url()];
        fetch(&content, authority.as_deref(), &urls).assert_published(&content);
        server.forget();
    }
}

/// For a program whose machine has lost its clock.
fn in_another_year(command: &mut Command) -> &mut Command {
    let library = tool::run("faketime", |command| command.args(["now", "printenv", "LD_PRELOAD"]));
    command.env("LD_PRELOAD", library.unwrap().trim()).env("FAKETIME", "@2001-01-01 00:00:00");
    // Time still passes as it does.
    for variable in ["FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC"] {
        command.env(variable, "1");
    }
    command
}

#[test]
pub(crate) fn a_clock_that_is_wrong_is_told_instead_of_the_certificates_that_it_makes_invalid() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let https = Https::before("localhost", "1 minute ago", &server);
    let authority = https.authority();
    let held = fetch_process(&content, &[https.url()], |command| {
        in_another_year(command.env("SSL_CERT_FILE", &authority))
    });
    held.assert_held("the clock of this machine is wrong");
    assert!(server.seen().is_empty());
}

/// For a program that finds no certificates of authorities on its machine.
fn without_authorities(command: &mut Command) -> &mut Command {
    command.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/nonexistent")
}

#[test]
pub(crate) fn without_any_authority_http_works_and_of_https_the_missing_package_is_told() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let https = Https::before("localhost", "1 minute ago", &server);
    fetch_process(&content, &[server.url()], without_authorities).assert_published(&content);
    server.forget();
    let held = fetch_process(&content, &[https.url()], without_authorities);
    held.assert_held("ca-certificates");
    assert!(server.seen().is_empty());
}

#[test]
pub(crate) fn documents_tell_of_a_wrong_clock_and_of_missing_authorities_as_downloads_do() {
    let fixture = Fixture::new();
    let https = Https::start("localhost", "1 minute ago", "return 404;");
    let directory = format!("https://localhost:{}/linux/", https.port);
    fixture.entries(&[("linux", &directory, SIGNED)]);
    fixture.configure("");
    let mut fetch = fixture.command(["fetch", "linux"]);
    let ended = run(without_authorities(&mut fetch));
    assert!(ended.output.contains("ca-certificates"), "{ended:?}");
    let mut fetch = fixture.command(["fetch", "linux"]);
    fetch.env("SSL_CERT_FILE", https.authority());
    let ended = run(in_another_year(&mut fetch));
    assert!(ended.output.contains("the clock of this machine is wrong"), "{ended:?}");
}

#[test]
pub(crate) fn from_https_to_http_only_what_a_digest_decides_on_is_redirected() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let https = Https::start("localhost", "1 minute ago", &format!("return 302 {};", server.url()));
    let authority = https.authority();
    fetch(&content, Some(&authority), &[https.url()]).assert_published(&content);
    server.forget();
    let without_digest = fetch_process(&content, &[https.url()], |command| {
        command.env("SSL_CERT_FILE", &authority).env("FETCH_UNPINNED", "1")
    });
    without_digest.assert_held("redirected");
}
