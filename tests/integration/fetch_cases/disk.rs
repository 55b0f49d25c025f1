//! Cases of what a crash leaves, of others who write, and of stores on networks.

use std::{
    fs::{self, File, FileTimes},
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, SystemTime},
};

use isomirror::fetch::{
    Download,
    store::{Store, StoreError},
};
use isomirror_tests::{
    fault_server::{Fault, FaultServer, image},
    faulty_disk::FaultyDisk,
};
use rustix::fs::{FallocateFlags, fallocate};

use crate::transfer_fixture::{Fixture, MIB, block_on, download, fetch_into};

/// A stage of `content` up to byte `until`, of a process that has ended.
fn stopped_at(content: &[u8], until: usize) -> (Fixture, FaultServer, Download) {
    let gone = Fault::Status(404, None);
    let server = FaultServer::with(content.to_vec(), [Fault::ClosedAt(until)], gone).unwrap();
    let fixture = Fixture::new();
    let download = download(content, &[server.url()]);
    block_on(fixture.holds(&download));
    server.script([], Fault::None);
    server.forget();
    (fixture, server, download)
}

pub(super) fn what_a_crash_left_beyond_the_checkpoint_is_fetched_again() {
    let content = image(3 * MIB, 1);
    let (fixture, server, download) = stopped_at(&content, 2 * MIB);
    let mut stage = File::options().append(true).open(fixture.staged()).unwrap();
    stage.write_all(&vec![0; MIB / 2]).unwrap();
    block_on(fixture.publishes(&download, &content));
    assert_eq!(server.seen()[0].range.as_deref(), Some(format!("bytes={}-", 2 * MIB).as_str()));
}

/// Its name, and what does it to the stage at a path.
type Damage<'a> = (&'a str, &'a dyn Fn(&Path));

pub(super) fn what_a_crash_took_away_is_noticed() {
    // The file is shorter than the checkpoint says; its end is not what was written; so is its middle, where a sample
    // is; data never reached the disk and left a hole.
    let content = image(9 * MIB, 1);
    let until = 8 * MIB + 100_000;
    let change = |path: &Path, offset: usize| {
        let mut stage = File::options().write(true).open(path).unwrap();
        stage.seek(SeekFrom::Start(offset as u64)).unwrap();
        stage.write_all(&[0; 5000]).unwrap();
    };
    let punch = |path: &Path| {
        let stage = File::options().write(true).open(path).unwrap();
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(&stage, flags, 5 << 20, 1 << 20).unwrap();
    };
    let damages: [Damage; 4] = [
        ("shorter", &|path| {
            File::options().write(true).open(path).unwrap().set_len(4 << 20).unwrap();
        }),
        ("end", &|path| change(path, until - 10_000)),
        ("middle", &|path| change(path, 4 * MIB + 20_000)),
        ("hole", &punch),
    ];
    for (name, damage) in damages {
        let (fixture, server, download) = stopped_at(&content, until);
        damage(&fixture.staged());
        block_on(fixture.publishes(&download, &content));
        assert!(server.seen().iter().any(|seen| seen.range.is_none()), "{name}: all of it anew");
    }
}

pub(super) fn stages_that_nobody_wants_any_more_go() {
    let content = image(3 * MIB, 1);
    let (fixture, _server, _download) = stopped_at(&content, 2 * MIB);
    let Fixture { directory, store, .. } = fixture;
    drop(store);
    let staging = directory.path().join(".staging/linux");
    let foreign = directory.path().join(".staging/not ours");
    fs::create_dir(&foreign).unwrap();
    age(&staging, 29);
    age(&foreign, 29);
    drop(Store::open(directory.path()).unwrap());
    assert!(staging.exists());
    age(&staging, 31);
    age(&foreign, 31);
    drop(Store::open(directory.path()).unwrap());
    assert!(!staging.exists() && foreign.exists());
}

fn age(path: &Path, days: u32) {
    let then = SystemTime::now() - days * Duration::from_hours(24);
    File::open(path).unwrap().set_times(FileTimes::new().set_modified(then)).unwrap();
}

