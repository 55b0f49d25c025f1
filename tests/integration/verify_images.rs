//! `isomirror verify` on images with what lies beside them: lists, signatures, and a sum that was implanted.

use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt},
    path::{Path, PathBuf},
};

use isomirror_core::digest::{Algorithm, Hasher};
use isomirror_tests::{
    images::iso9660::{bytes, run, xorriso},
    program::{Ended, isomirror},
    scratch, tool,
};
use serde_json::Value;
use tempfile::TempDir;

/// An image of some MiB, whose name is a plain one.
fn image() -> (TempDir, PathBuf) {
    let directory = scratch::directory().unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("large.bin"), bytes(1, 3_000_000)).unwrap();
    let images = directory.path().join("images");
    fs::create_dir(&images).unwrap();
    let image = xorriso(&tree, &images.join("a.iso"), &["-R", "-V", "LABEL"]);
    (directory, image)
}

fn digest(path: &Path, algorithm: Algorithm) -> String {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(&fs::read(path).unwrap());
    hasher.finish().hex()
}

fn verify(path: &Path, options: &[&str]) -> Ended {
    let path = path.to_str().unwrap();
    isomirror([&["verify", path], options].concat())
}

/// The exit code, and the result, with its checks by who speaks and of what kind.
fn told(path: &Path, options: &[&str]) -> (Option<i32>, Value) {
    let ended = verify(path, &[&["--json"], options].concat());
    let document: Value =
        serde_json::from_str(&ended.output).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!(document["schema"], 1);
    (ended.code, document["results"][0].clone())
}

fn result<'a>(told: &'a Value, kind: &str, by: &str) -> &'a Value {
    let checks = told["checks"].as_array().unwrap();
    let is_it = |check: &&Value| check["kind"] == kind && check["by"] == by;
    checks.iter().find(is_it).map_or(&Value::Null, |check| &check["result"])
}

fn damage(path: &Path, offset: u64) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

#[test]
pub(crate) fn an_image_of_which_nothing_speaks_is_not_verified() {
    let (_directory, image) = image();
    let ended = verify(&image, &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.output.contains("NOT verified"), "{ended:?}");
    assert_eq!(told(&image, &[]).1["verdict"], "unknown");
}

#[test]
pub(crate) fn unsigned_lists_make_an_image_intact_and_never_verified() {
    let (_directory, image) = image();
    let sum = |algorithm| digest(&image, algorithm);
    let beside = |name: &str| image.with_file_name(name);
    fs::write(beside("SHA256SUMS"), format!("{} *a.iso\n", sum(Algorithm::Sha256))).unwrap();
    fs::write(beside("a.iso.sha512"), format!("{}\n", sum(Algorithm::Sha512))).unwrap();
    fs::write(beside("a.iso.md5"), format!("{}  ./a.iso\n", sum(Algorithm::Md5))).unwrap();
    let size = fs::metadata(&image).unwrap().len();
    let red_hat = format!("# a.iso: {size} bytes\nSHA256 (a.iso) = {}\n", sum(Algorithm::Sha256));
    fs::write(beside("a.iso.CHECKSUM"), red_hat).unwrap();
    // Of other images: they do not matter.
    fs::write(beside("SHA512SUMS"), format!("{}  xa.iso\n", "0".repeat(128))).unwrap();
    fs::write(beside("B3SUMS"), format!("{}  a.iso\n", "0".repeat(64))).unwrap();
    let (code, found) = told(&image, &[]);
    assert_eq!(
        (code, &found["verdict"], &found["trust"]),
        (Some(0), &"intact".into(), &"unverified".into())
    );
    for by in ["SHA256SUMS", "a.iso.sha512", "a.iso.md5", "a.iso.CHECKSUM"] {
        assert_eq!(result(&found, "digest", by), "ok", "{by}: {found}");
    }
    assert!(
        result(&found, "digest", "SHA512SUMS").is_null()
            && result(&found, "digest", "B3SUMS").is_null()
    );
    let ended = verify(&image, &[]);
    assert!(
        ended.output.contains("NOT verified") && !ended.output.contains(": verified"),
        "{ended:?}"
    );
    damage(&image, 1_000_000);
    let (code, found) = told(&image, &[]);
    assert_eq!((code, &found["verdict"]), (Some(4), &"failed".into()));
    for by in ["SHA256SUMS", "a.iso.sha512", "a.iso.md5", "a.iso.CHECKSUM"] {
        assert_eq!(result(&found, "digest", by), "failed", "{by}");
    }
}

