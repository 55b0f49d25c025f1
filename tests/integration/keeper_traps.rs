//! What publishers do, and what becomes of an entry by it.

use std::{fs, time::Duration};

use isomirror_core::transfer::schedule::{Ended, pause};
use isomirror_tests::{program::run, publisher::Page, tool};
use rustix::process::Signal;

use crate::{
    keeper_daemon::{config, daemon, entry, wait_for},
    keeper_fixture::{EARLY, Fixture, LATER, SIGNED, UNSIGNED, iso, sha256},
    transfer_tls::Https,
};

/// Images are found in a listing of their directory, whose list has their digests.
const LISTED: &str = "    find: {method: dir_index}\n    checksum: {file: SUMS, algorithm: sha256}\n    trust: unverified\n";

/// Each image has a list of its own.
const OWN_LIST: &str = "    find: {method: dir_index}\n    checksum: {file: '{file}.sha256', algorithm: sha256}\n    trust: unverified\n";

#[test]
pub(crate) fn what_lies_beside_an_image_is_not_taken_for_it() {
    let fixture = Fixture::new();
    fixture.entries(&[("linux", "/linux/", LISTED)]);
    let image = iso("LINUX", 1);
    fixture.release(&[("9.10", &image)], EARLY);
    for other in [
        "linux-9.9.iso",
        "linux-10.0-rc1.iso",
        "linux-10.0.iso.zsync",
        "linux-10.0.iso.torrent",
        "linux-mini-10.0.iso",
        "mylinux-11.0.iso",
        "linux-11.0.iso.sig",
    ] {
        fixture.publisher.put(&format!("/linux/{other}"), b"something else");
    }
    fixture.fetches("9.10", &image);
}

#[test]
pub(crate) fn a_listing_in_which_nothing_fits_leaves_what_is_there() {
    let fixture = Fixture::new();
    fixture.entries(&[("linux", "/linux/", LISTED)]);
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.fetches("1.0", &image);
    fixture.publisher.remove("/linux/linux-1.0.iso");
    fixture.publisher.put("/linux/readme.txt", b"moved");
    let why = fixture.holds(1);
    assert!(why.contains("no name of an image"), "{why}");
}

#[test]
pub(crate) fn a_release_whose_list_is_not_there_yet_is_waited_for() {
    let fixture = Fixture::new();
    fixture.entries(&[("linux", "/linux/", OWN_LIST)]);
    let (old, new) = (iso("LINUX", 1), iso("LINUX", 2));
    let put = |version: &str, image: &[u8]| {
        let name = format!("linux-{version}.iso");
        fixture.publisher.put(&format!("/linux/{name}"), image);
        (format!("/linux/{name}.sha256"), format!("{}  {name}\n", sha256(image)))
    };
    let (path, list) = put("1.0", &old);
    fixture.publisher.put(&path, list.as_bytes());
    fixture.fetches("1.0", &old);
    let (path, list) = put("2.0", &new);
    let why = fixture.holds(1);
    assert!(why.contains("not there yet"), "{why}");
    fixture.publisher.put(&path, list.as_bytes());
    fixture.fetches("2.0", &new);
}

#[test]
pub(crate) fn an_end_of_life_is_found_in_the_archive_and_only_when_it_is_gone() {
    let fixture = Fixture::new();
    let rules = format!("{UNSIGNED}    archives: ['ORIGIN/old/']\n");
    fixture.entries(&[("linux", "/linux/", &rules)]);
    let (current, archived) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.publisher.put("/old/linux-1.0.iso", &archived);
    let list = format!("{}  linux-1.0.iso\n", sha256(&archived));
    fixture.publisher.put("/old/SUMS", list.as_bytes());
    fixture.release(&[("1.0", &current)], EARLY);
    fixture.fetches("1.0", &current);
    // A failure is not an end of life.
    fixture.publisher.set("/linux/SUMS", Page::Fails(403, None));
    fixture.holds(1);
    fixture.publisher.remove("/linux/SUMS");
    fixture.fetches("1.0", &archived);
}

#[test]
pub(crate) fn an_alias_that_shows_another_series_is_not_followed() {
    let fixture = Fixture::new();
    let rules = format!("{UNSIGNED}    name: 'linux-(?P<version>9\\.[0-9.]+)\\.iso'\n");
    fixture.entries(&[("linux", "/linux/", &rules)]);
    let (old, new) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("9.8", &old)], EARLY);
    fixture.fetches("9.8", &old);
    fixture.release(&[("10.0", &new)], LATER);
    let why = fixture.holds(1);
    assert!(why.contains("no name of an image"), "{why}");
}