pub(super) fn a_publication_that_was_cut_off_is_undone_or_completed() {
    for is_revealed in [false, true] {
        let content = image(MIB, 1);
        let server = FaultServer::start(content.clone()).unwrap();
        let fixture = Fixture::new();
        let download = download(&content, &[server.url()]);
        let staged = block_on(fixture.run(&download)).unwrap();
        let path = fixture.publish(&staged);
        // Back to where a crash between the steps leaves it.
        let mut entry = fixture.store.entry("linux").unwrap();
        entry.publishing = Some(entry.images.remove(0));
        fixture.store.save_entry("linux", &entry).unwrap();
        let version = path.parent().unwrap();
        let prepared = fixture.directory.path().join(".staging/linux/publish");
        fs::create_dir_all(prepared.parent().unwrap()).unwrap();
        if !is_revealed {
            fs::rename(version, &prepared).unwrap();
        }
        let Fixture { directory, store, .. } = fixture;
        drop(store);
        let store = Store::open(directory.path()).unwrap();
        let entry = store.entry("linux").unwrap();
        assert_eq!(entry.publishing, None);
        assert_eq!((path.exists(), entry.images.len()), (is_revealed, usize::from(is_revealed)));
        assert_eq!(store.is_verified(&path), is_revealed);
        assert_eq!(directory.path().join(".staging/linux/image").exists(), !is_revealed);
    }
}

pub(super) fn an_image_that_somebody_edits_is_not_verified_and_never_overwritten() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let fixture = Fixture::new();
    let download = download(&content, &[server.url()]);
    let path = fixture.publish(&block_on(fixture.run(&download)).unwrap());
    // In place, with the same size and time: the stamp tells all the same.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut file = File::options().write(true).open(&path).unwrap();
    file.write_all(b"edited").unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
    assert!(!fixture.store.is_verified(&path));
    // Another file under its name is theirs.
    let theirs = path.with_file_name("theirs");
    fs::write(&theirs, b"theirs").unwrap();
    fs::rename(&theirs, &path).unwrap();
    let staged = block_on(fixture.run(&download)).unwrap();
    let verified = Fixture::verified(&staged);
    let refused = fixture.store.publish(&staged, &verified).unwrap_err();
    assert!(matches!(refused, StoreError::Foreign(_)), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
}

pub(super) fn what_was_put_aside_goes_after_a_while() {
    let fixture = Fixture::new();
    let server = FaultServer::start(image(MIB, 2)).unwrap();
    block_on(fixture.holds(&download(&image(MIB, 1), &[server.url()])));
    let Fixture { directory, store, .. } = fixture;
    drop(store);
    let aside = directory.path().join(".quarantine/linux");
    assert!(aside.exists());
    age(&aside, 365);
    drop(Store::open(directory.path()).unwrap());
    assert!(!aside.exists());
}

pub(super) fn an_image_that_is_used_stays() {
    let fixture = Fixture::new();
    let mut paths = Vec::new();
    for (seed, version) in [(1, "1"), (2, "2"), (3, "3")] {
        let content = image(MIB, seed);
        let server = FaultServer::start(content.clone()).unwrap();
        let download = Download { version: version.into(), ..download(&content, &[server.url()]) };
        paths.push(fixture.publish(&block_on(fixture.run(&download)).unwrap()));
    }
    let removed = fixture.store.retire("linux", 1, 0, |path| path == paths[0]).unwrap();
    assert_eq!(removed, [paths[1].clone()]);
    assert!(paths[0].exists() && !paths[1].exists() && paths[2].exists());
}

pub(super) fn a_share_without_locks_or_reservations_is_a_store() {
    let content = image(6 * MIB, 1);
    let disk = FaultyDisk::new().unwrap();
    let server = FaultServer::with(content.clone(), [Fault::ClosedAt(4 * MIB)], Fault::None);
    let server = server.unwrap();
    // Who works in it stands in a file.
    let store = Store::open(disk.path()).unwrap();
    let owner = disk.path().join(".owner.json");
    assert!(owner.exists());
    let (code, said) = fetch_into(disk.path(), &content, &[server.url()], |command| command);
    assert!(code != Some(0) && said.contains("Locked"), "{said}");
    drop(store);
    assert!(!owner.exists());
    for _ in 0..2 {
        let (code, said) = fetch_into(disk.path(), &content, &[server.url()], |command| command);
        assert_eq!(code, Some(0), "{said}");
    }
    assert!(fs::read(disk.path().join("linux/1.0/linux.iso")).unwrap() == content);
}
