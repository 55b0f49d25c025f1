//! Real clients get what was put on the medium.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
};

use isomirror_tests::images::iso9660::{bytes, run};

use crate::http_fixture::{Workshop, exports, medium, server, settings};

fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn wget_mirrors_the_tree_with_names_bytes_and_times() {
    let workshop = Workshop::with_files();
    for (number, name) in
        ["pool/main/a/apt_1.0_amd64.deb", "dists/stable/Release", ".disk/info", "EFI/BOOT/B ü+.efi"]
            .into_iter()
            .enumerate()
    {
        workshop.file(name, &bytes(number as u64, 40_000));
    }
    symlink("../../small.txt", workshop.tree.join("dists/stable/link")).unwrap();
    let (server, address) = server(&settings());
    server.publish(exports([("LABEL", medium(&workshop.image("a.iso")))]));
    let copy = workshop.directory.path().join("copy");
    run(
        "wget",
        [
            "--quiet",
            "--recursive",
            "--no-parent",
            "--no-host-directories",
            "--cut-dirs=1",
            "--reject-regex=index.html",
            "--execute=robots=off",
            "--restrict-file-names=nocontrol",
            &format!("--directory-prefix={}", copy.display()),
            &format!("http://{address}/LABEL/"),
        ],
    );
    let copied: Vec<_> =
        files_below(&copy).into_iter().filter(|path| !path.ends_with("index.html")).collect();
    assert_eq!(copied, files_below(&workshop.tree));
    for path in copied {
        let (found, original) = (copy.join(&path), workshop.tree.join(&path));
        assert!(fs::read(&found).unwrap() == fs::read(&original).unwrap(), "{}", path.display());
        let time = |path: &Path| fs::metadata(path).unwrap().mtime();
        assert_eq!(time(&found), time(&original), "{}", path.display());
    }
}

#[test]
fn curl_resumes_a_download_of_the_image() {
    let workshop = Workshop::with_files();
    let image = fs::read(workshop.image("a.iso")).unwrap();
    let (server, address) = server(&settings());
    server.publish(exports([("LABEL", medium(&workshop.directory.path().join("a.iso")))]));
    let copy = workshop.directory.path().join("copy.iso");
    fs::write(&copy, &image[..1_234_567]).unwrap();
    let url = format!("http://{address}/_/LABEL.iso");
    run(
        "curl",
        ["--silent", "--fail", "--continue-at", "-", "--output", copy.to_str().unwrap(), &url],
    );
    assert!(fs::read(&copy).unwrap() == image);
    let parts = workshop.directory.path().join("parts");
    let range = format!("{}-", image.len() - 10);
    run(
        "curl",
        ["--silent", "--fail", "--range", &range, "--output", parts.to_str().unwrap(), &url],
    );
    assert_eq!(fs::read(&parts).unwrap(), image[image.len() - 10..]);
}

#[test]
fn aria2_gets_the_same_image_by_sixteen_connections_at_once() {
    let workshop = Workshop::new();
    workshop.file("large.bin", &bytes(3, 20 << 20));
    let image = workshop.image("a.iso");
    let (server, address) = server(&settings());
    server.publish(exports([("LABEL", medium(&image))]));
    run(
        "aria2c",
        [
            "--no-conf",
            "--quiet",
            "--split=16",
            "--max-connection-per-server=16",
            "--min-split-size=1M",
            "--file-allocation=none",
            "--all-proxy=",
            &format!("--dir={}", workshop.directory.path().display()),
            "--out=copy.iso",
            &format!("http://{address}/_/LABEL.iso"),
        ],
    );
    let copy = workshop.directory.path().join("copy.iso");
    assert!(fs::read(copy).unwrap() == fs::read(image).unwrap());
}