#[test]
pub(crate) fn a_list_that_names_another_file_or_is_a_page_vouches_for_nothing() {
    let (_directory, image) = image();
    let list = image.with_file_name("a.iso.sha256");
    let sum = digest(&image, Algorithm::Sha256);
    for content in
        [format!("{sum}  b.iso\n"), format!("<html>{sum}  a.iso</html>\n"), "gone\n".to_owned()]
    {
        fs::write(&list, content).unwrap();
        let (code, found) = told(&image, &[]);
        assert_eq!(
            (code, result(&found, "digest", "a.iso.sha256")),
            (Some(3), &"unchecked".into())
        );
    }
}

/// A `GnuPG` home with a key, and that key in a file.
struct Signer {
    home: TempDir,
}

impl Drop for Signer {
    fn drop(&mut self) {
        let home = self.home.path();
        let _ = tool::run("gpgconf", |gpg| gpg.arg("--homedir").arg(home).args(["--kill", "all"]));
    }
}

impl Signer {
    fn new() -> Self {
        let home = scratch::directory().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let this = Self { home };
        this.gpg(&["--quick-gen-key", "signer", "ed25519", "sign,cert", "never"]);
        let key = this.key();
        this.gpg(&["--armor", "--output", key.to_str().unwrap(), "--export"]);
        this
    }

    fn key(&self) -> PathBuf {
        self.home.path().join("key.asc")
    }

    fn gpg(&self, arguments: &[&str]) {
        tool::run("gpg", |gpg| {
            gpg.arg("--homedir")
                .arg(self.home.path())
                .args(["--batch", "--quiet", "--yes", "--no-tty"]);
            gpg.args(["--pinentry-mode", "loopback", "--passphrase", ""]).args(arguments)
        })
        .unwrap();
    }
}

#[test]
pub(crate) fn a_list_that_a_pinned_key_signed_verifies_what_it_names() {
    let (_directory, image) = image();
    let signer = Signer::new();
    let key = signer.key();
    let key = ["--key", key.to_str().unwrap()];
    let list = image.with_file_name("SHA256SUMS");
    fs::write(&list, format!("{}  a.iso\n", digest(&image, Algorithm::Sha256))).unwrap();
    signer.gpg(&[
        "--detach-sign",
        "--output",
        &format!("{}.gpg", list.display()),
        list.to_str().unwrap(),
    ]);
    let (code, found) = told(&image, &key);
    assert_eq!(
        (code, &found["verdict"], &found["trust"]),
        (Some(0), &"verified".into(), &"signed-list".into())
    );
    assert_eq!(result(&found, "signature", "SHA256SUMS.gpg"), "ok");
    assert!(verify(&image, &key).output.contains(": verified, signed by "));
    // Without the key nobody knows whose signature it is.
    let (code, found) = told(&image, &[]);
    assert_eq!((code, &found["verdict"]), (Some(0), &"intact".into()));
    assert_eq!(result(&found, "signature", "SHA256SUMS.gpg"), "unchecked");
    // Somebody changed image and list, but cannot sign.
    damage(&image, 1_000_000);
    fs::write(&list, format!("{}  a.iso\n", digest(&image, Algorithm::Sha256))).unwrap();
    let (code, found) = told(&image, &key);
    assert_eq!(
        (code, &found["verdict"], &found["trust"]),
        (Some(4), &"failed".into(), &"unverified".into())
    );
    assert_eq!(result(&found, "signature", "SHA256SUMS.gpg"), "failed");
}

