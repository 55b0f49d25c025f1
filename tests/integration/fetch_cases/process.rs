//! Cases of several processes, of pauses, and of whoever looks on.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::process::CommandExt,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use isomirror::fetch::store::{Store, StoreError};
use isomirror_tests::{
    fault_server::{Fault, FaultServer, image},
    scratch,
};

use crate::transfer_fixture::{Fixture, MIB, block_on, download, fetch_into};

pub(super) fn a_store_has_one_process() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let directory = scratch::directory().unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert!(matches!(Store::open(directory.path()), Err(StoreError::Locked { .. })));
    let (code, said) = fetch_into(directory.path(), &content, &[server.url()], |command| command);
    assert!(code != Some(0) && said.contains("Locked"), "{said}");
    assert!(server.seen().is_empty());
    drop(store);
    let (code, said) = fetch_into(directory.path(), &content, &[server.url()], |command| command);
    assert_eq!(code, Some(0), "{said}");
}

pub(super) fn a_pause_ends_where_it_began() {
    let content = image(4 * MIB, 1);
    let server = FaultServer::with(content.clone(), [], Fault::Limited(8_000_000)).unwrap();
    let fixture = Fixture::new();
    let download = download(&content, &[server.url()]);
    let pause = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        fixture.fetcher.limiter().set_rate(Some(0));
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let before = fs::metadata(fixture.staged()).unwrap().len();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(fs::metadata(fixture.staged()).unwrap().len(), before, "nothing comes");
        fixture.fetcher.limiter().set_rate(None);
    };
    let run = fixture.run(&download);
    let (staged, ()) = block_on(async { tokio::join!(run, pause) });
    fixture.assert_published(&download, &staged.unwrap(), &content);
    assert_eq!(server.seen().len(), 1, "a pause is no failure: {:?}", server.seen());
}

pub(super) fn whoever_reads_sees_one_image_whole() {
    let (old, new) = (image(8 * MIB, 1), image(8 * MIB + 5, 2));
    let server = FaultServer::start(old.clone()).unwrap();
    let fixture = Fixture::new();
    let path = fixture.publish(&block_on(fixture.run(&download(&old, &[server.url()]))).unwrap());
    let mut reader = File::open(&path).unwrap();
    let mut first = vec![0; MIB];
    reader.read_exact(&mut first).unwrap();
    server.replace(new.clone(), Some("\"2\""));
    let staged = block_on(fixture.run(&download(&new, &[server.url()]))).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut looks = 0;
            while !is_over.load(Ordering::Relaxed) || looks == 0 {
                let seen = fs::read(&path).expect("there is an image at every moment");
                assert!(seen == old || seen == new, "it is one of them, and whole");
                looks += 1;
            }
        });
        thread::sleep(Duration::from_millis(50));
        fixture.publish(&staged);
        is_over.store(true, Ordering::Relaxed);
        looking.join().unwrap();
    });
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert!([first, rest].concat() == old, "who had it open reads it to its end");
    assert!(fs::read(&path).unwrap() == new);
}

pub(super) fn what_is_being_fetched_is_seen_by_nobody() {
    let content = image(4 * MIB, 1);
    let server = FaultServer::with(content.clone(), [], Fault::Limited(8_000_000)).unwrap();
    let fixture = Fixture::new();
    let download = download(&content, &[server.url()]);
    let is_over = AtomicBool::new(false);
    let look = async {
        let mut looks = 0;
        while !is_over.load(Ordering::Relaxed) {
            let seen = fixture.images();
            assert!(seen.is_empty(), "{seen:?}");
            looks += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(looks > 10);
    };
    let run = async {
        let staged = fixture.run(&download).await;
        is_over.store(true, Ordering::Relaxed);
        staged
    };
    let (staged, ()) = block_on(async { tokio::join!(run, look) });
    fixture.assert_published(&download, &staged.unwrap(), &content);
}

pub(super) fn a_store_of_somebody_else_is_refused_with_a_reason() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let directory = scratch::directory().unwrap();
    let (code, said) = fetch_into(directory.path(), &content, &[server.url()], |command| {
        command.uid(65_534).gid(65_534)
    });
    assert!(code != Some(0) && said.contains("PermissionDenied"), "{said}");
    assert!(said.contains(&directory.path().display().to_string()), "{said}");
    assert!(server.seen().is_empty());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}
