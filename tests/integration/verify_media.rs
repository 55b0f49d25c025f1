//! `isomirror verify` on media that have lists of their own files: a damaged one tells which files are damaged.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use isomirror_core::digest::{Algorithm, Hasher};
use isomirror_tests::{
    images::iso9660::{bytes, xorriso},
    program::{command, isomirror},
    scratch,
};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Medium {
    directory: TempDir,
}

impl Medium {
    fn new() -> Self {
        let directory = scratch::directory().unwrap();
        fs::create_dir(directory.path().join("tree")).unwrap();
        Self { directory }
    }

    fn tree(&self) -> PathBuf {
        self.directory.path().join("tree")
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.tree().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn sum(&self, path: &str, algorithm: Algorithm) -> String {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&fs::read(self.tree().join(path)).unwrap());
        hasher.finish().hex()
    }

    fn image(&self) -> PathBuf {
        xorriso(&self.tree(), &self.directory.path().join("m.iso"), &["-R", "-V", "LABEL"])
    }
}

fn verify(path: &Path) -> (Option<i32>, Value) {
    let ended = isomirror(["verify", "--json", path.to_str().unwrap()]);
    let document: Value =
        serde_json::from_str(&ended.output).unwrap_or_else(|_| panic!("{ended:?}"));
    (ended.code, document["results"][0].clone())
}

fn check<'a>(found: &'a Value, by: &str) -> &'a Value {
    let checks = found["checks"].as_array().unwrap();
    checks.iter().find(|check| check["kind"] == "files" && check["by"] == by).unwrap()
}

/// A medium as Debian makes them, with a list of all its files.
fn debian() -> Medium {
    let medium = Medium::new();
    let files =
        ["install.amd/vmlinuz", "install.amd/initrd.gz", "dists/trixie/Release", ".disk/info"];
    let mut list = String::new();
    for (seed, file) in (1..).zip(files) {
        medium.write(file, bytes(seed, 400_000));
        writeln!(list, "{}  ./{file}", medium.sum(file, Algorithm::Md5)).unwrap();
    }
    medium.write("md5sum.txt", list);
    medium
}

#[test]
fn a_sound_medium_agrees_with_its_own_list_and_is_not_called_verified() {
    let medium = debian();
    for place in [medium.image(), medium.tree()] {
        let (code, found) = verify(&place);
        assert_eq!(
            (code, &found["verdict"], &found["trust"]),
            (Some(0), &"intact".into(), &"unverified".into())
        );
        let md5sum = check(&found, "md5sum.txt");
        assert_eq!(
            (&md5sum["result"], &md5sum["files"], &md5sum["unlisted"]),
            (&"ok".into(), &4.into(), &0.into())
        );
        assert_eq!(check(&found, ".treeinfo")["result"], "absent");
    }
}

#[test]
fn changed_and_missing_files_are_named_and_additional_ones_counted() {
    let medium = debian();
    medium.write("install.amd/initrd.gz", bytes(9, 400_000));
    fs::remove_file(medium.tree().join("dists/trixie/Release")).unwrap();
    medium.write("dists/extra", "x");
    for place in [medium.image(), medium.tree()] {
        let (code, found) = verify(&place);
        assert_eq!((code, &found["verdict"]), (Some(4), &"failed".into()));
        let md5sum = check(&found, "md5sum.txt");
        let faults = json!([
            {"path": "install.amd/initrd.gz", "fault": "differs"},
            {"path": "dists/trixie/Release", "fault": "missing"},
        ]);
        assert_eq!(
            (&md5sum["result"], &md5sum["faults"], &md5sum["unlisted"]),
            (&"failed".into(), &faults, &1.into())
        );
    }
    let ended = isomirror(["verify", medium.tree().to_str().unwrap()]);
    assert!(ended.output.contains("differs        install.amd/initrd.gz\n"), "{ended:?}");
}