#[test]
pub(crate) fn a_signed_copy_of_a_list_counts_instead_of_the_list_beside_it() {
    let (_directory, image) = image();
    let signer = Signer::new();
    let key = signer.key();
    let key = ["--key", key.to_str().unwrap()];
    let list = image.with_file_name("a.iso.DIGESTS");
    let clear_signed = image.with_file_name("a.iso.DIGESTS.asc");
    let write = || {
        let sum = digest(&image, Algorithm::Sha512);
        fs::write(&list, format!("# SHA512 HASH\n{sum}  a.iso\n")).unwrap();
    };
    write();
    let output = clear_signed.to_str().unwrap();
    signer.gpg(&["--clear-sign", "--output", output, list.to_str().unwrap()]);
    let (code, found) = told(&image, &key);
    assert_eq!((code, &found["verdict"]), (Some(0), &"verified".into()));
    damage(&image, 1_000_000);
    write();
    let (code, found) = told(&image, &key);
    assert_eq!((code, &found["verdict"]), (Some(4), &"failed".into()), "{found}");
}

#[test]
pub(crate) fn only_the_text_within_a_clearsigned_list_verifies() {
    let (_directory, image) = image();
    let signer = Signer::new();
    let key = signer.key();
    let key = ["--key", key.to_str().unwrap()];
    let list = image.with_file_name("a-CHECKSUM");
    let plain = signer.home.path().join("plain");
    fs::write(&plain, format!("SHA256 (a.iso) = {}\n", digest(&image, Algorithm::Sha256))).unwrap();
    signer.gpg(&["--clear-sign", "--output", list.to_str().unwrap(), plain.to_str().unwrap()]);
    assert_eq!(told(&image, &key).1["verdict"], "verified");
    damage(&image, 1_000_000);
    let evil = format!("SHA256 (a.iso) = {}\n", digest(&image, Algorithm::Sha256));
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{evil}{text}{evil}")).unwrap();
    let (code, found) = told(&image, &key);
    assert_eq!((code, result(&found, "digest", "a-CHECKSUM")), (Some(4), &"failed".into()));
}

#[test]
pub(crate) fn an_image_that_a_pinned_key_signed_is_verified() {
    let (_directory, image) = image();
    let signer = Signer::new();
    let key = signer.key();
    let key = ["--key", key.to_str().unwrap()];
    let signature = image.with_file_name("a.iso.sig");
    signer.gpg(&[
        "--detach-sign",
        "--output",
        signature.to_str().unwrap(),
        image.to_str().unwrap(),
    ]);
    let (code, found) = told(&image, &key);
    assert_eq!(
        (code, &found["verdict"], &found["trust"]),
        (Some(0), &"verified".into(), &"signed-image".into())
    );
    assert_eq!(told(&image, &[]).0, Some(3), "a signature by nobody known verifies nothing");
    damage(&image, 2_000_000);
    let (code, found) = told(&image, &key);
    assert_eq!((code, result(&found, "signature", "a.iso.sig")), (Some(4), &"failed".into()));
}

#[test]
pub(crate) fn an_implanted_sum_tells_damage_and_where_it_begins() {
    let (_directory, image) = image();
    run("implantisomd5", [image.as_os_str()]);
    run("checkisomd5", [image.as_os_str()]);
    let (code, found) = told(&image, &[]);
    assert_eq!((code, &found["verdict"]), (Some(0), &"intact".into()));
    assert_eq!(result(&found, "implanted-md5", "the image"), "ok");
    damage(&image, 1_500_000);
    let (code, found) = told(&image, &[]);
    assert_eq!((code, result(&found, "implanted-md5", "the image")), (Some(4), &"failed".into()));
    let checks = found["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["kind"] == "implanted-md5").unwrap();
    let numbers: Vec<u64> =
        check["detail"].as_str().unwrap().split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(numbers[0] <= 1_500_000 && 1_500_000 < numbers[1], "{numbers:?}");
}

#[test]
pub(crate) fn what_cannot_be_read_is_1_and_what_is_missing_too() {
    let directory = scratch::directory().unwrap();
    assert_eq!(verify(&directory.path().join("missing.iso"), &[]).code, Some(1));
    assert_eq!(verify(Path::new("/dev/null"), &[]).code, Some(1));
    let (_directory, image) = image();
    assert_eq!(verify(&image, &["--key", "/nonexistent"]).code, Some(1));
    assert_eq!(
        verify(&image, &["--key", image.to_str().unwrap()]).code,
        Some(1),
        "no key is in it"
    );
}