#[test]
pub(crate) fn another_name_in_the_list_counts_only_where_the_catalog_says_so() {
    let fixture = Fixture::new();
    let strict = "    find: {method: dir_index}\n    checksum: {file: SUMS, algorithm: sha256}\n    trust: unverified\n    \
        name: 'linux-(?P<version>[0-9.]+)(-build[0-9]+)?\\.iso'\n";
    let lenient = strict.replace("algorithm: sha256", "algorithm: sha256, lists_exact_name: false");
    let image = iso("LINUX", 1);
    fixture.publisher.put("/linux/linux-1.0.iso", &image);
    let list = format!("{}  linux-1.0-build7.iso\n", sha256(&image));
    fixture.publisher.put("/linux/SUMS", list.as_bytes());
    fixture.entries(&[("linux", "/linux/", strict)]);
    fixture.holds(1);
    fixture.entries(&[("linux", "/linux/", &lenient)]);
    fixture.fetches("1.0", &image);
    // Two that fit are one too many.
    let two = format!("{list}{}  linux-1.0-build8.iso\n", sha256(b"other"));
    fixture.publisher.put("/linux/SUMS", two.as_bytes());
    fixture.holds(1);
}

#[test]
pub(crate) fn an_image_that_is_packed_is_verified_and_unpacked() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    let directory = fixture.path("packing");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("linux-1.0.iso"), &image).unwrap();
    let pack = |program: &str, arguments: &[&str]| {
        tool::run(program, |run| run.args(arguments).current_dir(&directory)).unwrap();
    };
    pack("bzip2", &["--keep", "linux-1.0.iso"]);
    pack("xz", &["--keep", "linux-1.0.iso"]);
    pack("python3", &["-m", "zipfile", "-c", "linux-1.0.iso.zip", "linux-1.0.iso"]);
    for kind in ["bz2", "xz", "zip"] {
        let name = format!("linux-1.0.iso.{kind}");
        let packed = fs::read(directory.join(&name)).unwrap();
        let id = format!("linux-{kind}");
        fixture.publisher.put(&format!("/{kind}/{name}"), &packed);
        let list = format!("{}  {name}\n", sha256(&packed));
        fixture.publisher.put(&format!("/{kind}/SUMS"), list.as_bytes());
        let rules = format!(
            "{UNSIGNED}    image: {kind}\n    name: 'linux-(?P<version>[0-9.]+)\\.iso\\.{kind}'\n"
        );
        fixture.entries(&[(&id, &format!("/{kind}/"), &rules)]);
        let (ended, _) = fixture.fetch([id.as_str()]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let path = fixture.store().join(format!("{id}/1.0/linux-1.0.iso"));
        assert!(fs::read(&path).unwrap() == image, "{kind}");
        let _ = fixture.asked();
        let (ended, _) = fixture.fetch([id.as_str()]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!fixture.asked().iter().any(|path| path.ends_with(kind)), "it is there already");
        // More than is allowed, and something that is no disc.
        let small = format!("{rules}    max_size: 100KiB\n");
        fixture.entries(&[(&id, &format!("/{kind}/"), &small)]);
        assert_eq!(fixture.fetch(["--force", id.as_str()]).0.code, Some(1));
        assert!(fs::read(&path).unwrap() == image, "what is there stays");
    }
}

#[test]
pub(crate) fn a_digest_that_the_operator_wrote_down_and_a_signed_list_have_to_agree() {
    let fixture = Fixture::new();
    let (image, other) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("1.0", &image)], EARLY);
    let pinned =
        |image: &[u8]| format!("{SIGNED}    pinned: {{'1.0': 'sha256:{}'}}\n", sha256(image));
    fixture.entries(&[("linux", "/linux/", &pinned(&other))]);
    let why = fixture.holds(4);
    assert!(why.contains("another digest"), "{why}");
    fixture.entries(&[("linux", "/linux/", &pinned(&image))]);
    assert_eq!(fixture.fetches("1.0", &image)["trust"], "pinned");
    // The next version is not written down, and signed as ever.
    fixture.release(&[("1.0", &image), ("2.0", &other)], LATER);
    assert_eq!(fixture.fetches("2.0", &other)["trust"], "signed-list");
}

