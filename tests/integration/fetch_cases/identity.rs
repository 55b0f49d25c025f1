//! Cases about what the bytes are.

use std::fs;

use isomirror::fetch::{Download, Hold, Policy};
use isomirror_core::transfer::answer::Rejection;
use isomirror_tests::fault_server::{Fault, FaultServer, image};

use crate::transfer_fixture::{Fixture, MIB, block_on, download, policy};

pub(super) fn the_old_image_stays_until_the_new_one_is_verified() {
    let (old, new) = (image(2 * MIB, 1), image(2 * MIB + 5, 2));
    let server = FaultServer::start(old.clone()).unwrap();
    let fixture = Fixture::new();
    block_on(fixture.publishes(&download(&old, &[server.url()]), &old));
    let path = fixture.store.image_path("linux", "1.0", "linux.iso");
    // The list tells of the new one already, and the server has the old one, or a wrong one.
    let newer = download(&new, &[server.url()]);
    block_on(fixture.run(&newer)).unwrap_err();
    server.replace(image(2 * MIB + 5, 3), Some("\"3\""));
    block_on(fixture.run(&newer)).unwrap_err();
    assert!(fs::read(&path).unwrap() == old && fixture.store.is_verified(&path));
    server.replace(new.clone(), Some("\"4\""));
    block_on(fixture.publishes(&newer, &new));
}

pub(super) fn a_mirror_that_lags_is_passed_over() {
    let (old, new) = (image(2 * MIB, 1), image(2 * MIB, 2));
    let lacks = FaultServer::with(new.clone(), [], Fault::Status(404, None)).unwrap();
    let lags = FaultServer::start(old).unwrap();
    let master = FaultServer::start(new.clone()).unwrap();
    let fixture = Fixture::new();
    let urls = [lacks.url(), lags.url(), master.url()];
    block_on(fixture.publishes(&download(&new, &urls), &new));
    assert_eq!(lacks.seen().len(), 1, "what is not there is not asked for again");
}

pub(super) fn one_wrong_image_of_an_entry_is_put_aside() {
    let right = image(MIB, 1);
    let server = FaultServer::start(image(MIB, 2)).unwrap();
    let fixture = Fixture::new();
    let download = download(&right, &[server.url()]);
    for seed in 3..6 {
        let hold = block_on(fixture.holds(&download));
        assert!(matches!(hold, Hold::Mismatch { .. }), "{hold:?}");
        let aside = fixture.directory.path().join(".quarantine/linux");
        assert_eq!(fs::read_dir(&aside).unwrap().count(), 1);
        assert!(!fixture.staged().exists() || fs::metadata(fixture.staged()).unwrap().len() == 0);
        server.replace(image(MIB, seed), Some(&format!("\"{seed}\"")));
    }
}

pub(super) fn of_edges_with_other_content_one_image_is_made() {
    let (right, wrong) = (image(40 * MIB, 1), image(40 * MIB, 2));
    let limit = Fault::Limited(12_000_000);
    let good = FaultServer::with(right.clone(), [], limit.clone()).unwrap();
    let bad = FaultServer::with(wrong, [], limit).unwrap();
    let fixture =
        Fixture::with(Policy { measure: std::time::Duration::from_millis(50), ..policy() });
    let urls = [good.url(), bad.url()];
    block_on(fixture.publishes(&download(&right, &urls), &right));
}

pub(super) fn what_is_no_disc_image_is_refused_unless_it_need_not_be_one() {
    let mut content = image(MIB, 1);
    content[0x8001..0x8006].copy_from_slice(b"NSR02");
    let server = FaultServer::start(content.clone()).unwrap();
    let iso = download(&content, &[server.url()]);
    let hold = block_on(Fixture::new().holds(&iso));
    let is_right = matches!(hold, Hold::Rejected { rejection: Rejection::NotAnImage, .. });
    assert!(is_right, "{hold:?}");
    let other = Download { is_iso: false, ..iso };
    block_on(Fixture::new().publishes(&other, &content));
}

pub(super) fn images_of_one_name_do_not_meet() {
    let fixture = Fixture::new();
    let mut contents = Vec::new();
    for (seed, (id, version)) in [("one", "1"), ("one", "2"), ("two", "1")].into_iter().enumerate()
    {
        let content = image(MIB, seed as u64);
        let server = FaultServer::start(content.clone()).unwrap();
        let download = Download {
            id: id.into(),
            version: version.into(),
            ..download(&content, &[server.url()])
        };
        let staged = block_on(fixture.run(&download)).unwrap();
        let path = fixture.publish(&staged);
        contents.push((path, content));
    }
    for (path, content) in contents {
        assert!(fs::read(path).unwrap() == content);
    }
}
