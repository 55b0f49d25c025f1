//! The guides: their commands are run as they are written, and then there is what they promise.

use std::{
    fs,
    path::{Path, PathBuf},
};

use isomirror_tests::{gpg::Gpg, guide, images::iso9660::xorriso, scratch};
use serde_json::Value;

use crate::{
    departure::eject_by_the_hypervisor,
    discs::{content, hash},
    row::Row,
    station::{PATIENCE, Station},
};

/// Bytes of files that are to be found again.
const LENGTH: usize = 3 << 20;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("guides::hypervisor_guest_with_nginx", with_nginx),
        Row::new("guides::directory_with_ipxe", with_ipxe),
        Row::new("guides::air_gapped", air_gapped),
    ]
}

/// Runs blocks of a guide, each as somebody types it who stops at the first error, with these variables set before.
fn run(station: &Station, blocks: &[String], variables: &str) -> String {
    blocks.iter().map(|block| station.check(&format!("set -e\n{variables}\n{block}"))).collect()
}

/// Makes an image of `tree` and copies it to `to` in the guest, by way of a drive.
fn bring(station: &Station, tree: &Path, label: &str, to: &str) -> String {
    let image = tree.with_extension("iso");
    xorriso(tree, &image, &["-R", "-V", label]);
    station.note_plugged("carrier");
    station.guest.attach_drive("carrier", Some(&image)).unwrap();
    let device = "/dev/disk/by-id/scsi-*carrier";
    station.guest.wait_until(&format!("test -b \"$(readlink -f {device})\""), PATIENCE).unwrap();
    let bytes = fs::read(&image).unwrap();
    let sum = hash(&bytes);
    station.check(&format!(
        "set -e; mkdir -p $(dirname {to})
         head -c {} \"$(readlink -f {device})\" >{to}
         sha256sum {to} | grep -q {sum}",
        bytes.len()
    ));
    station.unplug("carrier");
    sum
}

