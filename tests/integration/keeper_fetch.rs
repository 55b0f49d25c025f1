//! `isomirror fetch` without a daemon, against a publisher that behaves and one that does not.

use std::{fs, os::unix::fs::MetadataExt};

use isomirror_core::verified::VerifiedRecord;
use isomirror_tests::{program::run, publisher::Page};

use crate::keeper_fixture::{EARLY, Fixture, LATER, SIGNED, UNSIGNED, is_image, iso};

#[test]
pub(crate) fn what_a_pinned_key_signed_is_published_as_verified_and_not_fetched_twice() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let result = fixture.fetches("1.0", &image);
    assert_eq!(result["trust"], "signed-list");
    let inode = fs::metadata(fixture.image("1.0")).unwrap().ino();
    let record = fs::read(fixture.store().join(format!(".verified/{inode}.json"))).unwrap();
    let record: VerifiedRecord = serde_json::from_slice(&record).unwrap();
    assert_eq!(record.verified.signer.as_deref(), Some(fixture.key.as_str()));
    assert_eq!(fixture.asked().iter().filter(|path| is_image(path)).count(), 1);
    fixture.fetches("1.0", &image);
    assert!(!fixture.asked().iter().any(|path| is_image(path)));
    let (ended, _) = fixture.fetch(["--force", "linux"]);
    assert_eq!(ended.code, Some(0));
    assert!(fixture.asked().iter().any(|path| is_image(path)), "forced, it really is fetched");
}

#[test]
pub(crate) fn root_fetches_as_whoever_owns_the_store() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let nobody = Some(65534);
    fs::create_dir_all(fixture.store()).unwrap();
    std::os::unix::fs::chown(fixture.store(), nobody, nobody).unwrap();
    fixture.fetches("1.0", &image);
    for path in [fixture.image("1.0"), fixture.store().join(".state/linux.json")] {
        assert_eq!(fs::metadata(&path).unwrap().uid(), 65534, "{}", path.display());
    }
}

#[test]
pub(crate) fn a_newer_release_takes_the_place_of_the_older_one_and_as_many_stay_as_are_to_be_kept()
{
    let fixture = Fixture::new();
    let images: Vec<_> = (1..=4).map(|seed| iso("LINUX", seed)).collect();
    fixture.release(&[("1.9", &images[0])], EARLY);
    fixture.fetches("1.9", &images[0]);
    fixture.release(&[("1.9", &images[0]), ("1.10", &images[1])], LATER);
    fixture.fetches("1.10", &images[1]);
    assert!(!fixture.image("1.9").exists(), "1.9 is older than 1.10");
    fixture.configure("keep: 2");
    fixture.release(&[("1.11", &images[2])], LATER);
    fixture.fetches("1.11", &images[2]);
    assert!(fixture.image("1.10").exists());
    fixture.configure("keep: 1, pin: [linux/1.10]");
    fixture.release(&[("1.12", &images[3])], LATER);
    fixture.fetches("1.12", &images[3]);
    assert!(!fixture.image("1.11").exists() && fixture.image("1.10").exists());
    fixture.configure("keep: 1");
    fixture.fetches("1.12", &images[3]);
    assert!(!fixture.image("1.10").exists());
}

#[test]
pub(crate) fn what_is_not_signed_as_it_should_be_is_refused_and_what_is_there_stays() {
    let fixture = Fixture::new();
    let (old, new) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("1.0", &old)], EARLY);
    fixture.fetches("1.0", &old);
    let good = fixture.gpg.sign("release", LATER, &["--detach-sign"]);
    // The list was changed after it had been signed.
    fixture.release(&[("1.0", &old), ("2.0", &new)], LATER);
    fixture.publisher.put("/linux/SUMS.gpg", &good);
    let why = fixture.holds(4);
    assert!(why.contains("signature of its list is not good"), "{why}");
    // There is no signature any more.
    fixture.publisher.remove("/linux/SUMS.gpg");
    let why = fixture.holds(4);
    assert!(why.contains("downgrade"), "{why}");
    // Somebody else signed it.
    fixture.list(&[("2.0", &new)], LATER);
    let stranger = fixture.gpg.key("stranger", "ed25519", "never");
    fixture
        .publisher
        .put("/linux/SUMS.gpg", &fixture.gpg.sign(&stranger, LATER, &["--detach-sign"]));
    let why = fixture.holds(4);
    assert!(why.contains(&stranger), "it names who signed: {why}");
    // Its key is not there: no fault of the publisher's.
    fixture.release(&[("2.0", &new)], LATER);
    fs::remove_file(fixture.key_file()).unwrap();
    let why = fixture.holds(1);
    assert!(why.contains(&format!("put `{}.asc` into", fixture.key)), "{why}");
    fixture.trust_key();
    fixture.fetches("2.0", &new);
}

