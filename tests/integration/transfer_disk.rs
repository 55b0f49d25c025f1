//! Disks that are full, small, read-only or broken: the download is held, and goes on when they are not any more.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use isomirror::fetch::{Download, Fetcher, Hold, Progress, store::Store};
use isomirror_tests::{
    fault_server::{Fault, FaultServer, image},
    faulty_disk::{DiskFault, FaultyDisk},
    scratch,
};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::transfer_fixture::{MIB, download, policy, sha256};

/// A file system of a few MiB; it goes with the value.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new(mebibytes: usize) -> Self {
        let directory = scratch::directory().unwrap();
        let disk = Self(directory);
        disk.mount(MsFlags::empty(), &format!("size={mebibytes}m"));
        disk
    }

    fn mount(&self, flags: MsFlags, options: &str) {
        mount(Some("tmpfs"), self.path(), Some("tmpfs"), flags, Some(options)).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = umount2(self.path(), MntFlags::MNT_DETACH);
    }
}

async fn run(store: &Store, download: &Download) -> Result<PathBuf, Hold> {
    let fetcher = Fetcher::new(policy(), None).unwrap();
    let (progress, _) = watch::channel(Progress::default());
    let staged = download.run(&fetcher, store, &progress, &CancellationToken::new()).await?;
    Ok(staged.path().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_full_disk_is_known_before_the_transfer_and_it_goes_on_when_there_is_room() {
    let content = image(6 * MIB, 1);
    let disk = SmallDisk::new(8);
    fs::write(disk.path().join("other"), vec![1; 4 * MIB]).unwrap();
    let store = Store::open(disk.path()).unwrap();
    let server = FaultServer::start(content.clone()).unwrap();
    let download = download(&content, &[server.url()]);
    let hold = run(&store, &download).await.unwrap_err();
    let Hold::NoSpace { missing, .. } = hold else { panic!("{hold:?}") };
    assert!(missing > 2 * MIB as u64 && missing < 4 * MIB as u64, "{missing}");
    assert!(server.seen().is_empty(), "nothing was asked for in vain");
    fs::remove_file(disk.path().join("other")).unwrap();
    assert!(fs::read(run(&store, &download).await.unwrap()).unwrap() == content);
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_disk_that_becomes_full_midway_keeps_what_is_there() {
    let content = image(6 * MIB, 1);
    let disk = SmallDisk::new(5);
    let store = Store::open(disk.path()).unwrap();
    // The size is not known before: it comes in chunks.
    let server = FaultServer::with(content.clone(), [], Fault::Chunked).unwrap();
    let download = Download { size: None, ..download(&content, &[server.url()]) };
    let hold = run(&store, &download).await.unwrap_err();
    assert!(matches!(hold, Hold::NoSpace { .. }), "{hold:?}");
    let staged = disk.path().join(".staging/linux/image");
    assert!(fs::metadata(&staged).unwrap().len() >= 2 * MIB as u64);
    disk.mount(MsFlags::MS_REMOUNT, "size=32m");
    server.script([], Fault::None);
    assert!(fs::read(run(&store, &download).await.unwrap()).unwrap() == content);
    assert!(server.seen().last().unwrap().range.is_some(), "it went on");
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_disk_that_becomes_read_only_is_told_as_that() {
    let content = image(6 * MIB, 1);
    let disk = SmallDisk::new(32);
    let store = Store::open(disk.path()).unwrap();
    disk.mount(MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, "");
    let server = FaultServer::start(content.clone()).unwrap();
    let download = download(&content, &[server.url()]);
    let hold = run(&store, &download).await.unwrap_err();
    assert!(matches!(hold, Hold::ReadOnly { .. }), "{hold:?}");
    disk.mount(MsFlags::MS_REMOUNT, "");
    assert!(fs::read(run(&store, &download).await.unwrap()).unwrap() == content);
}

#[test]
pub(crate) fn a_file_system_that_holds_no_such_file_is_told_as_that() {
    let content = image(6 * MIB, 1);
    let store = scratch::directory().unwrap();
    let server = FaultServer::start(content.clone()).unwrap();
    let fetch = |limit: &str| {
        Command::new(env!("CARGO_BIN_EXE_fetch_image"))
            .env("FETCH_FILE_LIMIT", limit)
            .arg(store.path())
            .arg(content.len().to_string())
            .arg(sha256(&content).hex())
            .arg(server.url())
            .output()
            .unwrap()
    };
    let held = fetch("4000000");
    let said = String::from_utf8_lossy(&held.stdout).into_owned();
    assert_eq!(held.status.code(), Some(3), "{said}");
    assert!(said.contains("holds no file of this size"), "{said}");
    assert_eq!(fetch("8000000").status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_disk_that_others_fill_meanwhile_is_noticed() {
    let content = image(6 * MIB, 1);
    // Nothing can be reserved on it, so room is looked for again at each checkpoint.
    let disk = FaultyDisk::new().unwrap();
    let store = Store::open(disk.path()).unwrap();
    let server = FaultServer::with(content.clone(), [], Fault::Limited(4_000_000)).unwrap();
    let download = download(&content, &[server.url()]);
    let fill = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        disk.fails(DiskFault::NoRoom);
    };
    let (ended, ()) = tokio::join!(run(&store, &download), fill);
    let hold = ended.unwrap_err();
    let is_right = matches!(hold, Hold::NoSpace { missing, .. } if missing > MIB as u64);
    assert!(is_right, "{hold:?}");
    disk.fails(DiskFault::None);
    assert!(fs::read(run(&store, &download).await.unwrap()).unwrap() == content);
    assert!(server.seen().last().unwrap().range.is_some(), "it went on");
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn what_is_reserved_stays_whatever_others_write() {
    let content = image(6 * MIB, 1);
    let disk = SmallDisk::new(9);
    let store = Store::open(disk.path()).unwrap();
    let server = FaultServer::with(content.clone(), [], Fault::Limited(8_000_000)).unwrap();
    let download = download(&content, &[server.url()]);
    let fill = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let two_of_three = vec![1; 2 * MIB];
        fs::write(disk.path().join("other"), two_of_three).unwrap();
    };
    let (staged, ()) = tokio::join!(run(&store, &download), fill);
    assert!(fs::read(staged.unwrap()).unwrap() == content);
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_quota_that_is_used_up_is_told_as_that() {
    let content = image(6 * MIB, 1);
    let disk = FaultyDisk::new().unwrap();
    let store = Store::open(disk.path()).unwrap();
    let server = FaultServer::start(content.clone()).unwrap();
    let download = download(&content, &[server.url()]);
    disk.fails(DiskFault::WriteAfter(3 * MIB as u64, nix::libc::EDQUOT));
    let hold = run(&store, &download).await.unwrap_err();
    assert!(matches!(hold, Hold::Quota { .. }), "{hold:?}");
    assert!(server.seen().len() <= 2, "it is not tried in vain: {:?}", server.seen());
    disk.fails(DiskFault::None);
    assert!(fs::read(run(&store, &download).await.unwrap()).unwrap() == content);
    assert!(server.seen().last().unwrap().range.is_some(), "it went on");
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_disk_that_fails_is_not_written_to_any_more_and_the_stage_is_not_trusted() {
    let content = image(6 * MIB, 1);
    let eio = nix::libc::EIO;
    for fault in [DiskFault::WriteAfter(3 * MIB as u64, eio), DiskFault::NextSync(eio)] {
        let disk = FaultyDisk::new().unwrap();
        let store = Store::open(disk.path()).unwrap();
        let server = FaultServer::start(content.clone()).unwrap();
        let download = download(&content, &[server.url()]);
        disk.fails(fault);
        let hold = run(&store, &download).await.unwrap_err();
        assert!(matches!(hold, Hold::DiskFails { .. }), "{fault:?}: {hold:?}");
        let staging = disk.path().join(".staging/linux");
        assert!(!staging.exists(), "nothing of it is trusted");
        // The disk says that all is well again, as fsync(2) does, and is not believed.
        disk.fails(DiskFault::None);
        let before = server.seen().len();
        for other in [&download, &Download { id: "other".into(), ..download.clone() }] {
            let hold = run(&store, other).await.unwrap_err();
            assert!(matches!(hold, Hold::DiskFails { .. }), "{fault:?}: {hold:?}");
        }
        assert!(store.save_entry("linux", &store.entry("linux").unwrap()).is_err());
        assert_eq!((disk.written(), server.seen().len()), (0, before), "{fault:?}");
        // After a restart it begins anew.
        drop(store);
        server.forget();
        let store = Store::open(disk.path()).unwrap();
        assert!(fs::read(run(&store, &download).await.unwrap()).unwrap() == content);
        assert_eq!(server.seen()[0].range, None);
    }
}

#[test]
pub(crate) fn a_store_of_several_file_systems_is_refused() {
    let disk = SmallDisk::new(4);
    let staging = disk.path().join(".staging");
    fs::create_dir(&staging).unwrap();
    mount(Some("tmpfs"), &staging, Some("tmpfs"), MsFlags::empty(), Some("size=1m")).unwrap();
    let refused = Store::open(disk.path()).unwrap_err();
    umount2(&staging, MntFlags::MNT_DETACH).unwrap();
    assert!(refused.to_string().contains("another file system"), "{refused}");
}