fn tree(directory: &Path, files: &[(&str, &[u8])]) -> PathBuf {
    let tree = directory.join("tree");
    for (path, content) in files {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    tree
}

fn with_nginx(station: &Station) {
    let blocks = guide::blocks("hypervisor-guest-with-nginx.md").unwrap();
    run(station, &blocks[..2], "");
    let disc = station.disc("GUIDE DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    let listed = "test -e /srv/isomirror/_/GUIDE_DISC.json";
    station.guest.wait_until(listed, PATIENCE).unwrap();
    let told = run(station, &blocks[2..], "");
    assert!(told.contains("GUIDE_DISC"), "{told}");
    let page = "curl -sS -o /run/page -w '%{http_code} %header{server}' http://localhost/GUIDE_DISC/label.txt; cat /run/page";
    let seen = station.check(page);
    assert!(seen.starts_with("200 nginx") && seen.ends_with("GUIDE DISC"), "{seen}");
    let menu = station.check("curl -sSf http://localhost/boot.ipxe");
    assert!(menu.starts_with("#!ipxe") && menu.contains("http://mirror.example"), "{menu}");
    eject_by_the_hypervisor(station, "cd0");
    station.gone("GUIDE_DISC");
    let seen = station.check(page);
    assert!(seen.starts_with("404 nginx"), "{seen}");
    station.check("systemctl disable --now nginx; rm /etc/nginx/conf.d/isomirror.conf");
}

fn with_ipxe(station: &Station) {
    let directory = scratch::directory().unwrap();
    let kernel = content("kernel", LENGTH);
    let info = b"Ubuntu-Server 24.04.1 LTS \"Noble Numbat\" - Release amd64 (20240827)";
    let files: [(&str, &[u8]); 3] =
        [("casper/vmlinuz", &kernel), ("casper/initrd", b"initrd"), (".disk/info", info)];
    let tree = tree(directory.path(), &files);
    bring(station, &tree, "Ubuntu-Server 24.04.1 LTS amd64", "/var/tmp/test/ubuntu.iso");
    let blocks = guide::blocks("directory-with-ipxe.md").unwrap();
    run(station, &blocks, "IMAGE=/var/tmp/test/ubuntu.iso");
    let name = "Ubuntu-Server_24.04.1_LTS_amd64";
    let get = |path: &str| format!("curl -sSf http://localhost:8080{path}");
    let offered = format!("{} | grep -q {name}", get("/boot.ipxe"));
    station.guest.wait_until(&offered, PATIENCE).unwrap();
    let script = station.check(&get(&format!("/_/{name}.ipxe")));
    let kernel_path = format!("/{name}/casper/vmlinuz");
    assert!(script.contains("casper/vmlinuz"), "{script}");
    let sum = station.check(&format!("{} | sha256sum", get(&kernel_path)));
    assert!(sum.starts_with(&hash(&kernel)), "{sum}");
    // As a machine elsewhere asks: not over the loopback address.
    let listens = station.check("ss -Hltn 'sport = :8080'");
    assert!(!listens.contains("127.0.0.1:8080"), "{listens}");
    station.check(
        "rm -r /srv/images /etc/systemd/system/isomirror-serve.socket.d
         systemctl daemon-reload
         systemctl stop isomirror-serve.service
         systemctl restart isomirror-serve.socket isomirrord.service",
    );
}

fn air_gapped(station: &Station) {
    let directory = scratch::directory().unwrap();
    let tree = tree(directory.path(), &[("large", &content("carried", LENGTH))]);
    let image = "debian-13.9.0-amd64-netinst.iso";
    let sum = bring(station, &tree, "Debian 13.9.0 amd64 n", &format!("/mnt/disk/{image}"));
    let list = format!("{sum}  {image}\n");
    let gpg = Gpg::signing(list.as_bytes()).unwrap();
    let key = gpg.key("carrier", "ed25519", "never");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let signature = text(gpg.sign("carrier", "20260101T000000", &["--detach-sign", "--armor"]));
    let public = gpg.path("public.asc");
    gpg.at(
        "20260101T000000",
        &["--armor", "--output", public.to_str().unwrap(), "--export", "carrier"],
    );
    let public = fs::read_to_string(public).unwrap();
    station.check(&format!(
        "set -e; cd /mnt/disk; mkdir -p /etc/isomirror/catalog.d/keys
         cat >SHA256SUMS <<'EOF'\n{list}EOF
         cat >SHA256SUMS.sign <<'EOF'\n{signature}\nEOF
         cat >/etc/isomirror/catalog.d/keys/{key}.asc <<'EOF'\n{public}\nEOF"
    ));
    let blocks = guide::blocks("air-gapped.md").unwrap();
    let key = format!("KEY={key}");
    let told = run(station, &blocks[..1], &key);
    assert!(told.contains("verified"), "{told}");
    let told = run(station, &blocks[1..], &key);
    assert!(told.contains("carried-debian-13"), "{told}");
    let name = "Debian_13.9.0_amd64_n";
    let is_served = format!(
        "curl -sSf http://localhost:8080/{name}/large | sha256sum | grep -q {}",
        hash(&content("carried", LENGTH))
    );
    station.guest.wait_until(&is_served, PATIENCE).unwrap();
    let sight = station.look(name);
    let medium = sight.medium().unwrap();
    assert_eq!(medium["verified"]["trust"], "signed-list", "{medium:#}");
    assert_eq!(medium["problem"], Value::Null);
    // One that was changed on its way is never called verified.
    let changed = station
        .guest
        .run(&format!(
            "printf x | dd of=/mnt/disk/{image} bs=1 seek=100000 conv=notrunc status=none
             isomirror verify /mnt/disk/{image}"
        ))
        .unwrap();
    assert_eq!(changed.status, 4, "{changed:?}");
    station.check(
        "systemctl disable --now nginx
         rm -r /etc/nginx/conf.d/carried.conf /mnt/disk /etc/isomirror/catalog.d/carried.yaml /etc/isomirror/catalog.d/keys/*",
    );
}