#[test]
pub(crate) fn an_image_that_is_gone_or_wrong_is_looked_for_once_more_past_caches() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    for is_gone in [true, false] {
        fixture.release(&[("1.0", &image)], EARLY);
        if is_gone {
            fixture.publisher.remove("/linux/linux-1.0.iso");
        } else {
            fixture.publisher.put("/linux/linux-1.0.iso", &iso("LINUX", 2));
        }
        let _ = fixture.publisher.seen();
        fixture.holds(if is_gone { 1 } else { 4 });
        let seen = fixture.publisher.seen();
        let lists: Vec<_> = seen.iter().filter(|seen| seen.path == "/linux/SUMS").collect();
        assert_eq!(lists.len(), 2, "{seen:?}");
        assert!(lists.iter().all(|seen| seen.cache_control.as_deref() == Some("no-cache")));
        assert!(lists[1].status == 304, "it is asked only whether it has changed: {lists:?}");
    }
}

#[test]
pub(crate) fn documents_are_never_redirected_from_https_to_http() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let location = format!("return 302 {}$request_uri;", fixture.publisher.url(""));
    let https = Https::start("localhost", "1 minute ago", &location);
    let at = https.url().replace("/image.iso", "/linux/");
    fixture.entries(&[("linux", &at, SIGNED)]);
    fixture.configure("");
    let ended = run(fixture.command(["fetch", "linux"]).env("SSL_CERT_FILE", https.authority()));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.output.contains("redirects from https to http"), "{ended:?}");
    assert!(fixture.asked().is_empty());
}

#[test]
pub(crate) fn a_clock_that_is_wrong_judges_nothing() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.configure("");
    let plain = fixture.command(["fetch", "linux", "--json"]);
    let mut late = std::process::Command::new("faketime");
    late.arg("2001-01-01").arg(plain.get_program()).args(plain.get_args());
    for (key, value) in plain.get_envs() {
        if let Some(value) = value {
            late.env(key, value);
        }
    }
    let ended = run(&mut late);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.output.contains("the clock of this machine is wrong"), "{ended:?}");
    fixture.fetches("1.0", &image);
}

#[test]
pub(crate) fn an_entry_that_is_taken_out_while_it_is_fetched_is_not_published() {
    let fixture = Fixture::new();
    let mut image = iso("LINUX", 1);
    image.resize(24 << 20, 7);
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.publisher.slow_down(Duration::ZERO, 4 << 20);
    let daemon = daemon(&fixture, "want: [linux]");
    wait_for(&daemon, "linux", |entry| entry["bytes"].as_u64() > Some(1 << 20));
    fs::write(daemon.config(), config("want: []")).unwrap();
    daemon.signal(Signal::HUP).unwrap();
    daemon
        .wait_for_state(Duration::from_secs(10), |state| entry(state, "linux").is_none())
        .unwrap();
    fixture.publisher.slow_down(Duration::ZERO, 0);
    std::thread::sleep(Duration::from_secs(2));
    assert!(!daemon.images().join("linux").exists());
}

#[test]
pub(crate) fn a_window_that_closes_ends_the_transfer_and_the_next_one_goes_on() {
    let fixture = Fixture::new();
    let mut image = iso("LINUX", 1);
    image.resize(24 << 20, 7);
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.publisher.slow_down(Duration::ZERO, 4 << 20);
    let daemon = daemon(&fixture, "want: [linux]");
    wait_for(&daemon, "linux", |entry| entry["bytes"].as_u64() > Some(2 << 20));
    let window = crate::keeper_daemon::window_ahead();
    fs::write(daemon.config(), config(&format!("want: [linux], window: '{window}'"))).unwrap();
    daemon.signal(Signal::HUP).unwrap();
    wait_for(&daemon, "linux", |entry| entry["state"] == "queued");
    let _ = fixture.publisher.seen();
    fixture.publisher.slow_down(Duration::ZERO, 0);
    fs::write(daemon.config(), config("want: [linux]")).unwrap();
    daemon.signal(Signal::HUP).unwrap();
    wait_for(&daemon, "linux", |entry| entry["state"] == "current");
    let seen = fixture.publisher.seen();
    assert!(
        seen.iter().any(|seen| seen.status == 206),
        "what was there is not fetched again: {seen:?}"
    );
    assert!(fs::read(daemon.images().join("linux/1.0/linux-1.0.iso")).unwrap() == image);
}