#[test]
pub(crate) fn what_is_older_than_what_was_there_is_a_rollback() {
    let fixture = Fixture::new();
    let (old, new) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("1.0", &old), ("2.0", &new)], LATER);
    fixture.fetches("2.0", &new);
    fixture.list(&[("1.0", &old)], LATER);
    let why = fixture.holds(4);
    assert!(why.contains("rollback: 1.0 is offered after 2.0"), "{why}");
    // The version is the same, but the list was signed before the one that was there: a replay.
    let other = iso("LINUX", 3);
    fixture.release(&[("2.0", &other)], EARLY);
    let why = fixture.holds(4);
    assert!(why.contains("rollback"), "{why}");
}

#[test]
pub(crate) fn an_image_that_is_not_what_its_list_says_is_not_published_nor_fetched_in_a_loop() {
    let fixture = Fixture::new();
    let (image, wrong) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.publisher.put("/linux/linux-1.0.iso", &wrong);
    let why = fixture.holds(4);
    assert!(why.contains("is published"), "{why}");
    let _ = fixture.asked();
    fixture.holds(4);
    let bodies = fixture.publisher.seen();
    assert!(
        bodies.iter().filter(|seen| is_image(&seen.path)).count() <= 1,
        "known to be wrong, it is asked for at most to see whether it changed: {bodies:?}"
    );
    assert!(fixture.store().join(".quarantine/linux/linux-1.0.iso").exists());
    fixture.publisher.put("/linux/linux-1.0.iso", &image);
    fixture.fetches("1.0", &image);
}

#[test]
pub(crate) fn an_image_that_is_replaced_under_its_name_is_fetched_anew() {
    let fixture = Fixture::new();
    let (first, second) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("1.0", &first)], EARLY);
    fixture.fetches("1.0", &first);
    fixture.release(&[("1.0", &second)], LATER);
    fixture.fetches("1.0", &second);
    assert_eq!(fixture.images().len(), 1);
}

#[test]
pub(crate) fn documents_that_tell_nothing_leave_everything_as_it_is() {
    let fixture = Fixture::new();
    let (old, new) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("1.0", &old)], EARLY);
    fixture.fetches("1.0", &old);
    fixture.release(&[("2.0", &new)], LATER);
    for page in [
        Page::Fails(403, None),
        Page::Fails(500, None),
        Page::Fails(503, Some(3600)),
        Page::File(std::sync::Arc::default()),
        Page::File(b"<html>please log in</html>".to_vec().into()),
        Page::File(vec![b'x'; 5 << 20].into()),
        Page::Moved("/linux/SUMS".to_owned()),
    ] {
        fixture.publisher.set("/linux/SUMS", page);
        let why = fixture.holds(1);
        assert!(why.contains("it is tried again"), "{why}");
    }
}

#[test]
pub(crate) fn an_image_is_signed_by_itself_where_the_catalog_says_so() {
    const RULES: &str = "    checksum: {file: SUMS, algorithm: sha256}\n    \
        signatures: [{on: image, file: '{file}.sig', keys: [KEY]}]\n    trust: signed-image\n";
    let fixture = Fixture::new();
    fixture.entries(&[("linux", "/linux/", RULES)]);
    let (image, other) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.gpg.take(&other).unwrap();
    let of_other = fixture.gpg.sign("release", EARLY, &["--detach-sign"]);
    fixture.publisher.put("/linux/linux-1.0.iso.sig", &of_other);
    let why = fixture.holds(4);
    assert!(why.contains("signature of its image is not good"), "{why}");
    fixture.gpg.take(&image).unwrap();
    let good = fixture.gpg.sign("release", EARLY, &["--detach-sign"]);
    fixture.publisher.put("/linux/linux-1.0.iso.sig", &good);
    assert_eq!(fixture.fetches("1.0", &image)["trust"], "signed-image");
}