#[test]
fn an_image_that_ends_early_names_the_files_that_are_gone() {
    let medium = debian();
    medium.write("zz/last", bytes(7, 1_000_000));
    let list = fs::read_to_string(medium.tree().join("md5sum.txt")).unwrap();
    let sum = medium.sum("zz/last", Algorithm::Md5);
    medium.write("md5sum.txt", format!("{list}{sum}  ./zz/last\n"));
    let image = medium.image();
    // More than the padding at the end of an image, and less than what its files have.
    let length = fs::metadata(&image).unwrap().len() - 900_000;
    fs::File::options().write(true).open(&image).unwrap().set_len(length).unwrap();
    let (code, found) = verify(&image);
    assert_eq!(code, Some(4));
    let is_gone = |path: &&str| {
        let mut cat = command("isomirror", ["cat", image.to_str().unwrap(), path]);
        !cat.output().unwrap().status.success()
    };
    let list = format!("{list}{sum}  ./zz/last\n");
    let paths = list.lines().filter_map(|line| line.split_once("  ./")).map(|(_, path)| path);
    let gone: Vec<_> = paths.filter(is_gone).collect();
    assert!(gone.contains(&"zz/last"), "{gone:?}");
    let told = check(&found, "md5sum.txt")["faults"].as_array().unwrap();
    assert!(told.iter().all(|fault| fault["fault"] == "unreadable"), "{told:?}");
    let mut told: Vec<_> = told.iter().map(|fault| fault["path"].as_str().unwrap()).collect();
    told.sort_unstable();
    let mut expected = gone;
    expected.sort_unstable();
    assert_eq!(told, expected);
}

#[test]
fn the_lists_of_every_family_are_compared() {
    let medium = Medium::new();
    let sha256 = |path: &str| {
        medium.write(path, bytes(path.len() as u64, 100_000));
        medium.sum(path, Algorithm::Sha256)
    };
    let tree =
        format!("[checksums]\nimages/install.img = sha256:{}\n", sha256("images/install.img"));
    let suse = format!("{}  boot/x86_64/config\n", sha256("boot/x86_64/config"));
    let open_bsd = format!("SHA256 (bsd.rd) = {}\n", sha256("7.8/amd64/bsd.rd"));
    let free_bsd =
        format!("base.txz\t{}\t26\tbase\t\"Base\"\ton\n", sha256("usr/freebsd-dist/base.txz"));
    sha256("arch/x86_64/airootfs.sfs");
    let arch =
        format!("{}  airootfs.sfs\n", medium.sum("arch/x86_64/airootfs.sfs", Algorithm::Sha512));
    let lists = [
        (".treeinfo", tree, "images/install.img"),
        ("CHECKSUMS", suse, "boot/x86_64/config"),
        ("7.8/amd64/SHA256", open_bsd, "7.8/amd64/bsd.rd"),
        ("usr/freebsd-dist/MANIFEST", free_bsd, "usr/freebsd-dist/base.txz"),
        ("arch/x86_64/airootfs.sha512", arch, "arch/x86_64/airootfs.sfs"),
    ];
    for (list, content, _) in &lists {
        medium.write(list, content);
    }
    let (code, found) = verify(&medium.image());
    assert_eq!(code, Some(0), "{found}");
    for (list, ..) in &lists {
        assert_eq!(
            (&check(&found, list)["result"], &check(&found, list)["files"]),
            (&"ok".into(), &1.into()),
            "{list}"
        );
    }
    for (list, _, file) in &lists {
        medium.write(file, "changed");
        let (code, found) = verify(&medium.image());
        assert_eq!(code, Some(4));
        assert_eq!(check(&found, list)["faults"], json!([{"path": file, "fault": "differs"}]));
    }
}

#[test]
fn a_list_that_leads_out_of_a_tree_reads_nothing_there() {
    let medium = Medium::new();
    std::os::unix::fs::symlink("/etc/passwd", medium.tree().join("link")).unwrap();
    let sum = "0".repeat(32);
    medium
        .write("md5sum.txt", format!("{sum}  link\n{sum}  ../../etc/passwd\n{sum}  /etc/passwd\n"));
    for place in [medium.image(), medium.tree()] {
        let (code, found) = verify(&place);
        assert_eq!(code, Some(4));
        let md5sum = check(&found, "md5sum.txt");
        assert_eq!(md5sum["faults"], json!([{"path": "link", "fault": "missing"}]));
        assert!(md5sum["detail"].as_str().unwrap().contains("2 lines cannot be checked"));
    }
}
