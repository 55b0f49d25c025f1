//! Cases of the network and of HTTP that need more than one faulty answer.

use std::{fs, time::Duration};

use isomirror::fetch::{Download, Hold};
use isomirror_tests::fault_server::{Fault, FaultServer, image};

use crate::transfer_fixture::{Fixture, MIB, block_on, download};

pub(super) fn a_host_that_asks_for_patience_is_left_alone_for_all_its_files() {
    let content = image(MIB, 1);
    let answer = Fault::Status(429, Some("3600".into()));
    let server = FaultServer::with(content.clone(), [answer], Fault::None).unwrap();
    let fixture = Fixture::new();
    let one = download(&content, &[server.url()]);
    let other = Download { id: "other".into(), ..download(&content, &[server.url() + "?other"]) };
    for download in [one, other] {
        let hold = block_on(fixture.holds(&download));
        let is_right = matches!(&hold, Hold::Busy { after } if after.as_secs() > 3500);
        assert!(is_right, "{hold:?}");
    }
    assert_eq!(server.seen().len(), 1);
}

pub(super) fn a_redirection_is_followed_with_the_range() {
    let content = image(3 * MIB, 1);
    let mirror = FaultServer::with(content.clone(), [Fault::ClosedAt(MIB)], Fault::None).unwrap();
    let master =
        FaultServer::with(content.clone(), [], Fault::Redirect(Some(mirror.url()))).unwrap();
    block_on(Fixture::new().publishes(&download(&content, &[master.url()]), &content));
    let resumed = &mirror.seen()[1];
    assert_eq!(resumed.range.as_deref(), Some(format!("bytes={MIB}-").as_str()));
    assert_eq!(resumed.if_range.as_deref(), Some("\"1\""));
}

pub(super) fn what_is_whole_already_is_not_asked_for() {
    let content = image(3 * MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let fixture = Fixture::new();
    let download = download(&content, &[server.url()]);
    // It was stopped after the last byte and before it was published.
    drop(block_on(fixture.run(&download)).unwrap());
    server.script([], Fault::RangeRefused);
    block_on(fixture.publishes(&download, &content));
    assert_eq!(server.seen().len(), 1);
}

pub(super) fn what_is_longer_than_the_file_is_dropped() {
    let (old, new) = (image(3 * MIB, 1), image(2 * MIB, 2));
    let server =
        FaultServer::with(old.clone(), [Fault::SilentAt(MIB * 5 / 2)], Fault::Status(404, None));
    let server = server.unwrap();
    let fixture = Fixture::new();
    // Nobody knows how long it is, nor what it should be.
    let download = Download { size: None, expected: Vec::new(), ..download(&old, &[server.url()]) };
    block_on(fixture.holds(&download));
    assert!(fs::metadata(fixture.staged()).unwrap().len() > 2 * MIB as u64);
    server.replace(new.clone(), Some("\"2\""));
    server.script([Fault::Late(Duration::from_millis(1))], Fault::None);
    block_on(fixture.publishes(&download, &new));
}