#[test]
pub(crate) fn nothing_is_taken_that_is_less_than_the_operator_wants() {
    let fixture = Fixture::new();
    fixture.entries(&[("linux", "/linux/", UNSIGNED)]);
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.configure("min_trust: one-source");
    let why = fixture.holds(4);
    assert!(why.contains("it is unverified, and has to be one-source"), "{why}");
    assert!(!fixture.asked().iter().any(|path| is_image(path)));
    fixture.configure("");
    assert_eq!(fixture.fetches("1.0", &image)["trust"], "unverified");
    // The key has come: the very same image is worth more now, and needs not be fetched again.
    fixture.entries(&[("linux", "/linux/", SIGNED)]);
    let _ = fixture.asked();
    assert_eq!(fixture.fetches("1.0", &image)["trust"], "signed-list");
    assert!(!fixture.asked().iter().any(|path| is_image(path)));
}

#[test]
pub(crate) fn a_file_of_somebody_else_in_the_store_is_never_overwritten() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    fs::create_dir_all(fixture.image("1.0").parent().unwrap()).unwrap();
    fs::write(fixture.image("1.0"), b"mine").unwrap();
    let why = fixture.holds(1);
    assert!(why.contains("is not ours and is left alone"), "{why}");
    assert!(!fixture.asked().iter().any(|path| is_image(path)), "nor fetched in vain");
    fs::remove_file(fixture.image("1.0")).unwrap();
    fixture.fetches("1.0", &image);
}

#[test]
pub(crate) fn an_image_that_somebody_touched_is_looked_at_again() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.fetches("1.0", &image);
    let path = fixture.image("1.0");
    // Only its date is another: it is right, and needs not be fetched.
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let _ = fixture.asked();
    fixture.fetches("1.0", &image);
    assert!(!fixture.asked().iter().any(|path| is_image(path)));
    // Somebody wrote into it: it is theirs now.
    let mut changed = image.clone();
    changed[50_000] ^= 1;
    fs::write(&path, &changed).unwrap();
    let why = fixture.holds(1);
    assert!(why.contains("is not ours"), "{why}");
    assert!(fs::read(&path).unwrap() == changed);
}

#[test]
pub(crate) fn bytes_that_are_in_the_store_already_are_not_fetched_for_another_entry() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.fetches("1.0", &image);
    let _ = fixture.asked();
    // The same image under another name.
    fixture.publisher.put("/twin/twin-1.0.iso", &image);
    let list = format!("{}  twin-1.0.iso\n", crate::keeper_fixture::sha256(&image));
    fixture.publisher.put("/twin/SUMS", list.as_bytes());
    fixture.entries(&[("linux", "/linux/", SIGNED), ("twin", "/twin/", UNSIGNED)]);
    let (ended, _) = fixture.fetch(["twin"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!fixture.asked().iter().any(|path| is_image(path)));
    assert_eq!(fixture.images().len(), 2);
}

