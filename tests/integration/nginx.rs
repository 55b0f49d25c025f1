//! What is mounted can be read by those who serve it: nginx, as www-data.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    http, scratch,
};

use crate::publishing::image;

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn nginx_serves_the_mounts_of_every_backend_as_www_data() {
    for backend in ["erofs", "fuse"] {
        let options = DaemonOptions::default();
        let config = format!("{}mount:\n  backend: {backend}\n", options.config);
        let daemon = Daemon::start(DaemonOptions { config, ..options }).unwrap();
        // The root of this image has mode 0700, as those have that are made of a temporary directory.
        image(&daemon.images().join("a.iso"), "NGINX", "by nginx");
        let state = daemon.wait_for_serving(PATIENCE, &["NGINX"]).unwrap();
        assert_eq!(state["media"][0]["backend"], backend);
        let nginx = Nginx::start(&daemon.webroot());
        let response = http::get(nginx.port, "/NGINX/content").unwrap();
        assert_eq!(
            (response.status, response.body.as_slice()),
            (200, &b"by nginx"[..]),
            "{backend}"
        );
        assert_eq!(http::get(nginx.port, "/NGINX/").unwrap().status, 200, "{backend}: the listing");
    }
}

/// An nginx of the test's own.
struct Nginx {
    process: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Nginx {
    fn start(root: &Path) -> Self {
        let directory = scratch::directory().unwrap();
        open_to_all(directory.path());
        open_to_all(root.parent().unwrap());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = directory.path().display();
        let config = format!(
            "daemon off; user www-data; pid {at}/pid; error_log {at}/error.log; events {{}}\n\
             http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
             fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
             server {{ listen 127.0.0.1:{port}; root {}; autoindex on; }} }}\n",
            root.display()
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let process = Command::new("nginx").arg("-c").arg(file).spawn().unwrap();
        let nginx = Self { process, port, _directory: directory };
        let end = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "nginx listens");
            sleep(Duration::from_millis(20));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.process);
        // In order, so that its workers end with it.
        rustix::process::kill_process(id, rustix::process::Signal::TERM).ok();
        self.process.wait().ok();
    }
}

fn open_to_all(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
}
