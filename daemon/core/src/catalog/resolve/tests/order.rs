//! What is the newest of many names.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_newest_of_a_listing_is_the_same_in_every_order() {
    for (pattern, names, expected) in [
        (
            r"ubuntu-(?P<version>24\.04(?:\.\d+)*)-live-server-amd64\.iso",
            &[
                "ubuntu-24.04-live-server-amd64.iso",
                "ubuntu-24.04.5-live-server-amd64.iso",
                "ubuntu-24.04.5.1-live-server-amd64.iso",
                "ubuntu-24.04.10-beta-live-server-amd64.iso",
                "ubuntu-24.04.6-live-server-amd64.iso.zsync",
                "ubuntu-24.04.9-desktop-amd64.iso",
            ][..],
            "ubuntu-24.04.5.1-live-server-amd64.iso",
        ),
        (
            r"debian-(?P<version>13\.\d+\.\d+)-amd64-netinst\.iso",
            &[
                "debian-13.9.0-amd64-netinst.iso",
                "debian-13.10.0-amd64-netinst.iso",
                "debian-edu-13.11.0-amd64-netinst.iso",
                "debian-mac-13.11.0-amd64-netinst.iso",
                "debian-14.0.0-amd64-netinst.iso",
                "debian-13.11.0-DI-alpha1-amd64-netinst.iso",
            ],
            "debian-13.10.0-amd64-netinst.iso",
        ),
        (
            r"Rocky-(?P<version>9\.\d+(?:-\d{8})?)-x86_64-dvd1?\.iso",
            &[
                "Rocky-9.8-x86_64-dvd.iso",
                "Rocky-9.10-x86_64-dvd1.iso",
                "Rocky-9-latest-x86_64-dvd.iso",
                "Rocky-9.11-x86_64-boot.iso",
            ],
            "Rocky-9.10-x86_64-dvd1.iso",
        ),
        (
            r"CorePure64-(?P<version>\d+\.\d+)\.iso",
            &[
                "CorePure64-17.0.iso",
                "TinyCorePure64-18.1.iso",
                "CorePure64-18.0_beta1.iso",
                "CorePure64-9.9.iso",
            ],
            "CorePure64-17.0.iso",
        ),
        (
            r"proxmox-ve_(?P<version>9\.\d+-\d+)\.iso",
            &[
                "proxmox-ve_9.2-1.iso",
                "proxmox-ve_9.2-10.iso",
                "proxmox-ve_9.2-9.iso",
                "proxmox-ve_9.3-BETA-1.iso",
            ],
            "proxmox-ve_9.2-10.iso",
        ),
        (
            r"kali-linux-(?P<version>\d{4}\.\d+[a-z]?)-installer-amd64\.iso",
            &[
                "kali-linux-2026.2-installer-amd64.iso",
                "kali-linux-2026.2a-installer-amd64.iso",
                "kali-linux-2026-W38-installer-amd64.iso",
                "kali-linux-2026.1-installer-amd64.iso",
            ],
            "kali-linux-2026.2a-installer-amd64.iso",
        ),
        (
            r"Leap-16\.0-offline-Build(?P<version>\d+\.\d+)\.install\.iso",
            &[
                "Leap-16.0-offline-Build178.9.install.iso",
                "Leap-16.0-offline-Build178.27.install.iso",
                "Leap-16.0-offline.install.iso",
                "Leap-16.1-offline-Build200.1.install.iso",
            ],
            "Leap-16.0-offline-Build178.27.install.iso",
        ),
    ] {
        for names in orders(names) {
            let list = sums(&names);
            let by_list = resolved(
                &in_directory("checksum_file", pattern),
                &world([("https://a.example/d/SUMS", &list)]),
            );
            assert_eq!(by_list.file_name.as_str(), expected);
            let index = names.iter().position(|name| *name == expected).unwrap();
            assert_eq!(by_list.digests[0].hex(), digest(index + 1), "another file's digest");
            let both = world([
                ("https://a.example/d/", &listing(&names)),
                ("https://a.example/d/SUMS", &list),
            ]);
            let by_listing = resolved(&in_directory("dir_index", pattern), &both);
            assert_eq!(by_listing.file_name, by_list.file_name);
            assert_eq!(by_listing.digests, by_list.digests);
            assert_eq!(by_listing.urls, [url(&format!("https://a.example/d/{expected}"))]);
        }
    }
}