#[test]
pub(crate) fn a_moment_that_a_wrong_clock_wrote_down_is_not_waited_for() {
    let fixture = Fixture::new();
    let (old, new) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("1.0", &old)], EARLY);
    let mut daemon = daemon(&fixture, "want: [linux], interval: 2s");
    wait_for(&daemon, "linux", |entry| entry["state"] == "current");
    daemon.terminate().unwrap();
    let memory = daemon.images().join(".state/linux.json");
    let text = fs::read_to_string(&memory).unwrap();
    let (before, after) = text.split_once("\"next_check\": \"").unwrap();
    let after = after.split_once('"').unwrap().1;
    fs::write(&memory, format!("{before}\"next_check\": \"2099-01-01T00:00:00Z\"{after}")).unwrap();
    fixture.release(&[("1.0", &old), ("2.0", &new)], LATER);
    daemon.start_again().unwrap();
    wait_for(&daemon, "linux", |entry| entry["version"] == "2.0");
}

#[test]
pub(crate) fn a_broken_catalog_leaves_the_one_that_held() {
    let fixture = Fixture::new();
    let (old, new) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("1.0", &old)], EARLY);
    let daemon = daemon(&fixture, "want: [linux], interval: 2s");
    wait_for(&daemon, "linux", |entry| entry["state"] == "current");
    fs::write(fixture.path("own/test.yaml"), "schema: 1\nentries:\n  linux: {titel: T}\n").unwrap();
    daemon.signal(Signal::HUP).unwrap();
    fixture.release(&[("1.0", &old), ("2.0", &new)], LATER);
    wait_for(&daemon, "linux", |entry| entry["version"] == "2.0" && entry["state"] == "current");
    assert!(daemon.log().contains("test.yaml:3:"), "{}", daemon.log());
}

#[test]
pub(crate) fn an_image_that_rots_at_rest_is_put_aside_and_fetched_again() {
    use std::os::unix::fs::MetadataExt;
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let mut daemon = daemon(&fixture, "want: [linux]");
    wait_for(&daemon, "linux", |entry| entry["state"] == "current");
    daemon.terminate().unwrap();
    let path = daemon.images().join("linux/1.0/linux-1.0.iso");
    let mut rotten = image.clone();
    rotten[100_000] ^= 1;
    fs::write(&path, &rotten).unwrap();
    // As if nobody had written to it: its record tells of the file as it is now.
    let found = fs::metadata(&path).unwrap();
    let record = daemon.images().join(format!(".verified/{}.json", found.ino()));
    let mut text: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    let moment = |seconds: i64, nanoseconds: i64| {
        i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
    };
    let number = |value: i128| serde_json::Value::from(i64::try_from(value).unwrap());
    text["file"]["modified"] = number(moment(found.mtime(), found.mtime_nsec()));
    text["file"]["changed"] = number(moment(found.ctime(), found.ctime_nsec()));
    fs::write(&record, text.to_string()).unwrap();
    fs::write(daemon.config(), config("want: [linux], scrub: 1ms")).unwrap();
    daemon.start_again().unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while fs::read(&path).ok().as_ref() != Some(&image) {
        assert!(std::time::Instant::now() < end, "{}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(daemon.log().contains("has changed by itself"), "{}", daemon.log());
    assert!(daemon.images().join(".quarantine/linux/linux-1.0.iso").exists());
}

#[test]
pub(crate) fn many_who_began_together_do_not_come_back_together() {
    let hours = Duration::from_hours(6);
    let pauses: Vec<_> =
        (0..=10).map(|chance| pause(Ended::Settled, hours, f64::from(chance) / 10.0)).collect();
    assert!(pauses.is_sorted() && pauses[10] > pauses[0] + Duration::from_hours(2));
}

#[test]
pub(crate) fn a_label_that_the_entry_does_not_know_is_told_and_no_hindrance() {
    let fixture = Fixture::new();
    let image = iso("OTHER_LABEL", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let rules = format!("{SIGNED}    label: 'LINUX_.*'\n");
    fixture.entries(&[("linux", "/linux/", &rules)]);
    let daemon = daemon(&fixture, "want: [linux]");
    wait_for(&daemon, "linux", |entry| entry["state"] == "current");
    assert!(
        daemon.log().contains("the label is not one that the catalog knows"),
        "{}",
        daemon.log()
    );
}
