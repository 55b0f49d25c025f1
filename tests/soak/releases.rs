//! A publisher inside of the guest, which signs its releases.

use std::fmt::Write as _;

use isomirror_tests::{
    gpg::Gpg,
    guest::{Guest, PayloadFile},
    soak::{Disc, Template},
};
use sha2::{Digest, Sha256};

/// The catalog's entry; `KEY` stands for the fingerprint.
const ENTRY: &str = "schema: 1
entries:
  soak:
    title: Releases of the long run
    distribution: soak
    edition: soak
    arch: any
    directories: ['http://127.0.0.1:8090/']
    find: {method: checksum_file}
    name: 'soak-(?P<version>[0-9]+)\\.iso'
    checksum: {file: SUMS, algorithm: sha256}
    signatures: [{on: list, file: SUMS.gpg, keys: [KEY]}]
    trust: signed-list
";

const SERVER: &str = "worker_processes 1; pid /run/publisher.pid; error_log stderr; events {}
http { access_log off; server { listen 127.0.0.1:8090; root /var/tmp/publisher; } }
";

/// Files of the publisher in the payload.
pub(crate) struct Releases {
    gpg: Gpg,
}

impl Releases {
    /// A publisher, and what the guest has to have of it.
    pub(crate) fn new() -> (Self, Vec<PayloadFile>) {
        let gpg = Gpg::signing(b"").unwrap();
        let key = gpg.key("releases", "ed25519", "never");
        let (entry, public, server) =
            (gpg.path("soak.yaml"), gpg.path("key.asc"), gpg.path("nginx.conf"));
        std::fs::write(&entry, ENTRY.replace("KEY", &key)).unwrap();
        std::fs::write(&public, gpg.export("releases")).unwrap();
        std::fs::write(&server, SERVER).unwrap();
        let payload = vec![
            PayloadFile::new(entry, "soak.yaml"),
            PayloadFile::new(public, format!("keys/{key}.asc")),
            PayloadFile::new(server, "nginx.conf"),
        ];
        (Self { gpg }, payload)
    }

    /// Starts the server, and has the daemon know it.
    pub(crate) fn start(guest: &Guest) {
        guest
            .check(
                "set -e
                 mkdir -p /var/tmp/publisher /etc/isomirror/catalog.d/keys
                 cp /payload/soak.yaml /etc/isomirror/catalog.d/
                 cp /payload/keys/*.asc /etc/isomirror/catalog.d/keys/
                 systemd-run --quiet --unit publisher nginx -c /payload/nginx.conf -g 'daemon off;'",
            )
            .unwrap();
    }

    /// Brings out the release `number`, whose image is that of `disc`.
    pub(crate) fn bring_out(&self, guest: &Guest, template: &Template, number: u32, disc: Disc) {
        let promised = Sha256::digest(template.stamp(Disc::release(number)));
        let mut list = promised.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let _ = writeln!(list, "  soak-{number}.iso");
        self.gpg.take(list.as_bytes()).unwrap();
        let signed_at = format!("2024{:02}{:02}T000000", number / 28 % 12 + 1, number % 28 + 1);
        let signature = self.gpg.sign("releases", &signed_at, &["--detach-sign", "--armor"]);
        let signature = String::from_utf8(signature).unwrap();
        guest
            .check(&format!(
                "set -e; cd /var/tmp/publisher; rm -f *
                 /payload/soak_guest write {} soak-{number}.iso
                 cat >SUMS <<'EOF'\n{list}EOF\n
                 cat >SUMS.gpg <<'EOF'\n{signature}\nEOF",
                disc.0
            ))
            .unwrap();
    }
}
