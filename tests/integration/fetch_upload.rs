//! Verified images are copied to a directory or a share: whole, right, once, or not at all with the reason.

use std::{
    fs::{self, File, FileTimes},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use isomirror::fetch::{
    Policy, SmbAccess,
    upload::{Image, UploadError, Uploaded, upload},
};
use isomirror_core::{config::SourceUrl, digest::Digest};
use isomirror_tests::{fault_server::image, hung_directory::HungDirectory, samba::Samba, scratch};
use tempfile::TempDir;

use crate::transfer_fixture::{MIB, policy, sha256};

/// More than one chunk, and no round number of them.
const SIZE: usize = 3 * MIB + 7;

/// An image that was verified, and its digests.
struct Verified {
    directory: TempDir,
    content: Vec<u8>,
    digests: Vec<Digest>,
}

impl Verified {
    fn new() -> Self {
        let (directory, content) = (scratch::directory().unwrap(), image(SIZE, 1));
        fs::write(directory.path().join("stored.iso"), &content).unwrap();
        let digests = vec![sha256(&content)];
        Self { directory, content, digests }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("stored.iso")
    }

    async fn upload(&self, to: &SourceUrl, access: &SmbAccess) -> Result<Uploaded, UploadError> {
        let path = self.path();
        let image = Image {
            path: &path,
            id: "linux",
            version: "1.0",
            file_name: "linux.iso",
            digests: &self.digests,
        };
        // An image is put on a disk that others use too.
        let patient = Policy { stall: Duration::from_secs(20), ..policy() };
        upload(to, access, &patient, &image).await
    }
}

/// Names in the directory that the image goes to.
fn names(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root.join("linux/1.0")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn share(samba: &Samba, name: &str) -> SourceUrl {
    SourceUrl::try_from(samba.url(name)).unwrap()
}

/// A directory and a share that can be written to, with what is behind them.
struct Places {
    samba: Samba,
    directory: TempDir,
}

impl Places {
    fn new() -> Self {
        Self { samba: Samba::start().unwrap(), directory: scratch::directory().unwrap() }
    }

    fn each(&self) -> [(SourceUrl, PathBuf); 2] {
        let directory = self.directory.path().to_owned();
        [
            (SourceUrl::Directory(directory.clone()), directory),
            (share(&self.samba, "incoming"), self.samba.share("incoming")),
        ]
    }

    fn access(&self) -> SmbAccess {
        SmbAccess::File(self.samba.credentials())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_copied_once_and_whole() {
    let (places, verified) = (Places::new(), Verified::new());
    for (to, root) in places.each() {
        let copied = verified.upload(&to, &places.access()).await.unwrap();
        assert_eq!(copied, Uploaded::Copied(SIZE as u64), "{to}");
        let file = root.join("linux/1.0/linux.iso");
        assert!(fs::read(&file).unwrap() == verified.content, "{to}");
        assert_eq!(names(&root), ["linux.iso"], "{to}");
        let again = verified.upload(&to, &places.access()).await.unwrap();
        assert_eq!(again, Uploaded::Present, "{to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_with_another_size_is_left_alone() {
    let (places, verified) = (Places::new(), Verified::new());
    for (to, root) in places.each() {
        fs::create_dir_all(root.join("linux/1.0")).unwrap();
        fs::write(root.join("linux/1.0/linux.iso"), "other").unwrap();
        let error = verified.upload(&to, &places.access()).await.unwrap_err();
        assert!(matches!(error, UploadError::Occupied { found: 5, .. }), "{to}: {error:?}");
        assert_eq!(fs::read(root.join("linux/1.0/linux.iso")).unwrap(), b"other");
        assert_eq!(names(&root), ["linux.iso"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_has_rotted_is_not_passed_on() {
    let (places, mut verified) = (Places::new(), Verified::new());
    verified.content[2 * MIB] ^= 1;
    fs::write(verified.path(), &verified.content).unwrap();
    for (to, root) in places.each() {
        let error = verified.upload(&to, &places.access()).await.unwrap_err();
        assert!(matches!(error, UploadError::Changed { .. }), "{to}: {error:?}");
        assert_eq!(names(&root), [""; 0], "{to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_interrupted_copy_left_is_removed_when_it_is_a_day_old() {
    let (places, verified) = (Places::new(), Verified::new());
    let day = SystemTime::now() - Duration::from_hours(25);
    for (to, root) in places.each() {
        fs::create_dir_all(root.join("linux/1.0")).unwrap();
        let name = |digits: &str| format!(".linux.iso.{digits}.part");
        let (old, new) = (name("0000000000000001"), name("0000000000000002"));
        for name in [&old, &new] {
            fs::write(root.join("linux/1.0").join(name), "part").unwrap();
        }
        let file = File::options().write(true).open(root.join("linux/1.0").join(&old)).unwrap();
        file.set_times(FileTimes::new().set_modified(day)).unwrap();
        verified.upload(&to, &places.access()).await.unwrap();
        let mut names = names(&root);
        names.sort();
        assert_eq!(names, [&*new, "linux.iso"], "{to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_be_written_to_is_told_as_that() {
    let (places, verified, read_only) = (Places::new(), Verified::new(), ReadOnly::mount());
    let directory = SourceUrl::Directory(read_only.0.path().to_owned());
    for to in [directory, share(&places.samba, "isos")] {
        let error = verified.upload(&to, &places.access()).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, UploadError::ReadOnly { .. }), "{to}: {error:?}");
        assert!(text.starts_with("nothing can be written to `"), "{text}");
    }
    let peer = SourceUrl::try_from("http://127.0.0.1:1/".to_owned()).unwrap();
    let error = verified.upload(&peer, &SmbAccess::Guest).await.unwrap_err();
    assert!(matches!(error, UploadError::Kind(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_not_there_or_hangs_is_told_as_that() {
    let (places, verified) = (Places::new(), Verified::new());
    let gone = SourceUrl::Directory("/nonexistent/isos".into());
    for to in [gone, share(&places.samba, "incoming/none")] {
        let error = verified.upload(&to, &places.access()).await.unwrap_err();
        assert!(matches!(error, UploadError::Missing(_)), "{to}: {error:?}");
    }
    let hung = HungDirectory::mount().unwrap();
    let to = SourceUrl::Directory(hung.path().to_owned());
    let (path, digests) = (verified.path(), &verified.digests);
    let names = ("linux", "1.0", "linux.iso");
    let (id, version, file_name) = names;
    let image = Image { path: &path, id, version, file_name, digests };
    let error = upload(&to, &SmbAccess::Guest, &policy(), &image).await.unwrap_err();
    assert!(matches!(error, UploadError::Silent(_)), "{error:?}");
}

/// A directory that nobody can write to, not even root.
struct ReadOnly(TempDir);

impl ReadOnly {
    fn mount() -> Self {
        let directory = scratch::directory().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "ro", "isomirror-test"]).arg(directory.path());
        assert!(mount.status().unwrap().success());
        Self(directory)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}