#[test]
pub(crate) fn a_quota_is_kept_by_taking_older_images_away_and_else_by_fetching_nothing() {
    let fixture = Fixture::new();
    let images: Vec<_> = (1..=3).map(|seed| iso("LINUX", seed)).collect();
    let room = images[0].len() * 5 / 2;
    fixture.configure(&format!("keep: 3, quota: {room}B"));
    for (index, image) in images.iter().enumerate() {
        let version = format!("{}.0", index + 1);
        fixture.release(&[(&version, image)], LATER);
        fixture.fetches(&version, image);
    }
    assert!(!fixture.image("1.0").exists() && fixture.image("2.0").exists());
    fixture.configure(&format!("keep: 3, quota: {}B", images[0].len() * 3 / 2));
    fixture.release(&[("4.0", &images[0])], LATER);
    // The newest one stays: there is no room for another.
    let (ended, results) = fixture.fetch(["linux"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let why = results[0]["problem"].as_str().unwrap();
    assert!(why.contains("has no room for"), "{why}");
    assert!(fixture.image("3.0").exists());
}

#[test]
pub(crate) fn many_entries_ask_for_each_document_once_and_two_at_a_time() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    let list = format!("{}  SHARED-1.0.iso\n", crate::keeper_fixture::sha256(&image));
    let ids: Vec<String> = (0..30).map(|number| format!("e{number}")).collect();
    let mut sums = String::new();
    for id in &ids {
        sums += &list.replace("SHARED", id);
        fixture.publisher.put(&format!("/all/{id}-1.0.iso"), &image);
    }
    fixture.publisher.put("/all/SUMS", sums.as_bytes());
    let entries: Vec<_> = ids.iter().map(|id| (id.as_str(), "/all/", UNSIGNED)).collect();
    fixture.entries(&entries);
    fixture.publisher.slow_down(std::time::Duration::from_millis(20), 0);
    fixture.configure("concurrency: 1");
    let ended = run(fixture.command(["fetch", "--all"]).arg("--json"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let asked = fixture.asked();
    assert_eq!(asked.iter().filter(|path| *path == "/all/SUMS").count(), 1, "{asked:?}");
    // All are the same bytes: the first one was fetched, and the others are copies of it.
    assert!(asked.iter().filter(|path| is_image(path)).count() <= 2, "{asked:?}");
    assert!(fixture.publisher.most_at_once() <= 3);
}

#[test]
pub(crate) fn verify_compares_with_what_the_list_said_when_the_image_was_fetched() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.fetches("1.0", &image);
    let path = fixture.image("1.0");
    let good = run(fixture.command(["verify"]).arg(&path));
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(
        good.output.contains(": verified") && good.output.contains("as `linux` 1.0"),
        "{good:?}"
    );
    let mut changed = image.clone();
    changed[200_000] ^= 1;
    fs::write(&path, &changed).unwrap();
    let bad = run(fixture.command(["verify"]).arg(&path));
    assert_eq!(bad.code, Some(4), "{bad:?}");
    // Elsewhere nobody says anything of it, whatever lies beside it.
    let elsewhere = fixture.path("copy/linux/1.0");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::write(elsewhere.join("linux-1.0.iso"), &image).unwrap();
    fs::create_dir(fixture.path("copy/.state")).unwrap();
    let memory = fixture.store().join(".state/linux.json");
    fs::copy(memory, fixture.path("copy/.state/linux.json")).unwrap();
    let unknown = run(fixture.command(["verify"]).arg(elsewhere.join("linux-1.0.iso")));
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
}

#[test]
pub(crate) fn a_metalink_tells_more_mirrors_and_is_believed_in_nothing() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    let rules = format!("{SIGNED}    metalink: '{{file}}.meta4'\n");
    fixture.entries(&[("linux", "/linux/", &rules)]);
    fixture.release(&[("1.0", &image)], EARLY);
    // The publisher's own copy is gone; one of the mirrors has something else, the other is right.
    fixture.publisher.remove("/linux/linux-1.0.iso");
    fixture.publisher.put("/bad/linux-1.0.iso", &iso("LINUX", 2));
    fixture.publisher.put("/good/linux-1.0.iso", &image);
    let metalink = format!(
        "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"linux-1.0.iso\">\
         <url priority=\"1\">{}</url><url priority=\"2\">{}</url></file></metalink>",
        fixture.publisher.url("/bad/linux-1.0.iso"),
        fixture.publisher.url("/good/linux-1.0.iso")
    );
    fixture.publisher.put("/linux/linux-1.0.iso.meta4", metalink.as_bytes());
    fixture.fetches("1.0", &image);
}

#[test]
pub(crate) fn a_thousand_entries_are_resolved_by_one_request_for_each_document_and_two_at_a_time() {
    let fixture = Fixture::new();
    let image = crate::keeper_fixture::sha256(b"image");
    // Four entries have one list.
    let ids: Vec<String> = (0..1000).map(|number| format!("e{number}")).collect();
    for (number, ids) in ids.chunks(4).enumerate() {
        let lines: Vec<_> = ids.iter().map(|id| format!("{image}  {id}-1.0.iso\n")).collect();
        let list = lines.concat();
        fixture.publisher.put(&format!("/{number}/SUMS"), list.as_bytes());
    }
    let directories: Vec<String> = (0..1000).map(|number| format!("/{}/", number / 4)).collect();
    let entries = ids.iter().zip(&directories);
    let entries: Vec<_> =
        entries.map(|(id, directory)| (id.as_str(), directory.as_str(), UNSIGNED)).collect();
    fixture.entries(&entries);
    fixture.configure("");
    let begun = std::time::Instant::now();
    let ended = run(&mut fixture.command(["fetch", "--dry-run", "--all", "--json"]));
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let document: serde_json::Value = serde_json::from_str(&ended.output).unwrap();
    let results = document["results"].as_array().unwrap();
    let own: Vec<_> =
        results.iter().filter(|one| one["id"].as_str().unwrap().starts_with('e')).collect();
    assert!(own.len() == 1000 && own.iter().all(|one| one["version"] == "1.0"));
    let asked = fixture.publisher.seen();
    assert_eq!(asked.len(), 250);
    assert!(fixture.publisher.most_at_once() <= 2);
    assert!(begun.elapsed() < std::time::Duration::from_mins(1), "{:?}", begun.elapsed());
    assert!(!fixture.store().exists(), "nothing is touched");
}

#[test]
pub(crate) fn what_a_source_nearby_has_is_taken_from_there_verified_and_passed_on() {
    let fixture = Fixture::new();
    let (image, wrong) = (iso("LINUX", 1), iso("LINUX", 2));
    fixture.release(&[("1.0", &image)], EARLY);
    for (name, content) in [("near", &image), ("bad", &wrong)] {
        fs::create_dir(fixture.path(name)).unwrap();
        fs::write(fixture.path(name).join("linux-1.0.iso"), content).unwrap();
    }
    fs::create_dir(fixture.path("shared")).unwrap();
    let place = |name: &str| format!("'file://{}'", fixture.path(name).display());
    let upload = place("shared");
    fixture.configure(&format!("sources: [{}, {}], upload: {upload}", place("bad"), place("near")));
    fixture.fetches("1.0", &image);
    assert!(!fixture.asked().iter().any(|path| is_image(path)), "the internet was spared");
    let shared = fixture.path("shared/linux/1.0/linux-1.0.iso");
    assert!(fs::read(&shared).unwrap() == image);
    // A place that nobody can write to is told of, and the image is current all the same.
    fs::remove_dir_all(fixture.path("shared")).unwrap();
    let (ended, results) = fixture.fetch(["linux"]);
    assert_eq!((ended.code, &results[0]["state"]), (Some(0), &"current".into()), "{ended:?}");
    assert!(results[0]["problem"].as_str().unwrap().contains("could not be copied"), "{ended:?}");
}

#[test]
pub(crate) fn what_is_wrong_with_the_question_is_told_with_the_right_code() {
    let fixture = Fixture::new();
    let (ended, _) = fixture.fetch(["linus"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("did you mean `linux`?"), "{ended:?}");
    let (ended, _) = fixture.fetch([]);
    assert_eq!(ended.code, Some(2), "nothing is wanted: {ended:?}");
    fixture.configure("wnat: [linux]");
    assert_eq!(fixture.fetch(["linux"]).0.code, Some(78));
    fixture.configure("want: [linux]");
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let (ended, results) = fixture.fetch([]);
    assert_eq!((ended.code, results.len()), (Some(0), 1));
    let ended = run(&mut fixture.command(["fetch"]));
    assert!(ended.output.ends_with("1 of 1 current\n"), "{ended:?}");
    assert!(ended.errors.contains("linux  resolving"), "{ended:?}");
}
